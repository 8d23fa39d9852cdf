//! Serial lines that carry nothing, or not all.

use std::fs;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Directory, Source};
use tinyferry_kit::{Cable, Faults, Line};

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

/// A command over a line that changes bytes on its ways is ended in seconds with this sentence.
fn is_diagnosed(arguments: &[&str], ways: [bool; 2], convert: fn(u8) -> Vec<u8>, sentence: &str) {
    let place = Place::new();
    fs::write(place.here("file"), content(50_000, 1)).expect("a file");
    fs::write(place.served("other"), content(50_000, 2)).expect("a file");
    let cable = lay(CLEAN);
    for (line, is_changed) in cable.lines().iter_mut().zip(ways) {
        line.convert = is_changed.then_some(convert);
    }
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let begin = Instant::now();
    client(&url, &place.here(""), arguments).with(4, &[sentence]);
    let took = begin.elapsed();
    // Most take 4 to 10 seconds. A value may spare a few frames of the check on a busy machine: then there is another.
    assert!(took < Duration::from_secs(45), "it took {} s", took.as_secs());
    // Without the fault the line works at once.
    for mut line in cable.lines() {
        line.convert = None;
    }
    client(&url, &place.here(""), arguments).well();
}

const PUT: &[&str] = &["put", "file"];
const GET: &[&str] = &["get", "other"];

#[test]
fn flow_control_by_software_is_diagnosed() {
    let convert = |byte| if [0x11, 0x13].contains(&byte) { vec![] } else { vec![byte] };
    let sentence = "swallows 0x11 and 0x13 on the way to the server: XON/XOFF is on somewhere";
    is_diagnosed(PUT, [true, true], convert, sentence);
}

#[test]
fn a_value_that_is_swallowed_on_the_way_back_is_diagnosed() {
    let convert = |byte| if byte == 0x1a { vec![] } else { vec![byte] };
    is_diagnosed(GET, [false, true], convert, "swallows 0x1a on the way from the server");
}

#[test]
fn a_line_that_doubles_a_value_is_diagnosed() {
    let convert = |byte| vec![byte; if byte == 0xff { 2 } else { 1 }];
    is_diagnosed(PUT, [true, true], convert, "doubles 0xff on the way to the server");
}

#[test]
fn a_line_that_converts_ends_of_lines_is_diagnosed() {
    let convert = |byte| if byte == b'\n' { b"\r\n".to_vec() } else { vec![byte] };
    is_diagnosed(GET, [false, true], convert, "adds a carriage return to each line feed");
}

#[test]
fn a_line_that_converts_carriage_returns_is_diagnosed() {
    let convert = |byte| vec![if byte == b'\r' { b'\n' } else { byte }];
    is_diagnosed(PUT, [true, false], convert, "changes 0x0d into 0x0a on the way to the server");
}

#[test]
fn a_line_of_seven_bits_is_diagnosed() {
    is_diagnosed(PUT, [true, true], |byte| vec![byte & 0x7f], "carries 7 bits of each byte");
}

#[test]
fn a_line_of_seven_bits_from_the_server_is_diagnosed() {
    is_diagnosed(GET, [false, true], |byte| vec![byte & 0x7f], "carries 7 bits of each byte");
}

/// A loopback in the place of a server.
#[test]
fn an_echo_is_diagnosed() {
    let place = Place::new();
    let cable = lay(CLEAN);
    let [_, url] = urls(&cable);
    let port =
        fs::OpenOptions::new().read(true).write(true).open(cable.ports()[1]).expect("a port");
    let echo = thread::spawn(move || {
        let (mut from, mut buffer) = (&port, [0; 256]);
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if (&port).write_all(&buffer[..count]).is_err() {
                return;
            }
        }
    });
    let begin = Instant::now();
    client(&url, &place.here(""), &["ping"]).with(4, &["this line returns the bytes of this end"]);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    drop(cable);
    echo.join().expect("it ends with the port");
}

/// A line on which hardly a chunk passes at first is checked, and no fault is found.
#[test]
fn a_line_with_noise_is_not_misjudged() {
    let place = Place::new();
    fs::write(place.here("file"), content(30_000, 1)).expect("a file");
    let cable = lay(Faults { drop: 5e-3, ..CLEAN });
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    thread::scope(|scope| {
        let put = scope.spawn(|| client(&url, &place.here(""), PUT));
        thread::sleep(Duration::from_secs(9));
        for mut line in cable.lines() {
            line.faults = CLEAN;
        }
        put.join().expect("it does not panic").well();
    });
    assert_same(&place.here(""), &place.served(""));
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
