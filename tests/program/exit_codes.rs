//! The exit code is that of the failure of the whole request, if there is one, and otherwise counts its parts.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Ended, Place, Server, program_as_nobody, set_mode};

/// A tree with a file in a directory, and an entry that cannot be sent.
fn tree_with_link(place: &Place) {
    fs::create_dir_all(place.here("t/d")).expect("directories");
    fs::write(place.here("t/d/f"), "f").expect("a file");
    symlink("f", place.here("t/link")).expect("a link");
}

#[test]
fn the_refusal_of_a_tree_comes_before_the_entries_that_cannot_be_sent() {
    let place = Place::new();
    tree_with_link(&place);
    let here = place.here("");
    let told_first = |ended: Ended, part: &str| {
        let ended = ended.with(6, &["\"t/link\": it is no regular file"]);
        let first = ended.stderr.lines().next().expect("a line");
        assert!(first.contains("the other end") && first.contains(part), "{}", ended.stderr);
    };
    let server = Server::start(&place.served(""), &["--read-only"]);
    told_first(server.client(&here, &["put", "t"]), "takes no files");
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.served("file"), "f").expect("a file");
    told_first(server.client(&here, &["put", "t", "--to", "file"]), "not a directory");
    fs::write(place.served("t"), "f").expect("a file");
    told_first(server.client(&here, &["put", "t"]), "not a directory");
}

#[test]
fn a_tree_of_which_nothing_was_stored_is_refused_as_a_whole() {
    let place = Place::new();
    tree_with_link(&place);
    set_mode(place.root.path(), 0o755);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let ended = server.client(&place.here(""), &["put", "t"]);
    let ended = ended.with(6, &["\"t\": the other end: permission is denied"]);
    assert!(ended.stderr.contains("3 entries were not transferred"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty(), "{}", ended.stdout);
}

#[test]
fn an_empty_path_is_a_wrong_argument() {
    let place = Place::new();
    fs::write(place.served("f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for verb in ["get", "ls"] {
        server.client(&here, &[verb, ""]).with(2, &["\"\"", "it is empty"]);
    }
    assert_eq!(fs::read_dir(&here).expect("a directory").count(), 0);
    server.client(&here, &["get", "."]).well();
    assert!(place.here("f").exists());
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
fn partial_files_that_cannot_be_read_or_removed_are_reported() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    fs::write(place.here(".f.tinyferry-part"), "part").expect("a file");
    fs::create_dir(place.here("closed")).expect("a directory");
    set_mode(&place.here("closed"), 0o700);
    let partials = |arguments: &[&str]| {
        let mut program = program_as_nobody()?;
        program.current_dir(place.here("")).arg("partials").args(arguments);
        Some(Ended::from(program.output().expect("the program starts")))
    };
    let Some(ended) = partials(&["."]) else { return };
    ended.with(3, &["cannot read \"./closed\": permission is denied"]);
    let ended = partials(&[".", "--remove"]).expect("as before");
    ended.with(1, &["cannot remove \"./.f.tinyferry-part\": permission is denied"]);
    let ended = partials(&["closed"]).expect("as before");
    ended.with(1, &["\"closed\": permission denied"]);
    assert!(place.here(".f.tinyferry-part").exists());
}

#[test]
fn a_path_that_ends_in_a_dot_means_the_content_of_the_directory() {
    let place = Place::new();
    fs::create_dir_all(place.here("dir/sub")).expect("directories");
    fs::write(place.here("dir/sub/f"), "f").expect("a file");
    fs::write(place.here("g"), "g").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    server.client(&here, &["put", "dir/.", "--to", "one"]).well();
    server.client(&place.here("dir"), &["put", ".", "--to", "two"]).well();
    server.client(&place.here("dir/sub"), &["put", ".."]).well();
    server.client(&here, &["put", "dir/.", "g", "--to", "three"]).well();
    server.client(&here, &["put", "dir/./", "--to", "five"]).well();
    server.client(&place.here("dir"), &["put", "./", "--to", "six"]).well();
    server.client(&place.here("dir/sub"), &["put", "..//", "--to", "seven"]).well();
    let names = ["one/sub/f", "two/sub/f", "sub/f", "three/sub/f", "three/g"];
    for path in names.into_iter().chain(["five/sub/f", "six/sub/f", "seven/sub/f"]) {
        assert!(place.served(path).exists(), "{path}");
    }
    server.client(&here, &["put", "dir", "--to", "four"]).well();
    assert!(place.served("four/dir/sub/f").exists());
    server.client(&here, &["put", "dir/", "--to", "four"]).well();
    server.client(&here, &["put", "dir/.", "."]).with(2, &["two of the paths"]);
}

#[test]
fn a_source_with_the_name_of_an_entry_of_the_content_of_another_is_a_clash() {
    let place = Place::new();
    fs::create_dir_all(place.here("dir/sub")).expect("directories");
    fs::create_dir(place.here("sub")).expect("a directory");
    for name in ["dir/g", "g", "dir/sub/f", "sub/h", "link"] {
        fs::write(place.here(name), name).expect("a file");
    }
    symlink("g", place.here("dir/link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for paths in [["dir/.", "g"], ["g", "dir/./"], ["sub", "dir/."], ["dir/.", "sub/"]] {
        let clash = if paths.contains(&"g") { "both be \"g\"" } else { "both be \"sub\"" };
        server.client(&here, &["put", paths[0], paths[1]]).with(2, &["two of the paths", clash]);
    }
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 0);
    // A link is not sent, and a file of its name therefore overwrites nothing.
    server.client(&here, &["put", "dir/.", "link"]).with(3, &["\"link\": it is no regular file"]);
    assert_eq!(fs::read(place.served("link")).ok().as_deref(), Some(&b"link"[..]));
}
