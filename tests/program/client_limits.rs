//! The limits on the requests of clients and on their number.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::harness::{Place, Server, content, idle_client};

/// R16, R33.
#[test]
fn files_beyond_a_limit_are_refused_and_the_others_arrive() {
    let place = Place::new();
    let here = place.here("");
    let limits = ["--max-file", "5000", "--max-entries", "6", "--max-depth", "3"];
    let server = Server::start(&place.served(""), &limits);
    fs::write(place.here("fits"), content(5000, 1)).expect("a file");
    fs::write(place.here("large"), content(5001, 1)).expect("a file");
    server.client(&here, &["put", "fits"]).well();
    server
        .client(&here, &["put", "large"])
        .with(6, &["\"large\"", "no file of more than 5000 bytes"]);
    server.client(&here, &["put", "fits", "--to", "a/b"]).well();
    server
        .client(&here, &["put", "fits", "--to", "a/b/c"])
        .with(6, &["path is too deep", "more than 3 names"]);
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..8 {
        fs::write(place.here(&format!("tree/{number}")), "x").expect("a file");
    }
    server
        .client(&here, &["put", "tree"])
        .with(3, &["2 entries were not transferred", "the tree has more than 6 entries"]);
    assert_eq!(fs::read_dir(place.served("tree")).expect("it is there").count(), 6);
    // A client that gets has limits of its own.
    let got = ["get", "fits", "--into", "out", "--max-file", "4999"];
    server.client(&here, &got).with(1, &["more than 4999 bytes"]);
    let got = ["get", "tree", "--into", "out", "--max-entries", "2"];
    server.client(&here, &got).with(3, &["4 entries were not transferred"]);
}

#[test]
fn the_limit_of_a_file_does_not_count_for_the_sum_of_a_tree() {
    let place = Place::new();
    let here = place.here("");
    let server = Server::start(&place.served(""), &["--max-file", "5000"]);
    fs::create_dir(place.here("tree")).expect("a directory");
    for name in ["a", "b"] {
        fs::write(place.here("tree").join(name), content(4000, 1)).expect("a file");
    }
    server.client(&here, &["put", "tree"]).well();
    let got = ["get", "tree", "--into", "out", "--max-file", "5000"];
    server.client(&here, &got).well();
    assert_eq!(fs::read_dir(place.here("out/tree")).expect("it is there").count(), 2);
    fs::write(place.here("tree/c"), content(5001, 1)).expect("a file");
    server
        .client(&here, &["put", "tree"])
        .with(3, &["1 entry was not transferred", "\"tree/c\"", "no file of more than 5000 bytes"]);
    assert!(place.served("tree/b").exists() && !place.served("tree/c").exists());
}

#[test]
fn the_oldest_partials_are_removed_where_partials_take_too_much() {
    let place = Place::new();
    fs::create_dir(place.served("sub")).expect("a directory");
    let now = SystemTime::now();
    for (name, bytes, hours) in [
        (".old", 100_000, 30),
        (".older", 20_000, 40),
        ("sub/.new", 40_000, 10),
        (".newest", 5_000, 1),
    ] {
        let path = place.served(&format!("{name}.tinyferry-part"));
        fs::write(&path, vec![0; bytes]).expect("a file");
        let file = fs::File::options().write(true).open(path).expect("it is there");
        file.set_modified(now - Duration::from_secs(3_600 * hours)).expect("a time");
    }
    let server = Server::start(&place.served(""), &["--max-partials", "50000"]);
    // They are counted in the background.
    let end = Instant::now() + Duration::from_secs(20);
    while place.served(".old.tinyferry-part").exists() {
        assert!(Instant::now() < end, "it stays");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(!place.served(".older.tinyferry-part").exists());
    assert!(place.served("sub/.new.tinyferry-part").exists());
    assert!(place.served(".newest.tinyferry-part").exists());
    for bytes in [0, 100, 3_000_000] {
        fs::write(place.here("f"), content(bytes, 1)).expect("a file");
        for _ in 0..2 {
            server.client(&place.here(""), &["put", "f"]).well();
        }
    }
}

#[test]
fn one_address_cannot_use_all_connections() {
    let place = Place::new();
    let limits = ["--clients-per-address", "2", "--handshake-timeout", "1"];
    let mut server = Server::start(&place.served(""), &limits);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let idle_clients = [(); 2].map(|()| idle_client(&address));
    server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    assert!(
        server
            .wait_for_line(
                "the server is busy: 2 clients are connected, 2 of them from this address"
            )
            .is_some()
    );
    drop(idle_clients);
    // Silent, and as slow as it gets: both are disconnected in time, and take no place.
    let silent = [(); 4].map(|()| TcpStream::connect(&address).expect("a server"));
    let mut slow = TcpStream::connect(&address).expect("a server");
    slow.write_all(b"PIN").expect("it takes it");
    thread::sleep(Duration::from_millis(200));
    server.client(&place.here(""), &["ping"]).well();
    let begin = Instant::now();
    for mut stream in silent.into_iter().chain([slow]) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let ended = stream.read(&mut [0; 100]);
        assert!(ended.is_ok_and(|count| count == 0) || begin.elapsed() < Duration::from_secs(9));
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(server.wait_for_line("did not complete the handshake in time").is_some());
}
