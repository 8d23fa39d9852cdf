//! Output that cannot be written: a reader that has left ends nothing, a full disk is a failure.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{
    Ended, Place, Server, assert_same, command, content, ended_within, write_many,
};

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
        &["put", "t", "--ignore-times"],
        &["get", "t", "--sha256", "--into", "o"],
    ] {
        let Some(ended) = on_a_full_disk(&server, &place, arguments) else { return };
        ended.with(1, &["standard output cannot be written", "no space left"]);
    }
    // The command was carried out.
    assert_same(&place.here("t"), &place.here("o/t"));
    // The same where an entry of the tree failed.
    std::os::unix::fs::symlink("7", place.here("t/link")).expect("a link");
    let Some(ended) = on_a_full_disk(&server, &place, &["put", "t", "--sha256"]) else { return };
    ended.with(1, &["standard output cannot be written", "link"]);
    // A failure of another kind keeps its own code.
    let Some(ended) = on_a_full_disk(&server, &place, &["ls", "nothing"]) else { return };
    ended.with(6, &["no file of that name"]);
}

#[test]
fn commands_without_a_server_fail_where_output_cannot_be_written() {
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
fn errors_that_cannot_be_written_change_no_result() {
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
        shell.args(["-c", "exec \"$@\" 2>&- >/dev/null", "sh"]).arg(program.get_program());
        let status = shell.args(program.get_args()).current_dir(place.here("")).status();
        assert_eq!(status.expect("sh is there").code(), Some(code), "{arguments:?}");
    }
}

/// Closed, and open for reading only.
const NO_OUTPUT: [(&str, &str); 2] =
    [(">&-", "it is closed"), ("1</dev/null", "it is not open for writing")];

/// Runs a program by the shell, which redirects its standard output.
fn redirected(program: &Command, redirection: &str) -> Ended {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$@\" {redirection}"), "sh"]).arg(program.get_program());
    shell.args(program.get_args());
    if let Some(directory) = program.get_current_dir() {
        shell.current_dir(directory);
    }
    shell.output().expect("sh is there").into()
}

#[test]
fn an_output_that_is_closed_or_only_readable_is_a_failure() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    fs::write(place.here(".f.tinyferry-part"), "f").expect("a file");
    fs::write(place.served("g"), "g").expect("a file");
    for (number, (redirection, why)) in NO_OUTPUT.into_iter().enumerate() {
        for arguments in [
            &["ls"][..],
            &["ls", "-R"],
            &["ping"],
            &["put", "f"],
            &["put", "f", "--sha256"],
            &["get", "g", "--into", "o"],
        ] {
            let program = command(&server.endpoint, &here, arguments);
            redirected(&program, redirection).with(1, &["standard output cannot be written", why]);
        }
        assert_eq!(fs::read(place.served("f")).expect("it was sent"), b"f");
        let key = format!("key{number}");
        for arguments in [&["--help"][..], &["--version"], &["partials", "."], &["keygen", &key]] {
            let mut program = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
            program.args(arguments).current_dir(&here);
            redirected(&program, redirection).with(1, &["standard output cannot be written", why]);
        }
        // A command without output needs no standard output.
        let program = command(&server.endpoint, &here, &["put", "f", "-q"]);
        redirected(&program, redirection).well();
        let program = command(&server.endpoint, &here, &["ls", "nothing"]);
        redirected(&program, redirection).with(6, &["no file of that name"]);
    }
    // Where it was thrown away on purpose, it was written.
    for redirection in [">/dev/null", "1<>/dev/null", ">/dev/null <&-"] {
        redirected(&command(&server.endpoint, &here, &["ls"]), redirection).well();
    }
}

#[test]
fn a_full_output_pipe_is_waited_for() {
    let place = Place::new();
    for number in 0..6000 {
        let name = format!("a name of some length, so that it takes room {number:04}");
        fs::write(place.served(&name), "").expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    let (mut near, far) = UnixStream::pair().expect("sockets");
    far.set_nonblocking(true).expect("an option");
    let mut program = command(&server.endpoint, &place.here(""), &["ls"]);
    program.stdout(OwnedFd::from(far)).stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    // The program has the other end, and nobody else.
    drop(program);
    let mut first = [0; 1];
    near.read_exact(&mut first).expect("it begins");
    // By then it has no room left.
    std::thread::sleep(Duration::from_millis(300));
    let mut listed = String::from_utf8_lossy(&first).into_owned();
    near.read_to_string(&mut listed).expect("it is text");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(listed.lines().count(), 6000);
}

#[test]
fn errors_that_are_not_read_delay_no_client() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    for name in write_many(&place.here(""), "t", 2000) {
        std::os::unix::fs::symlink("x", place.here(&format!("{name} link"))).expect("a link");
    }
    for (arguments, code) in [(&["put", "t"][..], 3), (&["put", "t", "-vv"], 3)] {
        let mut program = command(&server.endpoint, &place.here(""), arguments);
        let mut child = program
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let unread = child.stderr.take();
        let status = ended_within(&mut child, Duration::from_secs(60));
        assert_eq!(status.and_then(|status| status.code()), Some(code), "{arguments:?}");
        drop(unread);
    }
    // A reader that reads at all gets all of it.
    let ended = server.client(&place.here(""), &["put", "t", "-v", "--ignore-times"]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stderr.lines().filter(|line| line.contains(": the same")).count(), 2000);
    assert_eq!(ended.stderr.lines().filter(|line| line.contains("symbolic link")).count(), 1000);
    assert!(ended.stderr.contains("and 1000 more"), "{}", ended.stderr);
}
