//! Options that leave out unchanged files, mirrors, and changes of the server's files.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::harness::{Ended, Place, Server, content, write_private};

/// A tree of three directories, and a server that allows to remove.
fn start(arguments: &[&str]) -> (Place, Server) {
    let place = Place::new();
    for number in 0..60 {
        let path = place.here(&format!("t/{}/{number}", number % 3));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content(2000, number + 1)).expect("a file");
    }
    let server = Server::start(&place.served(""), arguments);
    (place, server)
}

/// The number of files in the summary.
fn files(ended: &Ended) -> u64 {
    let (_, rest) = ended.stdout.split_once("\": ").expect("a summary");
    rest.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

fn assert_same(here: &Path, there: &Path) {
    let diff = Command::new("diff").arg("-r").args([here, there]).output().expect("diff");
    assert!(diff.status.success(), "{}", String::from_utf8_lossy(&diff.stdout));
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
fn each_option_leaves_out_what_it_says() {
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
        ("--checksum", &["0/0", "1/1", "2/new"]),
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
fn a_mirror_is_equal_and_keeps_what_is_excluded() {
    let (place, server) = start(&["--allow-remove"]);
    let mirror = |options: &[&str]| {
        let mut arguments = vec!["mirror", "t", "m"];
        arguments.extend(options);
        server.client(&place.here(""), &arguments)
    };
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
    let mirror = |options: &[&str]| {
        let mut arguments = vec!["mirror", "t", "m"];
        arguments.extend(options);
        server.client(&place.here(""), &arguments)
    };
    mirror(&[]).well();
    for directory in ["t/0", "t/1"] {
        fs::remove_dir_all(place.here(directory)).expect("it can be removed");
    }
    let ended = mirror(&[]).with(3, &["42 of 63 entries", "--max-delete 50%", "--dry-run"]);
    assert!(!ended.stdout.contains("removed"), "{}", ended.stdout);
    assert!(place.served("m/0/0").exists());
    // A file that cannot be sent.
    fs::remove_file(place.served("m/2/2")).expect("it can be removed");
    fs::create_dir(place.served("m/2/2")).expect("a directory");
    mirror(&["--max-delete", "42"]).with(3, &["nothing was removed", "not everything was sent"]);
    assert!(place.served("m/0/0").exists());
    fs::remove_dir(place.served("m/2/2")).expect("it can be removed");
    mirror(&["--max-delete", "42"]).well();
    assert_same(&place.here("t"), &place.served("m"));
}

#[test]
fn files_are_removed_renamed_and_made_only_where_that_is_allowed() {
    let (place, server) = start(&["--allow-remove"]);
    let here = place.here("");
    let run = |arguments: &[&str]| server.client(&here, arguments);
    run(&["put", "t"]).well();
    run(&["mkdir", "a/b", "c"]).well();
    run(&["mv", "t/0/0", "a/b"]).well();
    run(&["mv", "t/0/3", "a/b/name"]).well();
    run(&["mv", "t/1", "c"]).well();
    assert!(place.served("a/b/0").is_file() && place.served("a/b/name").is_file());
    assert!(place.served("c/1/1").is_file() && !place.served("t/1").exists());
    run(&["rm", "t/0/6", "gone"]).well();
    run(&["rm", "t"]).with(6, &["\"t\" is a directory with files in it", "-r"]);
    run(&["rm", "-r", "t", "c"]).well();
    assert!(!place.served("t").exists() && !place.served("c").exists());
    run(&["rm", "-r", "."]).with(2, &["\".\" is the directory that the server serves"]);
    run(&["mv", "nothing", "x"]).with(6, &["\"nothing\"", "there is no file of that name"]);
    // A link is not followed, and not removed.
    std::os::unix::fs::symlink("/etc", place.served("link")).expect("a link");
    run(&["rm", "-r", "link/passwd"]).with(6, &["link"]);
    assert!(place.served("link").is_symlink());

    let server = Server::start(&place.served(""), &[]);
    let run = |arguments: &[&str]| server.client(&here, arguments);
    run(&["rm", "a/b/0"]).with(6, &["--allow-remove"]);
    run(&["mv", "a/b/0", "x"]).with(6, &["--allow-remove"]);
    run(&["mkdir", "d"]).well();
    assert!(place.served("a/b/0").is_file() && place.served("d").is_dir());
}

#[test]
fn a_key_gives_the_right_to_remove() {
    let place = Place::new();
    let key = |name: &str, rights: &str| {
        let made = crate::harness::program(&place.here(""), &["keygen", name]).well();
        drop(made);
        let text = fs::read_to_string(place.here(name)).expect("a key");
        let line = text.lines().find(|line| line.starts_with("shared ")).expect("a key");
        format!("{} name={name} rights={rights}\n", line.split(" name=").next().expect("a key"))
    };
    let keys = key("may", "read,write,remove") + &key("may_not", "read,write");
    write_private(&place.here("keys"), &keys);
    let keys = place.here("keys");
    let server = Server::start(&place.served(""), &["--key", keys.to_str().expect("a path")]);
    for name in ["a", "b"] {
        fs::write(place.served(name), b"x").expect("a file");
    }
    let here = place.here("");
    server.client(&here, &["rm", "a", "--key", "may_not"]).with(6, &["right to remove"]);
    server.client(&here, &["rm", "b", "--key", "may"]).well();
    assert!(place.served("a").exists() && !place.served("b").exists());
}
