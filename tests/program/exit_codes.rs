//! The exit code is that of the failure of the whole request, if there is one, and otherwise counts its parts.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::{Ended, Place, Server, set_mode};

/// A tree with a file in a directory, and an entry that cannot be sent.
fn tree_with_link(place: &Place) {
    fs::create_dir_all(place.here("t/d")).expect("directories");
    fs::write(place.here("t/d/f"), "f").expect("a file");
    symlink("f", place.here("t/link")).expect("a link");
}

#[test]
fn a_refused_tree_is_reported_by_its_refusal_alone() {
    let place = Place::new();
    tree_with_link(&place);
    let here = place.here("");
    let is_refused = |ended: Ended, part: &str| {
        let ended = ended.with(6, &["the other end", part]);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    };
    let server = Server::start(&place.served(""), &["--read-only"]);
    is_refused(server.client(&here, &["put", "t"]), "takes no files");
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.served("file"), "f").expect("a file");
    // With the message of the server.
    let put = |to: &str| server.client(&here, &["put", "t", "--to", to]);
    is_refused(put("file"), "\"file\" cannot be entered: it is a file");
    symlink(".", place.served("link")).expect("a link");
    is_refused(put("link"), "\"link\" cannot be entered: it is a symbolic link");
    fs::write(place.served("t"), "f").expect("a file");
    is_refused(server.client(&here, &["put", "t"]), "\"t\" cannot be entered: it is a file");
}

#[test]
fn a_tree_of_which_nothing_was_stored_is_refused_as_a_whole() {
    let place = Place::new();
    tree_with_link(&place);
    set_mode(place.root.path(), 0o755);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let ended = server.client(&place.here(""), &["put", "t"]);
    let ended = ended.with(6, &["\"t\": the other end: permission is denied"]);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
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
    server.client(&here, &["put", "dir/.", ".", "--to", "x"]).with(2, &["two of the paths"]);
    server
        .client(&here, &["put", "dir/.", "."])
        .with(2, &["\".\" beside other paths is ambiguous"]);
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
    server.client(&here, &["put", "dir/.", "link"]).with(3, &["\"link\": it is a symbolic link"]);
    assert_eq!(fs::read(place.served("link")).ok().as_deref(), Some(&b"link"[..]));
}

#[test]
fn a_missing_source_is_listed_and_the_others_are_sent() {
    let place = Place::new();
    let here = place.here("");
    fs::create_dir(place.here("d")).expect("a directory");
    for name in ["a", "d/f", "z"] {
        fs::write(place.here(name), name).expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    for arguments in [&["put", "a", "no", "d", "z", "gone"][..], &["put", "-q", "no", "z", "gone"]]
    {
        let ended = server.client(&here, arguments);
        ended.with(3, &["\"no\": no such file or directory", "\"gone\": no such file"]);
    }
    for name in ["a", "d/f", "z"] {
        assert_eq!(fs::read(place.served(name)).expect("it was sent"), name.as_bytes());
    }
    server.client(&here, &["put", "no", "gone"]).with(1, &["\"no\"", "\"gone\""]);
}
