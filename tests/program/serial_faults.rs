//! Serial lines that carry nothing, or not all.

use std::fs;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Directory, Source};
use tinyferry_kit::{Cable, Line};

use crate::harness::{Place, Server, assert_same, client, content};
use crate::requirements::runs_long_tests;
use crate::serial::{CLEAN, ended, lay, put_until, urls};

/// A cable that inserts a byte after every 200, and a file to send over it.
fn inserting(place: &Place) -> Cable {
    fs::write(place.here("file"), content(5000, 1)).expect("a file");
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(921_600, seed);
        line.inserts = 200;
        line
    });
    Cable::lay(there, back).expect("pseudo-terminals")
}

/// Small frames pass, and no chunk does: each end ends the transfer by itself, and reports the cause.
#[test]
fn a_line_that_changes_bytes_is_reported() {
    let place = Place::new();
    let cable = inserting(&place);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    // A tenth of the time that the program waits.
    let config = Config::LOSSY.timeout(3_000);
    let client = Client::builder(url.parse().expect("an endpoint")).config(config).connect();
    let source = Source { local: place.here("file"), remote: "file".into() };
    let result = client
        .and_then(|mut client| client.put_store(|| Directory::sending_file(source.clone(), ())));
    let error = result.map(drop).expect_err("no chunk arrives whole").to_string();
    assert!(error.contains("small frames arrive and large frames do not"), "{error}");
    assert!(!place.served("file").exists(), "{}", server.log());
}

#[test]
fn long_the_program_reports_a_line_that_changes_bytes() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    let cable = inserting(&place);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let begin = Instant::now();
    client(&url, &place.here(""), &["put", "file"])
        .with(4, &["small frames arrive and large frames do not"]);
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(120), "it took {} s", took.as_secs());
    assert!(!place.served("file").exists(), "{}", server.log());
}

#[test]
fn long_a_silent_line_times_out() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let cut = put_until(&cable, &place, &url, &["--retry", "0"], 300_000);
    for mut line in cable.lines() {
        line.cut = Some(0);
    }
    ended(cut).with(4, &["\"file\"", "the other end does not answer"]);
    for mut line in cable.lines() {
        (line.cut, line.carried) = (None, 0);
    }
    client(&url, &place.here(""), &["put", "file"]).well();
    assert_same(&place.here(""), &place.served(""));
    let again = cable.lines()[0].carried;
    assert!((100_000..240_000).contains(&again), "{again} bytes went again");
}
