//! Pauses of a reader or a producer that are longer than each timeout.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tinyferry_kit::Faults;

use super::{MIB, ended, put};
use crate::harness::{Place, Server, command, content};
use crate::requirements::runs_long_tests;
use crate::serial::{CLEAN, lay, urls};

/// A pause that is longer than the timeouts of writes and of lossy lines.
const LONG_PAUSE: Duration = Duration::from_secs(80);

#[test]
fn a_reader_may_pause_for_longer_than_every_timeout() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    let bytes = content(50 * MIB, 1);
    fs::write(place.served("x"), &bytes).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut command = command(&server.endpoint, &place.here(""), &["get", "x", "-o", "-"]);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut got = vec![0; MIB];
    stdout.read_exact(&mut got).expect("it comes");
    thread::sleep(LONG_PAUSE);
    stdout.read_to_end(&mut got).expect("it comes");
    let told = ended(child).well();
    assert!(!told.stderr.contains("try 1"), "{}", told.stderr);
    assert!(got == bytes);
}

#[test]
fn a_producer_may_pause_for_longer_than_the_timeout_of_a_lossy_line() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    let cable = lay(Faults { drop: 1e-4, ..CLEAN });
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let (child, mut stdin) = put(&url, &place.here(""), &["--as", "x"]);
    let bytes = content(10_000, 1);
    stdin.write_all(&bytes[..5000]).expect("it takes it");
    thread::sleep(LONG_PAUSE);
    stdin.write_all(&bytes[5000..]).expect("it takes it");
    drop(stdin);
    let told = ended(child).well();
    assert!(!told.stderr.contains("try 1"), "{}", told.stderr);
    assert!(fs::read(place.served("x")).expect("it is there") == bytes);
}
