//! Sources that are replaced, vanish or become readable.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::Watching;
use crate::harness::{Place, Server};

/// The system reports changes of the direct parent only.
#[test]
fn a_source_below_a_directory_that_is_replaced_is_watched() {
    let place = Place::new();
    fs::create_dir_all(place.here("g/p/s")).expect("directories");
    fs::write(place.here("g/p/s/old"), "1").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "g/p/s"]);
    fs::rename(place.here("g"), place.here("g.old")).expect("it can be moved");
    fs::create_dir_all(place.here("g/p/s")).expect("directories");
    for name in ["new", "later"] {
        fs::write(place.here("g/p/s").join(name), "2").expect("a file");
        let path = place.served("s").join(name);
        watching.until("a file in the new directory", || path.exists());
    }
}

#[test]
fn a_directory_that_becomes_readable_is_watched() {
    let place = Place::new();
    let closed = place.here("tree/closed");
    fs::create_dir_all(&closed).expect("directories");
    fs::write(place.here("tree/a"), "1").expect("a file");
    fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("it can be closed");
    if fs::read_dir(&closed).is_ok() {
        return println!("skipped: this user reads every directory");
    }
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "tree"]);
    fs::set_permissions(&closed, Permissions::from_mode(0o755)).expect("it can be opened");
    let (first, later) = (place.served("tree/closed"), place.served("tree/closed/later"));
    watching.until("the directory", || first.exists());
    fs::write(closed.join("later"), "2").expect("a file");
    watching.until("a file in it", || later.exists());
}

#[test]
fn a_name_that_clashes_later_does_not_end_the_command() {
    let place = Place::new();
    fs::create_dir(place.here("dir")).expect("a directory");
    for path in ["a", "dir/first"] {
        fs::write(place.here(path), "1").expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    let arguments = ["put", "dir/.", "a", "--to", "in", "--json"];
    let mut watching = Watching::start(&server, &place, &arguments);
    fs::write(place.here("dir/a"), "2").expect("a file");
    watching.until_said("tinyferry: two of the paths would both be \"a\"");
    watching.until_said(r#""status":"failed""#);
    fs::remove_file(place.here("dir/a")).expect("it is there");
    fs::write(place.here("dir/b"), "3").expect("a file");
    let path = place.served("in/b");
    watching.until("a later file", || path.exists());
    let objects = watching.said.iter().filter(|line| line.contains(r#""status":"failed""#));
    for object in objects {
        assert!(object.contains(r#""at_peer":false"#), "{object}");
    }
}

#[test]
fn a_program_is_told_of_a_source_that_vanishes() {
    let place = Place::new();
    fs::write(place.here("a"), "1").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "a", "--json"]);
    fs::remove_file(place.here("a")).expect("it is there");
    watching.wait_for_line(r#""status":"failed""#);
    let object = watching.said.last().expect("a line");
    for part in [r#""path":"a""#, r#""reason":"not-found""#, r#""at_peer":false"#] {
        assert!(object.contains(part), "{object}");
    }
}
