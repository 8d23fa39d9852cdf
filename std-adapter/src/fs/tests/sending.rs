//! Sending: a lone file, a tree, and entries that are left out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::*;

fn source(local: &Path, remote: &str) -> Source {
    Source { local: local.to_owned(), remote: remote.to_owned() }
}

#[test]
fn a_file_is_sent_by_its_path() {
    let (dir, to) = (temporary(), temporary());
    fs::create_dir(dir.path().join("a")).unwrap();
    let (path, bytes) = (dir.path().join("a/f"), content(200_000));
    fs::write(&path, &bytes).unwrap();
    set_mode(&path, 0o4640);
    set_modified(&path, 1_234_567_890);
    let mut store = serving(&dir);
    assert_eq!(store.open("a/f", false), Ok(()));
    let (name, entry) = next(&mut store).unwrap();
    assert_eq!(
        (name.as_str(), entry),
        (
            "a/f",
            Entry {
                kind: Kind::File,
                path: 3,
                size: Some(200_000),
                modified: Some(1_234_567_890),
                mode: Some(0o640),
                resumable: true,
                broken: None,
                content: None,
                operation: None,
            }
        )
    );
    // At any position, in any order.
    assert_eq!(load_all(&mut store, 0, 200_000), bytes);
    assert_eq!(load_all(&mut store, 77_777, 100), bytes[77_777..77_877]);
    assert_eq!(load_all(&mut store, 1, 150_000), bytes[1..150_001]);
    assert_eq!(store.load(200_000, &mut [0; 16]), Ok(0));
    assert_eq!(store.check(), Ok(()));
    assert_eq!(store.check(), Ok(()));
    assert!(next(&mut store).is_none());
    assert_eq!(store.load(0, &mut [0; 16]), Err(Reason::Storage));
    assert_eq!(store.observer().done, [""; 0]);
    store.completed();
    let events = store.observer();
    assert_eq!((events.moved, events.resent, events.verified), (200_000, 150_100, 0));
    assert_eq!(events.done, ["a/f"]);
    // Each check of the end is one.
    assert_eq!(events.completing, 2);

    // And as the user of the program names it: a link of theirs is followed.
    std::os::unix::fs::symlink(&path, dir.path().join("mine")).unwrap();
    let mine = source(&dir.path().join("mine"), "sub/name");
    carry(&mut Directory::sending_file(mine, ()), &mut serving(&to));
    assert_eq!(fs::read(to.path().join("sub/name")).unwrap(), bytes);
}

#[test]
fn a_tree_is_sent_depth_first_and_sorted() {
    let dir = temporary();
    for name in ["t/b/y", "t/b/x/z", "t/a.d"] {
        fs::create_dir_all(dir.path().join(name)).unwrap();
    }
    for name in ["t/b.txt", "t/b/x/1", "t/a", "t/c", "t/.b.tinyferry-part"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    fs::write(dir.path().join("outside"), "x").unwrap();
    std::os::unix::fs::symlink("../outside", dir.path().join("t/link")).unwrap();
    std::os::unix::fs::symlink("b", dir.path().join("t/loop")).unwrap();
    make_fifo(&dir.path().join("t/b/pipe"));
    fs::write(dir.path().join("t/bad\nname"), "x").unwrap();
    fs::write(dir.path().join("t").join(OsStr::from_bytes(b"not\xffutf")), "x").unwrap();
    let mut store = serving(&dir);
    assert_eq!(store.open("t", true), Ok(()));
    let (path, entry) = next(&mut store).unwrap();
    // Of the files that are sent.
    assert_eq!((path.as_str(), entry.kind, entry.size), ("t", Kind::Tree, Some(4)));
    let given = ["a", "a.d/", "b/", "b/x/", "b/x/1", "b/x/z/", "b/y/", "b.txt", "c"];
    let broken = [
        (".b.tinyferry-part", Reason::BadPath),
        ("b/pipe", Reason::NotRegular),
        ("link", Reason::SymbolicLink),
        ("loop", Reason::SymbolicLink),
    ];
    let mut store = soon(move || {
        let mut store = store;
        assert_eq!(entries(&mut store), (given.map(str::to_owned).to_vec(), named(&broken)));
        store
    });
    assert_eq!(store.omitted(), 2);
    let mut events = store.into_observer();
    events.failed.sort_by(|one, other| one.0.cmp(&other.0));
    let failed = |path: &str, reason| (format!("t/{path}"), reason, false);
    let mut expected = broken.map(|(path, reason)| failed(path, reason)).to_vec();
    expected.push(failed("bad\nname", Reason::BadPath));
    expected.push(failed("not\\xffutf", Reason::BadPath));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(events.failed, expected);

    // A request for names only reports the number of missing entries, and writes no log.
    let mut store = serving(&dir);
    assert_eq!(list_of(&mut store, "t", true), Ok(()));
    assert_eq!(names(&mut store), given);
    assert_eq!(store.omitted(), 6);
    assert_eq!(store.into_observer().failed, []);

    // The root itself, and with a `/` behind.
    let mut store = serving(&dir);
    assert_eq!(store.open("", true), Ok(()));
    assert_eq!(names(&mut store).first().map(String::as_str), Some("outside"));
    assert_eq!(store.open("t/b/", true), Ok(()));
    assert_eq!(names(&mut store), ["pipe", "x/", "x/1", "x/z/", "y/"]);
}

#[test]
fn sources_are_sent_side_by_side() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("one/in")).unwrap();
    fs::create_dir_all(dir.path().join("two/in")).unwrap();
    for name in ["one/in/a", "two/in/b", "f"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    let sources = vec![
        source(&dir.path().join("one"), ""),
        source(&dir.path().join("two"), "second"),
        source(&dir.path().join("f"), "deep/f"),
        source(&dir.path().join("f"), ""),
        source(&dir.path().join("gone"), "gone"),
        source(&dir.path().join("f"), "../f"),
    ];
    let mut store = Directory::sending_tree("up".to_owned(), sources, Recorder::default());
    let expected = ["in/", "in/a", "second/", "second/in/", "second/in/b", "deep/f", "gone"];
    assert_eq!(names(&mut store), expected);
    assert_eq!(
        store.into_observer().failed,
        [
            ("up/".to_owned(), Reason::NotDirectory, false),
            ("up/gone".to_owned(), Reason::NotFound, false),
            ("up/../f".to_owned(), Reason::BadPath, false),
        ]
    );

    let mut store = Directory::sending_tree("../up".to_owned(), Vec::new(), ());
    assert_eq!(store.next(&mut [0; PATH_MAX]), Err(Reason::BadPath));
}

#[test]
fn an_unreadable_entry_is_offered_as_broken() {
    let dir = temporary();
    fs::create_dir(dir.path().join("d")).unwrap();
    make_fifo(&dir.path().join("p"));
    fs::write(dir.path().join(".f.tinyferry-part"), "x").unwrap();
    let cases = [("gone", Reason::NotFound), ("d", Reason::IsDirectory), ("p", Reason::NotRegular)];
    for (name, reason) in cases {
        let lone = source(&dir.path().join(name), "name");
        let store = Directory::sending_file(lone, Recorder::default());
        soon(move || {
            let mut store = store;
            let (path, entry) = next(&mut store).unwrap();
            assert_eq!((path.as_str(), entry.kind, entry.resumable), ("name", Kind::File, false));
            assert_eq!(entry.broken, Some(reason));
            assert_eq!(store.load(0, &mut [0; 16]), Err(Reason::Storage));
            // It was counted when it was given, and the other end may refuse it as well.
            assert!(store.refused(0, reason, ""));
            assert!(next(&mut store).is_none());
            assert_eq!(store.into_observer().failed, [("name".to_owned(), reason, false)]);
        });
    }
}

#[test]
fn a_file_that_changes_is_not_completed() {
    let dir = temporary();
    let path = dir.path().join("f");
    let changes: [fn(&Path); 3] = [
        |path| fs::File::options().append(true).open(path).unwrap().set_len(250_000).unwrap(),
        |path| set_modified(path, 5),
        |path| fs::File::options().append(true).open(path).unwrap().set_len(150_000).unwrap(),
    ];
    for (index, change) in changes.iter().enumerate() {
        fs::write(&path, content(200_000)).unwrap();
        set_modified(&path, 7);
        let mut store = serving(&dir);
        assert_eq!(store.open("f", false), Ok(()));
        assert!(next(&mut store).is_some());
        assert_eq!(load_all(&mut store, 0, 100_000).len(), 100_000);
        change(&path);
        set_modified(&path, if modified(&path) == 5 { 5 } else { 7 });
        let mut position = 100_000;
        let read = loop {
            match store.load(position, &mut [0; 1024]) {
                Ok(0) => break Ok(()),
                Ok(count) => position += count as u64,
                Err(reason) => break Err(reason),
            }
        };
        // One that became shorter ends too early; the others are read to their ends.
        assert_eq!(read.is_err(), index == 2);
        assert_eq!(read.and_then(|()| store.check()), Err(Reason::SourceChanged));
        assert!(!store.refused(0, Reason::SourceChanged, ""));
        // The other end has refused it at the same time.
        assert!(store.refused(0, Reason::NoSpace, ""));
        assert!(next(&mut store).is_none());
        assert_eq!(store.into_observer().failed, [("f".to_owned(), Reason::SourceChanged, false)]);
    }
}

#[test]
fn a_file_with_a_wrong_digest_is_sent_again() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("t/d")).unwrap();
    for name in ["t/d/a", "t/d/b", "t/c"] {
        fs::write(dir.path().join(name), name).unwrap();
    }
    fs::write(dir.path().join("t/empty"), "").unwrap();
    let served = serving(&dir);
    let named = vec![source(&dir.path().join("t/d"), "d"), source(&dir.path().join("t"), "")];
    let named = Directory::sending_tree("t".to_owned(), named, Recorder::default());
    for (mut store, expected, b, empty) in [
        (served, &["c", "d/", "d/a", "d/b", "empty"][..], 3, 4),
        (named, &["d/", "d/a", "d/b", "c", "d/", "d/a", "d/b", "empty"][..], 2, 7),
    ] {
        let _ = store.open("t", true);
        let _ = next(&mut store);
        assert_eq!(names(&mut store), expected);
        assert!(store.refused(b, Reason::DigestDiffers, ""));
        // Both ends may have seen it.
        assert!(store.refused(b, Reason::PrefixDiffers, ""));
        assert!(!store.refused(empty, Reason::DigestDiffers, ""));
        assert!(!store.refused(99, Reason::DigestDiffers, ""));
        let (path, entry) = next(&mut store).unwrap();
        assert_eq!((path.as_str(), entry.resumable, entry.broken), ("d/b", false, None));
        assert_eq!(load_all(&mut store, 0, 5), b"t/d/b");
        assert_eq!(store.check(), Ok(()));
        assert!(next(&mut store).is_none());
        // Not a third time.
        assert!(!store.refused(expected.len() as u32, Reason::DigestDiffers, "words"));
        assert!(next(&mut store).is_none());
        let events = store.into_observer();
        assert_eq!(
            events.failed,
            [
                ("t/empty".to_owned(), Reason::DigestDiffers, true),
                ("t/d/b".to_owned(), Reason::DigestDiffers, true),
            ]
        );
        assert_eq!(events.details, ["", "words"]);
        assert_eq!(events.again, [("t/d/b".to_owned(), 5)]);
    }

    // By itself, and gone by then.
    let mut store = serving(&dir);
    assert_eq!(store.open("t/c", false), Ok(()));
    assert!(next(&mut store).is_some());
    assert!(store.refused(0, Reason::PrefixDiffers, ""));
    fs::remove_file(dir.path().join("t/c")).unwrap();
    let (path, entry) = next(&mut store).unwrap();
    assert_eq!((path.as_str(), entry.broken), ("t/c", Some(Reason::NotFound)));
    assert!(next(&mut store).is_none());
}

#[test]
fn a_refusal_for_another_reason_is_final() {
    let dir = temporary();
    fs::write(dir.path().join("f"), "x").unwrap();
    let mut store = serving(&dir);
    assert_eq!(store.open("", true), Ok(()));
    assert_eq!(names(&mut store), ["f"]);
    assert!(!store.refused(0, Reason::NoSpace, "full"));
    // It counts once.
    assert!(store.refused(0, Reason::NoSpace, "full"));
    assert!(next(&mut store).is_none());
    assert_eq!(store.into_observer().failed, [("f".to_owned(), Reason::NoSpace, true)]);
}

#[test]
fn no_entry_follows_the_end() {
    let dir = temporary();
    for name in ["a", "b"] {
        fs::write(dir.path().join(name), "x").unwrap();
    }
    let mut store = serving(&dir);
    assert!(next(&mut store).is_none());
    assert_eq!(store.open("", true), Ok(()));
    assert!(next(&mut store).is_some() && next(&mut store).is_some());
    store.abandon(Reason::Cancelled, true);
    assert!(next(&mut store).is_none());
    assert_eq!(store.load(0, &mut [0; 16]), Err(Reason::Storage));
}
