//! Entries that cannot be sent are listed by name, or counted if no path can name them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, Place, Server, client, set_mode};

/// Makes a tree with all kinds of entries that cannot be sent. Returns those that a path can name, and the number
/// of the others.
fn make_tree(root: &Path) -> (Vec<&'static str>, usize) {
    fs::create_dir_all(root.join("d")).expect("directories");
    for name in ["whole", "d/whole", "d/.f.tinyferry-part"] {
        fs::write(root.join(name), "x").expect("a file");
    }
    fs::create_dir(root.join(".g.tinyferry-part")).expect("a directory");
    fs::write(root.join(".g.tinyferry-part/in it"), "x").expect("a file");
    symlink("whole", root.join("link")).expect("a link");
    symlink("d", root.join("d/up")).expect("a link");
    symlink("nowhere", root.join("dangling")).expect("a link");
    let fifo = Command::new("mkfifo").arg(root.join("fifo")).status();
    assert!(fifo.expect("mkfifo is there").success());
    UnixListener::bind(root.join("socket")).expect("a socket");
    let named = vec![
        "d/.f.tinyferry-part",
        ".g.tinyferry-part",
        "link",
        "d/up",
        "dangling",
        "fifo",
        "socket",
    ];

    fs::write(root.join("new\nline"), "x").expect("a file");
    fs::write(root.join("d/c1 \u{85}"), "x").expect("a file");
    fs::write(root.join(OsStr::from_bytes(b"latin \xe9")), "x").expect("a file");
    fs::create_dir(root.join(OsStr::from_bytes(b"d/\xff"))).expect("a directory");
    fs::write(root.join(OsStr::from_bytes(b"d/\xff/in it")), "x").expect("a file");
    // 3 x 251 bytes and "/" leave 206: the file's path has 960 bytes or 961.
    let mut long = root.to_owned();
    for _ in 0..3 {
        long.push("n".repeat(251));
        fs::create_dir(&long).expect("a directory");
    }
    let left = 960 - 3 * 252;
    fs::write(long.join("f".repeat(left)), "x").expect("a file");
    fs::write(long.join("g".repeat(left + 1)), "x").expect("a file");
    (named, 5)
}

/// Checks that a transfer ended with 3, listed the named entries and counted the others.
#[track_caller]
fn assert_told(ended: Ended, named: &[&str], unnamed: usize) {
    let counted = format!("{unnamed} more with names that cannot be sent");
    let ended = ended
        .with(3, &[&format!("{} entries were not transferred", named.len() + unnamed), &counted]);
    for name in named {
        assert!(ended.stderr.contains(&format!("{name}\"")), "\"{name}\" in: {}", ended.stderr);
    }
}

#[test]
fn a_get_reports_entries_that_the_server_could_not_send() {
    let place = Place::new();
    let (named, unnamed) = make_tree(&place.served("t"));
    let server = Server::start(&place.served(""), &[]);
    assert_told(server.client(&place.here(""), &["get", "t"]), &named, unnamed);
    let found = Command::new("find").arg(place.here("t")).args(["-type", "f"]).output();
    let found = String::from_utf8(found.expect("find is there").stdout).expect("it is text");
    assert_eq!(found.lines().count(), 3, "{found}");
    let links = Command::new("find").arg(place.here("t")).args(["-not", "-type", "d"]).output();
    assert_eq!(links.expect("find is there").stdout, found.as_bytes());
    // And the second time, where most is there.
    assert_told(server.client(&place.here(""), &["get", "t"]), &named, unnamed);
}

#[test]
fn a_list_reports_the_number_of_omitted_entries() {
    let place = Place::new();
    let (named, unnamed) = make_tree(&place.served("t"));
    let server = Server::start(&place.served(""), &[]);
    // Links are listed.
    let all = named.len() + unnamed - 3;
    let long = |names: usize| vec!["n".repeat(251); names].join("/");
    let file = format!("{}/{}", long(3), "f".repeat(960 - 3 * 252));
    let directories = [long(1), long(2), long(3)].map(|path| format!("{path}/"));
    let [one, two, three] = directories.each_ref().map(String::as_str);
    let links = ["d/up -> d", "dangling -> nowhere", "link -> whole"];
    let [up, dangling, link] = links;
    let below = ["d/", up, "d/whole", dangling, link, one, two, three, &file, "whole"];
    // In the list of the root, one more path is too long.
    let from_root = ["d/", up, "d/whole", dangling, link, one, two, three, "whole"]
        .map(|path| format!("t/{path}"));
    let from_root: Vec<_> =
        ["t/"].into_iter().chain(from_root.iter().map(String::as_str)).collect();
    for (arguments, count, names) in [
        (&["ls", "t"][..], 5, &["d/", dangling, link, one, "whole"][..]),
        (&["ls", "-R", "t"], all, &below),
        (&["ls", "-R"], all + 1, &from_root),
    ] {
        let counted = format!("{count} entries are not listed");
        let code = if arguments.contains(&"-R") { 3 } else { 0 };
        let ended = server.client(&place.here(""), arguments).with(code, &[&counted]);
        let mut listed: Vec<_> = ended.stdout.lines().map(|line| &line[16..]).collect();
        listed.sort_unstable();
        assert_eq!(listed, names, "{arguments:?}");
    }
}

#[test]
fn a_put_lists_the_omitted_entries() {
    let place = Place::new();
    let (mut named, unnamed) = make_tree(&place.here("t"));
    named.extend(["t/new\\nline", "t/d/c1 \\u{85}", "t/latin \\xe9", "t/d/\\xff"]);
    let mut server = Server::start(&place.served(""), &[]);
    let ended = server.client(&place.here(""), &["put", "t"]);
    let total = format!("{} entries were not transferred", named.len() + 1);
    let ended = ended.with(3, &[&total, "it is a symbolic link", "the name is too long"]);
    for name in named {
        assert!(ended.stderr.contains(&format!("{name}\"")), "\"{name}\" in: {}", ended.stderr);
    }
    assert_eq!(unnamed, 5);
    assert!(!ended.stderr.contains("cannot be sent"), "{}", ended.stderr);
    assert!(!server.log().contains("panicked"));
    // No partial file is left.
    let found = Command::new("find").arg(place.served("t")).args(["-name", ".*part"]).output();
    assert_eq!(String::from_utf8_lossy(&found.expect("find is there").stdout), "");
}

#[test]
fn the_list_of_a_root_that_is_gone_fails() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["ls"]).well();
    fs::remove_dir(place.served("")).expect("it is empty");
    for arguments in [&["ls"][..], &["ls", "-R"], &["get", ".", "--into", "out"]] {
        let ended = server.client(&place.here(""), arguments);
        assert_ne!(ended.code, Some(0), "{}: {}", arguments.join(" "), ended.stdout);
        assert!(ended.stderr.contains("\".\""), "{}", ended.stderr);
    }
}

/// A server that is an ordinary user's, since root may read everything; `None` where there is none.
fn as_nobody(directory: &Path) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
    let endpoint = format!("exec:{nobody} '{program}' serve --stdio '{}'", directory.display());
    let is_able = client(&endpoint, Path::new("/"), &["ping"]).code == Some(0);
    if !is_able {
        println!("skipped: this test cannot run a program as another user here");
    }
    is_able.then_some(endpoint)
}

#[test]
fn a_file_that_a_server_may_not_read_is_reported_to_the_client() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    let root = place.served("t");
    for name in ["closed/sub", "entered/sub", "listed/sub", "open/sub"] {
        fs::create_dir_all(root.join(name)).expect("directories");
    }
    for name in ["closed/f", "entered/f", "listed/f", "listed/sub/f", "open/f", "secret"] {
        fs::write(root.join(name), "x").expect("a file");
    }
    for (name, mode) in [("closed", 0o700), ("entered", 0o711), ("listed", 0o744), ("secret", 0)] {
        set_mode(&root.join(name), mode);
    }
    let Some(endpoint) = as_nobody(&place.served("")) else { return };
    let here = place.here("");
    let named = ["t/closed", "t/entered", "t/listed", "t/secret"];
    let ended = client(&endpoint, &here, &["get", "t"]);
    let ended = ended.with(3, &["4 entries were not transferred", "permission is denied"]);
    for name in named {
        assert!(ended.stderr.contains(&format!("\"{name}\"")), "{name} in: {}", ended.stderr);
    }
    assert!(place.here("t/open/f").exists() && place.here("t/open/sub").exists());
    for gone in ["t/closed", "t/entered", "t/listed", "t/secret"] {
        assert!(!place.here(gone).exists(), "{gone}");
    }
    // A list has the names, and lacks the entries of the directories.
    let ended = client(&endpoint, &here, &["ls", "-R", "t"]);
    let ended = ended.with(3, &["3 entries are not listed"]);
    for name in ["closed/", "entered/", "listed/", "secret", "open/f", "open/sub/"] {
        assert!(ended.stdout.contains(&format!("  {name}\n")), "{name} in: {}", ended.stdout);
    }
    // By themselves.
    for (name, mode) in [("t", 0o700), ("t", 0o711)] {
        set_mode(&place.served(name), mode);
        for verb in ["get", "ls"] {
            let ended = client(&endpoint, &here, &[verb, name]);
            ended.with(6, &[&format!("\"{name}\""), "permission is denied"]);
        }
    }
    set_mode(&place.served(""), 0o711);
    client(&endpoint, &here, &["ls"]).with(6, &["\".\"", "permission is denied"]);
    set_mode(&place.served(""), 0o700);
    client(&endpoint, &here, &["ls"]).with(4, &["cannot serve", "permission denied"]);
}

#[test]
fn a_client_that_may_not_read_its_directory_fails() {
    let place = Place::new();
    fs::create_dir(place.here("t")).expect("a directory");
    fs::write(place.here("t/f"), "x").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    set_mode(place.root.path(), 0o755);
    set_mode(&place.here("t"), 0o700);
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", program, "put"])
        .args(["-e", &server.endpoint, "t"])
        .current_dir(place.here(""))
        .output();
    let ended: Ended = match output {
        Ok(output) => output.into(),
        Err(_) => return println!("skipped: this test cannot run a program as another user here"),
    };
    if !ended.stderr.contains("tinyferry: ") {
        return println!("skipped: this test cannot run a program as another user here");
    }
    ended.with(1, &["\"t\"", "permission is denied"]);
    assert!(!place.served("t").exists());
}

/// A partial is listed with its whole path. One that is being received is not there yet, and nothing is left
/// out.
#[test]
fn partials_are_listed_with_their_paths_and_those_in_use_are_not() {
    let place = Place::new();
    fs::create_dir_all(place.served("t/d")).expect("directories");
    fs::write(place.served("t/d/f"), "x").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    // A client that is stopped in the middle.
    fs::write(place.here("large"), crate::harness::content(400 << 20, 1)).expect("a file");
    let mut put = crate::harness::command(&server.endpoint, &here, &["put", "large", "--to", "t"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let partial = place.served("t/.large.tinyferry-part");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !partial.metadata().is_ok_and(|partial| partial.len() > 0) {
        assert!(std::time::Instant::now() < end, "nothing comes");
    }
    let id = put.id().to_string();
    let kill = |signal: &str| {
        let killed = Command::new("kill").args([signal, &id]).status();
        assert!(killed.expect("kill is there").success());
    };
    kill("-STOP");
    let is_in_use = partial.exists();
    if is_in_use {
        server.client(&here, &["ls", "-R", "t"]).well();
        server.client(&here, &["get", "t", "--into", "one"]).well();
        server.client(&here, &["get", ".", "--into", "two"]).well();
    }
    kill("-KILL");
    put.wait().expect("it ends");
    assert!(is_in_use, "it was too fast");
    // The upload of another client is no part of the tree, nor is it left out of it.
    assert!(partial.metadata().expect("it stays").len() >= 1024);
    for path in ["t", "."] {
        let listed = server.client(&here, &["ls", "-R", path]).well();
        assert!(!listed.stdout.contains("large"), "{}", listed.stdout);
        server.client(&here, &["get", path, "--into", "after"]).well();
    }

    // A transfer leaves nothing that it could not resume: somebody has called a file so.
    fs::remove_dir_all(place.served("t")).expect("it is there");
    fs::create_dir_all(place.served("t/d")).expect("directories");
    fs::write(place.served("t/d/.f.tinyferry-part"), "x").expect("a file");
    for (arguments, path) in [
        (&["get", "t", "--into", "three"][..], "\"t/d/.f.tinyferry-part\": "),
        (&["get", ".", "--into", "four"], "\"t/d/.f.tinyferry-part\": "),
    ] {
        let ended = server.client(&here, arguments);
        ended.with(3, &[path, "are reserved for unfinished files"]);
    }
    server.client(&here, &["ls", "-R"]).with(3, &["1 entry is not listed"]);
    let named = ["t/d/.f.tinyferry-part\"", "are reserved for unfinished files"];
    server.client(&here, &["ls", "t/d/.f.tinyferry-part"]).with(2, &named);
}
