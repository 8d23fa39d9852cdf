//! `--timeout`: how long a client waits for an end that does not answer, on each kind of link.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Place, Server, client, content, program};
use crate::messages::{other_program, stay_silent};
use crate::serial::{CLEAN, lay, urls};

/// The timeout, and what a loaded machine may add to it.
const TIMEOUT: Duration = Duration::from_secs(2);
const MORE: Duration = Duration::from_secs(4);

/// Runs a client with that timeout; it must end within `times` as long.
#[track_caller]
fn within(times: u32, url: &str, place: &Place, arguments: &[&str]) -> Ended {
    let begin = Instant::now();
    let timeout = TIMEOUT.as_secs().to_string();
    let ended = client(url, &place.here(""), &[arguments, &["--timeout", &timeout]].concat());
    let took = begin.elapsed();
    assert!(took >= TIMEOUT, "{arguments:?} at {url} waits {took:?} only: {}", ended.stderr);
    assert!(took < times * TIMEOUT + MORE, "{arguments:?} at {url} takes {took:?}");
    ended
}

/// R75.
#[test]
fn a_client_waits_for_a_silent_end_as_long_as_it_is_told_on_each_link() {
    let place = Place::new();
    fs::write(place.here("f"), content(10_000, 1)).expect("a file");
    program(&place.here(""), &["keygen", "key"]).well();
    let cable = lay(CLEAN);
    let [_, serial] = urls(&cable);
    let silent = other_program(stay_silent);
    let lossy = format!("{silent}?lossy=true");
    let port = silent.replace("tcp:", "rfc2217:");
    let place = &place;
    thread::scope(|scope| {
        for url in [&serial, &silent, &lossy, "exec:exec sleep 30"] {
            scope.spawn(move || {
                for arguments in
                    [&["ls"][..], &["ping"], &["put", "f"], &["get", "f", "--into", "back"]]
                {
                    within(1, url, place, arguments).with(4, &["does not answer", "--timeout"]);
                }
                // A short check of the line takes a part of the time.
                let keys = ["ls", "--key", "key"];
                within(1, url, place, &keys).with(4, &["encrypted handshake", "--timeout"]);
            });
        }
    });
    within(1, &port, place, &["ls"]).with(4, &[&port]);
}

/// A server whose line goes dead when the client has sent so many bytes, and its endpoint.
fn dying(server: &Server, bytes: usize) -> String {
    let address = server.endpoint.trim_start_matches("tcp://");
    let address = address.trim_end_matches("?lossy=true").to_owned();
    let endpoint = other_program(move |client| {
        let Ok(server) = TcpStream::connect(&address) else { return };
        let ends = [&client, &server].map(|stream| stream.try_clone().expect("a descriptor"));
        let [mut from, mut back] = ends;
        thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok(count @ 1..) = back.read(&mut buffer) {
                if (&client).write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        });
        let (mut buffer, mut left) = ([0; 512], bytes);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let passed = count.min(left);
            left -= passed;
            if (&server).write_all(&buffer[..passed]).is_err() {
                return;
            }
        }
    });
    format!("{endpoint}?lossy=true")
}

/// R75. Within a transfer a client waits twice as long; then it asks once more, with a new session.
#[test]
fn a_line_that_goes_dead_in_a_transfer_ends_the_client_after_the_timeout() {
    let place = Place::new();
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    let server = Server::start_at("tcp://127.0.0.1:0?lossy=true", &place.served(""), &[]);
    let arguments = ["put", "f", "--retry", "0"];
    let ended = within(3, &dying(&server, 50_000), &place, &arguments);
    ended.with(4, &["does not answer"]);
}
