//! Clients that request a list and then stop reading: the cost of each of them for a server.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use tinyferry::core::Config;
use tinyferry::core::wire::Signal;
use tinyferry_kit::Frames;

use crate::harness::{Place, Server};

/// Asks for a tree, and reads until the server has sent as many frames as it may.
pub(crate) fn stall(server: &Server, path: &str, names_only: bool, credit: u16) -> TcpStream {
    let address = server.endpoint.trim_start_matches("tcp://");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
    let mut frames = Frames::client(0x5EED, Config::RELIABLE.credit(credit));
    frames.described(Signal::request(1, true, names_only), path.as_bytes());
    stream.write_all(&frames.bytes).expect("it reads");
    let mut received = Vec::new();
    // It asks for more credit at each quarter of its credit, and at the end.
    let questions = 4;
    while received.windows(4).filter(|window| window == b"PIN\x01").count() < questions {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).expect("it goes on");
        assert!(count > 0, "it goes on");
        received.extend_from_slice(&bytes[..count]);
    }
    stream
}

#[test]
fn stalled_lists_of_a_deep_tree_use_few_descriptors() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: there is no /proc");
    }
    const CLIENTS: usize = 20;
    let place = Place::new();
    let deep = "d/".repeat(64);
    fs::create_dir_all(place.served("t").join(&deep)).expect("directories");
    for level in 0..64 {
        let path = place.served("t").join(&deep[..2 * level]).join("f");
        File::create(path).expect("a file");
    }
    let server = Server::start(&place.served(""), &["--clients-per-address", "50"]);
    // The server has opened its own files when it has answered.
    server.client(&place.here(""), &["ping"]).well();
    thread::sleep(Duration::from_millis(300));
    let before = server.count("fd");
    // A directory is one frame in a list, else it is two.
    for (names_only, credit) in [(true, 64), (false, 128)] {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| stall(&server, "t", names_only, credit)).collect();
        let more = server.count("fd") - before;
        println!("{CLIENTS} clients, names only: {names_only}: {more} descriptors more");
        assert!(more <= 10 * CLIENTS, "{more} descriptors for {CLIENTS} clients");
        drop(clients);
        let end = std::time::Instant::now() + Duration::from_secs(20);
        while server.count("fd") > before && std::time::Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        assert!(server.count("fd") <= before, "they are closed");
    }
}

#[test]
fn stalled_lists_of_a_large_directory_take_little_memory() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: there is no /proc");
    }
    const CLIENTS: usize = 4;
    // In a campaign, as many as there may be; else more than a client's share.
    let is_long = std::env::var_os("TINYFERRY_LONG").is_some();
    let (names, length) = if is_long { (300_000, 40) } else { (20_000, 200) };
    let place = Place::new();
    fs::create_dir(place.served("t")).expect("a directory");
    for number in 0..names {
        File::create(place.served("t").join(format!("{number:0length$}"))).expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    // The first one allocates the memory that all of them need.
    drop(stall(&server, "t", true, 1000));
    let before = server.kibibytes("VmRSS");
    let clients: Vec<_> = (0..CLIENTS).map(|_| stall(&server, "t", true, 1000)).collect();
    let each = server.kibibytes("VmRSS").saturating_sub(before) / CLIENTS as u64;
    println!("{names} names: {each} KiB for each of {CLIENTS} clients");
    assert!(each <= 4096, "{each} KiB for each client");
    drop(clients);
    // And they come whole.
    let listed = server.client(&place.here(""), &["ls", "t"]).well().stdout;
    assert_eq!(listed.lines().count(), names);
    assert!(listed.lines().is_sorted());
}
