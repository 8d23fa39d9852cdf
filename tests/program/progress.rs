//! The state of a transfer on a terminal and for programs, and counts that stay true after cuts.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::cut_proxy::Proxy;
use crate::harness::{Ended, Place, Server, client, command, content, send_signal, wait_until};
use crate::slow_line::SlowLine;
use crate::terminal::line_on_a_terminal;

/// A tree of this number of files of this size.
fn make_tree(parent: &Path, files: u64, size: usize) {
    fs::create_dir_all(parent.join("t/sub")).expect("directories");
    for number in 0..files {
        let directory = if number % 2 == 0 { "t" } else { "t/sub" };
        let path = parent.join(directory).join(format!("file {number}"));
        fs::write(path, content(size, number + 1)).expect("a file");
    }
}

/// The output of a program on a terminal after a line of the shell.
fn drawn(place: &Place, before: &str, program: &Command, term: &str) -> Option<String> {
    let mut script = line_on_a_terminal(place, before, program)?;
    let output = script.env("TERM", term).output().expect("script starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_state_fits_into_a_row_of_the_terminal() {
    let place = Place::new();
    let name = "日本語の長い名前 e\u{301}\u{301} of a long file name that is wider than most.jpg";
    fs::write(place.here(name), content(1 << 20, 1)).expect("a file");
    for columns in [12, 40, 79, 0] {
        let server = Server::start(&place.served(""), &[]);
        let line = SlowLine::start(&server, 3 << 19);
        let put = command(&line.endpoint, &place.here(""), &["put", name, "--ignore-times"]);
        let before = format!("stty cols {columns} rows 10;");
        let Some(drawn) = drawn(&place, &before, &put, "xterm") else { return };
        let frames: Vec<_> =
            drawn.split('\r').filter_map(|part| part.strip_suffix("\x1b[J")).collect();
        assert!(frames.iter().filter(|frame| !frame.is_empty()).count() > 2, "{drawn:?}");
        let columns = if columns == 0 { 80 } else { columns };
        for frame in frames {
            assert!(frame.width() < columns && !frame.contains(['\n', '\x1b']), "{frame:?}");
        }
        // The summary is not behind a rest of the state.
        assert!(drawn.contains("\r\x1b[Jsent \""), "{drawn:?}");
        fs::remove_file(place.served(name)).expect("it is there");
    }
}

#[test]
fn a_dumb_terminal_gets_no_escape_sequences() {
    let place = Place::new();
    fs::write(place.here("f"), content(1 << 20, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let line = SlowLine::start(&server, 2 << 20);
    let put = command(&line.endpoint, &place.here(""), &["put", "f", "-v"]);
    let Some(drawn) = drawn(&place, "", &put, "dumb") else { return };
    assert!(!drawn.contains('\x1b') && drawn.contains("sent \"f\": 1 file"), "{drawn:?}");
}

#[test]
fn lines_are_printed_above_the_state() {
    let place = Place::new();
    make_tree(&place.here(""), 6, 200_000);
    let server = Server::start(&place.served(""), &[]);
    let line = SlowLine::start(&server, 1 << 20);
    let get = command(&line.endpoint, &place.here(""), &["put", "t", "-vv"]);
    let Some(drawn) = drawn(&place, "stty cols 100 rows 10;", &get, "xterm") else { return };
    let mut count = 0;
    for part in drawn.split('\n').filter(|part| part.contains(" starts at 0")) {
        let line = part.trim_end_matches('\r').rsplit("\x1b[J").next().expect("text");
        assert!(line.starts_with("\"t"), "{part:?}");
        count += 1;
    }
    assert!(count >= 6, "{drawn:?}");
}

#[test]
fn progress_for_programs_has_totals_that_are_counted_beside() {
    let place = Place::new();
    make_tree(&place.here(""), 20, 100_000);
    // Of a file there is a part, and others are the same.
    make_tree(&place.served(""), 4, 100_000);
    for number in [0, 2] {
        let (from, to) =
            (place.here(&format!("t/file {number}")), place.served(&format!("t/file {number}")));
        fs::remove_file(&to).expect("it is there");
        let copied = Command::new("cp").arg("-p").args([from, to]).status();
        assert!(copied.expect("cp is there").success());
    }
    let server = Server::start(&place.served(""), &[]);
    let line = SlowLine::start(&server, 1 << 20);
    let ended = client(&line.endpoint, &place.here(""), &["put", "t", "--json"]).well();
    let objects: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let progress: Vec<_> = objects.iter().filter(|object| object["event"] == "progress").collect();
    let last = progress.last().expect("progress");
    let number = |name: &str| last[name].as_u64().unwrap_or_else(|| panic!("{name}: {last}"));
    assert_eq!((number("files_total"), number("bytes_total")), (20, 2_000_000));
    assert!(number("files_done") <= 20 && number("bytes_done") <= 2_000_000, "{last}");
    assert_eq!(number("files_unchanged"), 2);
    assert!(progress.iter().any(|object| object["seconds_left"].is_u64()), "{progress:?}");
    let totals = &objects.last().expect("objects")["totals"];
    assert_eq!((totals["sent"].as_u64(), totals["unchanged"].as_u64()), (Some(18), Some(2)));
}

/// Runs a client whose connection is cut once, after this number of bytes from it (0) or to it (1).
fn cut_once(
    place: &Place,
    server: &Server,
    (direction, at): (usize, u64),
    arguments: &[&str],
) -> Ended {
    let proxy = Proxy::start();
    proxy.lead_to(server);
    proxy.cut_at(at);
    thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the connection is cut", || proxy.crossed(direction) >= at);
            proxy.cut_at(u64::MAX);
        });
        client(&proxy.endpoint, &place.here(""), arguments)
    })
}

#[test]
fn files_of_an_attempt_that_was_cut_count_as_transferred() {
    let place = Place::new();
    make_tree(&place.here(""), 40, 100_000);
    // The files of a connection that was cut are soon in place.
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    // Five files are there before.
    fs::create_dir_all(place.served("t")).expect("a directory");
    for number in 0..5 {
        let name = format!("t/file {}", 2 * number);
        let copied =
            Command::new("cp").arg("-p").args([place.here(&name), place.served(&name)]).status();
        assert!(copied.expect("cp is there").success());
    }
    let put = ["put", "t", "--retry", "8"];
    let ended = cut_once(&place, &server, (0, 2 << 20), &put).well();
    assert!(
        ended.stdout.contains("sent \"t\": 35 files, 5 unchanged, 3.34 MiB in "),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("continuing in"), "{}", ended.stderr);

    let get = ["get", "t", "--into", "o", "--retry", "8"];
    let ended = cut_once(&place, &server, (1, 2 << 20), &get).well();
    assert!(ended.stdout.contains("received \"t\": 40 files, 3.81 MiB in "), "{}", ended.stdout);

    // Each file has one result.
    let get = ["get", "t", "--into", "p", "--retry", "8", "--json", "--ignore-times"];
    let ended = cut_once(&place, &server, (1, 2 << 20), &get).well();
    let results = ended.stdout.matches(r#""event":"file""#).count();
    assert_eq!(results, 40 + 1, "{}", ended.stdout);
    assert!(ended.stdout.contains(r#""totals":{"sent":40,"#), "{}", ended.stdout);
}

#[test]
fn a_quiet_client_says_nothing_about_its_tries() {
    let place = Place::new();
    fs::write(place.here("f"), "f").expect("a file");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let ended = client(&endpoint, &place.here(""), &["put", "f", "-q", "--retry", "2"]);
    let ended = ended.with(4, &["cannot connect"]);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn an_interrupted_transfer_tells_programs_so() {
    let place = Place::new();
    fs::write(place.here("f"), content(4 << 20, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let line = SlowLine::start(&server, 1 << 20);
    let mut put = command(&line.endpoint, &place.here(""), &["put", "f", "--json"]);
    let put = put.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let partial = place.served(".f.tinyferry-part");
    wait_until("the transfer has begun", || partial.exists());
    send_signal(put.id(), "INT");
    let ended = Ended::from(put.wait_with_output().expect("it ends"));
    assert_eq!(ended.code, None, "{}", ended.stderr);
    let last: Value =
        serde_json::from_str(ended.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((last["event"].as_str(), last["exit"].as_u64()), (Some("finished"), Some(130)));
    assert_eq!(last["error"]["message"].as_str(), Some("interrupted"));
}
