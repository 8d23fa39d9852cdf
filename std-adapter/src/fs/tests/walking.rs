//! Directories that are large, deep, unreadable, or that change while they are read.

use std::os::unix::fs::symlink;

use super::*;

fn list(store: &mut Directory<Recorder>, path: &str) -> Vec<String> {
    assert_eq!(list_of(store, path, true), Ok(()));
    names(store)
}

#[test]
fn a_large_directory_is_sent_sorted_and_completely_in_bounded_memory() {
    // Each directory's names take more than its share of memory.
    let dir = in_memory();
    fs::write(dir.path().join("0"), "x").unwrap();
    fs::create_dir_all(dir.path().join("d/5")).unwrap();
    let mut expected = vec!["0".to_owned(), "d/".to_owned(), "d/5/".to_owned()];
    for number in 0..9007 {
        // Created in another order than the listing's.
        let name = format!("{:0250}", number * 7919 % 9007);
        for directory in ["d", "d/5"] {
            let path = format!("{directory}/{name}");
            fs::hard_link(dir.path().join("0"), dir.path().join(&path)).unwrap();
            expected.push(path);
        }
    }
    expected.sort_by_key(|path| path.replace('/', "\0"));
    for names_only in [true, false] {
        let mut store = serving(&dir);
        if names_only {
            assert_eq!(list_of(&mut store, "", true), Ok(()));
        } else {
            assert_eq!(store.open("", true), Ok(()));
        }
        assert!(names(&mut store) == expected, "names only: {names_only}");
        assert_eq!(store.omitted(), 0);
    }
}

#[test]
fn names_may_be_created_and_removed_between_two_windows() {
    let dir = in_memory();
    let name = |number: usize| format!("{number:0250}");
    let path = |number| dir.path().join(name(number));
    // More than a window; those with odd numbers come later.
    for number in (0..24_000).step_by(2) {
        fs::write(path(number), "").unwrap();
    }
    let mut store = serving(&dir);
    assert_eq!(list_of(&mut store, "", true), Ok(()));
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen.extend(next(&mut store).map(|(path, _)| path));
    }
    for number in (16_000..24_000).step_by(2) {
        fs::remove_file(path(number)).unwrap();
    }
    for number in (1..16_001).step_by(2) {
        fs::write(path(number), "").unwrap();
    }
    seen.extend(names(&mut store));
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert!(seen[1..] == sorted[1..], "in order, and none twice");
    for number in (0..16_000).step_by(2) {
        assert!(sorted.binary_search(&name(number)).is_ok(), "{number} was there all the time");
    }
    assert!(seen.iter().all(|path| *path <= name(16_000)));
}

#[test]
fn a_deep_tree_needs_few_descriptors() {
    let dir = temporary();
    let mut path = dir.path().to_owned();
    let mut expected = Vec::new();
    let mut below = String::new();
    for level in 0..100 {
        fs::write(path.join("a"), "x").unwrap();
        fs::write(path.join("z"), "x").unwrap();
        path.push("d");
        fs::create_dir(&path).unwrap();
        expected.push(format!("{below}a"));
        expected.push(format!("{below}d/"));
        below.push_str("d/");
        let _ = level;
    }
    for level in (0..100).rev() {
        expected.push(format!("{}z", "d/".repeat(level)));
    }
    let mut store = serving(&dir);
    assert_eq!(store.open("", true), Ok(()));
    let mut seen = Vec::new();
    let mut most = 0;
    while let Some((path, entry)) = next(&mut store) {
        match entry.kind {
            Kind::Tree => continue,
            Kind::Directory => seen.push(path + "/"),
            Kind::File => seen.push(path),
        }
        most = most.max(open_below(dir.path()));
    }
    assert_eq!(seen, expected);
    assert!(most <= 16, "{most} directories were open");
}

/// How many files and directories below `root` this process has open.
pub(super) fn open_below(root: &Path) -> usize {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter(|entry| {
            let target = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
            target.is_some_and(|target| target.starts_with(root))
        })
        .count()
}

#[test]
fn a_replaced_directory_is_not_read_further() {
    let outside = temporary();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    // Deep enough that the directories above are closed meanwhile.
    let deep = "d/".repeat(20);
    for replacement in 0..4 {
        let dir = temporary();
        fs::create_dir_all(dir.path().join("t/b").join(&deep)).unwrap();
        for name in ["t/a", "t/b/z", "t/b/zz", "t/c"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let mut store = serving(&dir);
        assert_eq!(store.open("t", true), Ok(()));
        // The tree, `a`, `b/` and 20 directories in it.
        for _ in 0..23 {
            assert!(next(&mut store).is_some());
        }
        let b = dir.path().join("t/b");
        match replacement {
            0 => fs::rename(&b, dir.path().join("gone")).unwrap(),
            1 => {
                fs::rename(&b, dir.path().join("gone")).unwrap();
                fs::create_dir(&b).unwrap();
                fs::write(b.join("z"), "another").unwrap();
            }
            2 => {
                fs::rename(&b, dir.path().join("gone")).unwrap();
                symlink(outside.path(), &b).unwrap();
            }
            _ => {
                fs::rename(&b, dir.path().join("gone")).unwrap();
                fs::write(&b, "a file").unwrap();
            }
        }
        let (given, broken) = entries(&mut store);
        assert_eq!(given, ["c"], "{replacement}");
        let expected = match replacement {
            0 => Reason::NotFound,
            1 => Reason::SourceChanged,
            2 => Reason::SymbolicLink,
            _ => Reason::NotDirectory,
        };
        assert_eq!(broken.last().unwrap(), &("b".to_owned(), expected), "{replacement}");
        assert_eq!(store.omitted(), 0);
    }
}

#[test]
fn a_removed_root_is_not_an_empty_tree() {
    let dir = temporary();
    let served = dir.path().join("served");
    fs::create_dir(&served).unwrap();
    let root = Root::open(&served).unwrap();
    let mut store = Directory::serving(root, ALL, Sync::Never, Recorder::default());
    assert_eq!(list(&mut store, ""), [""; 0]);
    fs::remove_dir(&served).unwrap();
    assert_eq!(list_of(&mut store, "", true), Err(Reason::RootGone));
    assert_eq!(store.open("", true), Err(Reason::RootGone));
}

#[test]
fn a_path_that_is_too_long_is_left_out() {
    let dir = temporary();
    let mut path = dir.path().to_owned();
    for _ in 0..4 {
        path.push("n".repeat(239));
    }
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("f"), "x").unwrap();
    fs::write(dir.path().join("z"), "x").unwrap();
    let mut store = serving(&dir);
    assert_eq!(store.open("", true), Ok(()));
    // Four names and three `/` are 959 bytes: one `/` and a letter more are 961.
    assert_eq!(names(&mut store).len(), 5);
    assert_eq!(store.omitted(), 1);
    let events = store.into_observer();
    assert_eq!(events.failed.len(), 1);
    assert_eq!((events.failed[0].1, events.failed[0].0.len()), (Reason::NameTooLong, 961));
}
