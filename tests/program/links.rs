//! Symbolic links and hard links: `--links`, `--hard-links`, `--unsafe-links`.

mod existing;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::harness::{Place, Server, set_mode};
use crate::mirror::wire_bytes;

fn write(above: &Path, path: &str, bytes: &[u8]) {
    let path = above.join(path);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(path, bytes).expect("a file");
}

fn link(above: &Path, path: &str, target: &str) {
    let path = above.join(path);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    symlink(target, path).expect("a link");
}

/// Kind, target or content of all entries below a directory.
fn entries(above: &Path) -> Vec<String> {
    let arguments = ["-mindepth", "1", "-printf", "%P %y %l %m\n"];
    let found = Command::new("find").args(arguments).current_dir(above).output().expect("find");
    let text = String::from_utf8(found.stdout).expect("names in UTF-8");
    let mut entries: Vec<_> = text.lines().map(str::to_owned).collect();
    entries.sort();
    entries
}

fn target(path: &Path) -> Option<String> {
    path.read_link().ok().map(|target| target.to_string_lossy().into_owned())
}

/// The links that stay in the tree.
const INSIDE: [(&str, &str); 9] = [
    ("to file", "f"),
    ("to directory", "d/e"),
    ("d/e/up", "../../f"),
    ("d/above", ".."),
    ("dangling", "nowhere/at all"),
    ("loop", "loop"),
    ("first", "second"),
    ("second", "d/third"),
    ("d/third", "../to file"),
];

fn make_tree(root: &Path) {
    write(root, "f", b"content");
    write(root, "d/e/g", b"more");
    for (path, target) in INSIDE {
        link(root, path, target);
    }
}

/// R88, R90, R92.
#[test]
fn links_are_kept_by_put_get_and_mirror_and_a_second_run_sends_nothing() {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place.here("t"));
    let server = Server::start(&place.served(""), &["--links", "--allow-remove"]);
    let expected = entries(&place.here("t"));
    for (task, result) in [
        (&["put", "t", "--links"][..], place.served("t")),
        (&["get", "t", "-l", "--into", "copy"], place.here("copy/t")),
        (&["mirror", "t", "m", "--links"], place.served("m")),
        (&["mirror", "--get", "m", "back", "--links"], place.here("back")),
    ] {
        let ended = server.client(&here, task).well();
        assert_eq!(entries(&result), expected, "{task:?}");
        assert!(ended.stdout.contains("2 files, 9 links"), "{}", ended.stdout);
        for options in [&[][..], &["--checksum"]] {
            let again = server.client(&here, &[task, options].concat()).well();
            assert!(again.stdout.contains(" 0 files"), "{task:?}: {}", again.stdout);
            assert!(!again.stdout.contains("link"), "{task:?}: {}", again.stdout);
            assert!(wire_bytes(&again) < 600, "{task:?}: {}", again.stdout);
        }
        // A link that differs is sent again, and only that.
        fs::remove_file(result.join("d/third")).expect("a link");
        link(&result, "d/third", "e");
        let again = server.client(&here, task).well();
        assert!(again.stdout.contains(", 1 link, 0 B"), "{task:?}: {}", again.stdout);
        assert_eq!(entries(&result), expected, "{task:?}");
    }
}

#[test]
fn without_the_option_links_are_listed_as_before() {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place.here("t"));
    let server = Server::start(&place.served(""), &["--links"]);
    let ended = server.client(&here, &["put", "t"]);
    ended.with(3, &["9 entries were not transferred", "\"t/to file\"", "it is a symbolic link"]);
    assert_eq!(entries(&place.served("t")).len(), 4);
    make_tree(&place.served("u"));
    server.client(&here, &["get", "u"]).with(3, &["9 entries were not transferred", "\"u/loop\""]);
    assert_eq!(entries(&place.here("u")).len(), 4);
}

/// R82, R90.
#[test]
fn a_server_without_the_option_refuses_each_link_and_names_the_option() {
    for options in [&[][..], &["--write-only"]] {
        let place = Place::new();
        make_tree(&place.here("t"));
        let server = Server::start(&place.served(""), options);
        let ended = server.client(&place.here(""), &["put", "t", "--links"]);
        let sentence = "\"t/d/above\": the other end: symbolic links are not accepted; a server that is \
                        started with --links accepts them";
        ended.with(3, &["9 entries were not transferred", sentence]);
        assert_eq!(entries(&place.served("t")).len(), 4);
    }
}

/// R90.
#[test]
fn a_target_out_of_the_tree_is_refused_by_the_receiver_unless_it_takes_any() {
    let outside = [
        ("absolute", "/etc/passwd", "its target is absolute"),
        ("up", "..", "its target is outside the tree"),
        ("d/far", "../../x", "its target is outside the tree"),
        ("d/e/through", "../up/../../x", "its target has \"..\" behind a name"),
    ];
    let place = Place::new();
    let here = place.here("");
    for (path, target, _) in outside {
        link(&place.here("t"), path, target);
        link(&place.served("u"), path, target);
    }
    link(&place.here("t"), "good", "d");
    link(&place.served("u"), "good", "d");
    let careful = Server::start(&place.served(""), &["--links"]);
    let ended = careful.client(&here, &["put", "t", "-l"]);
    let sentences = outside.map(|(.., why)| why);
    let ended = ended.with(3, &sentences).with(3, &["4 entries were not transferred"]);
    assert!(ended.stderr.contains("--unsafe-links"), "{}", ended.stderr);
    let good = ["d d  755", "d/e d  755", "good l d 777"];
    assert_eq!(entries(&place.served("t")), good);
    let ended = careful.client(&here, &["get", "u", "-l"]);
    ended.with(3, &sentences).with(3, &["4 entries were not transferred"]);
    assert_eq!(entries(&place.here("u")), good);
    careful.client(&here, &["get", "u", "--unsafe-links"]).well();
    assert_eq!(entries(&place.here("u")), entries(&place.served("u")));
    careful.client(&here, &["mirror", "--get", "u", "v", "--unsafe-links"]).well();
    assert_eq!(entries(&place.here("v")), entries(&place.served("u")));
    drop(careful);
    let lax = Server::start(&place.served(""), &["--unsafe-links"]);
    lax.client(&here, &["put", "t", "-l"]).well();
    assert_eq!(entries(&place.served("t")), entries(&place.here("t")));
}

#[test]
fn a_target_that_cannot_be_sent_is_listed_with_its_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let place = Place::new();
    let here = place.here("");
    for above in [place.here("t"), place.served("u")] {
        write(&above, "f", b"x");
        symlink(OsStr::from_bytes(b"latin \xe9"), above.join("latin")).expect("a link");
        symlink("new\nline", above.join("control")).expect("a link");
        symlink("x".repeat(255), above.join("long")).expect("a link");
        symlink("x".repeat(254), above.join("longest")).expect("a link");
    }
    let server = Server::start(&place.served(""), &["--links"]);
    let sentences = ["it is not UTF-8", "it contains control characters", "it has more than 254"];
    for task in [&["put", "t", "-l"][..], &["put", "t", "-l"], &["get", "u", "-l"]] {
        let ended = server.client(&here, task).with(3, &["3 entries were not transferred"]);
        if task[0] == "put" {
            ended.with(3, &sentences);
        }
    }
    for above in [place.served("t"), place.here("u")] {
        assert_eq!(entries(&above).len(), 2);
        assert_eq!(target(&above.join("longest")), Some("x".repeat(254)));
    }
}

#[test]
fn excluded_links_are_neither_sent_nor_removed() {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place.here("t"));
    link(&place.here("t"), "no.o", "f");
    link(&place.here("t"), "d/no.o", "e");
    let server = Server::start(&place.served(""), &["--links", "--allow-remove"]);
    link(&place.served("t"), "there.o", "f");
    for task in [["put", "t", "-l", "--exclude", "*.o"], ["put", "t", "-l", "--exclude", "*.o"]] {
        server.client(&here, &task).well();
    }
    assert_eq!(entries(&place.served("t")).len(), 4 + 9 + 1);
    let mirror = ["mirror", "t", "t", "-l", "--exclude", "*.o"];
    server.client(&here, &mirror).well();
    assert!(place.served("t/there.o").is_symlink() && !place.served("t/no.o").is_symlink());
    server.client(&here, &["get", "t", "-l", "--exclude", "*.o", "--into", "copy"]).well();
    assert_eq!(entries(&place.here("copy/t")).len(), 4 + 9);
}

#[test]
fn a_list_shows_links_with_their_targets() {
    let place = Place::new();
    make_tree(&place.served("t"));
    let server = Server::start(&place.served(""), &[]);
    let long = server.client(&place.here(""), &["ls", "-lR", "t"]).well();
    for (path, target) in INSIDE {
        let line = format!("  {path} -> {target}");
        let found = long.stdout.lines().find(|found| found.ends_with(&line));
        assert!(found.is_some_and(|line| line.starts_with('l')), "{path}: {}", long.stdout);
    }
    let short = server.client(&place.here(""), &["ls", "t"]).well();
    assert!(short.stdout.contains("  to directory -> d/e\n"), "{}", short.stdout);
    let json = server.client(&place.here(""), &["ls", "--json", "t"]).well();
    assert!(json.stdout.contains("\"kind\":\"link\""), "{}", json.stdout);
    assert!(json.stdout.contains("\"target\":\"d/e\""), "{}", json.stdout);
}

#[test]
fn a_link_in_a_directory_that_may_not_be_written_is_reported() {
    let place = Place::new();
    link(&place.here("t"), "d/l", "x");
    write(&place.here("t"), "f", b"f");
    fs::create_dir_all(place.served("t/d")).expect("a directory");
    set_mode(&place.served(""), 0o777);
    set_mode(&place.served("t"), 0o777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &["--links"]) else { return };
    let ended = server.client(&place.here(""), &["put", "t", "-l"]);
    ended.with(3, &["1 entry was not transferred", "t/d/l\": the other end: permission is denied"]);
    assert_eq!(fs::read(place.served("t/f")).expect("a file"), b"f");
    assert_eq!(entries(&place.served("t/d")), [""; 0]);
}
