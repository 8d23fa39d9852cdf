//! Digests of real directories.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;
use tinyferry_core::error::Reason;

use super::cancel::Cancel;
use super::query::Query;
use super::range::Range;
use super::record::{Facts, Granularity, Parameters};
use super::tree::TreeDigests;
use super::{Summary, Total};

const PARAMETERS: Parameters =
    Parameters { facts: Facts::ALL, granularity: Granularity::NANOSECOND, salt: 7 };
const WHOLE: Query = Query { parameters: PARAMETERS, range: Range::ALL };

/// Where many files are made fast.
fn temporary() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(path: &Path) -> Arc<Dir> {
    Arc::new(Dir::open_ambient_dir(path, ambient_authority()).unwrap())
}

fn summary(digests: &mut TreeDigests, root: &Path, path: &str, query: Query) -> Summary {
    digests.summary(&open(&root.join(path)), path, query, &Cancel::default()).unwrap()
}

fn digest(root: &Path, facts: Facts) -> Total {
    let parameters = Parameters { facts, ..PARAMETERS };
    let query = Query { parameters, range: Range::ALL };
    summary(&mut TreeDigests::default(), root, "", query).total
}

/// A file of a few possible ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    size: usize,
    content: u8,
    time: u64,
    mode: u32,
}

/// Directories and the files in them, by path.
type Tree = (BTreeMap<&'static str, u32>, BTreeMap<String, File>);

fn make(root: &Path, (directories, files): &Tree, is_reversed: bool) {
    let mut steps: Vec<_> = files.iter().collect();
    if is_reversed {
        steps.reverse();
    }
    for directory in directories.keys() {
        fs::create_dir(root.join(directory)).unwrap();
    }
    for (path, file) in steps {
        let path = root.join(path);
        fs::write(&path, vec![file.content; file.size]).unwrap();
        let time = UNIX_EPOCH + Duration::new(1_000_000_000, file.time as u32);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).unwrap();
    }
    for (directory, mode) in directories {
        fs::set_permissions(root.join(directory), fs::Permissions::from_mode(*mode)).unwrap();
    }
}

fn file() -> impl Strategy<Value = File> {
    (1..3usize, 0..2u8, 0..2u64, select(vec![0o644, 0o600]))
        .prop_map(|(size, content, time, mode)| File { size, content, time, mode })
}

fn trees() -> impl Strategy<Value = Tree> {
    let mode = || select(vec![0o755, 0o700]);
    let directories = (mode(), mode(), mode())
        .prop_map(|(a, b, c)| BTreeMap::from([("a", a), ("b", b), ("b/c", c)]));
    let place = (select(vec!["", "a/", "b/", "b/c/"]), select(vec!["x", "y", "z"]))
        .prop_map(|(directory, name)| format!("{directory}{name}"));
    (directories, btree_map(place, file(), 0..9))
}

/// A tree, and the same after a few changes.
fn pairs() -> impl Strategy<Value = (Tree, Tree)> {
    let index = any::<prop::sample::Index>;
    (trees(), 0..9u8, index(), index(), file(), "[uvw]").prop_map(
        |(tree, change, one, other, new, name)| {
            let mut changed = tree.clone();
            let files = &mut changed.1;
            let paths: Vec<_> = files.keys().cloned().collect();
            if paths.is_empty() || change == 8 {
                changed.0.insert("b", 0o700);
                return (tree, changed);
            }
            let (one, other) = (one.get(&paths).clone(), other.get(&paths).clone());
            let (mut first, mut second) = (files[&one], files[&other]);
            match change {
                0 => std::mem::swap(&mut first, &mut second),
                1 => std::mem::swap(&mut first.size, &mut second.size),
                2 => std::mem::swap(&mut first.time, &mut second.time),
                3 => std::mem::swap(&mut first.mode, &mut second.mode),
                4 => std::mem::swap(&mut first.content, &mut second.content),
                5 => second = new,
                _ => {}
            }
            files.insert(one.clone(), first);
            files.insert(other, second);
            // A rename in the directory, and a move to another one.
            if change >= 6 {
                let directory = one.rsplit_once('/').map_or("", |(directory, _)| directory);
                let directory = if change == 6 { directory } else { "b/c" };
                let moved = files.remove(&one).unwrap();
                files.insert(format!("{directory}/{name}").trim_start_matches('/').into(), moved);
            }
            (tree, changed)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_trees_have_the_same_digest_exactly_if_they_are_the_same((one, other) in pairs()) {
        let (first, second) = (temporary(), temporary());
        make(first.path(), &one, false);
        make(second.path(), &other, true);
        let digests = [first.path(), second.path()].map(|path| digest(path, Facts::ALL));
        prop_assert_eq!(digests[0] == digests[1], one == other);
        // Each fact counts only if it is compared.
        let without = |tree: &Tree, fact| {
            let mut tree = tree.clone();
            for file in tree.1.values_mut() {
                match fact {
                    Facts::TIME => file.time = 0,
                    Facts::MODE => file.mode = 0,
                    _ => file.content = 0,
                }
            }
            if fact == Facts::MODE {
                tree.0.values_mut().for_each(|mode| *mode = 0);
            }
            tree
        };
        for fact in [Facts::TIME, Facts::MODE, Facts::CONTENT] {
            let facts = Facts::ALL.without(fact);
            let is_same = digest(first.path(), facts) == digest(second.path(), facts);
            prop_assert_eq!(is_same, without(&one, fact) == without(&other, fact));
        }
    }
}

#[test]
fn the_parts_of_a_directory_are_all_of_it() {
    let dir = temporary();
    for number in 0..700 {
        fs::write(dir.path().join(number.to_string()), "").unwrap();
    }
    for number in 0..30 {
        fs::create_dir_all(dir.path().join(format!("d{number}/e"))).unwrap();
    }
    let mut digests = TreeDigests::default();
    let whole = summary(&mut digests, dir.path(), "", WHOLE);
    assert_eq!((whole.total.entries, &whole.index), (730, &None));
    let root = open(dir.path());
    for bits in [1, 2, 4, 8, 13] {
        let mut sum = Total::default();
        for range in Range::ALL.split(bits) {
            let query = Query { range, ..WHOLE };
            let part = summary(&mut digests, dir.path(), "", query);
            if bits > 4 {
                continue_sum(&mut sum, part.total);
                assert_eq!(part.index.unwrap().len() as u64, part.total.entries);
                continue;
            }
            // The same from an empty cache, and as a list.
            assert_eq!(summary(&mut TreeDigests::default(), dir.path(), "", query), part);
            let entries = digests.entries(&root, "", query, &Cancel::default()).unwrap();
            let listed = entries.part(range).unwrap();
            assert_eq!(entries.total(), part.total);
            assert_eq!(Total::of(listed.iter().map(|entry| entry.hash)), part.total);
            continue_sum(&mut sum, part.total);
        }
        assert_eq!(sum, whole.total);
    }
}

fn continue_sum(sum: &mut Total, part: Total) {
    sum.entries += part.entries;
    sum.digest = sum.digest.wrapping_add(part.digest);
}

#[test]
fn a_tree_is_read_once_until_it_is_forgotten() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("a/b/f"), "1").unwrap();
    let mut digests = TreeDigests::default();
    let all = |digests: &mut TreeDigests| {
        ["", "a", "a/b"].map(|path| summary(digests, dir.path(), path, WHOLE))
    };
    let before = all(&mut digests);
    fs::write(dir.path().join("a/b/f"), "22").unwrap();
    assert_eq!(all(&mut digests), before);
    digests.forget();
    let after = all(&mut digests);
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before.total.digest, after.total.digest);
    }
    // A directory has the same digest by itself and below another one.
    let mut from_below = TreeDigests::default();
    let reversed = ["a/b", "a", ""].map(|path| summary(&mut from_below, dir.path(), path, WHOLE));
    assert!(reversed.iter().rev().eq(&after));
}

#[test]
fn a_directory_that_is_removed_or_missing_has_no_digest() {
    let dir = temporary();
    fs::create_dir(dir.path().join("d")).unwrap();
    let removed = open(&dir.path().join("d"));
    fs::remove_dir(dir.path().join("d")).unwrap();
    let found = TreeDigests::default().summary(&removed, "d", WHOLE, &Cancel::default());
    assert_eq!(found.unwrap_err().reason, Reason::NotFound);
}

#[test]
fn an_unreadable_entry_is_never_the_same() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("a/b")).unwrap();
    fs::write(dir.path().join("f"), "x").unwrap();
    if rustix::process::geteuid().is_root() {
        println!("skipped: root may read everything");
        return;
    }
    let digest = |facts| digest(dir.path(), facts);
    fs::set_permissions(dir.path().join("f"), fs::Permissions::from_mode(0o0)).unwrap();
    assert_ne!(digest(Facts::ALL), digest(Facts::ALL));
    assert_eq!(digest(Facts::SIZE), digest(Facts::SIZE));
    fs::set_permissions(dir.path().join("a/b"), fs::Permissions::from_mode(0o0)).unwrap();
    let (first, second) = (digest(Facts::SIZE), digest(Facts::SIZE));
    fs::set_permissions(dir.path().join("a/b"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_ne!(first, second);
    assert_eq!(first.entries, 2);
}

#[test]
fn a_long_read_can_be_cancelled() {
    let dir = temporary();
    fs::create_dir(dir.path().join("d")).unwrap();
    // A hole, which would be read for minutes.
    fs::File::create(dir.path().join("d/f")).unwrap().set_len(1 << 40).unwrap();
    let (root, cancel) = (open(dir.path()), Cancel::default());
    let theirs = cancel.clone();
    let work = std::thread::spawn(move || {
        TreeDigests::default().summary(&root, "", WHOLE, &theirs).map_err(|error| error.reason)
    });
    std::thread::sleep(Duration::from_millis(50));
    assert!(!work.is_finished());
    cancel.cancel();
    assert_eq!(work.join().unwrap(), Err(Reason::Cancelled));
}
