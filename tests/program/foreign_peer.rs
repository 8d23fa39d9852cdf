//! Other ends that are no Tinyferry server, or leave.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, assert_same, client, content};

#[test]
fn a_peer_that_is_no_server_is_reported() {
    let place = Place::new();
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    let refused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = refused.local_addr().expect("an address");
    drop(refused);
    let here = place.here("");
    client(&format!("tcp://{address}"), &here, &["put", "f"])
        .with(4, &["cannot connect", "refused"]);
    client("tcp://no-such-host.invalid:1", &here, &["ping"]).with(4, &["cannot connect"]);

    type Peer = fn(TcpStream);
    let peers: [(Peer, i32, &str); 4] = [
        (
            |mut stream| {
                let _ = stream.read(&mut [0; 100]);
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            },
            5,
            "does not speak Tinyferry",
        ),
        (
            |mut stream| while stream.write_all(&b"y\n".repeat(1000)).is_ok() {},
            5,
            "does not speak Tinyferry",
        ),
        (drop, 4, "closed"),
        (
            // A welcome of version 9, with its CRC.
            |mut stream| {
                let mut hello = [0; 36];
                let _ = stream.read_exact(&mut hello);
                hello[1] = b'O';
                hello[20] = 9;
                let crc = tinyferry::core::checksum::Tables::crc32(0, &hello[..32]);
                hello[32..].copy_from_slice(&crc.to_le_bytes());
                let _ = stream.write_all(&hello);
                let _ = stream.read(&mut [0; 100]);
            },
            5,
            "another version",
        ),
    ];
    use tinyferry::core::checksum::Checksums as _;
    for (peer, code, part) in peers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || listener.accept().map(|(stream, _)| peer(stream)));
        client(&format!("tcp://{address}"), &here, &["put", "f"]).with(code, &[part]);
        let _ = server.join();
    }
}

#[test]
fn a_peer_that_disconnects_in_a_transfer_is_reported() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), "old").expect("a file");
    fs::write(place.here("f"), content(150 << 20, 1)).expect("a file");
    let mut cut = crate::harness::command(&server.endpoint, &place.here(""), &["put", "f"])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let part = place.served(".f.tinyferry-part");
    for _ in 0..20_000 {
        if part.metadata().is_ok_and(|metadata| metadata.len() > 20 << 20) {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    cut.kill().expect("it is ours");
    let _ = cut.wait();
    assert!(server.wait_for_line("closed in the middle").is_some());
    assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    let length = part.metadata().expect("the partial stays").len();
    assert!(length > 0);
    // It goes on where it was.
    let log = server.client(&place.here(""), &["put", "f", "-v"]).well();
    assert!(log.stdout.contains("over the wire"), "{}", log.stdout);
    assert_same(&place.served(""), &place.here(""));

    // A server that vanishes.
    fs::remove_file(place.here("f")).expect("it is there");
    let mut got = crate::harness::command(&server.endpoint, &place.here(""), &["get", "f"])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let part = place.here(".f.tinyferry-part");
    for _ in 0..20_000 {
        if part.exists() {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    server.signal("KILL");
    let status = got.wait().expect("it ends");
    assert_eq!(status.code(), Some(4));
    assert!(!place.here("f").exists());
}
