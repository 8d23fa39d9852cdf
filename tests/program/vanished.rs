//! Files of the source that vanish or change while a tree is transferred: they are told apart from other failures.

use std::fs::{self, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use crate::harness::{Ended, Place, Server, command, content, wait_until};
use crate::slow_line::SlowLine;

/// The size of a file that is larger than the buffers of the system between the two ends, in bytes.
const LARGE: usize = 24 << 20;

/// A tree of a large file and small ones behind it.
fn make_tree(parent: &Path) {
    fs::create_dir_all(parent.join("t")).expect("a directory");
    fs::write(parent.join("t/a"), content(LARGE, 1)).expect("a file");
    for name in ["b", "c"] {
        fs::write(parent.join("t").join(name), name).expect("a file");
    }
}

/// Runs a client on a slow line; `change` is called when the file `begun` is there.
fn changing(
    place: &Place,
    server: &Server,
    arguments: &[&str],
    begun: &Path,
    change: impl FnOnce(),
) -> Ended {
    let line = SlowLine::start(server, 24 << 20);
    let mut client = command(&line.endpoint, &place.here(""), arguments);
    client.stdout(Stdio::piped()).stderr(Stdio::piped());
    let client = client.spawn().expect("the program starts");
    wait_until("the transfer has begun", || begun.exists());
    change();
    client.wait_with_output().expect("it ends").into()
}

#[test]
fn a_put_without_a_file_that_vanished_has_a_code_of_its_own() {
    let place = Place::new();
    make_tree(&place.here(""));
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let begun = place.served("t/.a.tinyferry-part");
    let vanish = |name: &str| fs::remove_file(place.here("t").join(name)).expect("it was there");
    let ended = changing(&place, &server, &["put", "t", "--json"], &begun, || vanish("b"));
    assert!(
        ended.stdout.contains(r#""reason":"vanished","reason_code":3,"at_peer":false"#),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains(r#""failed":1,"vanished":1"#), "{}", ended.stdout);
    ended.with(8, &["1 entry was not transferred", "\"t/b\": it vanished before it was sent"]);
    assert!(place.served("t/c").exists());

    // Beside another failure, and where removals depend on it.
    fs::remove_dir_all(place.served("t")).expect("it was there");
    std::os::unix::fs::symlink("a", place.here("t/link")).expect("a link");
    fs::write(place.here("t/b"), "b").expect("a file");
    let ended = changing(&place, &server, &["put", "t"], &begun, || vanish("b"));
    ended.with(3, &["it vanished", "symbolic link"]);
    fs::remove_file(place.here("t/link")).expect("it was there");
    fs::remove_dir_all(place.served("t")).expect("it was there");
    let ended = changing(&place, &server, &["put", "t", "--delete"], &begun, || vanish("c"));
    ended.with(3, &["it vanished", "nothing was removed"]);
}

#[test]
fn a_file_that_shrinks_while_a_tree_is_sent_is_no_other_failure() {
    let place = Place::new();
    make_tree(&place.here(""));
    let server = Server::start(&place.served(""), &[]);
    let begun = place.served("t/.a.tinyferry-part");
    let ended = changing(&place, &server, &["put", "t"], &begun, || {
        let file = OpenOptions::new().write(true).open(place.here("t/a")).expect("it is there");
        file.set_len(1 << 20).expect("it shrinks");
    });
    ended.with(8, &["\"t/a\": the file changed while it was read (it became shorter)"]);
    assert!(place.served("t/c").exists() && !place.served("t/a").exists());
}

#[test]
fn a_get_without_a_file_that_vanished_has_the_same_code() {
    let place = Place::new();
    make_tree(&place.served(""));
    let server = Server::start(&place.served(""), &[]);
    let begun = place.here("t/.a.tinyferry-part");
    let ended = changing(&place, &server, &["get", "t"], &begun, || {
        fs::remove_file(place.served("t/b")).expect("it was there");
    });
    ended.with(8, &["1 entry was not transferred", "\"t/b\": it vanished before it was sent"]);
    assert!(place.here("t/c").exists());
}

#[test]
fn a_plan_has_the_exit_code_of_its_failed_entries() {
    let place = Place::new();
    let here = place.here("");
    fs::create_dir_all(place.here("t")).expect("a directory");
    fs::write(place.here("t/f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let plan = |arguments: &[&str]| server.client(&here, &[arguments, &["--dry-run"]].concat());
    plan(&["put", "t"]).well();
    std::os::unix::fs::symlink("f", place.here("t/link")).expect("a link");
    assert!(plan(&["put", "t"]).with(3, &[]).stdout.contains("cannot   t/link"));
    plan(&["mirror", "t", "t"]).with(3, &["nothing would be removed"]);
    plan(&["put", "t", "--exclude", "link"]).well();
    fs::remove_file(place.here("t/link")).expect("it was there");
    server.client(&here, &["put", "t"]).well();
    for name in ["1", "2", "3"] {
        fs::write(place.served("t").join(name), name).expect("a file");
    }
    plan(&["mirror", "t", "t"]).with(3, &["more than --max-delete 50% allows"]);
    plan(&["mirror", "t", "t", "--max-delete", "100%"]).well();
    // A name that no path can have is not in the plan.
    let name = std::ffi::OsStr::from_bytes(b"\xff");
    fs::write(place.here("t").join(name), "").expect("a file");
    plan(&["put", "t"]).with(3, &["names that cannot be sent"]);
}
