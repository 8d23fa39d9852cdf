//! Clients that wait are parked: they take no thread, and lose none of their rights.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry_kit::Frames;

use crate::harness::{Place, Server, content, idle_client, wait_until, write_private};

/// The size of a signal, in bytes.
const SIGNAL: usize = 36;
/// The threads of a server without active clients: those of the program, and that of the parked clients.
const FEW_THREADS: usize = 8;

fn address(server: &Server) -> &str {
    &server.endpoint["tcp://".len()..]
}

/// Waits until no client has a thread. Threads end some time after their last work.
fn await_parked(server: &Server) {
    wait_until("few threads are left", || server.count("task") <= FEW_THREADS);
}

fn connect(server: &Server, key: Option<&Path>) -> Client {
    let endpoint: Endpoint = server.endpoint.parse().expect("an endpoint");
    let builder = Client::builder(endpoint);
    let builder = match key {
        Some(key) => builder.key_file(key),
        None => builder,
    };
    let mut client = builder.connect().expect("a server");
    client.ping().expect("it answers");
    client
}

fn assert_equal(one: &Path, other: &Path) {
    let [one, other] = [one, other].map(|path| fs::read(path).expect("a file"));
    assert!(one == other, "the files differ");
}

/// Asks again for the answer to the hello.
fn ask_again(client: &mut TcpStream) {
    client.write_all(&Frames::client(7, Config::RELIABLE).bytes).expect("it takes it");
    client.read_exact(&mut [0; SIGNAL]).expect("it answers");
}

#[test]
fn idle_silent_and_slow_clients_take_no_thread_and_little_memory() {
    const CLIENTS: usize = 800;
    let place = Place::new();
    let limits = ["--clients", "800", "--clients-per-address", "800", "--handshake-timeout", "60"];
    let server = Server::start(&place.served(""), &limits);
    let connected: Vec<_> = (0..CLIENTS / 2).map(|_| idle_client(address(&server))).collect();
    await_parked(&server);
    let before = server.kibibytes("VmRSS");
    let mut clients = connected;
    clients.extend((0..CLIENTS / 2).map(|_| idle_client(address(&server))));
    await_parked(&server);
    let grown = server.kibibytes("VmRSS").saturating_sub(before);
    println!("{} idle clients: {grown} KiB", CLIENTS / 2);
    assert!(grown <= CLIENTS as u64 / 2 * 10, "{} idle clients cost {grown} KiB", CLIENTS / 2);
    // A part of a message is waited for without a thread too, before the hello and behind it.
    let begun: Vec<_> = [&b""[..], b"T", b"PIN", &[0xFA]]
        .map(|begin| {
            let mut stream = TcpStream::connect(address(&server)).expect("a server");
            stream.write_all(begin).expect("it takes it");
            stream
        })
        .into();
    for client in &mut clients {
        let hello = Frames::client(7, Config::RELIABLE).bytes;
        client.write_all(&hello[..17]).expect("it takes it");
    }
    thread::sleep(Duration::from_millis(200));
    await_parked(&server);
    for client in &mut clients {
        let hello = Frames::client(7, Config::RELIABLE).bytes;
        client.write_all(&hello[17..]).expect("it takes it");
    }
    for client in &mut clients {
        client.read_exact(&mut [0; SIGNAL]).expect("it answers");
    }
    drop(begun);
}

#[test]
fn idle_clients_with_keys_take_little_memory() {
    const CLIENTS: usize = 400;
    let place = Place::new();
    let key = place.here("key");
    write_private(&key, &format!("shared {}\n", "5e".repeat(32)));
    let key_text = key.display().to_string();
    let limits = ["--key", &key_text, "--clients", "400", "--clients-per-address", "400"];
    let server = Server::start(&place.served(""), &limits);
    let mut clients: Vec<_> = (0..CLIENTS / 2).map(|_| connect(&server, Some(&key))).collect();
    await_parked(&server);
    let before = server.kibibytes("VmRSS");
    clients.extend((0..CLIENTS / 2).map(|_| connect(&server, Some(&key))));
    await_parked(&server);
    let grown = server.kibibytes("VmRSS").saturating_sub(before);
    println!("{} idle clients with keys: {grown} KiB", CLIENTS / 2);
    assert!(grown <= CLIENTS as u64 / 2 * 6, "{} idle clients cost {grown} KiB", CLIENTS / 2);
    for client in &mut clients {
        client.ping().expect("it answers");
    }
}

#[test]
fn a_parked_client_that_leaves_gives_its_slot_back() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--clients", "2"]);
    let clients = [(); 2].map(|()| idle_client(address(&server)));
    await_parked(&server);
    server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    let [first, mut second] = clients;
    drop(first);
    wait_until("there is a slot", || server.client(&place.here(""), &["ping"]).code == Some(0));
    ask_again(&mut second);
}

#[test]
fn the_idle_timeout_ends_parked_clients_and_half_a_signal_does_not_prolong_it() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["--idle", "2"]);
    let [mut slow, mut active, mut silent] = [(); 3].map(|()| idle_client(address(&server)));
    let begin = Instant::now();
    let hello = Frames::client(7, Config::RELIABLE).bytes;
    for byte in &hello[..3] {
        thread::sleep(Duration::from_millis(500));
        slow.write_all(&[*byte]).expect("it takes it");
    }
    // This one is not idle.
    ask_again(&mut active);
    for client in [&mut slow, &mut silent] {
        let mut rest = Vec::new();
        match client.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error}"),
        }
    }
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(1900) && took < Duration::from_secs(3), "{took:?}");
    ask_again(&mut active);
    assert!(server.wait_for_line("the session failed").is_some());
}

/// They are told the reason, and the server waits for none of them.
#[test]
fn a_stop_of_the_server_ends_parked_clients() {
    let place = Place::new();
    let limits = ["--clients", "100", "--clients-per-address", "100", "--grace", "20"];
    let mut server = Server::start(&place.served(""), &limits);
    let mut clients: Vec<_> = (0..50).map(|_| idle_client(address(&server))).collect();
    let silent = [(); 5].map(|()| TcpStream::connect(address(&server)).expect("a server"));
    await_parked(&server);
    let begin = Instant::now();
    server.signal("TERM");
    for client in &mut clients {
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).expect("it ends");
        assert_eq!((answer.len(), answer.get(..3)), (SIGNAL, Some(&b"ERR"[..])));
    }
    assert_eq!(server.wait(), Some(0));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(silent);
}

#[test]
fn parked_clients_wake_and_transfer_with_keys_and_over_a_unix_socket() {
    let place = Place::new();
    write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
    let key = place.here("key");
    fs::write(place.here("file"), content(300_000, 3)).expect("a file");
    let socket = format!("unix://{}", place.here("socket").display());
    let key_text = key.display().to_string();
    let with_key = Server::start(&place.served(""), &["--key", &key_text]);
    let local = Server::start_at(&socket, &place.served(""), &[]);
    for (server, key, name) in [(&with_key, Some(&*key), "keyed"), (&local, None, "local")] {
        let mut clients: Vec<_> = (0..20).map(|_| connect(server, key)).collect();
        for round in 0..2 {
            await_parked(server);
            for (number, client) in clients.iter_mut().enumerate() {
                let name = format!("{name}-{round}-{number}");
                client.put(place.here("file"), &name).expect("it arrives");
                assert_equal(&place.here("file"), &place.served(&name));
            }
        }
        clients[0].get(&format!("{name}-0-7"), place.here(name)).expect("it comes back");
        assert_equal(&place.here("file"), &place.here(name));
    }
}

/// At most 64 of 80 clients can have a request at the same time.
#[test]
fn more_clients_than_threads_wake_and_all_are_served() {
    const CLIENTS: usize = 80;
    let place = Place::new();
    let limits = ["--clients", "1000", "--clients-per-address", "1000"];
    let mut server = Server::start_under("ulimit -n 1024;", &place.served(""), &limits);
    let log = server.log();
    assert!(log.contains("80 clients are served at once, and 64 of them can transfer"), "{log}");
    fs::write(place.here("file"), content(200_000, 4)).expect("a file");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(&server, None)).collect();
    await_parked(&server);
    let barrier = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            let (barrier, file) = (&barrier, place.here("file"));
            scope.spawn(move || {
                barrier.wait();
                for round in 0..3 {
                    client.put(&file, &format!("{number}-{round}")).expect("it arrives");
                }
            });
        }
    });
    for number in 0..CLIENTS {
        assert_equal(&place.here("file"), &place.served(&format!("{number}-2")));
    }
    // Clients that send half a signal keep no thread, although they are more than there are threads.
    clients.truncate(1);
    let slow: Vec<_> = (0..70)
        .map(|_| {
            let mut client = idle_client(address(&server));
            client.write_all(&Frames::client(7, Config::RELIABLE).bytes[..5]).expect("it takes it");
            client
        })
        .collect();
    clients[0].put(place.here("file"), "last").expect("it arrives");
    drop(slow);
}

#[test]
fn a_line_that_loses_bytes_is_parked_between_its_clients() {
    let place = Place::new();
    fs::write(place.here("file"), content(20_000, 5)).expect("a file");
    write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
    let key = place.here("key");
    let key_text = key.display().to_string();
    for (arguments, key) in [(&[][..], None), (&["--key", &key_text][..], Some(&*key))] {
        let server = Server::start_at("tcp://127.0.0.1:0?lossy=true", &place.served(""), arguments);
        let mut client = connect(&server, key);
        for round in 0..2 {
            await_parked(&server);
            let name = format!("{round}-{}", key.is_some());
            client.put(place.here("file"), &name).expect("it arrives");
            assert_equal(&place.here("file"), &place.served(&name));
        }
    }
}
