//! Bad input: each gets one clear sentence and its exit code, the server goes on, nothing is lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::{Ended, Place, Server, content, set_mode, snapshot};

#[test]
fn a_file_that_is_missing_on_either_side_is_reported() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    server.client(&here, &["put", "missing"]).with(1, &["\"missing\"", "no such file"]);
    server.client(&here, &["get", "missing"]).with(6, &["\"missing\"", "no file of that name"]);
    server.client(&here, &["ping"]).well();
    assert!(!place.here("missing").exists());
    assert_eq!(server.log().matches("panicked").count(), 0);
}

/// R15, R16.
#[test]
fn a_path_that_leads_out_of_the_root_is_refused() {
    let place = Place::new();
    fs::write(place.root.path().join("secret"), "secret").expect("a file");
    symlink(place.root.path(), place.served("out")).expect("a link");
    symlink(place.root.path().join("secret"), place.served("link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for path in ["../secret", "a/../../secret", "con\u{7}trol"] {
        server.client(&here, &["get", path]).with(2, &["is not a valid path on the server"]);
    }
    for path in ["out/secret", "link", "out"] {
        server
            .client(&here, &["get", path])
            .with(6, &["it is a symbolic link", "no link is followed"]);
    }
    fs::write(place.here("f"), "f").expect("a file");
    server.client(&here, &["put", "f", "--to", "../x"]).with(2, &["cannot be a path"]);
    server
        .client(&here, &["put", "f", "--to", "out"])
        .with(6, &["\"out\" cannot be entered: it is a symbolic link"]);
    fs::write(place.here("link"), "changed").expect("a file");
    server.client(&here, &["put", "link"]).with(6, &["the other end: it is a symbolic link"]);
    let long = vec!["d".repeat(200); 5].join("/");
    server.client(&here, &["put", "f", "--to", &long]).with(2, &["cannot be a path"]);
    server.client(&here, &["put", "f", "--to", &"n".repeat(256)]).with(2, &["255"]);
    assert_eq!(fs::read(place.root.path().join("secret")).expect("it is there"), b"secret");
    assert!(!place.root.path().join("f").exists());
    // An absolute path is one below the root that is served.
    fs::write(place.served("g"), "g").expect("a file");
    server.client(&here, &["get", "/g"]).well();
}

#[test]
fn a_target_that_is_a_directory_or_below_a_file_is_refused() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.served("d")).expect("a directory");
    fs::write(place.served("file"), "old").expect("a file");
    fs::write(place.here("d"), "d").expect("a file");
    server.client(&here, &["put", "d"]).with(6, &["\"d\"", "is a directory"]);
    server.client(&here, &["put", "d", "--to", "file"]).with(6, &["it is a file"]);
    assert_eq!(fs::read(place.served("file")).expect("it is there"), b"old");
    // The client's own target.
    fs::create_dir(place.here("file")).expect("a directory");
    server.client(&here, &["get", "file"]).with(1, &["is a directory"]);
    server.client(&here, &["ping"]).well();
}

#[test]
fn failed_entries_of_a_tree_are_listed_and_the_others_arrive() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir_all(place.here("tree/sub")).expect("directories");
    for number in 0..200 {
        fs::write(place.here(&format!("tree/sub/{number}")), content(number * 50, 1))
            .expect("a file");
    }
    fs::create_dir_all(place.served("tree/sub/17")).expect("a directory");
    fs::create_dir_all(place.served("tree/sub/150")).expect("a directory");
    symlink("sub/1", place.here("tree/link")).expect("a link");
    let fifo = Command::new("mkfifo").arg(place.here("tree/fifo")).status();
    assert!(fifo.expect("mkfifo is there").success());
    let ended = server.client(&here, &["put", "tree"]);
    ended.with(
        3,
        &[
            "4 entries were not transferred",
            "sub/17",
            "sub/150",
            "is a directory",
            "tree/link\": it is a symbolic link",
            "tree/fifo\"",
        ],
    );
    assert_eq!(snapshot(&place.served("tree/sub")).len(), 200);
    for number in (0..200).filter(|number| ![17, 150].contains(number)) {
        let name = format!("tree/sub/{number}");
        assert_eq!(fs::read(place.here(&name)).ok(), fs::read(place.served(&name)).ok());
    }
    let log = server.log();
    assert!(log.contains("4 entries failed"), "{log}");
    assert!(!place.served("tree/link").exists() && !place.served("tree/fifo").exists());
}

#[test]
fn a_source_that_changes_while_it_is_sent_is_refused() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), "old").expect("a file");
    for shrinks in [true, false] {
        fs::write(place.here("f"), content(100 << 20, 1)).expect("a file");
        let path = place.here("f");
        let part = place.served(".f.tinyferry-part");
        let changer = thread::spawn(move || {
            for _ in 0..20_000 {
                if part.metadata().is_ok_and(|metadata| metadata.len() > 1 << 20) {
                    break;
                }
                thread::sleep(Duration::from_micros(200));
            }
            let file = fs::OpenOptions::new().write(true).open(path).expect("the file");
            file.set_len(if shrinks { 50 << 20 } else { 101 << 20 }).expect("a length");
        });
        server
            .client(&place.here(""), &["put", "f"])
            .with(1, &["\"f\"", "changed while it was read"]);
        changer.join().expect("it is changed");
        assert!(server.wait_for_line("changed while it was read").is_some());
        assert!(!place.served(".f.tinyferry-part").exists());
        assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    }
    server.client(&place.here(""), &["ping"]).well();
}

/// Runs the client as somebody who may read and write nothing of ours; only root can do that.
fn as_nobody(place: &Place, server: &Server, arguments: &[&str]) -> Option<Ended> {
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let (verb, rest) = arguments.split_first().expect("a command");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", program, verb])
        .args(["-e", &server.endpoint])
        .args(rest)
        .current_dir(place.here(""))
        .output()
        .ok()?;
    // It has no right to change its user, or cannot get at the program.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let is_able = output.status.success() || stderr.contains("tinyferry: ");
    is_able.then(|| output.into())
}

#[test]
fn a_file_that_may_not_be_read_or_written_is_reported() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    set_mode(place.root.path(), 0o755);
    fs::create_dir_all(place.here("tree/closed")).expect("directories");
    fs::create_dir(place.here("full")).expect("a directory");
    for (name, mode) in [("secret", 0o600), ("tree/secret", 0o600), ("tree/open", 0o644)] {
        fs::write(place.here(name), "x").expect("a file");
        set_mode(&place.here(name), mode);
    }
    fs::write(place.here("tree/closed/in it"), "x").expect("a file");
    set_mode(&place.here("tree/closed"), 0o700);
    fs::write(place.served("f"), "f").expect("a file");
    let Some(ended) = as_nobody(&place, &server, &["put", "secret"]) else {
        println!("skipped: this test cannot run a program as another user here");
        return;
    };
    ended.with(1, &["\"secret\"", "permission is denied"]);
    assert!(!place.served("secret").exists());
    let ended = as_nobody(&place, &server, &["put", "tree"]).expect("as before");
    ended.with(
        3,
        &["2 entries were not transferred", "tree/secret", "tree/closed", "permission is denied"],
    );
    assert_eq!(fs::read(place.served("tree/open")).expect("it is there"), b"x");
    let ended = as_nobody(&place, &server, &["get", "f", "--into", "full"]).expect("as before");
    ended.with(1, &["\"f\"", "permission is denied"]);
    server.client(&place.here(""), &["ping"]).well();
}
