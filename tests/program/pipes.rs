//! Standard input is sent, content goes to standard output, and entries get names of their own.

mod outputs;
mod pauses;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tinyferry_kit::Faults;

use crate::harness::{
    Ended, Place, Server, client, command, content, ended_within, program, wait_until,
};
use crate::serial::{CLEAN, lay, urls};

pub(crate) const MIB: usize = 1 << 20;

/// A put of standard input, which is not written yet.
pub(crate) fn put(endpoint: &str, here: &Path, arguments: &[&str]) -> (Child, ChildStdin) {
    let mut command = command(endpoint, here, &[&["put", "-"], arguments].concat());
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let stdin = child.stdin.take().expect("it is piped");
    (child, stdin)
}

pub(crate) fn ended(mut child: Child) -> Ended {
    // A client that hangs fails its test instead of stopping it.
    ended_within(&mut child, Duration::from_secs(60));
    child.wait_with_output().expect("it ends").into()
}

/// A put of standard input with this content.
fn put_bytes(endpoint: &str, here: &Path, arguments: &[&str], bytes: &[u8]) -> Ended {
    let (child, mut stdin) = put(endpoint, here, arguments);
    // A client that fails reads no more.
    let _ = stdin.write_all(bytes);
    drop(stdin);
    ended(child)
}

/// A get with its content.
fn get(endpoint: &str, here: &Path, arguments: &[&str]) -> (Vec<u8>, Ended) {
    let output = command(endpoint, here, &[&["get"], arguments].concat()).output();
    let Output { status, stdout, stderr } = output.expect("the program starts");
    (stdout.clone(), Ended::from(Output { status, stdout: Vec::new(), stderr }))
}

/// A line of the shell in which `$T` is the program.
fn shell(endpoint: &str, here: &Path, line: &str) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(here).env("T", env!("CARGO_BIN_EXE_tinyferry"));
    shell.env("TINYFERRY_ENDPOINT", endpoint).env("TINYFERRY_CONFIG", "");
    shell.stdin(Stdio::null()).output().expect("sh is there").into()
}

fn sha256(bytes: &[u8]) -> String {
    let mut program = Command::new("sha256sum");
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.spawn().expect("sha256sum is there");
    child.stdin.take().expect("it is piped").write_all(bytes).expect("it takes it");
    let output = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&output.stdout)[..64].to_owned()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory").map_while(Result::ok);
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().display().to_string()).collect();
    names.sort();
    names
}

#[test]
fn fifty_mebibytes_cross_pipes_there_and_back() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let (here, bytes) = (place.here(""), content(50 * MIB, 1));
    let line = format!("{}  d/x\n", sha256(&bytes));
    let put = put_bytes(&server.endpoint, &here, &["--as", "d/x", "--sha256"], &bytes).well();
    assert_eq!(put.stdout, line);
    assert!(put.stderr.contains("sent \"-\" as \"d/x\": 1 file, 50.00 MiB"), "{}", put.stderr);
    assert!(fs::read(place.served("d/x")).expect("it is there") == bytes);
    let (got, told) = get(&server.endpoint, &here, &["d/x", "-o", "-", "--sha256"]);
    let stderr = told.well().stderr;
    assert!(got == bytes);
    assert!(stderr.contains(&line.replace("d/x", "-")), "{stderr}");
    assert!(stderr.contains("received \"d/x\": 1 file, 50.00 MiB"), "{stderr}");
}

/// There and back over a link of another kind.
fn cross(endpoint: &str, here: &Path, more: &[&str], size: usize) {
    let bytes = content(size, 3);
    let sum = sha256(&bytes);
    let put = put_bytes(endpoint, here, &[&["--as", "x", "--sha256"], more].concat(), &bytes);
    assert_eq!(put.well().stdout, format!("{sum}  x\n"));
    let (got, told) = get(endpoint, here, &[&["x", "-o", "-", "--sha256"], more].concat());
    assert!(told.well().stderr.contains(&format!("{sum}  -\n")));
    assert!(got == bytes);
}

#[test]
fn pipes_cross_an_encrypted_connection() {
    let place = Place::new();
    program(&place.here(""), &["keygen", "key"]).well();
    let key = place.here("key").display().to_string();
    let server = Server::start(&place.served(""), &["--key", &key]);
    cross(&server.endpoint, &place.here(""), &["--key", "key"], 3_000_001);
}

#[test]
fn pipes_cross_a_command() {
    let place = Place::new();
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    let endpoint = format!("exec:'{program}' serve --stdio '{}'", root.display());
    cross(&endpoint, &place.here(""), &[], 3_000_001);
}

#[test]
fn pipes_cross_a_line_that_loses_bytes() {
    let place = Place::new();
    let cable = lay(Faults { drop: 1e-4, flip: 1e-5, ..CLEAN });
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    cross(&url, &place.here(""), &[], 200_001);
}

#[test]
fn an_empty_input_is_an_empty_file() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    put_bytes(&server.endpoint, &place.here(""), &["--as", "e", "--to", "d"], b"").well();
    assert_eq!(fs::read(place.served("d/e")).expect("it is there"), b"");
    let (got, ended) = get(&server.endpoint, &place.here(""), &["d/e", "-o", "-"]);
    ended.well();
    assert!(got.is_empty());
}

#[test]
fn a_slow_producer_is_waited_for_and_its_content_is_placed_at_the_end() {
    let place = Place::new();
    fs::write(place.served("x"), "old").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let (child, mut stdin) = put(&server.endpoint, &place.here(""), &["--as", "x"]);
    let bytes = content(5000, 1);
    for piece in bytes.chunks(500) {
        stdin.write_all(piece).expect("it takes it");
        thread::sleep(Duration::from_millis(100));
        assert_eq!(fs::read(place.served("x")).expect("it is there"), b"old");
    }
    drop(stdin);
    ended(child).well();
    assert!(fs::read(place.served("x")).expect("it is there") == bytes);
}

#[test]
fn input_that_cannot_be_read_is_not_stored() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let told = |line: &str, parts: &[&str]| {
        shell(&server.endpoint, &place.here(""), line).with(1, parts);
    };
    let what = "standard input cannot be read";
    told("$T put - --as x <.", &[what, "is a directory"]);
    told("$T put - --as x <&-", &[what, "it is closed"]);
    told("$T put - --as x 0>w", &[what, "not open for reading"]);
    assert!(names(&place.served("")).is_empty());
}

#[test]
fn a_killed_client_leaves_nothing_and_a_killed_producer_ends_the_file() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let (mut child, mut stdin) = put(&server.endpoint, &place.here(""), &["--as", "x"]);
    stdin.write_all(&content(3 * MIB, 1)).expect("it takes it");
    wait_until("content arrives", || !names(&place.served("")).is_empty());
    child.kill().expect("it is ours");
    child.wait().expect("it ends");
    server.wait_for_line("\"x\" failed").expect("the server notices");
    assert!(names(&place.served("")).is_empty(), "{:?}", names(&place.served("")));
    // The end of a pipe does not tell why its producer has ended.
    let line = "{ head -c 100000 /dev/zero; kill -9 $$; } | $T put - --as x";
    shell(&server.endpoint, &place.here(""), line);
    wait_until("it is stored", || place.served("x").exists());
    assert_eq!(place.served("x").metadata().expect("it is there").len(), 100_000);
}

#[test]
fn a_reader_that_needs_no_more_ends_a_get_quietly() {
    let place = Place::new();
    let bytes = content(20 * MIB, 1);
    fs::write(place.served("x"), &bytes).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let line = "{ $T get x -o -; echo $? >&2; } | head -c 10 >out";
    let told = shell(&server.endpoint, &place.here(""), line).well();
    assert_eq!(told.stderr, "0\n");
    assert!(fs::read(place.here("out")).expect("it is there") == bytes[..10]);
}

#[test]
fn an_entry_is_stored_under_another_name() {
    let place = Place::new();
    fs::create_dir(place.here("d")).expect("a directory");
    fs::write(place.here("d/f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let run = |arguments: &[&str]| client(&server.endpoint, &here, arguments).well();
    let put = run(&["put", "d/f", "--as", "a/b", "--to", "t"]);
    assert!(put.stdout.contains("sent \"d/f\" as \"t/a/b\": 1 file"), "{}", put.stdout);
    run(&["put", "d", "--as", "x/y"]);
    run(&["put", "d/.", "--as", "z"]);
    for path in ["t/a/b", "x/y/f", "z/f"] {
        assert_eq!(fs::read(place.served(path)).expect(path), b"f");
    }
    let got = run(&["get", "x/y", "--as", "p/q", "--into", "g"]);
    assert!(got.stdout.contains("received \"x/y\" as \"p/q\": 1 file"), "{}", got.stdout);
    run(&["get", "t/a/b", "--as", "n"]);
    run(&["get", "t/a/b", "-o", "g/o"]);
    run(&["get", "x", "-o", "tree"]);
    std::os::unix::fs::symlink("n", place.here("link")).expect("a link");
    fs::write(place.here("n"), "old").expect("a file");
    run(&["get", "t/a/b", "-o", "link"]);
    for path in ["g/p/q/f", "n", "g/o", "tree/y/f"] {
        assert_eq!(fs::read(place.here(path)).expect(path), b"f");
    }
    assert!(place.here("link").is_symlink());
}

#[test]
fn an_unclear_name_is_refused_with_the_reason() {
    let place = Place::new();
    for name in ["a", "b"] {
        fs::write(place.here(name), name).expect("a file");
        fs::write(place.served(name), name).expect("a file");
    }
    fs::create_dir(place.here("d")).expect("a directory");
    let server = Server::start(&place.served(""), &[]);
    let told = |line: &str, code, parts: &[&str]| {
        shell(&server.endpoint, &place.here(""), line).with(code, parts);
    };
    told("$T put a b --as x", 2, &["--as is for one path"]);
    told("$T put a --as x/", 2, &["--as \"x/\"", "given by --to"]);
    told("$T put a --as ''", 2, &["--as \"\"", "given by --to"]);
    told("$T put a --as ../x", 2, &["cannot contain \"..\""]);
    told("$T put -", 2, &["\"-\" is standard input", "put - --as NAME", "\"./-\""]);
    told("$T put - a --as x", 2, &["--as is for one path"]);
    told("$T put - a", 2, &["sent alone"]);
    told("mkfifo fifo; $T put fifo", 1, &["it is a pipe", "put - --as NAME <fifo"]);
    told("$T put /dev/zero --as z", 1, &["it is a character device", "put - --as NAME </dev/zero"]);
    told("$T get a b --as x", 2, &["--as is for one path"]);
    told("$T get a b -o x", 2, &["-o is for one path"]);
    told("$T get a --as /x", 2, &["is not below the directory of --into", "say -o \"/x\""]);
    told("$T get a --as x/", 2, &["given by --into"]);
    told("$T get a -o x/", 2, &["given by --into"]);
    told("$T get a -o d", 1, &["it is a directory", "given by --into, not by -o"]);
    told("$T get a -o none/x", 1, &["\"none\": no such file or directory"]);
    told("$T get a -o x --into d", 2, &["cannot be used with"]);
    told("$T put a .", 2, &["\".\" beside other paths is ambiguous", "--to DIR"]);
    told("$T put a /", 2, &["\"/\" beside other paths is ambiguous", "--to DIR"]);
    told("$T get a b d/ -q", 3, &["no file of that name", "given by --into"]);
    told("$T get a b \"$PWD\" -q", 3, &["no file of that name", "given by --into"]);
    assert_eq!(names(&place.served("")), ["a", "b"]);
    told("$T put d/.. b --to x", 2, &["both be \"b\""]);
    told("$T put . d/f --to x", 3, &["\"d/f\": no such file"]);
    assert_eq!(names(&place.here("")), ["a", "b", "d", "fifo"]);
    assert_eq!(names(&place.served("x")), ["a", "b", "d"]);
    for options in ["--update", "--exclude a", "--delete", "--dry-run", "-l", "-H", "--gitignore"] {
        let no_effect = ["has no effect on standard input"];
        told(&format!("$T put - --as x {options}"), 2, &no_effect);
    }
    for options in
        ["--newer", "--chmod 600", "--keep-both", "--no-replace", "--unsafe-links", "--sync each"]
    {
        told(&format!("$T get a -o - {options}"), 2, &["has no effect on standard output"]);
    }
    program(&place.here(""), &["put", "--as"]).with(2, &["a value is required"]);
}
