//! Output that cannot be written: a reader that has left ends nothing, a full disk is a failure.

use std::fs::{self, File, OpenOptions};
use std::process::{Command, Stdio};

use crate::harness::{Ended, Place, Server, assert_same, command, content};

fn full() -> Option<File> {
    let full = OpenOptions::new().write(true).open("/dev/full").ok();
    if full.is_none() {
        println!("skipped: there is no /dev/full here");
    }
    full
}

/// Runs a client whose standard output is a full disk.
fn on_a_full_disk(server: &Server, place: &Place, arguments: &[&str]) -> Option<Ended> {
    let output = command(&server.endpoint, &place.here(""), arguments).stdout(full()?).output();
    Some(output.expect("the program starts").into())
}

#[test]
fn lists_that_cannot_be_written_are_failures() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir_all(place.here("t/d")).expect("a directory");
    for number in 0..300 {
        fs::write(place.here(&format!("t/{number}")), content(10, number)).expect("a file");
    }
    server.client(&place.here(""), &["put", "t"]).well();
    for arguments in [
        &["ls"][..],
        &["ls", "-R"],
        &["ls", "t/7"],
        &["ping"],
        &["put", "t", "--sha256"],
        &["put", "t"],
        &["get", "t", "--sha256", "--into", "o"],
    ] {
        let Some(ended) = on_a_full_disk(&server, &place, arguments) else { return };
        ended.with(1, &["standard output cannot be written", "no space left"]);
    }
    // What was to be done was done.
    assert_same(&place.here("t"), &place.here("o/t"));
    // A failure of another kind keeps its own code.
    let Some(ended) = on_a_full_disk(&server, &place, &["ls", "nothing"]) else { return };
    ended.with(6, &["no file of that name"]);
}

#[test]
fn what_needs_no_server_fails_as_well() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here(".f.tinyferry-part"), "f").expect("a file");
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["put", "--help"],
        &["help", "serve"],
        &["partials", "."],
        &["partials", ".", "--remove"],
        &["keygen", "key"],
        &["keygen", "--pair", "pair"],
    ] {
        let Some(full) = full() else { return };
        let mut program = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
        let output = program.args(arguments).current_dir(&here).stdout(full).output();
        let ended = Ended::from(output.expect("the program starts"));
        ended.with(1, &["standard output cannot be written", "no space left"]);
    }
    // Nothing goes that could not be listed.
    assert!(place.here(".f.tinyferry-part").exists());
}

#[test]
fn complaints_that_cannot_be_written_change_nothing() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    for (arguments, code) in [
        (&["put", "f", "-v"][..], 0),
        (&["put", "f", "--sha256"], 0),
        (&["get", "nothing"], 6),
        (&["put", "nothing"], 1),
        (&["put", "f", "--nonsense"], 2),
    ] {
        let mut program = command(&server.endpoint, &place.here(""), arguments);
        program.stdout(Stdio::null());
        let Some(full) = full() else { return };
        let status = program.stderr(full).status().expect("the program starts");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
        // And where it is closed.
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$@\" 2>&- >&-", "sh"]).arg(program.get_program());
        let status = shell.args(program.get_args()).current_dir(place.here("")).status();
        assert_eq!(status.expect("sh is there").code(), Some(code), "{arguments:?}");
    }
}
