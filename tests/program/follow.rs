//! `get --follow`: a file that grows is received as it grows.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_kit::Faults;

use crate::cut_proxy::Proxy;
use crate::harness::{
    Ended, Place, Server, client, command, content, ended_within, send_signal, wait_until,
};
use crate::serial::{CLEAN, lay, urls};

/// The time in which a line of a file comes to standard output.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A get that follows a file.
struct Follower {
    child: Child,
    /// Its standard output so far.
    output: Arc<Mutex<Vec<u8>>>,
}

impl Follower {
    fn start(endpoint: &str, here: &Path, arguments: &[&str]) -> Self {
        let mut command = command(endpoint, here, &[&["get", "--follow"], arguments].concat());
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdout = child.stdout.take().expect("it is piped");
        let output = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&output);
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut part) {
                let mut output = read.lock().unwrap_or_else(PoisonError::into_inner);
                output.extend_from_slice(&part[..count]);
            }
        });
        Self { child, output }
    }

    fn output(&self) -> Vec<u8> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until its standard output is this, and no more.
    fn wait_for(&self, content: &[u8]) {
        wait_until("the content comes", || self.output().len() >= content.len());
        assert!(self.output() == content, "{}", String::from_utf8_lossy(&self.output()));
    }

    /// Ends it by Ctrl-C. Returns its standard error, which has these words.
    #[track_caller]
    fn interrupt(mut self, words: &str) -> String {
        send_signal(self.child.id(), "INT");
        let status = ended_within(&mut self.child, Duration::from_secs(60));
        assert_eq!(status.and_then(|status| status.signal()), Some(2), "{status:?}");
        let stderr = self.ended().stderr;
        assert!(stderr.contains(words) && stderr.contains("interrupted"), "{stderr}");
        stderr
    }

    fn ended(mut self) -> Ended {
        ended_within(&mut self.child, Duration::from_secs(60));
        self.child.wait_with_output().expect("it ends").into()
    }
}

fn append(file: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(file).expect("it is there");
    file.write_all(bytes).expect("it takes it");
}

#[test]
fn lines_come_at_once_until_ctrl_c() {
    let place = Place::new();
    let log = place.served("log");
    let mut whole = content(300_001, 1);
    fs::write(&log, &whole).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let follower = Follower::start(&server.endpoint, &place.here(""), &["log"]);
    follower.wait_for(&whole);
    for number in 0..20 {
        // Whole chunks, and lines in quick succession.
        let line = match number % 4 {
            0 => format!("line {number}\n").into_bytes(),
            1 => content(1024 - whole.len() % 1024, number),
            2 => content(1024, number),
            _ => vec![b'x'],
        };
        let begin = Instant::now();
        append(&log, &line);
        whole.extend(line);
        follower.wait_for(&whole);
        assert!(begin.elapsed() < AT_ONCE, "line {number} took {:?}", begin.elapsed());
    }
    // Longer than the pauses between two keepalives.
    thread::sleep(Duration::from_secs(5));
    append(&log, b"the end\n");
    whole.extend(b"the end\n");
    follower.wait_for(&whole);
    let stderr = follower.interrupt("interrupted");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn an_output_file_grows_and_a_further_run_continues_it() {
    let place = Place::new();
    let log = place.served("log");
    let mut whole = content(5_000, 1);
    fs::write(&log, &whole).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let copy = place.here("copy");
    let has = |whole: &[u8]| fs::read(&copy).is_ok_and(|copy| copy == whole);
    for number in 0..3 {
        let arguments = ["log", "-o", "copy", "--json"];
        let follower = Follower::start(&server.endpoint, &place.here(""), &arguments);
        wait_until("the file has the content", || has(&whole));
        let line = content(700, number);
        append(&log, &line);
        whole.extend(line);
        wait_until("the file has the line", || has(&whole));
        wait_until("events come", || follower.output().windows(10).any(|it| it == b"\"progress\""));
        let output = Arc::clone(&follower.output);
        let stderr = follower.interrupt("it continues where it stopped");
        let events = String::from_utf8(output.lock().expect("it is read").clone());
        let events = events.expect("it is text");
        assert!(events.contains("\"exit\":130"), "{events} {stderr}");
        assert!(has(&whole));
    }
    // Other content stays as it is.
    fs::write(&copy, content(6_000, 9)).expect("a file");
    let arguments = ["log", "-o", "copy"];
    let follower = Follower::start(&server.endpoint, &place.here(""), &arguments);
    follower.ended().with(1, &["is not the beginning of"]);
    assert!(has(&content(6_000, 9)));
}

#[test]
fn a_cut_connection_loses_and_doubles_no_byte() {
    let place = Place::new();
    let log = place.served("log");
    let mut whole = content(40_000, 1);
    fs::write(&log, &whole).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let arguments = ["log", "--retry", "5"];
    let follower = Follower::start(&proxy.endpoint, &place.here(""), &arguments);
    follower.wait_for(&whole);
    for number in 0..8 {
        let line = format!("line {number}\n").into_bytes();
        append(&log, &line);
        whole.extend(line);
        if number % 3 == 1 {
            proxy.cut_now();
        }
        follower.wait_for(&whole);
    }
    follower.interrupt("trying again");
}

#[test]
fn a_file_that_is_truncated_replaced_or_removed_ends_the_command() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 4] = [
        (|log| fs::write(log, "new\n").expect("a file"), "it was truncated"),
        (|log| fs::remove_file(log).expect("it is there"), "it was removed or renamed"),
        (
            |log| fs::rename(log, log.with_extension("1")).expect("it is there"),
            "it was removed or renamed",
        ),
        (
            |log| {
                fs::write(log.with_extension("new"), "another one\n").expect("a file");
                fs::rename(log.with_extension("new"), log).expect("it is there");
            },
            "another file has its name now",
        ),
    ];
    for (change, words) in changes {
        let place = Place::new();
        let log = place.served("log");
        fs::write(&log, "first\nsecond\n").expect("a file");
        let server = Server::start(&place.served(""), &[]);
        let follower = Follower::start(&server.endpoint, &place.here(""), &["log"]);
        follower.wait_for(b"first\nsecond\n");
        change(&log);
        let output = Arc::clone(&follower.output);
        follower.ended().with(6, &["log", words]);
        assert!(*output.lock().expect("it is read") == b"first\nsecond\n");
    }
}

/// As after a rotation of the log while no client was there.
#[test]
fn an_output_file_that_is_no_beginning_of_the_followed_file_ends_the_command() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let old = content(1_500, 1);
    let other = content(1_500, 2);
    let ends_otherwise = [&old[..1_400], b"other", &old[1_405..], b"more"].concat();
    for log in [&other[..20], &other, &old[..20], &old[..1_100], b"", &ends_otherwise] {
        fs::write(place.served("log"), log).expect("a log");
        fs::write(place.here("output"), &old).expect("a file");
        let follow = ["get", "--follow", "log", "-o", "output"];
        let ended = server.client(&place.here(""), &follow);
        ended.with(1, &["output", "is not the beginning of", "log", "rename"]);
        assert!(fs::read(place.here("output")).expect("a file") == old, "{} bytes", log.len());
    }
}

#[test]
fn a_log_is_followed_over_a_line_that_loses_bytes() {
    let place = Place::new();
    let log = place.served("log");
    let mut whole = content(20_000, 1);
    fs::write(&log, &whole).expect("a file");
    let cable = lay(Faults { drop: 1e-4, flip: 1e-5, ..CLEAN });
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let follower = Follower::start(&url, &place.here(""), &["log"]);
    follower.wait_for(&whole);
    for number in 0..30 {
        let line = match number % 3 {
            0 => format!("line {number}: 21 degrees\n").into_bytes(),
            1 => content(256 - whole.len() % 256, number),
            _ => content(3_000, number),
        };
        append(&log, &line);
        whole.extend(line);
        follower.wait_for(&whole);
    }
    follower.interrupt("interrupted");
    // The port serves the next client.
    client(&url, &place.here(""), &["ping"]).well();
    assert!(server.log().lines().count() < 20, "{}", server.log());
}

#[test]
fn only_a_file_is_followed() {
    let place = Place::new();
    fs::create_dir(place.served("d")).expect("a directory");
    fs::write(place.served("x"), "x").expect("a file");
    let server = Server::start(&place.served(""), &["--write-only"]);
    server.client(&place.here(""), &["get", "--follow", "x"]).with(6, &["x"]);
    let server = Server::start(&place.served(""), &[]);
    let refused = |arguments: &[&str], code, words: &[&str]| {
        let arguments = [&["get", "--follow"], arguments].concat();
        server.client(&place.here(""), &arguments).with(code, words);
    };
    refused(&["d"], 6, &["only the content of a file"]);
    refused(&["missing"], 6, &["no file of that name"]);
    refused(&["."], 2, &["whole directory"]);
    refused(&["x", "d"], 2, &["one file"]);
    refused(&["x", "--sha256"], 2, &["--sha256"]);
    refused(&["x", "--into", "d"], 2, &["--into"]);
    refused(&["x", "--no-replace"], 2, &["--no-replace", "followed"]);
    refused(&["x", "--json"], 2, &["--json"]);
}
