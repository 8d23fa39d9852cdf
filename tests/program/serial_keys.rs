//! Keys on serial lines: the program over pseudo-terminals with a cable between them that has faults.

use std::fs;

use tinyferry_kit::Faults;

use crate::harness::{Place, Server, client, content, program};
use crate::serial::{CLEAN, lay, urls};

const NOISE: Faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };

/// A place with a served directory and three key files: that of the server, another one, and a pair.
fn place() -> Place {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    program(&here, &["keygen", "other"]).well();
    program(&here, &["keygen", "--pair", "pair"]).well();
    place
}

fn key_of(place: &Place) -> String {
    place.here("key").display().to_string()
}

/// Files there and back, and refusals in between.
fn goes_there_and_back(faults: Faults) {
    let place = place();
    let here = place.here("");
    let bytes = content(100_000, 1);
    fs::write(place.here("file"), &bytes).expect("a file");
    let cable = lay(faults);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--key", &key_of(&place)]);
    client(&url, &here, &["put", "file", "--key", "key"]).well();
    assert!(fs::read(place.served("file")).expect("it is in place") == bytes);
    // The session of the first client is still open at the server.
    client(&url, &here, &["get", "file", "--into", "back", "--key", "other"])
        .with(7, &["the other end does not know the key"]);
    client(&url, &here, &["ls", "--key", "pair"]).with(7, &["with a shared key only"]);
    client(&url, &here, &["get", "file", "--into", "back", "--key", "key"]).well();
    assert!(fs::read(place.here("back/file")).expect("it came back") == bytes);
    assert!(server.log().contains("the client is authenticated"));
}

#[test]
fn a_file_goes_over_a_serial_line_with_a_key() {
    goes_there_and_back(CLEAN);
}

#[test]
fn a_file_goes_over_a_noisy_serial_line_with_a_key() {
    goes_there_and_back(NOISE);
}

#[test]
fn a_client_without_a_key_gets_no_answer_from_a_line_with_keys() {
    let place = place();
    let here = place.here("");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &["--key", &key_of(&place)]);
    client(&url, &here, &["ping", "--timeout", "2"]).with(4, &["both ends need --key"]);
    client(&url, &here, &["ping", "--key", "key"]).well();
}
