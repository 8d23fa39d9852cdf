//! Names that the target takes for one.

use std::fs;
use std::path::Path;

use crate::harness::{Place, Server};
use crate::mounts::Disk;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("directories");
    fs::write(path, text).expect("a file");
}

fn listing(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a directory").flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("it is there")
}

/// R16. Of names that differ in case or in an accent the first one is taken, the others are listed.
#[test]
fn the_second_of_two_colliding_names_is_refused_and_listed() {
    let place = Place::new();
    let Some(_disk) = Disk::folding(&place.served("")) else { return };
    let mut server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for (name, text) in [
        ("t/A", "one"),
        ("t/a", "two"),
        ("t/Dir/x", "x of the first"),
        ("t/dir/x", "x of the second"),
        ("t/dir/y", "y of the second"),
        ("t/caf\u{e9}", "composed"),
        ("t/cafe\u{301}", "decomposed"),
        ("t/plain", "plain"),
    ] {
        write(&place.here(name), text);
    }
    write(&place.here("t/BIG"), &"1".repeat(200_000));
    write(&place.here("t/big"), &"2".repeat(200_000));
    for _ in 0..3 {
        let ended = server.client(&here, &["put", "t"]);
        let ended = ended.with(3, &["has the same name as \"A\"", "as \"Dir\""]);
        ended.with(3, &["\"t/a\"", "\"t/big\"", "\"t/dir/x\"", "\"t/dir/y\"", "\"t/caf"]);
        assert_eq!(listing(&place.served("t")), ["A", "BIG", "Dir", "cafe\u{301}", "plain"]);
        assert_eq!(listing(&place.served("t/Dir")), ["x"]);
        assert_eq!(read(&place.served("t/A")), "one");
        assert_eq!(read(&place.served("t/BIG")), "1".repeat(200_000));
        assert_eq!(read(&place.served("t/Dir/x")), "x of the first");
        assert_eq!(read(&place.served("t/cafe\u{301}")), "decomposed");
    }
    let log = server.log();
    assert!(log.contains("has the same name as \"A\""), "{log}");
    // By itself, too.
    server
        .client(&place.here("t"), &["put", "a", "--to", "t"])
        .with(6, &["\"t/a\"", "has the same name as \"A\""]);
    server.client(&place.here("t"), &["put", "plain", "--to", "T"]).with(6, &["\"T/plain\""]);
    assert_eq!(read(&place.served("t/A")), "one");
    // A file of the same spelling is replaced.
    write(&place.here("t/A"), "three");
    server.client(&place.here("t"), &["put", "A", "--to", "t"]).well();
    assert_eq!(read(&place.served("t/A")), "three");
}

#[test]
fn the_first_of_each_pair_of_colliding_small_files_is_kept() {
    const PAIRS: usize = 400;
    let place = Place::new();
    let Some(_disk) = Disk::folding(&place.here("")) else { return };
    for number in 0..PAIRS {
        write(&place.served(&format!("t/F{number}")), "first");
        write(&place.served(&format!("t/f{number}")), "second");
    }
    let server = Server::start(&place.served(""), &[]);
    for _ in 0..2 {
        let ended = server.client(&place.here(""), &["get", "t"]);
        ended.with(3, &[&format!("{PAIRS} entries were not transferred"), "has the same name as"]);
        assert_eq!(listing(&place.here("t")).len(), PAIRS);
        for number in 0..PAIRS {
            assert_eq!(read(&place.here(&format!("t/F{number}"))), "first");
        }
    }
}

/// R16. Removals, renames, mirrors and updates know one spelling only.
fn a_name_that_is_taken_for_another_one_changes_nothing(place: &Place) {
    let server = Server::start(&place.served("disk"), &["--allow-remove"]);
    let at = |name: &str| place.served(&format!("disk/{name}"));
    write(&at("t/A"), "first");
    write(&at("t/Dir/x"), "first");
    write(&at("t/other"), "other");
    let here = place.here("");
    let is_as_before = || {
        assert_eq!(listing(&at("t")), ["A", "Dir", "other"]);
        assert_eq!([read(&at("t/A")), read(&at("t/Dir/x"))], ["first", "first"]);
    };
    server.client(&here, &["rm", "t/a"]).with(6, &["has the same name as \"A\""]);
    server.client(&here, &["rm", "-r", "t/dir"]);
    is_as_before();
    server.client(&here, &["mv", "t/other", "t/a"]).with(6, &["\"t/a\" exists on the server"]);
    server
        .client(&here, &["mv", "--force", "t/other", "t/a"])
        .with(6, &["has the same name as \"A\""]);
    server.client(&here, &["mv", "t/a", "t/b"]).with(6, &["has the same name as \"A\""]);
    is_as_before();
    // Both names at the client: the second one is refused, and nothing is removed.
    for (name, text) in [("A", "first"), ("a", "second"), ("Dir/x", "first"), ("dir/x", "second")] {
        write(&place.here(&format!("t/{name}")), text);
    }
    for option in ["--update", "--checksum", "--ignore-existing", "--newer", "--existing"] {
        let ended = server.client(&here, &["put", "t", option]);
        if option != "--existing" {
            ended.with(3, &["\"t/a\"", "\"t/dir/x\"", "has the same name as"]);
        }
        server.client(&place.here("t"), &["put", "a", "--to", "t", option]);
        is_as_before();
    }
    let ended = server.client(&here, &["mirror", "t", "t", "--max-delete", "100%"]);
    ended.with(3, &["t/a\"", "has the same name as \"A\"", "nothing was removed"]);
    is_as_before();
    // One of them at the client, in another spelling.
    fs::remove_file(place.here("t/A")).expect("it is there");
    fs::remove_dir_all(place.here("t/Dir")).expect("it is there");
    let ended = server.client(&here, &["mirror", "t", "t", "--max-delete", "100%"]);
    ended.with(3, &["t/a\"", "has the same name as \"A\"", "nothing was removed"]);
    is_as_before();
    server.client(&here, &["mv", "--force", "t/A", "t/a"]).with(6, &["has the same name as \"A\""]);
    is_as_before();
}

#[test]
fn a_name_that_folds_to_another_one_changes_nothing() {
    let place = Place::new();
    fs::create_dir(place.served("disk")).expect("a directory");
    let Some(_disk) = Disk::folding(&place.served("disk")) else { return };
    a_name_that_is_taken_for_another_one_changes_nothing(&place);
}

#[test]
fn a_name_that_is_another_one_on_fat_changes_nothing() {
    let place = Place::new();
    fs::create_dir(place.served("disk")).expect("a directory");
    let image = place.root.path().join("image");
    let made = fs::File::create(&image).and_then(|file| file.set_len(32 << 20));
    made.expect("an image");
    let made = std::process::Command::new("mkfs.vfat").arg(&image).output();
    if !made.is_ok_and(|output| output.status.success()) {
        return println!("skipped: no FAT can be made here");
    }
    let Some(_disk) = Disk::existing(&image, &place.served("disk"), "loop") else { return };
    a_name_that_is_taken_for_another_one_changes_nothing(&place);
}
