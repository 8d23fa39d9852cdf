//! Files and trees there and back.

use std::fs;
use std::thread;

use crate::files::make_tree;
use crate::harness::{Ended, Place, Server, assert_same, client, content, set_mode};

#[test]
fn files_of_every_kind_go_there_and_back() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let mut frames = Vec::new();
    for code in ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"] {
        frames.extend_from_slice(code.as_bytes());
    }
    // Whole valid frames: the vectors of the specification.
    frames.extend_from_slice(include_bytes!("../../core/vectors.txt"));
    for line in include_str!("../../core/vectors.txt").lines().filter(|line| !line.starts_with('#'))
    {
        for word in line.split_whitespace().filter(|word| word.len() >= 72 && word.len() % 2 == 0) {
            let bytes =
                (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16));
            frames.extend(bytes.map_while(Result::ok));
        }
    }
    let long = "l".repeat(255);
    let files: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("one", vec![1]),
        ("chunk", content(1024, 1)),
        ("frames of the protocol", frames.repeat(50)),
        ("a name with spaces", content(1025, 2)),
        ("it's \"quoted\" `twice`", content(1023, 3)),
        ("Grüße, 世界 🛶", content(70_000, 4)),
        (&long, content(300_000, 5)),
        ("-dash", content(3_000_000, 6)),
    ];
    fs::create_dir(place.here("back")).expect("a directory");
    for (name, bytes) in &files {
        fs::write(place.here(name), bytes).expect("a file");
        set_mode(&place.here(name), 0o640);
        server.client(&place.here(""), &["put", "--", &format!("./{name}")]).well();
        assert_eq!(&fs::read(place.served(name)).expect("it is there"), bytes, "{name}");
        server.client(&place.here(""), &["get", "--into", "back", "--", name]).well();
        assert_eq!(&fs::read(place.here("back").join(name)).expect("it is there"), bytes, "{name}");
    }
    assert_same(&place.served(""), &place.here("back"));
}

#[test]
fn a_tree_goes_there_and_back_while_a_second_client_works() {
    let place = Place::new();
    make_tree(&place, 1000);
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("other"), content(100_000, 9)).expect("a file");
    let other = {
        let (endpoint, here) = (server.endpoint.clone(), place.here(""));
        thread::spawn(move || {
            for _ in 0..10 {
                client(&endpoint, &here, &["put", "other", "--to", "elsewhere"]).well();
                client(&endpoint, &here, &["get", "elsewhere/other", "--into", "o"]).well();
            }
        })
    };
    let ended = server.client(&place.here(""), &["put", "tree"]).well();
    assert!(ended.stdout.contains("1001 files"), "{}", ended.stdout);
    assert_same(&place.here("tree"), &place.served("tree"));
    server.client(&place.here(""), &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    other.join().expect("the other client succeeds");

    // The second time nothing changes.
    server.client(&place.here(""), &["put", "tree"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
}

#[test]
fn several_paths_and_the_whole_root_are_transferred() {
    let place = Place::new();
    make_tree(&place, 20);
    fs::write(place.here("one"), "1").expect("a file");
    fs::write(place.here("two"), "2").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["put", "one", "tree", "two", "--to", "x/y"]).well();
    assert_same(&place.here("tree"), &place.served("x/y/tree"));
    assert_eq!(fs::read(place.served("x/y/two")).expect("it is there"), b"2");
    server.client(&place.here(""), &["get", ".", "--into", "all"]).well();
    assert_same(&place.served(""), &place.here("all"));
    server.client(&place.here(""), &["get", "x/y/one", "x/y/tree", "--into", "some"]).well();
    assert_same(&place.here("tree"), &place.here("some/tree"));
}

#[test]
fn a_unix_socket_is_served() {
    let place = Place::new();
    make_tree(&place, 50);
    let here = place.here("");
    let url = format!("unix://{}", place.root.path().join("socket").display());
    client(&url, &here, &["ping"]).with(4, &["cannot connect", "no such file"]);
    let mut server = Server::start_at(&url, &place.served(""), &[]);
    assert_eq!(server.endpoint, url);
    server.client(&here, &["put", "tree"]).well();
    server.client(&here, &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    // A second server does not take its place, a third takes that of one that was killed.
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["serve", "--listen", &url, "."])
        .current_dir(&here)
        .output();
    Ended::from(second.expect("it ends")).with(1, &["cannot listen", "in use"]);
    server.signal("KILL");
    server.wait();
    let mut server = Server::start_at(&url, &place.served(""), &["--allow-close"]);
    server.client(&here, &["close"]).well();
    assert_eq!(server.wait(), Some(0));
    client(&url, &here, &["ping"]).with(4, &["no such file"]);
}
