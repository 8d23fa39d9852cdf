//! `--limit`: no transfer is faster, and no timeout ends a slow one. A busy machine only makes a transfer slower:
//! each test has a lower bound of the time alone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tinyferry_kit::{Cable, Line};

use crate::harness::{Place, Server, assert_same, client, content};
use crate::serial::{CLEAN, lay, urls};

/// Bytes a second, as the option and as a number.
const LIMIT: (&str, usize) = ("200K", 200 * 1024);
/// The size of a file that takes longer than a second.
const SIZE: usize = 250_000;
/// The content that may pass before the limit has an effect: a burst, and the frames after it.
const BURST: usize = LIMIT.1 / 10 + 4096;

/// Runs a client, which takes at least as long as the limit says.
#[track_caller]
fn takes_its_time(url: &str, here: &Path, arguments: &[&str]) {
    let begin = Instant::now();
    client(url, here, arguments).well();
    let (took, least) = (begin.elapsed(), (SIZE - BURST) as f64 / LIMIT.1 as f64);
    assert!(took.as_secs_f64() >= least, "{arguments:?}: {} ms", took.as_millis());
}

#[test]
fn a_client_limits_both_directions() {
    let place = Place::new();
    fs::write(place.here("file"), content(SIZE, 1)).expect("a file");
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..50 {
        let path = place.here(&format!("tree/{number}"));
        fs::write(path, content(SIZE / 50, number)).expect("a file");
    }
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for arguments in [
        &["put", "file", "--limit", LIMIT.0] as &[&str],
        &["get", "file", "--into", "back", "--limit", LIMIT.0],
        &["mirror", "tree", "tree", "--limit", LIMIT.0],
    ] {
        takes_its_time(&server.endpoint, &place.here(""), arguments);
    }
    assert_same(&place.here("tree"), &place.served("tree"));
    assert!(fs::read(place.here("back/file")).ok() == fs::read(place.here("file")).ok());
}

#[test]
fn a_server_limits_both_directions() {
    let place = Place::new();
    fs::write(place.here("file"), content(SIZE, 1)).expect("a file");
    let server = Server::start(&place.served(""), &["--limit", LIMIT.0]);
    for arguments in [&["put", "file"] as &[&str], &["get", "file", "--into", "back"]] {
        takes_its_time(&server.endpoint, &place.here(""), arguments);
    }
    assert_same(&place.here("back"), &place.served(""));
}

/// The limit is a fourth of the rate of the line. Nothing is lost, or blocks would be sent again.
#[test]
fn a_serial_line_is_limited_without_losses() {
    let place = Place::new();
    fs::write(place.here("file"), content(SIZE, 1)).expect("a file");
    let [there, back] = [1, 2].map(|seed| Line::serial(8_000_000, seed));
    let cable = Cable::lay(there, back).expect("pseudo-terminals");
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    takes_its_time(&url, &place.here(""), &["put", "file", "--limit", LIMIT.0]);
    takes_its_time(&url, &place.here(""), &["get", "file", "--into", "back", "--limit", LIMIT.0]);
    assert_same(&place.here("back"), &place.served(""));
    for line in cable.lines() {
        assert!(line.carried < SIZE as u64 * 5 / 4, "{} bytes", line.carried);
    }
}

/// A frame takes a second: the other end answers within a timeout of a few seconds.
#[test]
fn the_lowest_limit_provokes_no_timeout() {
    let place = Place::new();
    fs::write(place.here("file"), content(3000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, line] = urls(&cable);
    let _on_line = Server::start_at(&listen, &place.served(""), &[]);
    let server = Server::start(&place.served(""), &["--limit", "1K"]);
    let limit = ["--limit", "1K", "--timeout", "5", "--retry", "0"];
    for (url, limit) in
        [(&server.endpoint, &limit[2..]), (&server.endpoint, &limit), (&line, &limit)]
    {
        let begin = Instant::now();
        client(url, &place.here(""), &[&["put", "file"], limit].concat()).well();
        client(url, &place.here(""), &[&["get", "file", "--into", "back"], limit].concat()).well();
        assert!(
            begin.elapsed() > Duration::from_millis(3500),
            "{} ms",
            begin.elapsed().as_millis()
        );
        assert_same(&place.here("back"), &place.served(""));
        for copy in [place.here("back/file"), place.served("file")] {
            fs::remove_file(copy).expect("it is there");
        }
    }
}

#[test]
fn a_limit_that_is_too_low_is_refused() {
    let place = Place::new();
    for limit in ["0", "500", "fast"] {
        let ended = client("tcp://127.0.0.1:9", &place.here(""), &["put", "f", "--limit", limit]);
        ended.with(2, &["--limit", if limit == "fast" { "500K" } else { "less than 1K" }]);
    }
}
