//! Names that are not possible on Windows or mean others there, and long paths.

use std::fs;
use std::path::Path;

use super::{On, below, write};
use crate::harness::{Ended, Place};

#[test]
#[ignore = "needs Wine"]
fn names_that_windows_cannot_store_are_refused_one_by_one() {
    let place = Place::new();
    let bad = [
        ("CON", "CON is a device"),
        ("aux.txt", "aux is a device"),
        ("COM1.log", "COM1 is a device"),
        ("a:b", "it contains a colon"),
        ("star*", "it contains an asterisk"),
        ("<", "it contains \"<\""),
        (">", "it contains \">\""),
        ("|", "it contains a vertical bar"),
        ("?", "it contains a question mark"),
        ("\"", "it contains a quotation mark"),
        ("back\\slash", "it contains a backslash"),
        ("trail.", "it ends with a dot"),
        ("blank ", "it ends with a space"),
    ];
    for root in [place.here(""), place.served("")] {
        bad.iter().for_each(|(name, _)| write(&root.join("t").join(name), "x"));
        write(&root.join("t/nul/below"), "x");
        write(&root.join("t/comb"), "good");
        write(&root.join("t/z/good"), "good");
    }
    let check = |ended: Ended, received: &Path| {
        let ended = ended.with(3, &["15 entries were not transferred", "\"t/nul/below\""]);
        for (_, why) in bad {
            let lines = ended.stderr.lines().filter(|line| line.contains(&format!(": {why}")));
            let sentences = lines.filter(|line| line.contains("is not possible on Windows"));
            assert_eq!(sentences.count(), 1, "{why} in: {}", ended.stderr);
        }
        let received = below(received).into_iter().map(|(path, _)| path);
        assert_eq!(received.collect::<Vec<_>>(), ["comb", "z", "z/good"]);
    };
    let at_windows = place.here("windows");
    fs::create_dir(&at_windows).expect("a directory");
    let server = On::Server.serve(&at_windows, &[]);
    check(On::Server.client(&server, &place.here(""), &["put", "t"]), &at_windows.join("t"));
    let put = On::Server.client(&server, &place.here("t"), &["put", "trail."]);
    put.with(6, &["the name \"trail.\" is not possible on Windows: it ends with a dot"]);
    let server = On::Client.serve(&place.served(""), &[]);
    check(
        On::Client.client(&server, &at_windows, &["get", "t", "--into", "got"]),
        &at_windows.join("got/t"),
    );
}

#[test]
#[ignore = "needs Wine"]
fn the_first_of_two_names_that_differ_in_case_is_kept() {
    let place = Place::new();
    for root in [place.here("t"), place.served("t")] {
        for number in 0..20 {
            write(&root.join(format!("F{number}")), "first");
            write(&root.join(format!("f{number}")), "second");
        }
        write(&root.join("BIG"), "1".repeat(200_000));
        write(&root.join("big"), "2".repeat(200_000));
        write(&root.join("Dir/x"), "first");
        write(&root.join("dir/y"), "second");
    }
    let check = |ended: Ended, received: &Path| {
        ended.with(
            3,
            &["23 entries were not transferred", "it has the same name as \"BIG\", which exists"],
        );
        let received = below(received);
        assert_eq!(received.len(), 23);
        for (path, bytes) in received {
            assert!(
                path == "Dir" || bytes == b"first" || bytes == "1".repeat(200_000).as_bytes(),
                "{path}"
            );
        }
    };
    let at_windows = place.here("windows");
    fs::create_dir(&at_windows).expect("a directory");
    let server = On::Server.serve(&at_windows, &[]);
    for _ in 0..2 {
        check(On::Server.client(&server, &place.here(""), &["put", "t"]), &at_windows.join("t"));
    }
    let server = On::Client.serve(&place.served(""), &[]);
    for _ in 0..2 {
        let ended = On::Client.client(&server, &at_windows, &["get", "t", "--into", "got"]);
        check(ended, &at_windows.join("got/t"));
    }
}

/// Wine does not tell the path of a directory that is longer than that: here only the paths of files are.
#[test]
#[ignore = "needs Wine"]
fn paths_longer_than_260_characters_are_transferred() {
    let place = Place::new();
    let directory = "d".repeat(150);
    let path = format!("{directory}/{}", "f".repeat(200));
    for root in [place.here("t"), place.served("t")] {
        write(&root.join(&path), "long");
    }
    let at_windows = place.here("windows");
    fs::create_dir(&at_windows).expect("a directory");
    let server = On::Server.serve(&at_windows, &["--allow-remove"]);
    let put = |verb: &[&str]| On::Server.client(&server, &place.here(""), verb).well();
    put(&["put", "t"]);
    assert!(below(&at_windows.join("t")) == below(&place.here("t")));
    let listed = put(&["ls", "-R", "t"]).stdout;
    assert!(listed.contains(&path), "{listed}");
    write(&place.here("t").join(&path), "changed");
    put(&["put", "t"]);
    assert!(below(&at_windows.join("t")) == below(&place.here("t")));
    fs::remove_file(place.here("t").join(&path)).expect("it is there");
    put(&["mirror", "t", "t"]);
    assert!(below(&at_windows.join("t")) == below(&place.here("t")));
    let server = On::Client.serve(&place.served(""), &[]);
    On::Client.client(&server, &at_windows, &["get", "t", "--into", "got"]).well();
    assert!(below(&at_windows.join("got/t")) == below(&place.served("t")));
    On::Client.client(&server, &at_windows.join("got"), &["put", "t", "--to", "again"]).well();
    assert!(below(&place.served("again/t")) == below(&place.served("t")));
}
