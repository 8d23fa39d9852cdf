//! Peers that mean harm: memory and time are bounded, and others are served meanwhile.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{self, Place, Server, content};

/// The most memory that a server has had, in KiB.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// What a client says to a server while it puts a file.
fn recorded(server: &Server, place: &Place) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let address = server.endpoint["tcp://".len()..].to_owned();
    let recorder = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut server = TcpStream::connect(address).expect("a server");
        let (mut from, mut to) = (server.try_clone().expect("it"), client.try_clone().expect("it"));
        let back = thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            said.extend_from_slice(&buffer[..count]);
            server.write_all(&buffer[..count]).expect("it takes it");
        }
        let _ = server.shutdown(Shutdown::Write);
        let _ = back.join();
        said
    });
    harness::client(&endpoint, &place.here(""), &["put", "f"]).well();
    recorder.join().expect("it only copies")
}

/// Says `bytes`, then hears what the server has to say to its end; how long that took.
fn say(address: &str, bytes: &[u8]) -> Duration {
    let begin = Instant::now();
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // It may well have hung up before.
    let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut buffer = [0; 4096];
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            break;
        }
    }
    begin.elapsed()
}

/// `TINYFERRY_HOSTILE`: every prefix is tried, not every 29th.
#[test]
fn hostile_peers_cost_little_and_hold_up_nobody() {
    let place = Place::new();
    fs::write(place.here("f"), content(5000, 7)).expect("a file");
    let server = Server::start(&place.served(""), &["--idle", "2", "--greeting", "2"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let said = recorded(&server, &place);
    let expected = fs::read(place.here("f")).expect("it is there");
    let before = peak(&server);
    // Somebody works all the time.
    let (stop, stopped) = channel::<()>();
    let other = thread::spawn({
        let (endpoint, here) = (server.endpoint.clone(), place.here(""));
        move || {
            let (mut pings, mut longest) = (0, Duration::ZERO);
            while stopped.try_recv().is_err() {
                let begin = Instant::now();
                harness::client(&endpoint, &here, &["ping"]).well();
                longest = longest.max(begin.elapsed());
                pings += 1;
                thread::sleep(Duration::from_millis(50));
            }
            (pings, longest)
        }
    });
    let step = if std::env::var_os("TINYFERRY_HOSTILE").is_some() { 1 } else { 29 };
    let mut table = Vec::new();
    let mut row = |what: &str, tries: usize, longest: Duration| {
        table.push(format!(
            "| {what} | {tries} | {} ms | {} KiB |",
            longest.as_millis(),
            peak(&server)
        ));
        assert!(longest < Duration::from_secs(15), "{what}");
    };

    let attempt = |number: usize, bytes: &[u8]| [bytes, &content(3000, number as u64)].concat();
    let lengths: Vec<_> = (0..=said.len()).step_by(step).collect();
    let longest = lengths.iter().map(|&at| say(&address, &attempt(at, &said[..at]))).max();
    row("a prefix, then random bytes", lengths.len(), longest.unwrap_or_default());

    let longest = lengths.iter().map(|&at| {
        let mut bytes = said.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 0x81;
        }
        say(&address, &bytes)
    });
    row("a byte changed", lengths.len(), longest.max().unwrap_or_default());

    let flood = said[..36].repeat(20_000);
    row("20,000 greetings", 3, (0..3).map(|_| say(&address, &flood)).max().unwrap_or_default());
    let flood = [&said[..36], &said[36..72].repeat(20_000)].concat();
    row("20,000 signals", 3, (0..3).map(|_| say(&address, &flood)).max().unwrap_or_default());

    // Half-open and slow ones take places, but not for long, and not all of one address.
    let begin = Instant::now();
    let idle: Vec<_> = (0..28)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).expect("a server");
            let _ = stream.write_all(&said[..number % 40]);
            stream
        })
        .collect();
    for mut stream in idle {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut buffer = [0; 100];
        while let Ok(1..) = stream.read(&mut buffer) {}
    }
    row("half-open", 28, begin.elapsed());

    stop.send(()).expect("it waits");
    let (pings, longest) = other.join().expect("nobody is held up");
    println!("| attack | tries | longest | peak memory |\n|---|---|---|---|\n{}", table.join("\n"));
    let took = longest.as_millis();
    println!("meanwhile {pings} pings, the longest {took} ms; {before} KiB before");
    assert!(pings > 0 && longest < Duration::from_secs(10));
    assert!(peak(&server) < before + 64 * 1024, "memory grew");
    assert_eq!(fs::read(place.served("f")).expect("it is there"), expected);
}
