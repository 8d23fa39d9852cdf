//! Connections without a complete handshake.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, write_private};
use crate::limits::signals;

fn start_with_key(place: &Place, arguments: &[&str]) -> Server {
    write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
    let key = place.here("key").display().to_string();
    Server::start(&place.served(""), &[arguments, &["--key", &key]].concat())
}

#[test]
fn connections_without_a_handshake_lock_no_client_out() {
    let place = Place::new();
    let server = start_with_key(&place, &["--clients", "4"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let silent: Vec<_> = (0..400)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).expect("a server");
            let _ = stream.write_all(&b"TFS"[..number % 4]);
            stream
        })
        .collect();
    for _ in 0..5 {
        server.client(&place.here(""), &["ping", "--key", "key"]).well();
    }
    // They wait without being looked at: all of them cost no processor time.
    let before = server.processor_time();
    thread::sleep(Duration::from_secs(2));
    let spent = server.processor_time() - before;
    assert!(spent <= Duration::from_millis(40), "{spent:?} of processor time");
    drop(silent);
}

/// A connection without a handshake is closed after the handshake timeout, and not after the idle timeout.
#[test]
fn a_handshake_has_one_deadline() {
    let place = Place::new();
    let limits = ["--handshake-timeout", "2", "--idle", "60"];
    let open = Server::start(&place.served(""), &limits);
    let mut locked = start_with_key(&place, &limits);
    let (_, refusal) = signals();
    let begins: [&[u8]; 8] = [
        b"",
        b"S",
        &[0xFA],
        b"T",
        b"PIN",
        &refusal,
        &refusal.repeat(3),
        &[&refusal[..], b"S"].concat(),
    ];
    let hello = recorded_hello(&place, &locked);
    thread::scope(|scope| {
        for (server, begin) in begins
            .iter()
            .flat_map(|begin| [(&open, *begin), (&locked, *begin)])
            .chain([(&locked, &hello[..]), (&locked, &hello[..hello.len() - 1])])
        {
            let address = server.endpoint["tcp://".len()..].to_owned();
            scope.spawn(move || {
                let since = Instant::now();
                let mut stream = TcpStream::connect(address).expect("a server");
                stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
                stream.write_all(begin).expect("it takes it");
                while let Ok(1..) = stream.read(&mut [0; 4096]) {}
                let took = since.elapsed();
                assert!(took < Duration::from_secs(8), "{begin:02x?}: {} ms", took.as_millis());
            });
        }
    });
    let log = locked.log();
    // The client that was recorded is the only one who ever proved that it has a key.
    assert_eq!(log.lines().filter(|line| line.contains("authenticated as")).count(), 1, "{log}");
}

/// The first message of a handshake, as a client with the key has sent it.
fn recorded_hello(place: &Place, server: &Server) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let address = server.endpoint["tcp://".len()..].to_owned();
    let recorder = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut server = TcpStream::connect(address).expect("a server");
        let mut hello = vec![0; 4096];
        let count = client.read(&mut hello).expect("a hello");
        hello.truncate(count);
        server.write_all(&hello).expect("it takes it");
        let (mut from, mut to) = (server.try_clone().expect("it"), client.try_clone().expect("it"));
        let back = thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Both);
        let _ = back.join();
        hello
    });
    crate::harness::client(&endpoint, &place.here(""), &["ping", "--key", "key"]).well();
    recorder.join().expect("it only copies")
}
