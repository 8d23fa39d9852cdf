//! Serial lines behind a TCP port: `tcp://HOST:PORT?lossy=true`.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use tinyferry_kit::Faults;

use crate::files::make_tree;
use crate::harness::{Place, Server, assert_same, client, content};
use crate::relay::{Relay, connect};
use crate::serial::{CLEAN, lay, urls};

/// A server at a serial line, and a client that reaches the line over TCP.
fn goes_there_and_back(faults: Faults, files: usize) {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place, files);
    fs::write(place.here("file"), content(100_000, 1)).expect("a file");
    let cable = lay(faults);
    let [listen, _] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--allow-close"]);
    let relay = Relay::listen(cable.ports()[0]);
    let url = format!("tcp://{}?lossy=true", relay.address);
    for arguments in [
        &["ping"] as &[&str],
        &["put", "file"],
        &["put", "file"],
        &["put", "tree"],
        &["get", "file", "tree", "--into", "back"],
    ] {
        client(&url, &here, arguments).well();
    }
    client(&url, &here, &["get", "missing"]).with(6, &["no file of that name"]);
    client(&url, &here, &["close"]).well();
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_same(&place.here("tree"), &place.served("tree"));
    assert_same(&place.served(""), &place.here("back"));
}

#[test]
fn files_cross_a_clean_line_behind_a_tcp_port() {
    goes_there_and_back(CLEAN, 12);
}

#[test]
fn files_cross_a_line_behind_a_tcp_port_that_changes_bytes() {
    goes_there_and_back(Faults { flip: 1e-5, ..CLEAN }, 6);
}

#[test]
fn files_cross_a_line_behind_a_tcp_port_that_loses_bytes() {
    goes_there_and_back(Faults { drop: 1e-4, ..CLEAN }, 6);
}

/// As with an emulated board: only the server knows that its line may lose bytes. The client sends its hello once, so
/// that no byte is allowed between the last frame of a client and the hello of the next one.
#[test]
fn clients_of_a_plain_tcp_port_follow_each_other_at_once() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), content(30_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, _] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let relay = Relay::listen(cable.ports()[0]);
    let url = format!("tcp://{}", relay.address);
    for _ in 0..5 {
        client(&url, &here, &["ping", "--timeout", "10"]).well();
        client(&url, &here, &["put", "file", "--timeout", "10"]).well();
    }
}

/// The other way round: the line leads to the TCP port of a server, and carries noise before a client.
#[test]
fn a_server_serves_a_line_that_is_connected_to_its_tcp_port() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), content(60_000, 1)).expect("a file");
    let cable = lay(Faults { drop: 1e-4, ..CLEAN });
    let mut server = Server::start_at("tcp://127.0.0.1:0?lossy=true", &place.served(""), &[]);
    assert!(server.endpoint.ends_with("?lossy=true"), "{}", server.endpoint);
    let address = server.endpoint["tcp://".len()..].trim_end_matches("?lossy=true").to_owned();
    let mut noise = TcpStream::connect(&address).expect("a server");
    noise.write_all(&content(5000, 7)).expect("it reads");
    connect(cable.ports()[1].to_owned(), address);
    let [_, url] = urls(&cable);
    fs::write(cable.ports()[0], content(5000, 2)).expect("noise");
    for arguments in [&["put", "file"] as &[&str], &["get", "file", "--into", "back"], &["ping"]] {
        client(&url, &here, arguments).well();
    }
    assert_same(&place.here("back"), &place.served(""));
    // A client over TCP itself has the same line.
    client(&server.endpoint, &here, &["put", "file", "--as", "other"]).well();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}

#[test]
fn a_line_behind_a_tcp_port_is_tried_again() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), "1").expect("a file");
    // Its retries are those of a serial line: they begin after the server has answered once.
    let nobody =
        TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("tcp://{nobody}?lossy=true");
    client(&url, &here, &["put", "file"]).with(4, &["cannot connect to tcp://", "?lossy=true"]);
    let lossy = "tcp://192.0.2.1:9?lossy=true";
    client(lossy, &here, &["ping"]).with(7, &["use --key FILE, or --insecure to allow that"]);
}

/// A connection that is cut in the middle: the next one continues, without --retry.
#[test]
fn a_put_to_a_line_behind_a_tcp_port_continues_over_a_new_connection() {
    let place = Place::new();
    fs::write(place.here("f"), content(400_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, _] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let relay = Relay::listen(cable.ports()[0]);
    let proxy = crate::cut_proxy::Proxy::start();
    proxy.lead_to_address(&relay.address);
    let url = format!("{}?lossy=true", proxy.endpoint);
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let put = scope.spawn(|| client(&url, &place.here(""), &["put", "f"]));
        while cable.lines()[0].carried < 200_000 && begin.elapsed().as_secs() < 30 {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        proxy.cut_now();
        let stderr = put.join().expect("it does not panic").well().stderr;
        assert!(stderr.contains("continuing in ") && stderr.contains("(try 1 of 8)"), "{stderr}");
    });
    assert_same(&place.here(""), &place.served(""));
    let carried = cable.lines()[0].carried;
    assert!(carried < 700_000, "{carried} bytes crossed the line");
}
