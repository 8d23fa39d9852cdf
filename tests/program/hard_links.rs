//! Files with several names: `--hard-links`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::harness::{Place, Server, assert_same, content};
use crate::mirror::wire_bytes;

const SIZE: usize = 200_000;
const NAMES: [&str; 3] = ["a", "d/b", "d/e/c"];

/// Gives a file three names in three directories.
fn make_tree(root: &Path, seed: u64) {
    fs::create_dir_all(root.join("d/e")).expect("directories");
    for name in NAMES {
        let _ = fs::remove_file(root.join(name));
    }
    fs::write(root.join("a"), content(SIZE, seed)).expect("a file");
    for name in &NAMES[1..] {
        fs::hard_link(root.join("a"), root.join(name)).expect("a name");
    }
    fs::write(root.join("other"), content(10, 3)).expect("a file");
}

/// The number of names of each file.
fn names(root: &Path) -> Vec<u64> {
    let count = |name| fs::metadata(root.join(name)).map_or(0, |found| found.nlink());
    NAMES.into_iter().map(count).collect()
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(time))
        .expect("a time");
}

/// R88, R91.
#[test]
fn the_content_of_a_file_with_three_names_crosses_once_in_both_directions() {
    let place = Place::on_disk();
    let here = place.here("");
    make_tree(&place.here("t"), 1);
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for (task, result) in [
        (&["put", "t", "--hard-links"][..], place.served("t")),
        (&["get", "t", "-H", "--into", "copy"], place.here("copy/t")),
        (&["mirror", "t", "m", "--hard-links"], place.served("m")),
        (&["mirror", "--get", "m", "back", "-H"], place.here("back")),
    ] {
        let ended = server.client(&here, task).well();
        assert_same(&place.here("t"), &result);
        assert_eq!(names(&result), [3; 3], "{task:?}");
        let bytes = wire_bytes(&ended);
        assert!((SIZE as u64..SIZE as u64 * 5 / 4).contains(&bytes), "{}", ended.stdout);
        assert!(ended.stdout.contains("2 files, 2 links"), "{}", ended.stdout);
        let again = server.client(&here, task).well();
        assert!(wire_bytes(&again) < 500, "{task:?}: {}", again.stdout);
        assert_eq!(names(&result), [3; 3]);
    }
    // Without the option each name is a file of its own.
    server.client(&here, &["put", "t", "--to", "plain"]).well();
    assert_eq!(names(&place.served("plain/t")), [1; 3]);
    // New content replaces the file under all names.
    make_tree(&place.here("t"), 9);
    server.client(&here, &["put", "t", "-H"]).well();
    assert_same(&place.here("t"), &place.served("t"));
    assert_eq!(names(&place.served("t")), [3; 3]);
}

#[test]
fn an_excluded_name_is_left_out_and_the_others_are_still_one_file() {
    let place = Place::on_disk();
    let here = place.here("");
    make_tree(&place.here("t"), 1);
    let server = Server::start(&place.served(""), &[]);
    for (excluded, expected) in [("a", [0, 2, 2]), ("c", [2, 2, 0])] {
        let _ = fs::remove_dir_all(place.served("t"));
        server.client(&here, &["put", "t", "-H", "--exclude", excluded]).well();
        assert_eq!(names(&place.served("t")), expected);
        let into = format!("into {excluded}");
        make_tree(&place.served("u"), 1);
        server.client(&here, &["get", "u", "-H", "--exclude", excluded, "--into", &into]).well();
        assert_eq!(names(&place.here(&into).join("u")), expected);
    }
}

/// R91.
#[test]
fn the_content_is_sent_where_a_hard_link_is_refused() {
    for options in [&["--keep-both"][..], &["--write-only"]] {
        let place = Place::on_disk();
        make_tree(&place.here("t"), 1);
        let server = Server::start(&place.served(""), options);
        server.client(&place.here(""), &["put", "t", "-H"]).well();
        assert_same(&place.here("t"), &place.served("t"));
        assert_eq!(names(&place.served("t")), [1; 3], "{options:?}");
    }
}

/// R91.
#[test]
fn no_name_becomes_a_link_of_a_first_name_that_was_refused() {
    let place = Place::on_disk();
    make_tree(&place.here("t"), 1);
    let there = place.served("t");
    fs::create_dir_all(&there).expect("a directory");
    fs::write(there.join("a"), "old").expect("a file");
    let server = Server::start(&place.served(""), &["--no-replace"]);
    let ended = server.client(&place.here(""), &["put", "t", "-H"]);
    ended.with(3, &["1 entry was not transferred", "t/a\"", "exists"]);
    assert_eq!(fs::read(there.join("a")).expect("a file"), b"old");
    for name in &NAMES[1..] {
        assert_eq!(fs::read(there.join(name)).expect("a file"), content(SIZE, 1), "{name}");
    }
    // A directory has the first name.
    let there = place.served("u");
    fs::create_dir_all(there.join("a")).expect("a directory");
    let ended = server.client(&place.here(""), &["put", "t/.", "--to", "u", "-H"]);
    ended.with(3, &["1 entry was not transferred", "it is a directory"]);
    assert_same(&place.here("t/d"), &there.join("d"));
}

/// R64, R91: the receiver has other content of the same size and time, which is found out late.
#[test]
fn names_wait_for_a_first_name_that_is_sent_again() {
    let place = Place::on_disk();
    let here = place.here("");
    make_tree(&place.here("t"), 1);
    set_time(&place.here("t/a"), 1_700_000_000);
    let server = Server::start(&place.served(""), &[]);
    for option in ["--ignore-times", "--checksum"] {
        let _ = fs::remove_dir_all(place.served("t"));
        fs::create_dir_all(place.served("t/d")).expect("a directory");
        for name in ["t/a", "t/d/b"] {
            fs::write(place.served(name), content(SIZE, 2)).expect("a file");
            set_time(&place.served(name), 1_700_000_000);
        }
        let ended = server.client(&here, &["put", "t", "-H", option, "-vv"]).well();
        let starts = format!("starts at 0, {SIZE} bytes");
        let starts: Vec<_> = ended.stderr.lines().filter(|line| line.contains(&starts)).collect();
        assert!(matches!(starts[..], [first, again] if first == again), "{}", ended.stderr);
        assert_same(&place.here("t"), &place.served("t"));
        assert_eq!(names(&place.served("t")), [3; 3], "{option}");
    }
}

#[test]
fn a_new_name_of_a_file_that_the_receiver_has_becomes_a_hard_link() {
    let place = Place::on_disk();
    let here = place.here("");
    make_tree(&place.here("t"), 1);
    let server = Server::start(&place.served(""), &[]);
    server.client(&here, &["put", "t", "-H"]).well();
    fs::hard_link(place.here("t/a"), place.here("t/new")).expect("a name");
    for number in 0..2 {
        let ended = server.client(&here, &["put", "t", "-H"]).well();
        assert!(wire_bytes(&ended) < 2_000, "{}", ended.stdout);
        assert_same(&place.here("t"), &place.served("t"));
        assert_eq!(names(&place.served("t")), [4 + number; 3]);
        fs::hard_link(place.here("t/a"), place.here(&format!("t/0 new {number}"))).expect("a name");
    }
    server.client(&here, &["put", "t", "-H"]).well();
    fs::hard_link(place.served("t/a"), place.served("t/0 new 2")).expect("a name");
    let ended = server.client(&here, &["get", "t", "-H"]).well();
    assert!(wire_bytes(&ended) < 2_000, "{}", ended.stdout);
    assert_same(&place.here("t"), &place.served("t"));
    // A file that the receiver keeps with other content gets no further name.
    fs::remove_dir_all(place.served("t")).expect("a directory");
    fs::create_dir(place.served("t")).expect("a directory");
    fs::write(place.served("t/a"), "other").expect("a file");
    fs::write(place.served("t/d"), "in the way").expect("a file");
    for option in ["--ignore-existing", "--newer"] {
        let ended = server.client(&here, &["put", "t", "-H", option]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert_eq!(fs::read(place.served("t/a")).expect("a file"), b"other", "{option}");
        let new = fs::read(place.served("t/new")).expect("a file");
        assert_eq!(new, content(SIZE, 1), "{option}");
    }
}
