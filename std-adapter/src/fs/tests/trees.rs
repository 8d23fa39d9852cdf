//! Trees: there, and there and back.

use super::*;

/// A tree with every kind of entry.
fn plant(path: &Path) {
    for name in ["src/empty", "src/deep/er", "src/shut"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    for (name, size) in [
        ("src/0", 9),
        ("src/1", 8),
        ("src/a", 0),
        ("src/deep/b", 100_000),
        ("src/deep/er/c", 1_024),
        ("src/shut/d", 7),
    ] {
        let bytes: Vec<_> = content(size).iter().map(|byte| byte ^ size as u8).collect();
        fs::write(path.join(name), bytes).unwrap();
        set_modified(&path.join(name), 1_700_000_000_123_456_789);
    }
    set_mode(&path.join("src/deep/b"), 0o400);
    for (name, mode) in [("src/empty", 0o700), ("src/deep/er", 0o711), ("src/shut", 0o555)] {
        set_mode(&path.join(name), mode);
    }
    for name in ["src/deep/er", "src/shut", "src/empty", "src/deep", "src", ""] {
        set_modified(&path.join(name), 1_600_000_000_000_000_001);
    }
    set_mode(path, 0o750);
}

#[test]
fn a_tree_survives_a_round_trip() {
    let (from, server, to) = (temporary(), temporary(), temporary());
    plant(from.path());
    let source = Source { local: from.path().join("src"), remote: "src".to_owned() };
    let mut sending = Directory::sending_tree("up".to_owned(), vec![source], Recorder::default());
    let mut serving = Directory::serving(root(&server), ALL, Sync::End, Recorder::default());
    carry(&mut sending, &mut serving);
    let mut receiving =
        Directory::receiving(root(&to), "down".to_owned(), Sync::Each, Recorder::default());
    assert_eq!(serving.open("up", true), Ok(()));
    carry(&mut serving, &mut receiving);

    let names = [
        "src",
        "src/0",
        "src/1",
        "src/a",
        "src/deep",
        "src/deep/b",
        "src/deep/er",
        "src/deep/er/c",
        "src/empty",
        "src/shut",
        "src/shut/d",
    ];
    for name in names {
        let one = from.path().join(name);
        for other in [server.path().join("up").join(name), to.path().join("down").join(name)] {
            assert_eq!((mode(&one), modified(&one)), (mode(&other), modified(&other)), "{name}");
            if one.is_file() {
                assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap(), "{name}");
            }
        }
    }
    // The tree itself is as it was at the server, which was given two things side by side.
    let (at_server, here) = (server.path().join("up"), to.path().join("down"));
    assert_eq!((mode(&at_server), modified(&at_server)), (mode(&here), modified(&here)));
    let (sent, got) = (sending.into_observer(), receiving.into_observer());
    let below = |path: &str| -> Vec<_> {
        std::iter::once(path.to_owned()).chain(names.map(|name| format!("{path}/{name}"))).collect()
    };
    assert_eq!((sent.begun, got.begun), (below("up"), below("down")));
    assert!(sent.failed.is_empty() && got.failed.is_empty());
    assert_eq!((sent.moved, got.moved), (101_048, 101_048));
    assert_eq!(sent.done.last().map(String::as_str), Some("up"));
}

#[test]
fn a_lone_tree_sets_the_bits_and_the_time_of_its_root() {
    let (from, to) = (temporary(), temporary());
    plant(from.path());
    let source = Source { local: from.path().to_owned(), remote: String::new() };
    let mut sending = Directory::sending_tree("t".to_owned(), vec![source], ());
    carry(&mut sending, &mut serving(&to));
    let top = to.path().join("t");
    assert_eq!((mode(&top), modified(&top)), (0o750, 1_600_000_000_000_000_001));
    assert_eq!(mode(&to.path().join("t/src/shut")), 0o555);
}

#[test]
fn a_second_transfer_finds_all_entries() {
    let (from, to) = (temporary(), temporary());
    plant(from.path());
    for moved in [101_048, 0] {
        let source = Source { local: from.path().to_owned(), remote: String::new() };
        let mut sending = Directory::sending_tree(String::new(), vec![source], ());
        let mut receiving = serving(&to);
        carry(&mut sending, &mut receiving);
        let events = receiving.into_observer();
        assert_eq!((events.moved, events.failed.len()), (moved, 0));
        assert_eq!(mode(&to.path().join("src/shut")), 0o555);
        assert_eq!(modified(&to.path().join("src/shut")), 1_600_000_000_000_000_001);
    }
}

#[test]
fn an_offer_creates_nothing() {
    let dir = temporary();
    let mut store = serving(&dir);
    assert!(store.offer(&tree("a/b")).is_ok());
    assert!(store.offer(&directory("c/d")).is_ok());
    assert!(store.offer(&file("c/e/f", 5)).is_ok());
    assert!(listing(dir.path()).is_empty());
    assert!(store.offer(&directory("g")).is_ok());
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(listing(&dir.path().join("a/b")), ["g"]);
}

#[test]
fn an_empty_tree_is_a_directory() {
    let dir = temporary();
    let mut store = serving(&dir);
    for name in ["t", "t", ""] {
        assert!(store.offer(&Offer { mode: Some(0o750), ..tree(name) }).is_ok());
        assert_eq!(store.commit(), Ok(()));
    }
    assert_eq!(mode(&dir.path().join("t")), 0o750);
    assert_eq!(store.into_observer().done, ["t", "t", ""]);
}

#[test]
fn a_file_named_like_a_directory_of_the_same_tree_is_refused_at_the_offer() {
    for size in [5, 5_000, 500_000] {
        for stands in [false, true] {
            let dir = temporary();
            if stands {
                fs::create_dir_all(dir.path().join("t/d")).unwrap();
            }
            let mut store = serving(&dir);
            assert!(store.offer(&tree("t")).is_ok());
            put(&mut store, file("d/e/f", 1), b"x");
            assert!(store.offer(&directory("d/g")).is_ok());
            assert_eq!(store.commit(), Ok(()));
            for name in ["d", "d/e", "d/g"] {
                assert_eq!(store.offer(&file(name, size)), Err(Reason::IsDirectory), "{name}");
            }
            put(&mut store, file("d/h", size), &content(size));
            assert_eq!(store.commit(), Ok(()));
            assert_eq!(listing(&dir.path().join("t")), ["d"]);
            assert_eq!(listing(&dir.path().join("t/d")), ["e", "g", "h"]);
        }
    }
}

#[test]
fn a_directory_named_like_a_file_of_the_same_tree_is_refused_at_the_offer() {
    for size in [5, 5_000, 500_000] {
        for before in [0, 300] {
            let dir = temporary();
            let mut store = serving(&dir);
            assert!(store.offer(&tree("t")).is_ok());
            for number in 0..before {
                let name = format!("d/{number}");
                let offer = Offer { commit_id: Some(number as u16), ..file(&name, 1) };
                put(&mut store, offer, b"x");
            }
            put(&mut store, Offer { commit_id: Some(9_999), ..file("d/f", size) }, &content(size));
            assert_eq!(store.offer(&directory("d/f")), Err(Reason::NotDirectory));
            assert_eq!(store.offer(&file("d/f/g", 5)), Err(Reason::NotDirectory));
            assert_eq!((store.flush_commits(), store.commit()), (Ok(()), Ok(())));
            assert_eq!(fs::read(dir.path().join("t/d/f")).unwrap(), content(size));
            assert_eq!(listing(&dir.path().join("t/d")).len(), before + 1);
        }
    }
}

#[test]
fn a_refused_entry_does_not_stop_the_others() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("t/d")).unwrap();
    let mut store = serving(&dir);
    assert!(store.offer(&tree("t")).is_ok());
    assert_eq!(store.offer(&file("d", 1)), Err(Reason::IsDirectory));
    assert!(store.offer(&file("e", 1)).is_ok());
    store.abandon(Reason::SourceChanged, false);
    put(&mut store, file("f", 1), b"x");
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(listing(&dir.path().join("t")), ["d", "f"]);
    assert_eq!(
        store.into_observer().failed,
        [
            ("t/d".to_owned(), Reason::IsDirectory, false),
            ("t/e".to_owned(), Reason::SourceChanged, true),
        ]
    );
}

#[test]
fn after_a_tree_paths_begin_at_the_root_again() {
    let dir = temporary();
    let endings: [fn(&mut Directory<Recorder>); 5] = [
        |store| assert_eq!(store.commit(), Ok(())),
        |store| store.abandon(Reason::Storage, true),
        |store| {
            assert!(store.offer(&file("x", 1)).is_ok());
            store.abandon(Reason::Cancelled, true);
        },
        |store| assert_eq!(store.offer(&tree("..")), Err(Reason::BadPath)),
        |store| assert_eq!(store.open("nothing", true), Err(Reason::NotFound)),
    ];
    for (index, end) in endings.iter().enumerate() {
        let mut store = serving(&dir);
        assert!(store.offer(&tree("t")).is_ok());
        end(&mut store);
        let name = index.to_string();
        put(&mut store, file(&name, 1), b"x");
        assert!(dir.path().join(name).is_file());
    }
}

#[test]
fn a_moved_directory_is_created_again() {
    let dir = temporary();
    let mut store = serving(&dir);
    put(&mut store, file("d/f", 1), b"x");
    fs::remove_dir_all(dir.path().join("d")).unwrap();
    put(&mut store, file("d/f", 1), b"x");
    assert!(dir.path().join("d/f").is_file());
}
