//! The log of a server: each line tells the client, the action, the file, and the reason of a failure.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Place, Server, program};

#[test]
fn each_line_about_a_request_has_a_subject_a_verb_and_an_object() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["-v"]);
    let here = place.here("");
    fs::create_dir(place.here("t")).expect("a directory");
    for name in ["f", "t/a"] {
        fs::write(place.here(name), name).expect("a file");
    }
    fs::create_dir_all(place.served("d/t/a")).expect("directories");
    symlink("f", place.served("d/link")).expect("a link");
    server.client(&here, &["put", "f"]).well();
    server.client(&here, &["put", "t", "--to", "d"]).with(3, &["it is a directory"]);
    fs::create_dir(place.served("d/f")).expect("a directory");
    server.client(&here, &["put", "f", "--to", "d"]).with(6, &["it is a directory"]);
    server.client(&here, &["get", "no"]).with(6, &["no file of that name"]);
    server.client(&here, &["ls", "no"]).with(6, &["no file of that name"]);
    server.client(&here, &["get", "d", "--into", "out"]).with(3, &["symbolic link"]);
    let log = server.log();
    for line in [
        ": the client has connected",
        ": put of \"f\" has begun at byte 0",
        ": put of \"f\" is complete",
        ": put of the tree \"d/t\" has begun",
        ": put of the tree \"d/t\" is complete, but 1 entry failed",
        ": put of \"d/t/a\" failed: it is a directory",
        ": put of \"d/f\" failed: it is a directory",
        ": get of \"no\" failed: there is no file of that name",
        ": ls of \"no\" failed: there is no file of that name",
        ": get of \"d/link\" failed: it is a symbolic link",
        ": the client has disconnected",
    ] {
        assert!(log.lines().any(|logged| logged.ends_with(line)), "{line} in:\n{log}");
    }
}

#[test]
fn a_refused_right_is_logged_with_the_request() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    let mut server = Server::start(&place.served(""), &["--read-only"]);
    server.client(&here, &["put", "f"]).with(6, &["takes no files"]);
    let line = ": put of \"f\" failed: this server takes no files";
    assert!(server.wait_for_line(line).is_some());
    let mut server = Server::start(&place.served(""), &["--write-only"]);
    for verb in ["get", "ls"] {
        server.client(&here, &[verb, "f"]).with(6, &["gives no files"]);
        let line = format!(": {verb} of \"f\" failed: this server gives no files");
        assert!(server.wait_for_line(&line).is_some());
    }
}

/// Questions and changes are no transfers, although they come over the wire as the entries of a tree.
#[test]
fn a_request_without_content_is_logged_by_its_own_name() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.served("f"), "f").expect("a file");
    let mut server = Server::start(&place.served(""), &["--allow-remove"]);
    for request in [
        &["ls", "f"][..],
        &["df"],
        &["ping", "-v"],
        &["mkdir", "d"],
        &["mv", "f", "g"],
        &["rm", "g"],
    ] {
        server.client(&here, request).well();
    }
    server.client(&here, &["mv", "no", "d"]).with(6, &["no file of that name"]);
    let log = server.log();
    assert!(!log.contains(": put of") && !log.contains("WARN"), "{log}");
    for line in [": made the directory \"d\"", ": renamed \"f\" to \"g\"", ": removed \"g\""] {
        assert!(log.contains(line), "{line} in:\n{log}");
    }
    fs::write(place.here("f"), "f").expect("a file");
    fs::create_dir(place.served("g")).expect("a directory");
    fs::write(place.served("g/x"), "f").expect("a file");
    server.client(&here, &["rm", "g"]).with(6, &["-r removes it"]);
    assert!(server.wait_for_line(": rm of \"g\" failed: the directory is not empty").is_some());
    server.client(&here, &["put", "f", "f", "--to", "."]).with(2, &["two of the paths"]);
    server.client(&here, &["put", "f", "../served/g"]).well();
    assert!(server.wait_for_line(": put of the tree \".\" has begun").is_some());
    assert!(server.wait_for_line(": put of the tree \".\" is complete").is_some());
    let mut server = Server::start(&place.served(""), &["--read-only"]);
    server.client(&here, &["ping", "-v"]).well();
    server.client(&here, &["mkdir", "d"]).with(6, &["takes no files"]);
    let log = server.log();
    assert!(!log.contains(": put of") && !log.contains("WARN"), "{log}");
    assert!(log.contains(": a change of \".\" is refused: this server takes no files"), "{log}");
}

#[test]
fn a_rejected_client_is_logged_with_the_reason() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    let key = place.here("key").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &key]);
    server.client(&here, &["ping"]).with(7, &["--key FILE"]);
    assert!(server.wait_for_line(": the client is rejected: the client has no key").is_some());
    server.client(&here, &["ping", "--key", "key"]).well();
    let line = ": the client is authenticated as a key without a name";
    assert!(server.wait_for_line(line).is_some());
}

#[test]
fn the_end_of_a_server_is_logged() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["--allow-close"]);
    server.client(&place.here(""), &["close"]).well();
    assert!(server.wait_for_line(": the client has shut the server down").is_some());
    assert!(server.wait_for_line("the server has shut down").is_some());
}

#[test]
fn a_put_of_a_new_directory_is_no_failure() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("t")).expect("a directory");
    server.client(&place.here(""), &["put", "t"]).well();
    let log = server.log();
    assert!(log.contains("put of the tree \"t\" is complete"), "{log}");
    assert!(!log.contains("failed") && !log.contains("WARN"), "{log}");
}
