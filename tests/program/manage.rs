//! `rm`, `mv` and `mkdir` on a server, and who may use them.

use std::fs;

use crate::harness::{Place, Server, write_private};
use crate::mirror::start;

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
    run(&["rm", "t/0/6"]).well();
    run(&["rm", "gone", "t/0/9"]).with(3, &["there is no file of that name"]);
    assert!(!place.served("t/0/9").exists());
    run(&["rm", "gone"]).with(6, &["there is no file of that name"]);
    run(&["rm", "-r", "gone"]).with(6, &["there is no file of that name"]);
    for arguments in [["rm", "-f", "gone"].as_slice(), &["rm", "-rf", "gone"]] {
        let ended = run(arguments).well();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{arguments:?}");
    }
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
fn the_log_names_the_paths_of_each_change() {
    let (place, mut server) = start(&["--allow-remove"]);
    let here = place.here("");
    let run = |arguments: &[&str]| server.client(&here, arguments).well();
    run(&["put", "t"]);
    run(&["mkdir", "a/b", "t"]);
    run(&["mv", "t/0/0", "a/new\u{202e}name"]);
    run(&["rm", "t/0/3"]);
    run(&["rm", "-r", "t/1"]);
    let log = server.log();
    let lines = [
        ": made the directory \"a/b\"",
        ": renamed \"t/0/0\" to \"a/new\\u{202e}name\"",
        ": removed \"t/0/3\"",
        ": removed \"t/1/1\"",
        ": removed \"t/1\"",
    ];
    for line in lines {
        let found = log.lines().filter(|found| found.ends_with(line));
        assert_eq!(found.count(), 1, "{line}: {log}");
    }
    // Neither a directory that existed nor one of a tree.
    assert_eq!(log.matches("made the directory").count(), 1, "{log}");
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

#[test]
fn a_file_moves_into_a_directory_that_exists_and_replaces_another_one_only_if_told_so() {
    let (place, server) = start(&["--allow-remove"]);
    let here = place.here("");
    let run = |arguments: &[&str]| server.client(&here, arguments);
    run(&["put", "t"]).well();
    run(&["mv", "t/0/0", "nodir/"]).with(6, &["\"nodir\" does not exist"]);
    assert!(place.served("t/0/0").exists() && !place.served("nodir").exists());
    run(&["mv", "t/0/0", "t/1/"]).well();
    assert!(place.served("t/1/0").is_file());
    run(&["mv", "t/1/0", "t/2/2/"]).with(6, &["it is a file"]);
    let moved = fs::read(place.served("t/1/0")).expect("a file");
    for target in ["t/2/2", "t/1/1"] {
        run(&["mv", "t/1/0", target]).with(6, &["exists on the server", "--force"]);
    }
    // In the directory too.
    fs::write(place.served("t/2/0"), "other").expect("a file");
    run(&["mv", "t/1/0", "t/2"]).with(6, &["\"t/2/0\" exists", "--force"]);
    assert_eq!(fs::read(place.served("t/2/0")).ok().as_deref(), Some(b"other".as_slice()));
    run(&["mv", "-f", "t/1/0", "t/2/2"]).well();
    assert_eq!(fs::read(place.served("t/2/2")).ok(), Some(moved));
    assert!(!place.served("t/1/0").exists());
    run(&["mv", "t/2/2", "t/2/2"]).with(6, &["has that path already"]);
}

#[test]
fn a_directory_is_not_moved_into_itself() {
    let place = Place::new();
    fs::create_dir_all(place.served("d/e")).expect("directories");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for to in ["d/e", "d/e/new"] {
        server
            .client(&place.here(""), &["mv", "d", to])
            .with(6, &["a directory cannot be moved into itself"]);
    }
    assert!(place.served("d/e").is_dir());
}
