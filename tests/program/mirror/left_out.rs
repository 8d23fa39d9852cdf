//! Files that an update, a mirror or a dry run leaves out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{assert_same, files, start};
use crate::harness::{Place, Server, content};

#[test]
fn a_lone_file_is_left_out_by_the_same_rules() {
    let (place, server) = start(&[]);
    let here = place.here("");
    let get = |option: &str| server.client(&here, &["get", "f", option]).well();
    let read = || fs::read_to_string(place.here("f")).unwrap_or_default();
    fs::write(place.served("f"), "there").expect("a file");
    get("--existing");
    assert!(!place.here("f").exists());
    get("--update");
    assert_eq!(read(), "there");
    fs::write(place.here("f"), "local").expect("a file");
    get("--ignore-existing");
    get("--newer");
    assert_eq!(read(), "local");
    get("--update");
    assert_eq!(read(), "there");
}

/// R86, R88.
#[test]
fn a_second_update_sends_no_content_and_a_few_hundred_bytes() {
    let (place, server) = start(&[]);
    let put = |options: &[&str]| {
        let mut arguments = vec!["put", "t"];
        arguments.extend(options);
        server.client(&place.here(""), &arguments).well()
    };
    assert_eq!(files(&put(&["--update"])), 60);
    for option in ["--update", "--checksum", "--ignore-existing", "--newer", "--existing"] {
        let ended = put(&[option]);
        assert!(ended.stdout.contains(" 0 files"), "{option}: {}", ended.stdout);
        let (_, wire) = ended.stdout.rsplit_once(", ").expect("a figure");
        let bytes = wire.split(' ').next().and_then(|count| count.parse::<u64>().ok());
        assert!(bytes.is_some_and(|bytes| bytes <= 400), "{option}: {}", ended.stdout);
    }
    let get = || server.client(&place.here("t"), &["get", "t", "--update", "--into", "u"]).well();
    assert_eq!(files(&get()), 60);
    assert!(get().stdout.contains(" 0 files"));
    assert_same(&place.here("t/u/t/1"), &place.served("t/1"));
}

#[test]
fn each_option_leaves_out_its_files() {
    let (place, server) = start(&[]);
    server.client(&place.here(""), &["put", "t"]).well();
    let long_ago = SystemTime::now() - Duration::from_secs(100_000);
    let set = |path: &Path, bytes: &[u8], time: Option<SystemTime>| {
        fs::write(path, bytes).expect("a file");
        if let Some(time) = time {
            fs::File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(time))
                .expect("a time");
        }
    };
    // Newer and other content, older and other content, another time and the same content, a new file.
    set(&place.here("t/0/0"), b"newer", None);
    set(&place.here("t/1/1"), b"older", Some(long_ago));
    let same = fs::read(place.here("t/2/2")).expect("a file");
    set(&place.here("t/2/2"), &same, Some(long_ago));
    set(&place.here("t/2/new"), b"new", None);
    let backup = place.here("backup");
    let copy = |from: &Path, to: &Path| {
        let copied = Command::new("cp").arg("-a").args([from, to]).status().expect("cp");
        assert!(copied.success());
    };
    copy(&place.served("t"), &backup);
    for (option, sent) in [
        ("--update", ["0/0", "1/1", "2/2", "2/new"].as_slice()),
        ("--checksum", &["0/0", "1/1", "2/2", "2/new"]),
        ("--ignore-existing", &["2/new"]),
        ("--newer", &["0/0", "2/new"]),
        ("--existing", &["0/0", "1/1", "2/2"]),
    ] {
        fs::remove_dir_all(place.served("t")).expect("it can be removed");
        copy(&backup, &place.served("t"));
        let ended = server.client(&place.here(""), &["put", "t", option, "-v"]).well();
        let mut names: Vec<_> = ended
            .stderr
            .lines()
            .chain(ended.stdout.lines())
            .filter_map(|line| line.split_once("\"t/").or(line.split_once(" t/")))
            .filter_map(|(_, rest)| rest.split(['"', ':', ' ']).next())
            .filter(|name| name.contains('/'))
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names, sent, "{option}: {} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_dry_run_names_the_files_that_are_compared() {
    let place = Place::new();
    let here = place.here("");
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("t")).expect("a directory");
    for name in ["1", "2", "3"] {
        fs::write(place.here(&format!("t/{name}")), content(100, 1)).expect("a file");
    }
    server.client(&here, &["put", "t"]).well();
    server.client(&here, &["get", "t", "--into", "o"]).well();
    for option in ["--ignore-times", "--sha256", "--checksum"] {
        for task in [&["put", "t"][..], &["get", "t", "--into", "o"]] {
            let ended = server.client(&here, &[task, &[option, "--dry-run"]].concat()).well();
            let lines = ended.stdout.lines().filter(|line| line.starts_with("compare ")).count();
            assert!(lines == 3 && ended.stdout.contains("3 to compare"), "{}", ended.stdout);
        }
    }
    let ended = server.client(&here, &["put", "t", "--dry-run"]).well();
    assert!(!ended.stdout.contains("compare"), "{}", ended.stdout);
}

#[test]
fn a_dry_run_of_a_lone_file_compares_it_as_the_transfer_does() {
    let place = Place::new();
    let here = place.here("");
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), content(100, 1)).expect("a file");
    server.client(&here, &["put", "f"]).well();
    fs::create_dir(place.here("o")).expect("a directory");
    server.client(&here, &["get", "f", "--into", "o"]).well();
    for task in [&["put", "f"][..], &["get", "f", "--into", "o"]] {
        let ended = server.client(&here, &[task, &["--dry-run"]].concat()).well();
        assert!(ended.stdout.contains("1 to compare"), "{}", ended.stdout);
        let ended = server.client(&here, &[task, &["--dry-run", "--update"]].concat()).well();
        assert!(ended.stdout.contains("1 unchanged"), "{}", ended.stdout);
    }
}
