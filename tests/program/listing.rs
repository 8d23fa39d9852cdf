//! The command `ls`: the names in a list, and the entries that it only counts.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Place, Server, content};

#[test]
fn the_files_of_a_server_are_listed() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir_all(place.served("tree/sub/none")).expect("directories");
    for (name, size) in [("one", 1), ("tree/two", 70_000), ("tree/sub/three", 0)] {
        fs::write(place.served(name), content(size, 1)).expect("a file");
    }
    symlink("/etc/passwd", place.served("link")).expect("a link");
    let listed = |arguments: &[&str]| {
        let ended = server.client(&place.here(""), &[&["ls"], arguments].concat());
        // The root has a link in it, so the list of all levels is incomplete.
        let code = if arguments == ["-R"] { 3 } else { 0 };
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let mut lines: Vec<_> = ended.stdout.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(listed(&[]), ["-  tree/", "1  one"]);
    let all = ["-  tree/", "-  tree/sub/", "-  tree/sub/none/", "0  tree/sub/three", "1  one"];
    assert_eq!(listed(&["-R"]), [&all[..], &["70000  tree/two"]].concat());
    assert_eq!(listed(&["/tree/"]), ["-  sub/", "70000  two"]);
    assert_eq!(listed(&["tree/two"]), ["70000  two"]);
    server.client(&place.here(""), &["ls", "nothing"]).with(6, &["\"nothing\"", "no file of that"]);
    server.client(&place.here(""), &["ls", "../x"]).with(2, &["is not a valid path on the server"]);
    server.client(&place.here(""), &["ls", "link"]).with(6, &["symbolic link"]);
    // Nothing has come here.
    assert_eq!(fs::read_dir(place.here("")).expect("it is there").count(), 0);
}

#[test]
fn a_list_of_one_level_does_not_fail_for_entries_that_may_be_below_it() {
    let place = Place::new();
    fs::create_dir_all(place.served("sub/deep")).expect("directories");
    fs::write(place.served("sub/deep/f"), "f").expect("a file");
    symlink("f", place.served("sub/deep/link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for arguments in [&["ls"][..], &["ls", "sub"]] {
        server.client(&here, arguments).with(0, &["1 entry is not listed"]);
    }
    server.client(&here, &["ls", "-R"]).with(3, &["1 entry is not listed"]);
    // Without a directory there is no level below.
    server.client(&here, &["ls", "sub/deep"]).with(3, &["1 entry is not listed:"]);
}

#[test]
fn a_list_says_that_it_only_counts_what_it_cannot_name() {
    let place = Place::new();
    symlink("nowhere", place.served("link")).expect("a link");
    fs::write(place.served("f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let counted = "1 entry is not listed: links";
    server.client(&here, &["ls", "-R"]).with(3, &[counted, "get lists them by name where it can"]);
    server.client(&here, &["get", "."]).with(3, &["\"link\": the other end: symbolic links"]);
}

#[test]
fn a_file_is_listed_by_its_name_as_the_entries_of_its_directory_are() {
    let place = Place::new();
    fs::create_dir_all(place.served("perm/sub")).expect("directories");
    fs::write(place.served("perm/sub/ex"), "x").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let names = |path: &str| {
        let listed = server.client(&here, &["ls", "-R", path]).well().stdout;
        listed.lines().map(|line| line[16..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("perm/sub/ex"), names("perm/sub"));
    assert_eq!(names("perm"), ["sub/", "sub/ex"]);
}

#[test]
fn an_absolute_path_that_is_missing_is_explained() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let relative = "paths are relative to the server's directory";
    for verb in ["get", "ls"] {
        server.client(&here, &[verb, "/etc/passwd"]).with(6, &["\"etc/passwd\"", relative]);
        let ended = server.client(&here, &[verb, "etc/passwd"]);
        assert!(!ended.stderr.contains("relative"), "{}", ended.stderr);
    }
}
