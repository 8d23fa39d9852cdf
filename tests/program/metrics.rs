//! `serve --metrics`: the numbers of a server, read while clients transfer.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, client as run, idle_client, program, wait_until, write_many};

/// A server with metrics, and the address of these.
fn start(place: &Place, arguments: &[&str]) -> (Server, String) {
    let all = [&["--metrics", "tcp://127.0.0.1:0"], arguments].concat();
    // The line about the metrics comes before the one about the endpoint.
    let mut server = Server::start(&place.served(""), &all);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("/metrics")).expect("it says where");
    let (_, rest) = line.split_once("http://").expect("an address");
    let address = rest.strip_suffix("/metrics").expect("a path").to_owned();
    (server, address)
}

/// The answer to a request.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// All numbers, by their names with labels. Each line of the page is checked.
fn scrape(address: &str) -> BTreeMap<String, f64> {
    let answer = ask(address, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", page.len())), "{head}");
    let mut numbers = BTreeMap::new();
    let mut known = Vec::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            known.push(kind.split_once(' ').expect("a kind").0.to_owned());
        } else if !line.starts_with("# HELP ") {
            let (name, number) = line.rsplit_once(' ').expect("a number");
            assert!(known.iter().any(|known| name.starts_with(known.as_str())), "{line}");
            let before = numbers.insert(name.to_owned(), number.parse().expect("a number"));
            assert!(before.is_none(), "twice: {line}");
        }
    }
    numbers
}

fn number(numbers: &BTreeMap<String, f64>, name: &str) -> f64 {
    *numbers.get(name).unwrap_or_else(|| panic!("no {name} in {numbers:?}"))
}

fn put(server: &Server, here: &Path, path: &str) {
    server.client(here, &["put", path]).well();
}

#[test]
fn the_numbers_count_what_clients_have_done() {
    let place = Place::new();
    let here = place.here("");
    write_many(&here, "tree", 40);
    fs::write(here.join("file"), vec![5; 100_000]).expect("a file");
    let (server, address) = start(&place, &["--max-file", "1M"]);
    let before = scrape(&address);
    assert_eq!(number(&before, "tinyferry_clients"), 0.0);
    assert_eq!(number(&before, "tinyferry_sessions_total"), 0.0);
    put(&server, &here, "tree");
    put(&server, &here, "file");
    server.client(&here, &["get", "file", "--into", "back"]).well();
    fs::write(here.join("large"), vec![5; 2_000_000]).expect("a file");
    server.client(&here, &["put", "large"]).with(6, &["large"]);
    server.client(&here, &["get", "absent"]).with(6, &["absent"]);
    let host = server.endpoint["tcp://".len()..].to_owned();
    let idle: Vec<_> = (0..3).map(|_| idle_client(&host)).collect();
    wait_until("the idle clients to be all", || {
        number(&scrape(&address), "tinyferry_clients") == 3.0
    });
    let after = scrape(&address);
    for (name, value) in [
        ("connections", 3.0),
        ("sessions", 3.0),
        ("sessions_total", 8.0),
        ("rejected_total", 0.0),
        ("files_total{direction=\"received\"}", 41.0),
        ("files_total{direction=\"sent\"}", 1.0),
        ("bytes_total{direction=\"received\"}", 100_040.0),
        ("bytes_total{direction=\"sent\"}", 100_000.0),
        ("refusals_total{reason=\"too-large\",code=\"11\"}", 1.0),
        // A get asks for a file, and then for a directory.
        ("refusals_total{reason=\"not-found\",code=\"3\"}", 2.0),
    ] {
        assert_eq!(number(&after, &format!("tinyferry_{name}")), value, "{name}: {after:?}");
    }
    for call in ["offer", "commit", "open"] {
        let count = number(&after, &format!("tinyferry_store_seconds_count{{call=\"{call}\"}}"));
        let last = format!("tinyferry_store_seconds_bucket{{call=\"{call}\",le=\"+Inf\"}}");
        assert!(count > 0.0 && count == number(&after, &last), "{call}: {after:?}");
        assert!(number(&after, &format!("tinyferry_store_seconds_sum{{call=\"{call}\"}}")) > 0.0);
    }
    wait_until("the idle clients to be parked", || {
        number(&scrape(&address), "tinyferry_parked") == 3.0
    });
    drop(idle);
    wait_until("the idle clients to be gone", || {
        let numbers = scrape(&address);
        ["clients", "sessions", "parked"]
            .iter()
            .all(|name| number(&numbers, &format!("tinyferry_{name}")) == 0.0)
    });
}

#[test]
fn numbers_are_read_while_clients_transfer() {
    let place = Place::new();
    let here = place.here("");
    let (server, address) = start(&place, &["--allow-remove"]);
    for client in 0..4 {
        write_many(&here, &format!("tree{client}"), 300);
    }
    thread::scope(|scope| {
        let loads: Vec<_> = (0..4)
            .map(|client| {
                let (endpoint, here) = (&server.endpoint, &here);
                scope.spawn(move || {
                    let tree = format!("tree{client}");
                    for _ in 0..5 {
                        run(endpoint, here, &["put", &tree]).well();
                        run(endpoint, here, &["rm", "-r", &tree]).well();
                    }
                })
            })
            .collect();
        let (mut last, mut scrapes) = (0.0, 0);
        while !loads.iter().all(thread::ScopedJoinHandle::is_finished) {
            let files = number(&scrape(&address), "tinyferry_files_total{direction=\"received\"}");
            assert!(files >= last, "a counter has decreased: {files} after {last}");
            (last, scrapes) = (files, scrapes + 1);
        }
        println!("{scrapes} scrapes");
        assert!(scrapes > 3);
    });
    let all = number(&scrape(&address), "tinyferry_files_total{direction=\"received\"}");
    assert_eq!(all, 4.0 * 5.0 * 300.0);
}

#[test]
fn other_requests_and_silent_clients_end_nothing() {
    let place = Place::new();
    let (server, address) = start(&place, &[]);
    assert!(ask(&address, "GET / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(ask(&address, "POST /metrics HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert_eq!(ask(&address, &"x".repeat(9000)), "");
    let silent: Vec<_> =
        (0..2).map(|_| TcpStream::connect(&address).expect("it listens")).collect();
    scrape(&address);
    drop(silent);
    server.client(&place.here(""), &["ping"]).well();
    let arguments = ["serve", ".", "--listen", "tcp://127.0.0.1:0", "--metrics", "tcp://0.0.0.0:0"];
    let ended = program(&place.here(""), &arguments);
    ended.with(1, &["other machines could read the numbers"]);
    let ended = program(&place.here(""), &["serve", ".", "--metrics", "unix:///tmp/metrics"]);
    ended.with(2, &["it is no tcp://HOST:PORT"]);
}
