//! Filters of entries by their paths, in both directions, and `get --delete`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, Place, Server, content};
use crate::mirror::wire_bytes;

/// Writes files with these sizes below a directory.
fn write(above: &Path, files: &[(&str, usize)]) {
    for (path, size) in files {
        let path = above.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, content(*size, 7)).expect("a file");
    }
}

/// The paths below a directory, sorted.
fn paths(above: &Path) -> Vec<String> {
    let arguments = ["-mindepth", "1", "-printf", "%P\n"];
    let found = Command::new("find").args(arguments).current_dir(above).output().expect("find");
    let text = String::from_utf8(found.stdout).expect("names in UTF-8");
    let mut paths: Vec<_> = text.lines().map(str::to_owned).collect();
    paths.sort();
    paths
}

const LARGE: usize = 100_000;

/// R88, R95.
#[test]
fn a_get_transfers_no_content_of_excluded_files() {
    let place = Place::new();
    let files = [
        ("t/a.c", 100),
        ("t/a.o", LARGE),
        ("t/build/x", LARGE),
        ("t/d/b.o", LARGE),
        ("t/d/keep.o", 200),
        ("t/log", LARGE),
    ];
    write(&place.served(""), &files);
    fs::write(place.here("patterns"), "# those of a build\n/build\n*.o\n").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let arguments =
        ["get", "t", "--exclude", "log", "--exclude-from", "patterns", "--include", "keep.o"];
    for options in [&[][..], &["--update"], &["--checksum"]] {
        let ended = server.client(&here, &[&arguments, options].concat()).well();
        assert_eq!(paths(&place.here("t")), ["a.c", "d", "d/keep.o"], "{options:?}");
        let bytes = wire_bytes(&ended);
        assert!(bytes < 5_000, "{options:?}: {}", ended.stdout);
    }
    // The excluded files of this end are no difference.
    write(&here, &[("t/log", 5), ("t/d/mine.o", 5)]);
    let ended = server.client(&here, &[&arguments[..], &["--update"]].concat()).well();
    assert!(ended.stdout.contains(" 0 files") && wire_bytes(&ended) < 400, "{}", ended.stdout);
    // A file that is requested by itself is not excluded.
    server.client(&here, &["get", "t/a.o", "--exclude", "*.o"]).well();
    assert!(here.join("a.o").exists());
}

/// R95.
#[test]
fn patterns_that_do_not_fit_into_a_request_exclude_at_the_client() {
    let place = Place::new();
    write(&place.served(""), &[("t/a.c", 100), ("t/a.o", LARGE), ("t/build/x", LARGE)]);
    let mut server = Server::start(&place.served(""), &[]);
    let mut patterns: Vec<_> = (0..200).map(|number| format!("/nothing-{number}")).collect();
    patterns.extend(["*.o".to_owned(), "build/".to_owned()]);
    fs::write(place.here("patterns"), patterns.join("\n")).expect("a file");
    server.client(&place.here(""), &["get", "t", "--exclude-from", "patterns"]).well();
    assert_eq!(paths(&place.here("t")), ["a.c"]);
    let log = server.log();
    assert!(!log.contains("failed"), "{log}");
}

#[test]
fn gitignore_files_of_the_source_exclude_entries_in_both_directions() {
    let place = Place::new();
    let files = [
        ("t/a.c", 10),
        ("t/a.o", 10),
        ("t/target/x", 10),
        ("t/d/keep.o", 10),
        ("t/d/only", 10),
        ("t/d/e/only", 10),
        ("t/d/e/x.o", 10),
    ];
    let expected = [".gitignore", "a.c", "d", "d/.gitignore", "d/e", "d/e/only", "d/keep.o"];
    for above in [place.here(""), place.served("")] {
        write(&above, &files);
        fs::write(above.join("t/.gitignore"), "*.o\ntarget/\n").expect("a file");
        fs::write(above.join("t/d/.gitignore"), "!keep.o\n/only\n").expect("a file");
    }
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for options in [&[][..], &["--update"]] {
        let put = [&["put", "t", "--gitignore", "--to", "p"], options].concat();
        server.client(&place.here(""), &put).well();
        assert_eq!(paths(&place.served("p/t")), expected, "{options:?}");
        let get = [&["get", "t", "--gitignore", "--into", "g"], options].concat();
        server.client(&place.here(""), &get).well();
        assert_eq!(paths(&place.here("g/t")), expected, "{options:?}");
    }
    // A pattern decides before the files.
    let arguments = ["get", "t", "--gitignore", "--include", "*.o", "--into", "i"];
    server.client(&place.here(""), &arguments).well();
    assert!(place.here("i/t/a.o").exists() && !place.here("i/t/target").exists());
    // Excluded entries are not removed.
    write(&place.served(""), &[("p/t/mine.o", 1), ("p/t/gone", 1)]);
    write(&place.here(""), &[("g/t/mine.o", 1), ("g/t/gone", 1)]);
    let options = ["--gitignore", "--max-delete", "5"];
    let mirrors = [["mirror", "t", "p/t"].as_slice(), &["mirror", "--get", "t", "g/t"]];
    for arguments in mirrors {
        let ended = server.client(&place.here(""), &[arguments, &options].concat()).well();
        assert!(ended.stdout.contains("removed 1 entry"), "{}", ended.stdout);
    }
    for above in [place.served("p/t"), place.here("g/t")] {
        assert!(above.join("mine.o").exists() && !above.join("gone").exists());
    }
}

/// Without a usable ignore file the excluded entries are unknown: a transfer could send or remove them.
#[test]
fn a_directory_whose_ignore_file_cannot_be_used_fails_and_nothing_is_removed() {
    // Where the root itself cannot be read, a transfer without a search for differences fails as a whole.
    for (large, put_code, get_code) in [("t/d", 3, 3), ("t", 1, 6)] {
        let place = Place::new();
        let server = Server::start(&place.served(""), &["--allow-remove"]);
        for above in [place.here(""), place.served("")] {
            write(&above, &[("t/a", 10), ("t/d/secret", 10), ("t/d/e/f", 10), ("u/d/gone", 10)]);
            fs::write(above.join(large).join(".gitignore"), "x\n".repeat(600_000)).expect("a file");
        }
        for (options, put_code, get_code) in [(&[][..], put_code, get_code), (&["--update"], 3, 3)]
        {
            let put = [&["put", "t", "--gitignore", "--to", "p"], options].concat();
            let ended = server.client(&place.here(""), &put);
            assert_eq!(ended.code, Some(put_code), "{large} {options:?}: {}", ended.stderr);
            assert!(ended.stderr.contains("its .gitignore file is too large"), "{}", ended.stderr);
            assert!(!place.served("p/t/d/secret").exists(), "{large}");
            assert_eq!(place.served("p/t/a").exists(), large == "t/d");
            let get = [&["get", "t", "--gitignore", "--into", "g"], options].concat();
            let ended = server.client(&place.here(""), &get);
            assert_eq!(ended.code, Some(get_code), "{large} {options:?}: {}", ended.stderr);
            assert!(!place.here("g/t/d/secret").exists(), "{large}");
        }
        for arguments in [&["mirror", "t", "u"][..], &["mirror", "--get", "t", "u"]] {
            let options = ["--gitignore", "--max-delete", "100%"];
            let ended = server.client(&place.here(""), &[arguments, &options].concat());
            assert_eq!(ended.code, Some(3), "{large} {arguments:?}: {}", ended.stderr);
        }
        assert!(place.served("u/d/gone").exists() && place.here("u/d/gone").exists());
    }
}

/// A tree that was received, and the client's arguments for it.
fn received() -> (Place, Server) {
    let place = Place::new();
    let files = [("t/a", 10), ("t/d/b", 10), ("t/d/c", 10), ("t/e/f", 10), ("other", 10)];
    write(&place.served(""), &files);
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["get", "t"]).well();
    (place, server)
}

fn mirror(place: &Place, server: &Server, options: &[&str]) -> Ended {
    server.client(&place.here(""), &[&["mirror", "--get", "t", "t"], options].concat())
}

#[test]
fn a_get_removes_only_entries_that_the_server_does_not_have() {
    let (place, server) = received();
    write(&place.here(""), &[("mine", 1), ("t/new/deep/x", 1), ("t/d/x.o", 1), ("t/y", 1)]);
    fs::remove_dir_all(place.served("t/e")).expect("it can be removed");
    symlink("/etc", place.here("t/link")).expect("a link");
    let before = paths(&place.here(""));
    let options = ["--exclude", "*.o", "--max-delete", "100%"];
    let dry = mirror(&place, &server, &[&options[..], &["--dry-run"]].concat()).well();
    for part in ["remove   e/f", "remove   new/deep/", "0 files to receive", "6 to remove"] {
        assert!(dry.stdout.contains(part), "{}", dry.stdout);
    }
    assert_eq!(paths(&place.here("")), before, "a dry run changed something");
    let ended = mirror(&place, &server, &options).well();
    assert!(ended.stdout.contains("removed 6 entries from this end"), "{}", ended.stdout);
    let left = ["mine", "t", "t/a", "t/d", "t/d/b", "t/d/c", "t/d/x.o", "t/link"];
    assert_eq!(paths(&place.here("")), left);
    assert!(Path::new("/etc/passwd").exists());
    assert!(!mirror(&place, &server, &options).well().stdout.contains("removed"));
    // The same with `get`, into a directory below.
    write(&place.here(""), &[("into/t/x", 1), ("into/x", 1)]);
    let ended = server.client(&place.here(""), &["get", "t", "--delete", "--into", "into"]).well();
    assert!(ended.stdout.contains("removed 1 entry"), "{}", ended.stdout);
    assert!(place.here("into/x").exists() && !place.here("into/t/x").exists());
}

#[test]
fn a_get_replaces_entries_of_another_kind() {
    let (place, server) = received();
    // A directory with entries for a file, and a file for a directory.
    fs::remove_file(place.here("t/a")).expect("it can be removed");
    fs::remove_dir_all(place.here("t/e")).expect("it can be removed");
    write(&place.here(""), &[("t/a/deep/f.o", 1), ("t/a/x", 1), ("t/e", 1)]);
    let stays = || assert!(place.here("t/a/x").exists() && place.here("t/e").is_file());
    mirror(&place, &server, &["--exclude", "*.o", "--max-delete", "1"])
        .with(3, &["2 of 8 entries on this end", "more than --max-delete 1 allows"]);
    stays();
    mirror(&place, &server, &["--max-delete", "4"])
        .with(3, &["5 of 8 entries on this end", "more than --max-delete 4 allows"]);
    stays();
    // Of several paths, one that fails.
    let arguments = ["get", "t", "gone", "--delete", "--max-delete", "100%"];
    server.client(&place.here(""), &arguments).with(3, &["\"gone\"", "nothing was removed"]);
    stays();
    // A directory with an excluded entry stays; the other conflict is resolved.
    let why = ["nothing more was removed from this end", "not everything was received"];
    let ended = mirror(&place, &server, &["--exclude", "*.o", "--max-delete", "2"]).with(3, &why);
    assert!(ended.stdout.contains("removed 1 entry from this end"), "{}", ended.stdout);
    assert!(place.here("t/a/deep/f.o").exists() && place.here("t/e/f").exists());
    let ended = mirror(&place, &server, &["--max-delete", "100%"]).well();
    assert!(ended.stdout.contains("removed 4 entries from this end"), "{}", ended.stdout);
    assert_eq!(paths(&place.here("t")), paths(&place.served("t")));
    let again = mirror(&place, &server, &[]).well().stdout;
    assert!(again.contains(" 0 files") && !again.contains("removed"), "{again}");
}

#[test]
fn a_get_removes_nothing_past_its_limit_or_if_the_server_cannot_give_everything() {
    let (place, server) = received();
    write(&place.here(""), &[("t/x", 1), ("t/y", 1)]);
    let stays = || assert!(place.here("t/x").exists() && place.here("t/y").exists());
    mirror(&place, &server, &["--max-delete", "1"])
        .with(3, &["2 of 8 entries on this end", "1 allows"]);
    stays();
    symlink("a", place.served("t/x")).expect("a link");
    mirror(&place, &server, &[]).with(3, &["nothing was removed from this end", "received"]);
    stays();
    fs::remove_file(place.served("t/x")).expect("it can be removed");
    // A name that no request can have.
    fs::write(place.served("t/bad\n"), "").expect("a file");
    mirror(&place, &server, &[]).with(3, &["nothing was removed from this end"]);
    stays();
    fs::remove_file(place.served("t/bad\n")).expect("it can be removed");
    // Nothing of that name, and a file in the place of the directory.
    server.client(&place.here(""), &["mirror", "--get", "gone", "t"]).with(6, &["no file"]);
    let ended = server.client(&place.here(""), &["mirror", "--get", "other", "t"]);
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
    stays();
    mirror(&place, &server, &[]).well();
    assert!(!place.here("t/x").exists() && !place.here("t/y").exists());
    server.client(&place.here(""), &["mirror", "--get", "t", ""]).with(2, &["the target is empty"]);
}

#[test]
fn a_pattern_that_can_match_nothing_is_an_error() {
    let place = Place::new();
    fs::create_dir(place.here("t")).expect("a directory");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for (option, pattern, part) in [
        ("--exclude", "", "is empty"),
        ("--include", " ", "a pattern of spaces matches nothing"),
        ("--exclude", "!", "it has no name"),
        ("--exclude", "/", "it has no name"),
        ("--exclude", "#", "it is a comment"),
        ("--exclude", "./a", "it matches nothing"),
        ("--exclude", "[", "\"[\""),
        ("--include", "a[b", "a[b"),
    ] {
        let arguments = ["mirror", "t", "t", option, pattern];
        server.client(&place.here(""), &arguments).with(2, &[part]);
    }
    assert!(!place.served("t").exists());
}

#[test]
fn the_whole_directory_is_not_received_beside_other_paths() {
    let (place, server) = received();
    server.client(&place.here(""), &["get", "t", "."]).with(2, &["\".\"", "--into"]);
    server.client(&place.here(""), &["get", ".", "--into", "o"]).well();
}
