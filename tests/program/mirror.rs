//! Options that leave out unchanged files, and mirrors.

mod left_out;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::harness::{Ended, Place, Server, content};

/// A tree of three directories, and a server that allows to remove.
pub(crate) fn start(arguments: &[&str]) -> (Place, Server) {
    let place = Place::new();
    for number in 0..60 {
        let path = place.here(&format!("t/{}/{number}", number % 3));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content(2000, number + 1)).expect("a file");
    }
    let server = Server::start(&place.served(""), arguments);
    (place, server)
}

#[test]
fn the_directories_of_removed_entries_have_the_times_of_the_source() {
    let (place, server) = start(&["--allow-remove"]);
    let here = place.here("");
    let old =
        |minutes: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + minutes * 60);
    let time = |path: &Path| path.metadata().and_then(|found| found.modified()).expect("a time");
    let set = |path: &Path, time| {
        fs::File::open(path).and_then(|dir| dir.set_modified(time)).expect("a time");
    };
    server.client(&here, &["mirror", "t", "m"]).well();
    server.client(&here, &["mirror", "--get", "m", "copy"]).well();
    for (path, minutes) in [("t/0", 1), ("t", 2)] {
        set(&place.here(path), old(minutes));
    }
    for _ in 0..2 {
        for above in [place.served("m"), place.here("copy")] {
            fs::create_dir_all(above.join("0/gone")).expect("a directory");
            fs::write(above.join("0/gone/f"), "x").expect("a file");
            fs::write(above.join("0/too"), "x").expect("a file");
            fs::write(above.join("and this"), "x").expect("a file");
        }
        server.client(&here, &["mirror", "t", "m", "--max-delete", "100%"]).well();
        server.client(&here, &["mirror", "--get", "m", "copy", "--max-delete", "100%"]).well();
        for above in [place.served("m"), place.here("copy")] {
            assert!(!above.join("0/gone").exists() && !above.join("and this").exists());
            assert_eq!(time(&above.join("0")), old(1), "{}", above.display());
        }
        // A directory that the user names for a get keeps its own time.
        assert_eq!(time(&place.served("m")), old(2));
    }
    // A removal without a mirror changes the time of the directory.
    server.client(&here, &["rm", "m/0/0"]).well();
    assert_ne!(time(&place.served("m/0")), old(1));
}

/// Mirrors `t` to `m`.
pub(crate) fn mirror(place: &Place, server: &Server, options: &[&str]) -> Ended {
    server.client(&place.here(""), &[&["mirror", "t", "m"], options].concat())
}

/// The number of files in the summary.
pub(crate) fn files(ended: &Ended) -> u64 {
    let (_, rest) = ended.stdout.split_once("\": ").expect("a summary");
    rest.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

/// The number of bytes on the wire in the summary.
pub(crate) fn wire_bytes(ended: &Ended) -> u64 {
    let (before, _) = ended.stdout.split_once(" over the wire").expect("a summary");
    let (_, figure) = before.rsplit_once(", ").expect("a figure");
    let (number, unit) = figure.split_once(' ').expect("a unit");
    let number: f64 = number.parse().expect("a number");
    let unit = ["B", "KiB", "MiB", "GiB"].iter().position(|name| *name == unit).expect("a unit");
    (number * 1024_f64.powi(unit as i32)) as u64
}

pub(crate) fn assert_same(here: &Path, there: &Path) {
    let diff = Command::new("diff").arg("-r").args([here, there]).output().expect("diff");
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
}

#[test]
fn entries_of_another_source_are_not_removed() {
    let (place, server) = start(&["--allow-remove"]);
    let here = place.here("");
    fs::write(place.here("single"), "s").expect("a file");
    fs::create_dir(place.here("b")).expect("a directory");
    fs::write(place.here("b/x"), "x").expect("a file");
    let arguments = ["put", "t/.", "b", "single", "--to", "r", "--delete"];
    server.client(&here, &arguments).well();
    let ended = server.client(&here, &arguments).well();
    assert!(!ended.stdout.contains("removed"), "{}", ended.stdout);
    assert!(place.served("r/b/x").exists() && place.served("r/single").exists());
    // Permission bits of a directory alone.
    let bits = fs::Permissions::from_mode(0o711);
    fs::set_permissions(place.here("b"), bits).expect("a directory");
    fs::set_permissions(place.here("t/1"), fs::Permissions::from_mode(0o711)).expect("a directory");
    let arguments = [arguments.as_slice(), &["--update"]].concat();
    server.client(&here, &arguments).well();
    let mode = |path| fs::metadata(place.served(path)).expect("a directory").permissions().mode();
    assert_eq!([mode("r/1"), mode("r/b")].map(|mode| mode & 0o777), [0o711; 2]);
    fs::write(place.served("r/gone"), "g").expect("a file");
    server.client(&here, &arguments).well();
    assert!(!place.served("r/gone").exists() && place.served("r/b/x").exists());
}

#[test]
fn an_empty_target_is_refused_and_never_the_whole_directory() {
    let (place, server) = start(&["--allow-remove"]);
    fs::write(place.served("other"), "o").expect("a file");
    for arguments in [["mirror", "t", ""].as_slice(), &["put", "t", "--to", ""]] {
        server.client(&place.here(""), arguments).with(2, &["it is empty", "\".\""]);
    }
    assert!(place.served("other").exists());
}

#[test]
fn entries_that_cannot_be_sent_are_named_each_time_and_nothing_is_removed() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = || mirror(&place, &server, &[]);
    mirror().well();
    std::os::unix::fs::symlink("1", place.here("t/0/link")).expect("a link");
    fs::remove_file(place.here("t/1/1")).expect("it can be removed");
    for _ in 0..2 {
        mirror().with(3, &["t/0/link", "nothing was removed"]);
        assert!(place.served("m/1/1").exists());
    }
    // A link in the place of a file that the server has.
    fs::remove_file(place.here("t/0/link")).expect("it can be removed");
    fs::remove_file(place.here("t/0/0")).expect("it can be removed");
    std::os::unix::fs::symlink("1", place.here("t/0/0")).expect("a link");
    mirror().with(3, &["t/0/0"]);
    fs::remove_file(place.here("t/0/0")).expect("it can be removed");
    mirror().well();
    assert_same(&place.here("t"), &place.served("m"));
}

#[test]
fn a_directory_with_excluded_entries_stays() {
    let (place, server) = start(&["--allow-remove"]);
    server.client(&place.here(""), &["mirror", "t", "m"]).well();
    fs::write(place.served("m/0/k.o"), "k").expect("a file");
    fs::remove_dir_all(place.here("t/0")).expect("it can be removed");
    let mirror =
        || server.client(&place.here(""), &["mirror", "t", "m", "--exclude", "*.o"]).well();
    assert!(mirror().stdout.contains("removed 20 entries"));
    assert!(!mirror().stdout.contains("removed"));
    assert!(place.served("m/0/k.o").exists());
}

#[test]
fn a_mirror_is_equal_and_keeps_excluded_entries() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = |options: &[&str]| mirror(&place, &server, options);
    assert_eq!(files(&mirror(&[]).well()), 60);
    assert_same(&place.here("t"), &place.served("m"));
    fs::remove_dir_all(place.here("t/1")).expect("it can be removed");
    fs::write(place.here("t/2/2"), b"changed").expect("a file");
    fs::write(place.served("m/2/log.o"), b"excluded").expect("a file");
    fs::write(place.here("t/0/x.o"), b"excluded").expect("a file");
    let dry = mirror(&["--dry-run", "--exclude", "*.o"]).well();
    for part in [
        "changed  m/2/2  (size, time)",
        "remove   m/1/",
        "1 file to send, 39 unchanged, 21 to remove",
    ] {
        assert!(dry.stdout.contains(part), "{}", dry.stdout);
    }
    assert!(place.served("m/1/1").exists(), "a dry run changed something");
    let ended = mirror(&["--exclude", "*.o"]).well();
    assert!(ended.stdout.contains("removed 21 entries"), "{}", ended.stdout);
    assert!(place.served("m/2/log.o").exists() && !place.served("m/0/x.o").exists());
    assert!(!place.served("m/1").exists());
    fs::remove_file(place.served("m/2/log.o")).expect("it can be removed");
    fs::remove_file(place.here("t/0/x.o")).expect("it can be removed");
    assert_same(&place.here("t"), &place.served("m"));
}

#[test]
fn a_mirror_removes_nothing_past_its_limit_or_if_a_file_was_not_sent() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = |options: &[&str]| mirror(&place, &server, options);
    mirror(&[]).well();
    for directory in ["t/0", "t/1"] {
        fs::remove_dir_all(place.here(directory)).expect("it can be removed");
    }
    let excess = ["42 of 63 entries", "--max-delete 50%"];
    let dry = mirror(&["--dry-run"]).with(3, &["nothing would be removed"]);
    dry.with(3, &excess);
    let ended = mirror(&[]).with(3, &["--dry-run"]).with(3, &excess);
    assert!(!ended.stdout.contains("removed"), "{}", ended.stdout);
    assert!(place.served("m/0/0").exists());
    // A file that cannot be stored.
    fs::remove_file(place.served("m/2/2")).expect("it can be removed");
    std::os::unix::fs::symlink("nowhere", place.served("m/2/2")).expect("a link");
    mirror(&["--max-delete", "42"]).with(3, &["nothing was removed", "not everything was sent"]);
    assert!(place.served("m/0/0").exists());
    fs::remove_file(place.served("m/2/2")).expect("it can be removed");
    mirror(&["--max-delete", "42"]).well();
    assert_same(&place.here("t"), &place.served("m"));
}

/// The check at the end makes a list of the server's entries needless.
#[test]
fn a_mirror_of_one_changed_file_lists_nothing() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = || mirror(&place, &server, &[]).well();
    mirror();
    fs::write(place.here("t/1/1"), "changed").expect("a file");
    let proxy = crate::cut_proxy::Proxy::start();
    proxy.lead_to(&server);
    crate::harness::client(&proxy.endpoint, &place.here(""), &["mirror", "t", "m"]).well();
    let crossed = proxy.crossed(0) + proxy.crossed(1);
    assert!(crossed < 1_600, "{crossed} bytes");
    fs::write(place.served("m/extra"), "extra").expect("a file");
    assert!(mirror().stdout.contains("removed 1 entry"));
    assert_same(&place.here("t"), &place.served("m"));
}
