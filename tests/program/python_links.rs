//! Links between the program and the second peer, in both directions, also without links at one end.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use crate::harness::{Place, Server, assert_same, client};
use crate::mirror::wire_bytes;
use crate::python_peer::{python, serve_with};

/// Two links, and a file with three names.
fn make_tree(root: &Path) {
    fs::create_dir_all(root.join("d/e")).expect("directories");
    fs::write(root.join("a"), "content").expect("a file");
    for name in ["d/b", "d/e/c"] {
        fs::hard_link(root.join("a"), root.join(name)).expect("a name");
    }
    symlink("../d/b", root.join("d/l")).expect("a link");
    symlink("nowhere", root.join("dangling")).expect("a link");
}

#[track_caller]
fn assert_linked(root: &Path, names: u64) {
    assert_eq!(fs::read_link(root.join("d/l")).expect("a link"), Path::new("../d/b"));
    assert_eq!(fs::read_link(root.join("dangling")).expect("a link"), Path::new("nowhere"));
    for name in ["a", "d/b", "d/e/c"] {
        let path = root.join(name);
        assert_eq!(fs::read(&path).expect("a file"), b"content", "{name}");
        assert_eq!(fs::symlink_metadata(&path).expect("a file").nlink(), names, "{name}");
    }
}

/// R90, R91, R92.
#[test]
fn the_python_server_makes_links_and_counts_them() {
    let place = Place::new();
    make_tree(&place.here("t"));
    let Some((_server, endpoint)) = serve_with(&place, &["--links"]) else { return };
    let run = |arguments: &[&str]| client(&endpoint, &place.here(""), arguments);
    run(&["put", "t", "-l", "-H"]).well();
    assert_linked(&place.served("t"), 3);
    let again = run(&["put", "t", "-l", "-H", "--update"]).well();
    assert!(wire_bytes(&again) < 500 && !again.stdout.contains("link"), "{}", again.stdout);
    symlink("/etc", place.here("t/out")).expect("a link");
    fs::remove_file(place.here("t/dangling")).expect("a link");
    symlink("d", place.here("t/dangling")).expect("a link");
    let told = ["1 entry was not transferred", "t/out\": the other end: the path is not allowed"];
    run(&["put", "t", "-l", "--update"]).with(3, &told);
    assert_eq!(fs::read_link(place.served("t/dangling")).expect("a link"), Path::new("d"));
    assert!(fs::symlink_metadata(place.served("t/out")).is_err());
}

/// R82, R88, R91: the second peer behaves like an older version.
#[test]
fn an_end_without_links_gets_the_content_and_each_link_is_listed() {
    let place = Place::new();
    make_tree(&place.here("t"));
    let Some((_server, endpoint)) = serve_with(&place, &["--allow-remove"]) else { return };
    let run = |arguments: &[&str]| client(&endpoint, &place.here(""), arguments);
    for _ in 0..2 {
        let told = ["2 entries were not transferred", "t/d/l\"", "requires a feature"];
        run(&["put", "t", "-l", "-H"]).with(3, &told);
    }
    for name in ["a", "d/b", "d/e/c"] {
        let path = place.served("t").join(name);
        assert_eq!(fs::read(&path).expect("a file"), b"content", "{name}");
        assert_eq!(fs::metadata(&path).expect("a file").nlink(), 1, "{name}");
    }
    assert!(fs::symlink_metadata(place.served("t/d/l")).is_err());
    // The server has no options of requests either.
    make_tree(&place.served("u"));
    let told = ["the server does not support links", "2 entries were not transferred", "u/d/l\""];
    run(&["get", "u", "-l", "-H"]).with(3, &told);
    assert_eq!(fs::read(place.here("u/d/e/c")).expect("a file"), b"content");
}

/// R81, R88, R90 to R92.
#[test]
fn the_python_client_sends_and_gets_links() {
    let place = Place::new();
    make_tree(&place.here("t"));
    let server = Server::start(&place.served(""), &["--links"]);
    let endpoint = server.endpoint.clone();
    let run = |task: &[&str]| {
        let output = python(&place.here(""), task)?.args(["-e", &endpoint, "--links"]).output();
        let output = output.expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{task:?}: {said}");
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    if run(&["put", "t", "t"]).is_none() {
        return;
    }
    assert_linked(&place.served("t"), 3);
    assert_eq!(run(&["compare", "t", "t"]).as_deref(), Some("the same"));
    fs::remove_file(place.served("t/dangling")).expect("a link");
    symlink("else", place.served("t/dangling")).expect("a link");
    assert_eq!(run(&["compare", "t", "t"]).as_deref(), Some("different"));
    run(&["put", "t", "t"]);
    assert_linked(&place.served("t"), 3);
    run(&["get", "t", "copy"]);
    assert_linked(&place.here("copy"), 3);
    assert_same(&place.here("t/d/e"), &place.here("copy/d/e"));
    drop(server);
    // Without links at the server, the content of each name is sent.
    let server = Server::start(&place.served(""), &["--write-only"]);
    let endpoint = server.endpoint.clone();
    let Some(mut command) = python(&place.here(""), &["put", "t", "plain"]) else { return };
    let output = command.args(["-e", &endpoint, "--links"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let is_told = said.contains("'dangling' was refused") && said.contains("(reason 19)");
    assert!(!output.status.success() && is_told, "{said}");
    for name in ["a", "d/b", "d/e/c"] {
        let path = place.served("plain").join(name);
        assert_eq!(fs::metadata(&path).expect("a file").nlink(), 1, "{name}");
        assert_eq!(fs::read(&path).expect("a file"), b"content", "{name}");
    }
}
