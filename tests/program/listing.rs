//! The command `ls`: listed names, and entries that are only counted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::Duration;

use tinyferry::client::Client;

use crate::cut_proxy::Proxy;
use crate::harness::{Place, Server, client, command, content, ended_within};

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
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let mut lines: Vec<_> = ended.stdout.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort();
        lines
    };
    let link = "-  link -> /etc/passwd";
    assert_eq!(listed(&[]), [link, "-  tree/", "1  one"]);
    let all = ["-  tree/", "-  tree/sub/", "-  tree/sub/none/", "0  tree/sub/three", "1  one"];
    assert_eq!(listed(&["-R"]), [&[link], &all[..], &["70000  tree/two"]].concat());
    assert_eq!(listed(&["/tree/"]), ["-  sub/", "70000  two"]);
    assert_eq!(listed(&["tree/two"]), ["70000  two"]);
    server.client(&place.here(""), &["ls", "nothing"]).with(6, &["\"nothing\"", "no file of that"]);
    server.client(&place.here(""), &["ls", "../x"]).with(2, &["is not a valid path on the server"]);
    server.client(&place.here(""), &["ls", "link"]).with(6, &["symbolic link"]);
    // No file was transferred.
    assert_eq!(fs::read_dir(place.here("")).expect("it is there").count(), 0);
}

#[test]
fn a_list_of_one_level_does_not_fail_for_entries_that_may_be_below_it() {
    let place = Place::new();
    fs::create_dir_all(place.served("sub/deep")).expect("directories");
    fs::write(place.served("sub/deep/f"), "f").expect("a file");
    UnixListener::bind(place.served("sub/deep/socket")).expect("a socket");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for arguments in [&["ls"][..], &["ls", "sub"]] {
        let ended = server.client(&here, arguments).well();
        assert_eq!(ended.stderr, "", "the level below was read");
    }
    server.client(&here, &["ls", "--depth", "3"]).with(3, &["1 entry is not listed"]);
    server.client(&here, &["ls", "-R"]).with(3, &["1 entry is not listed"]);
    // Without a directory there is no level below.
    server.client(&here, &["ls", "sub/deep"]).with(3, &["1 entry is not listed:"]);
}

#[test]
fn a_list_counts_entries_that_it_cannot_name() {
    let place = Place::new();
    UnixListener::bind(place.served("socket")).expect("a socket");
    fs::write(place.served("f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    let counted = "1 entry is not listed: special";
    server.client(&here, &["ls", "-R"]).with(3, &[counted, "get lists them by name where it can"]);
    server.client(&here, &["get", "."]).with(3, &["\"socket\": the other end: it is neither"]);
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

/// Sets time and permission bits.
fn set(path: &std::path::Path, seconds: u64, mode: u32) {
    let time = std::time::UNIX_EPOCH + Duration::new(seconds, 5);
    let file = fs::File::open(path).expect("it is there");
    file.set_modified(time).expect("a time");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("bits");
}

#[test]
fn a_long_list_and_one_for_programs_have_size_time_and_bits() {
    let place = Place::new();
    fs::create_dir_all(place.served("d/e/f")).expect("directories");
    fs::write(place.served("a \"b\""), content(70, 1)).expect("a file");
    set(&place.served("a \"b\""), 1_000_000_007, 0o640);
    set(&place.served("d"), 1_000_000_008, 0o751);
    let server = Server::start(&place.served(""), &[]);
    let list = |arguments: &[&str]| {
        server.client(&place.here(""), &[&["ls"], arguments].concat()).well().stdout
    };
    let long = list(&["-l"]);
    let expected = [
        "-rw-r-----             70  2001-09-09 01:46:47  a \"b\"",
        "drwxr-x--x              -  2001-09-09 01:46:48  d/",
    ];
    assert_eq!(long.lines().collect::<Vec<_>>(), expected);
    let json = list(&["--json", "--depth", "2"]);
    let expected = [
        r#"{"v":1,"event":"entry","path":"a \"b\"","kind":"file","size":70,"modified":"2001-09-09T01:46:47.000000005Z","mode":"0640"}"#,
        r#"{"v":1,"event":"entry","path":"d","kind":"directory","size":null,"modified":"2001-09-09T01:46:48.000000005Z","mode":"0751"}"#,
    ];
    let lines: Vec<_> = json.lines().filter(|line| line.contains(r#""event":"entry""#)).collect();
    assert_eq!(lines[..2], expected);
    assert!(lines[2].contains(r#""path":"d/e""#) && lines.len() == 3, "{json}");
    server.client(&place.here(""), &["ls", "--depth", "0"]).with(2, &["depth"]);
}

/// R88.
#[test]
fn a_list_of_one_level_does_not_transfer_the_names_below() {
    let place = Place::new();
    for number in 0..3000 {
        let path = place.served(&format!("d/e/a long name of a file {number}"));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, "").expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    let mut client = Client::connect(server.endpoint.parse().expect("a URL")).expect("a server");
    let names: Vec<_> = client.list("d").expect("a list").map(|entry| entry.path).collect();
    assert_eq!(names, ["e"]);
    let bytes = client.traffic().received;
    assert!(bytes < 500, "{bytes} bytes");
}

/// A server with a directory `d` of 20,000 files.
fn start_with_many() -> (Place, Server) {
    let place = Place::new();
    fs::create_dir(place.served("d")).expect("a directory");
    for number in 0..20_000 {
        fs::write(place.served(&format!("d/{number:06}")), "").expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    (place, server)
}

#[test]
fn a_list_prints_the_names_that_came_before_a_cut() {
    let (place, server) = start_with_many();
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_at(200_000);
    let ended = client(&proxy.endpoint, &place.here(""), &["ls", "d"]).with(4, &[]);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines.first().is_some_and(|line| line.ends_with("000000")), "{:?}", lines.first());
    assert!((2_000..20_000).contains(&lines.len()), "{} lines", lines.len());
}

#[test]
fn a_list_ends_with_success_when_its_reader_closes_it() {
    let (place, server) = start_with_many();
    let mut program = command(&server.endpoint, &place.here(""), &["ls", "d"]);
    let mut child =
        program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("a line");
    assert!(first.ends_with("000000\n"), "{first}");
    // The other names do not fit into the pipe.
    drop(lines);
    let status = ended_within(&mut child, Duration::from_secs(20));
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    let mut said = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    std::io::Read::read_to_string(&mut stderr, &mut said).expect("text");
    assert_eq!(said, "");
}
