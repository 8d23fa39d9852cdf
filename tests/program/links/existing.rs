//! Links in the place of existing entries, and the reverse.

use std::fs;

use super::{entries, link, make_tree, target, write};
use crate::harness::{Place, Server};

/// R90.
#[test]
fn a_link_replaces_a_file_and_a_link_and_a_file_a_link_but_no_directory() {
    let place = Place::new();
    let here = place.here("");
    link(&place.here("t"), "was file", "f");
    link(&place.here("t"), "was link", "f");
    link(&place.here("t"), "was directory", "f");
    write(&place.here("t"), "f", b"f");
    write(&place.here("t"), "was link to f", b"new");
    write(&place.here("t"), "was link to directory", b"new");
    let there = place.served("t");
    write(&there, "was file", b"old");
    link(&there, "was link", "other");
    write(&there, "was directory/x", b"kept");
    write(&there, "other", b"old");
    link(&there, "was link to f", "other");
    link(&there, "was link to directory", "was directory");
    let server = Server::start(&place.served(""), &["--links"]);
    let ended = server.client(&here, &["put", "t", "-l"]);
    ended.with(3, &["1 entry was not transferred", "was directory\"", "it is a directory"]);
    assert_eq!(target(&there.join("was file")).as_deref(), Some("f"));
    assert_eq!(target(&there.join("was link")).as_deref(), Some("f"));
    assert_eq!(fs::read(there.join("was directory/x")).expect("a file"), b"kept");
    // The server has written no content through a link.
    assert_eq!(fs::read(there.join("other")).expect("a file"), b"old");
    for name in ["was link to f", "was link to directory"] {
        let path = there.join(name);
        assert!(!path.is_symlink() && fs::read(path).expect("a file") == b"new", "{name}");
    }
    assert!(entries(&there).iter().all(|entry| !entry.contains("tinyferry-part")));
}

#[test]
fn a_mirror_removes_links_and_replaces_other_entries_by_links() {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place.here("t"));
    let server = Server::start(&place.served(""), &["--links", "--allow-remove"]);
    for above in [place.served("m"), place.here("back")] {
        link(&above, "gone", "x");
        link(&above, "d/gone too", "/etc");
    }
    write(&place.served("m"), "to file/in it", b"x");
    link(&place.served("m"), "d/e", "..");
    let options = ["--links", "--max-delete", "100%"];
    let planned =
        server.client(&here, &[&["mirror", "t", "m", "--dry-run"], &options[..]].concat());
    assert!(planned.stdout.contains("remove   m/gone\n"), "{}", planned.stdout);
    assert!(planned.stdout.contains("new      m/loop\n"), "{}", planned.stdout);
    server.client(&here, &[&["mirror", "t", "m"], &options[..]].concat()).well();
    assert_eq!(entries(&place.served("m")), entries(&place.here("t")));
    server.client(&here, &[&["mirror", "--get", "m", "back"], &options[..]].concat()).well();
    assert_eq!(entries(&place.here("back")), entries(&place.here("t")));
    // Without the option a mirror leaves links where they are.
    link(&place.served("m"), "stays", "x");
    fs::remove_dir_all(place.here("t")).expect("a directory");
    write(&place.here("t"), "f", b"content");
    write(&place.here("t"), "d/e/g", b"more");
    server.client(&here, &["mirror", "t", "m", "--max-delete", "100%"]).well();
    assert_eq!(target(&place.served("m/stays")).as_deref(), Some("x"));
}

#[test]
fn the_policy_for_names_that_exist_applies_to_links() {
    let place = Place::new();
    let here = place.here("");
    link(&place.here("t"), "l", "new");
    link(&place.here("t"), "same", "x");
    for (option, kept) in [("--no-replace", false), ("--keep-both", true)] {
        let server = Server::start(&place.served(""), &["--links", option]);
        let there = place.served(option);
        link(&there, "l", "old");
        link(&there, "same", "x");
        let task = ["put", "t/.", "--to", option, "-l", "--ignore-times"];
        for _ in 0..2 {
            let ended = server.client(&here, &task);
            match kept {
                true => ended.well(),
                false => ended.with(3, &["1 entry was not transferred", "/l\"", "exists"]),
            };
            assert_eq!(target(&there.join("l")).as_deref(), Some("old"));
            assert_eq!(target(&there.join("l~1")), kept.then(|| "new".to_owned()));
            assert_eq!(entries(&there).len(), if kept { 3 } else { 2 });
        }
    }
}

#[test]
fn a_link_replaces_no_file_that_may_be_newer() {
    let place = Place::new();
    write(&place.served("t"), "f", b"of the server");
    link(&place.here("t"), "f", "g");
    let server = Server::start(&place.served(""), &["--links"]);
    for option in ["--newer", "--ignore-existing"] {
        server.client(&place.here(""), &["put", "t", "--links", option]).well();
        let kept = fs::read(place.served("t/f")).expect("it is there");
        assert_eq!((kept.as_slice(), target(&place.served("t/f"))), (&b"of the server"[..], None));
    }
    server.client(&place.here(""), &["put", "t", "--links"]).well();
    assert_eq!(target(&place.served("t/f")).as_deref(), Some("g"));
}

#[test]
fn a_mirror_replaces_a_directory_by_a_link_to_a_copy_of_it() {
    let place = Place::new();
    write(&place.here("t"), "a/f", b"f");
    write(&place.here("t"), "a/d/g", b"g");
    let server = Server::start(&place.served(""), &["--links", "--allow-remove"]);
    let mirror = |options: &[&str]| {
        let arguments =
            [&["mirror", "t", "t", "--links", "--max-delete", "100%"], options].concat();
        server.client(&place.here(""), &arguments).well()
    };
    mirror(&[]);
    fs::rename(place.here("t/a"), place.here("t/b")).expect("it is there");
    link(&place.here("t"), "a", "b");
    let planned = mirror(&["--dry-run"]);
    assert!(planned.stdout.contains("t/a/f"), "{}", planned.stdout);
    mirror(&[]);
    assert_eq!(entries(&place.here("t")), entries(&place.served("t")));
}

#[test]
fn a_refused_target_does_not_count_as_a_conflict_of_kinds() {
    let place = Place::new();
    link(&place.served("s"), "bad", "/etc");
    write(&place.served("s"), "f", b"f");
    write(&place.here("s"), "f/precious", b"precious");
    let server = Server::start(&place.served(""), &[]);
    let arguments = ["mirror", "--get", "s", "s", "--links", "--max-delete", "100%"];
    server.client(&place.here(""), &arguments).with(3, &["s/bad", "nothing was removed"]);
    assert!(place.here("s/f/precious").exists());
}
