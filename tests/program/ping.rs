//! `ping`: the response time, and the report of the server about itself.

use serde_json::Value;

use crate::harness::{Place, Server};

#[test]
fn a_ping_tells_features_and_abilities_on_request() {
    let place = Place::new();
    let here = place.here("");
    for (arguments, does, sends, receives) in [
        (&[][..], "it sends and receives files; ", true, true),
        (&["--read-only"], "it sends files, and receives none", true, false),
        (&["--write-only"], "it receives files, and sends none; ", false, true),
    ] {
        let server = Server::start(&place.served(""), arguments);
        let told = server.client(&here, &["ping"]).well().stdout;
        assert!(told.lines().count() == 1 && told.contains(" ms (handshake: "), "{told}");
        let told = server.client(&here, &["ping", "--count", "7"]).well().stdout;
        assert!(told.contains(" ms (median of 7; min ") && told.lines().count() == 1, "{told}");
        let told = server.client(&here, &["ping", "-v"]).well().stdout;
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[0].contains("median of 5"), "{told}");
        assert!(lines[1].starts_with("protocol 1, chunks of 1024 bytes, SHA-256: yes"), "{told}");
        assert!(lines[2].starts_with(does), "{told}");
        assert_eq!(lines[2].ends_with(" are free"), receives, "{told}");
        let told = server.client(&here, &["ping", "--json"]).well().stdout;
        let objects: Vec<Value> =
            told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let pong = &objects[1];
        assert_eq!(
            (pong["sends"].as_bool(), pong["receives"].as_bool()),
            (Some(sends), Some(receives))
        );
        assert_eq!(pong["free"].is_u64(), receives, "{told}");
        assert_eq!(server.client(&here, &["ping", "-q"]).well().stdout, "");
    }
    let server = Server::start(&place.served(""), &[]);
    server.client(&here, &["ping", "--count", "0"]).with(2, &["--count"]);
}
