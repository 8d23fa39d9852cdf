//! Standard streams: a command that the client starts, and the server at its other end.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Place, assert_same, client, content, program};

fn serving(place: &Place, more: &str) -> String {
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    format!("exec:'{program}' serve --stdio '{}' {more}", root.display())
}

#[test]
fn a_tree_crosses_a_command_there_and_back() {
    let place = Place::new();
    fs::create_dir_all(place.here("tree/a/b")).expect("directories");
    for (name, size) in [("large", 5_000_000), ("a/small", 10), ("a/b/empty", 0)] {
        fs::write(place.here("tree").join(name), content(size, size as u64)).expect("a file");
    }
    let endpoint = serving(&place, "");
    let here = place.here("");
    let put = client(&endpoint, &here, &["put", "tree"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
    client(&endpoint, &here, &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    client(&endpoint, &here, &["ping"]).well();
    // A server that was started prints nothing among the client's lines but errors.
    assert!(!put.stderr.contains("serving"), "{}", put.stderr);
}

#[test]
fn a_tree_crosses_pipes() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..200 {
        let bytes = content(number * 100, number as u64);
        fs::write(place.here(&format!("tree/{number}")), bytes).expect("a file");
    }
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    let endpoint = format!("exec:cat | '{program}' serve --stdio '{}' | cat", root.display());
    client(&endpoint, &place.here(""), &["ping"]).well();
    client(&endpoint, &place.here(""), &["put", "tree"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
    client(&endpoint, &place.here(""), &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
}

#[test]
fn a_command_works_with_a_key() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    fs::write(place.here("f"), content(70_000, 1)).expect("a file");
    let endpoint = serving(&place, &format!("--key '{}'", place.here("key").display()));
    client(&endpoint, &here, &["put", "f", "--key", "key"]).well();
    assert!(fs::read(place.served("f")).expect("it is there") == content(70_000, 1));
    fs::remove_file(place.served("f")).expect("it is there");
    client(&endpoint, &here, &["put", "f"]).with(7, &["accepts only clients with a key"]);
    assert!(!place.served("f").exists());
}

#[test]
fn a_command_that_is_no_server_is_reported() {
    let place = Place::new();
    let here = place.here("");
    let fails = |endpoint: &str, parts: &[&str]| {
        let begin = Instant::now();
        let ended = client(endpoint, &here, &["ping"]);
        assert!(ended.code != Some(0), "{endpoint}: {}", ended.stdout);
        for part in parts {
            assert!(ended.stderr.contains(part), "{endpoint}: no {part} in {}", ended.stderr);
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{endpoint} took too long");
    };
    fails("exec:no-such-program-at-all", &["the command has ended", "127"]);
    fails("exec:exit 3", &["the command has ended", "exit status: 3"]);
    fails(
        "exec:echo hello, I am something else",
        &["  hello, I am something else\n", "the command has ended", "exit status: 0"],
    );
    fails("exec:", &["names no command"]);
    fails("stdio:", &["this is for serve"]);
}

#[test]
fn the_server_ends_with_its_input() {
    let place = Place::new();
    let mut server = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["serve", "--stdio"])
        .arg(place.served(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    drop(server.stdin.take());
    let mut said = Vec::new();
    let output = server.stdout.take().expect("it is piped").read_to_end(&mut said);
    output.expect("it is read to its end");
    assert!(said.is_empty(), "nothing is said to who has not sent a hello");
    assert!(server.wait().expect("it has ended").success());

    program(&place.here(""), &["serve", "--listen", "exec:cat", "."])
        .with(1, &["a command is for clients to start"]);
    program(&place.here(""), &["serve", "--listen", "stdio:", "--stdio", "."]).with(2, &["Usage"]);
}
