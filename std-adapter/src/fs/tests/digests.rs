//! Digests of trees beside the transfer of the same trees.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::*;
use crate::fs::digest::cancel::Cancel;
use crate::fs::digest::compare::{Comparison, compare};
use crate::fs::digest::query::Query;
use crate::fs::digest::range::Range;
use crate::fs::digest::record::{Facts, FileFacts, Granularity, Parameters};
use crate::fs::digest::tree::TreeDigests;
use crate::fs::digest::{Summary, Total};

fn query(facts: Facts) -> Query {
    let granularity = Granularity::NANOSECOND;
    Query { parameters: Parameters { facts, granularity, salt: 3 }, range: Range::ALL }
}

fn open(path: &Path) -> Arc<Dir> {
    Arc::new(Dir::open_ambient_dir(path, ambient_authority()).unwrap())
}

fn summary(root: &Path, path: &str, facts: Facts) -> Summary {
    let dir = open(&root.join(path));
    TreeDigests::default().summary(&dir, path, query(facts), &Cancel::default()).unwrap()
}

/// All entries that have a hash, as [`names`] returns them.
fn hashed(root: &Path, path: &str, into: &mut Vec<String>) {
    let dir = open(&root.join(path));
    let found = TreeDigests::default().entries(&dir, path, query(Facts::ALL), &Cancel::default());
    let found = found.unwrap();
    for entry in found.part(Range::ALL).unwrap() {
        let path = names::join(path, found.name(entry));
        match entry.kind {
            Kind::Directory => {
                into.push(format!("{path}/"));
                hashed(root, &path, into);
            }
            _ => into.push(path),
        }
    }
}

/// Names of all kinds, some of which are not sent.
fn odd(root: &Path) {
    fs::create_dir_all(root.join("d/e/empty")).unwrap();
    for name in ["a", "a b", "é", ".hidden", "d/x", "d/.x.tinyferry-part", "d/e/.X.TINYFERRY-PART"]
    {
        fs::write(root.join(name), name).unwrap();
    }
    for name in ["line\nbreak", "d/\u{1b}[31m"] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"d/not-\xFF-utf8")), "x").unwrap();
    fs::create_dir(root.join(std::ffi::OsStr::from_bytes(b"dir-\xFF"))).unwrap();
    fs::create_dir_all(root.join(".p.tinyferry-part/inside")).unwrap();
    symlink("a", root.join("link")).unwrap();
    symlink("d", root.join("link-to-directory")).unwrap();
    symlink("nowhere", root.join("d/broken")).unwrap();
    make_fifo(&root.join("d/fifo"));
    std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    // Paths up to the limit and beyond.
    let mut deep = root.to_owned();
    for _ in 0..4 {
        deep.push("n".repeat(237));
    }
    fs::create_dir_all(&deep).unwrap();
    for name in ["1234567", "12345678", "123456789", "1234567890"] {
        fs::write(deep.join(name), "x").unwrap();
    }
}

#[test]
fn the_entries_of_a_digest_are_those_that_are_sent() {
    let dir = temporary();
    odd(dir.path());
    let mut counted = Vec::new();
    hashed(dir.path(), "", &mut counted);
    counted.sort();
    for names_only in [true, false] {
        let mut store = serving(&dir);
        let mut sent = if names_only {
            assert_eq!(list_of(&mut store, "", true), Ok(()));
            names(&mut store)
        } else {
            assert_eq!(store.open("", true), Ok(()));
            entries(&mut store).0
        };
        sent.sort();
        assert_eq!(sent, counted, "names only: {names_only}");
    }
    assert!(counted.iter().any(|path| path.len() == PATH_MAX));
}

#[test]
fn a_tree_that_was_received_has_the_digest_of_its_source() {
    let (from, to) = (temporary(), temporary());
    odd(from.path());
    // No receiver takes a file of such a name.
    for name in ["d/.x.tinyferry-part", "d/e/.X.TINYFERRY-PART"] {
        fs::remove_file(from.path().join(name)).unwrap();
    }
    fs::remove_dir_all(from.path().join(".p.tinyferry-part")).unwrap();
    set_mode(&from.path().join("a"), 0o604);
    set_mode(&from.path().join("d/e"), 0o705);
    set_modified(&from.path().join("d/x"), 1_234_567_890_123_456_789);
    set_modified(&from.path().join("d"), 1_234_567_890_123_456_789);
    // Neither of these is in the tree.
    fs::write(to.path().join(".left.tinyferry-part"), "x").unwrap();
    let mut source = serving(&from);
    assert_eq!(source.open("", true), Ok(()));
    let mut target =
        Directory::receiving(root(&to), String::new(), Sync::Never, Recorder::default());
    carry(&mut source, &mut target);
    for facts in [Facts::ALL, Facts::SIZE.with(Facts::TIME)] {
        for path in ["", "d", "d/e"] {
            assert_eq!(summary(from.path(), path, facts), summary(to.path(), path, facts));
        }
    }
    // The sender finds each change by its name.
    fs::write(from.path().join("d/x"), "changed").unwrap();
    fs::write(to.path().join("other"), "").unwrap();
    let mut digests = TreeDigests::default();
    let mut lacking = |path: &str| {
        let dir = open(&from.path().join(path));
        let ours = digests.entries(&dir, path, query(Facts::ALL), &Cancel::default()).unwrap();
        let theirs = summary(to.path(), path, Facts::ALL);
        match compare(&ours, Range::ALL, &theirs, false) {
            Comparison::Differs(lacks) => {
                lacks.iter().map(|entry| ours.name(entry).to_owned()).collect::<Vec<_>>()
            }
            Comparison::Same => vec![],
            Comparison::Split(bits) => panic!("split by {bits}"),
        }
    };
    assert_eq!(lacking(""), ["d"]);
    assert_eq!(lacking("d"), ["x"]);
    assert_eq!(lacking("d/e"), [""; 0]);
}

#[test]
fn more_directories_than_fit_into_memory_are_counted_once() {
    let dir = in_memory();
    let parameters = query(Facts::SIZE).parameters;
    let mut expected = Total::default();
    for number in 0..9007 {
        let name = format!("{:0250}", number * 7919 % 9007);
        let path = dir.path().join(&name);
        if number % 3 == 0 {
            fs::write(path, "x").unwrap();
            let facts = FileFacts { size: 1, modified: None, mode: None, content: None };
            expected.add(parameters.hash_of_file(&name, &facts));
        } else {
            fs::create_dir(path).unwrap();
            expected.add(parameters.hash_of_directory(&name, None, Total::default()));
        }
    }
    assert_eq!(summary(dir.path(), "", Facts::SIZE).total, expected);
}

#[test]
fn a_deep_tree_has_a_digest_with_few_descriptors() {
    let dir = temporary();
    let deep = dir.path().join("d/".repeat(479));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("f"), "x").unwrap();
    let before = summary(dir.path(), "", Facts::SIZE);
    fs::write(deep.join("f"), "xx").unwrap();
    assert_ne!(summary(dir.path(), "", Facts::SIZE), before);
    // The limit of this process would break the other tests: count while it reads.
    fs::File::create(deep.join("f")).unwrap().set_len(1 << 40).unwrap();
    let (root, cancel) = (open(dir.path()), Cancel::default());
    let theirs = cancel.clone();
    let work = std::thread::spawn(move || {
        TreeDigests::default().summary(&root, "", query(Facts::ALL), &theirs).is_err()
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(!work.is_finished());
    let open = walking::open_below(dir.path());
    cancel.cancel();
    assert!(work.join().unwrap());
    assert!((2..=16).contains(&open), "{open} were open");
}
