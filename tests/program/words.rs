//! Sentences that name the right thing, for mistakes of every kind on the command line.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{Ended, Place, Server, client, command, write_private};

/// Runs the program without a server.
fn alone(place: &Place, arguments: &[&str]) -> Ended {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    program.args(arguments).current_dir(place.here(""));
    program.output().expect("the program starts").into()
}

#[test]
fn sources_that_are_none_are_named_with_what_they_are() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    symlink("loop", place.here("loop")).expect("a link");
    symlink("nowhere", place.here("dangling")).expect("a link");
    let fifo = Command::new("mkfifo").arg(place.here("pipe")).status();
    assert!(fifo.expect("mkfifo is there").success());
    let _socket = std::os::unix::net::UnixListener::bind(place.here("socket")).expect("a socket");
    fs::write(place.here(".a.tinyferry-part"), "a").expect("a file");
    let long = "n".repeat(300);
    for (path, code, parts) in [
        ("/", 1, &["\"/\"", "no name", "put its entries"][..]),
        ("loop", 1, &["\"loop\"", "symbolic links"]),
        ("dangling", 1, &["\"dangling\"", "link leads to no such file"]),
        ("f/x", 1, &["\"f/x\"", "not a directory"]),
        (&long, 1, &["name too long"]),
        ("pipe", 1, &["\"pipe\"", "it is a pipe"]),
        ("socket", 1, &["\"socket\"", "it is a socket"]),
        ("/dev/null", 1, &["\"/dev/null\"", "it is a character device"]),
        (".a.tinyferry-part", 2, &["the form of names that unfinished files have"]),
    ] {
        server.client(&here, &["put", path]).with(code, parts);
    }
    server.client(&here, &["put", "f", ".a.tinyferry-part"]).with(2, &["unfinished files"]);
    server.client(&here, &["get", "d/.a.tinyferry-part"]).with(2, &["unfinished files"]);
    server.client(&here, &["get", "a/../f"]).with(2, &["cannot be asked for", "has no \"..\""]);
    // A pipe of the shell is a link, and its target's name is a number.
    let mut shell = Command::new("bash");
    shell.args(["-c", "exec \"$@\" <(echo hello)", "bash"]);
    let program = command(&server.endpoint, &here, &["put"]);
    let shell = shell.arg(program.get_program()).args(program.get_args()).current_dir(&here);
    if let Ok(output) = shell.output() {
        Ended::from(output).with(1, &["\"/dev/fd/", "it is a pipe"]);
    }
    // Names that are no text are shown as their bytes.
    let mut program = command(&server.endpoint, &here, &["put"]);
    let bad = OsStr::from_bytes(b"bad\xff\x1b");
    fs::write(place.here("").join(bad), "x").expect("a file");
    let ended = Ended::from(program.arg(bad).output().expect("the program starts"));
    ended.with(1, &["\"bad\\xff\\u{1b}\"", "not UTF-8"]);
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 0);
}

#[test]
fn targets_that_are_none_are_named() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    server.client(&here, &["put", "f", "--to", "-d"]).well();
    assert!(place.served("-d/f").exists());
    server.client(&here, &["put", "f", "--to", "-d/f"]).with(6, &["a part of its path, is not a"]);
    server.client(&here, &["get", "./-d/f/x", "--into", "o"]).with(6, &["a part of its path"]);
    server
        .client(&here, &["get", "./-d/f", "--into", "f"])
        .with(1, &["\"f\": it is not a directory"]);
    server.client(&here, &["close"]).with(6, &["tcp://", "does not close", "not allowed"]);
}

#[test]
fn endpoints_that_are_none_are_told_why() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    for (endpoint, code, parts) in [
        ("tcp://[fe80::1]:1", 4, &["[fe80::1%eth0]"][..]),
        ("tcp://[fe80::1%no-such]:1", 4, &["there is no interface \"no-such\""]),
        ("tcp://no-such-host.invalid:1", 4, &["the host's address cannot be found"]),
        ("tcp://127.0.0.1:99999", 2, &["\"99999\" is no port"]),
        ("unix:///no/such/socket", 4, &["no such file", "is a server running there?"]),
    ] {
        let ended = client(endpoint, &here, &["ping", "--insecure"]).with(code, parts);
        let asks = ended.stderr.contains("is a server running there?");
        assert_eq!(asks, endpoint.starts_with("unix"), "{}", ended.stderr);
    }
    alone(&place, &["serve", "f"]).with(1, &["\"f\"", "not a directory"]);
    alone(&place, &["serve", ".", "--clients", "0"]).with(2, &["no number from 1 on"]);
    alone(&place, &["serve", ".", "--max-file", "ten"]).with(2, &["no number of bytes"]);
    alone(&place, &["serve", ".", "--idle", "-1"]).with(2, &["no length of time"]);
}

#[test]
fn limits_have_units() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--max-file", "1.5k", "--idle", "5m"]);
    fs::write(place.here("small"), [0; 1536]).expect("a file");
    fs::write(place.here("large"), [0; 1537]).expect("a file");
    server.client(&place.here(""), &["put", "small"]).well();
    server.client(&place.here(""), &["put", "large"]).with(6, &["larger than is allowed"]);
}

#[test]
fn known_servers_with_spaces_in_their_names_spoil_nothing() {
    let place = Place::new();
    let here = place.here("");
    for name in ["mine", "theirs"] {
        alone(&place, &["keygen", "--pair", name]).well();
    }
    let line = |name: &str| fs::read_to_string(place.here(name)).expect("it is made");
    write_private(&place.here("keys"), &format!("{}{}", line("mine.pub"), line("theirs")));
    let keys = place.here("keys").display().to_string();
    let spaced = format!("unix://{}/a socket", place.root.path().display());
    let socket = Server::start_at(&spaced, &place.served(""), &["--key", &keys]);
    let tcp = Server::start(&place.served(""), &["--key", &keys]);
    fs::write(place.here("known"), "# mine\nno line\n").expect("a file");
    let known = ["ping", "--key", "mine", "--known-hosts", "known"];
    for endpoint in [&spaced, &tcp.endpoint] {
        let new = [&known[..], &["--accept-new"]].concat();
        client(endpoint, &here, &new).well();
    }
    for endpoint in [&spaced, &tcp.endpoint] {
        let ended = client(endpoint, &here, &known).well();
        assert!(ended.stderr.contains("line 2 makes no sense"), "{}", ended.stderr);
    }
    assert!(line("known").starts_with("# mine\nno line\n"));
    drop(socket);
}
