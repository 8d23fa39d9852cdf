//! Mirrors where an entry of another kind has the name of one to send.

use std::fs;

use crate::harness::Place;
use crate::mirror::{assert_same, files, mirror, start};

#[test]
fn a_mirror_replaces_entries_of_another_kind() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = |options: &[&str]| mirror(&place, &server, options);
    mirror(&[]).well();
    // A directory with entries for a file, and a file for a directory.
    fs::remove_file(place.served("m/0/0")).expect("it can be removed");
    fs::create_dir_all(place.served("m/0/0/deep/er")).expect("directories");
    fs::write(place.served("m/0/0/deep/f.o"), "f").expect("a file");
    fs::remove_dir_all(place.served("m/1")).expect("it can be removed");
    fs::write(place.served("m/1"), "one").expect("a file");
    let options = ["--exclude", "*.o", "--max-delete", "100%"];
    let why = ["nothing more would be removed", "not everything can be sent"];
    mirror(&[&options[..], &["--dry-run"]].concat()).with(3, &why);
    let why = ["nothing more was removed", "not everything was sent"];
    let ended = mirror(&options).with(3, &why);
    assert!(ended.stdout.contains("removed 1 entry from the server"), "{}", ended.stdout);
    assert!(place.served("m/0/0/deep/f.o").exists(), "it is excluded");
    assert!(place.served("m/1/1").exists(), "a conflict without excluded entries is resolved");
    mirror(&["--max-delete", "1"]).with(3, &["more than --max-delete 1 allows"]);
    let dry = mirror(&["--dry-run"]).well();
    assert!(dry.stdout.contains("changed  m/0/0  (kind"), "{}", dry.stdout);
    assert!(dry.stdout.contains("4 to remove"), "{}", dry.stdout);
    let put = ["put", "t/.", "--to", "m", "--dry-run"];
    let dry = server.client(&place.here(""), &put).with(3, &[]);
    assert!(dry.stdout.contains("cannot   m/0/0  (kind"), "{}", dry.stdout);
    assert!(dry.stdout.contains("1 that cannot be sent"), "{}", dry.stdout);
    let ended = mirror(&[]).well();
    assert_eq!(files(&ended), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("removed 4 entries from the server"), "{}", ended.stdout);
    assert_same(&place.here("t"), &place.served("m"));
}

#[test]
fn a_dry_run_counts_entries_of_another_kind_as_the_transfer_does() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = |options: &[&str]| mirror(&place, &server, options);
    mirror(&[]).well();
    // 22 of 43 entries are to be removed. Those below `1` cannot be sent before that.
    fs::remove_dir_all(place.here("t/0")).expect("it can be removed");
    fs::remove_dir_all(place.served("m/1")).expect("it can be removed");
    fs::write(place.served("m/1"), "one").expect("a file");
    let excess = ["22 of 43 entries", "--max-delete 50%"];
    let dry = mirror(&["--dry-run"]).with(3, &excess);
    assert!(dry.stdout.contains("20 files to send") && dry.stdout.contains("22 to remove"));
    let ended = mirror(&[]).with(3, &excess);
    assert!(!ended.stderr.contains("not everything was sent"), "{}", ended.stderr);
    let ended = mirror(&["--max-delete", "22"]).well();
    assert!(ended.stdout.contains("removed 22 entries"), "{}", ended.stdout);
    assert_same(&place.here("t"), &place.served("m"));
}

/// A directory that is not empty at the server, in the place of the file `t/0/0`.
fn make_kind_conflict(place: &Place) {
    fs::remove_file(place.served("t/0/0")).expect("it can be removed");
    fs::create_dir(place.served("t/0/0")).expect("a directory");
    fs::write(place.served("t/0/0/x"), "x").expect("a file");
}

#[test]
fn a_file_counts_once_if_a_kind_conflict_is_removed() {
    let (place, server) = start(&["--allow-remove"]);
    let arguments = ["put", "t", "--delete", "--ignore-times"];
    let put = || server.client(&place.here(""), &arguments).well();
    put();
    make_kind_conflict(&place);
    assert_eq!(files(&put()), 60);
    assert_same(&place.here("t"), &place.served("t"));
}

#[test]
fn a_kind_conflict_stays_if_a_source_is_missing() {
    let (place, server) = start(&["--allow-remove"]);
    server.client(&place.here(""), &["put", "t"]).well();
    make_kind_conflict(&place);
    let ended = server.client(&place.here(""), &["put", "t", "missing", "--delete"]);
    ended.with(3, &["\"missing\"", "t/0/0", "nothing was removed"]);
    assert!(place.served("t/0/0/x").exists());
}
