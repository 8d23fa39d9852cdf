//! Pipes whose connection breaks: nothing is written twice, and a get continues where it stopped.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::cut_proxy::{Cut, PIECE, Proxy};
use crate::harness::{Ended, Place, Server, assert_first_try, command, content, wait_until};
use crate::pipes::{MIB, ended, put};

/// The content that a server sends before the client has told its position, in bytes.
const UNASKED: usize = 256 * 1024;
/// The bytes that a broken connection loses: a piece and a socket's buffer in the proxy, and incomplete chunks.
const LOST: usize = 6 * PIECE;

/// A get of `x`, whose standard output is not read yet.
fn begin_get(endpoint: &str, here: &Path, options: &[&str]) -> (Child, ChildStdout) {
    let mut command = command(endpoint, here, &[&["get", "x", "-o"], options].concat());
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    (child, stdout)
}

/// The content of a pipe up to its end. A pipe that nobody opens or closes fails its test instead of stopping it.
fn read_all<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Vec<u8> {
    let (sender, content) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = open().and_then(|mut pipe| pipe.read_to_end(&mut bytes));
        let _ = sender.send(read.map(|_| bytes));
    });
    let read = content.recv_timeout(Duration::from_secs(120));
    read.expect("the pipe ends in time").expect("it can be read")
}

/// A get of 20 MiB that is cut after 9 MiB, and `change` just before.
fn cut_get(place: &Place, change: impl FnOnce()) -> (Vec<u8>, Ended) {
    fs::write(place.served("x"), content(20 * MIB, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let (child, mut stdout) = begin_get(&proxy.endpoint, &place.here(""), &["-", "--retry", "3"]);
    let mut got = vec![0; 9 * MIB];
    stdout.read_exact(&mut got).expect("it comes");
    change();
    proxy.cut_now();
    got.extend(read_all(|| Ok(stdout)));
    (got, ended(child))
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_long_input_ends_the_transfer() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let arguments = ["--as", "x", "--retry", "3"];
    let (child, mut stdin) = put(&server.endpoint, &place.here(""), &arguments);
    stdin.write_all(&content(3 * MIB, 1)).expect("it takes it");
    server.child.kill().expect("it is ours");
    // The client may end before it has read all.
    let _ = stdin.write_all(&content(3 * MIB, 1));
    drop(stdin);
    let parts =
        ["\"-\" as \"x\": tcp://", "the part of standard input that was read cannot be sent again"];
    let told = ended(child).with(4, &parts);
    assert!(!told.stderr.contains("try 1"), "{}", told.stderr);
}

#[test]
fn a_short_input_is_sent_again_after_a_cut() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let bytes = content(300_000, 1);
    let arguments = ["--as", "x", "--retry", "3"];
    let (child, mut stdin) = put(&proxy.endpoint, &place.here(""), &arguments);
    stdin.write_all(&bytes[..200_000]).expect("it takes it");
    wait_until("content arrives", || proxy.crossed(0) >= 150_000);
    proxy.cut_now();
    stdin.write_all(&bytes[200_000..]).expect("it takes it");
    drop(stdin);
    let told = ended(child).well();
    assert!(told.stderr.contains("try 1 of 3"), "{}", told.stderr);
    assert!(fs::read(place.served("x")).expect("it is there") == bytes);
}

#[test]
fn a_cut_get_repeats_nothing_on_standard_output() {
    let place = Place::new();
    let (got, told) = cut_get(&place, || {});
    let stderr = told.well().stderr;
    assert!(stderr.contains("try 1 of 3"), "{stderr}");
    assert!(got == content(20 * MIB, 1));
}

#[test]
fn a_file_that_changes_between_two_attempts_is_an_error() {
    let place = Place::new();
    let change = || {
        fs::write(place.served("new"), content(20 * MIB, 2)).expect("a file");
        fs::rename(place.served("new"), place.served("x")).expect("it is renamed");
    };
    let (_, told) = cut_get(&place, change);
    told.with(1, &["the written prefix differs", "bytes were written to standard output"]);
}

/// Bytes on the wire for this number of bytes of content.
fn framed(bytes: usize) -> u64 {
    (bytes / 1024 * (1024 + 12 + 8) + 4096) as u64
}

#[test]
fn a_get_to_a_pipe_continues_where_each_cut_has_stopped_it() {
    let place = Place::new();
    let bytes = content(20 * MIB, 1);
    fs::write(place.served("x"), &bytes).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let made = Command::new("mkfifo").arg(place.here("fifo")).status().expect("mkfifo is there");
    assert!(made.success());
    for output in ["-", "fifo"] {
        let proxy = Proxy::start();
        proxy.lead_to(&server);
        let kinds = [Cut::Close, Cut::Reset, Cut::Loss].into_iter().cycle();
        let cuts = (0..6).map(|number| 3 * MIB as u64 + number * 777).zip(kinds);
        proxy.cut_often(1, cuts);
        let (child, stdout) = begin_get(&proxy.endpoint, &here, &[output, "--retry", "8"]);
        let fifo = place.here(output);
        let got = match output {
            "-" => read_all(|| Ok(stdout)),
            _ => read_all(|| File::open(fifo)),
        };
        let told = ended(child).well().stderr;
        assert!(got == bytes, "{output}: {told}");
        assert_eq!((proxy.cuts(), told.matches("(try 1 of 8)").count()), (6, 6), "{told}");
        let twice = proxy.crossed(1).saturating_sub(framed(bytes.len()));
        assert!(twice <= 6 * framed(UNASKED + LOST), "{output}: {twice} bytes came twice");
    }
}

#[test]
fn a_get_to_a_pipe_with_sha256_is_whole_after_a_cut() {
    let place = Place::new();
    let bytes = content(6 * MIB, 1);
    fs::write(place.served("x"), &bytes).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_often(1, [(3 * MIB as u64, Cut::Close)].into_iter());
    let options = ["-", "--sha256", "--retry", "8"];
    let (child, stdout) = begin_get(&proxy.endpoint, &place.here(""), &options);
    assert!(read_all(|| Ok(stdout)) == bytes);
    assert_first_try(&ended(child).well().stderr, "trying again", 8);
}
