//! One file by itself, from its offer to its commit.

use super::*;

#[test]
fn a_file_is_received_completely() {
    for sync in [Sync::End, Sync::Each, Sync::Never] {
        let dir = temporary();
        let mut store = Directory::serving(root(&dir), ALL, sync, Recorder::default());
        let bytes = content(200_000);
        let modified_at = -1_234_567_891;
        let offer = Offer {
            modified: Some(modified_at),
            mode: Some(0o100_640),
            ..file("a/b/c", bytes.len())
        };

        assert_eq!(store.offer(&offer), Ok(Accepted { prefix: 0, in_order: false }));
        assert!(listing(dir.path()).is_empty());
        store_all(&mut store, 0, &bytes);
        assert!(!dir.path().join("a/b/c").exists());
        assert_eq!(store.commit(), Ok(()));

        let path = dir.path().join("a/b/c");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!((mode(&path), modified(&path)), (0o640, modified_at));
        assert_eq!(listing(&dir.path().join("a/b")), ["c"]);
        assert_eq!(store.offer(&offer).map(|accepted| accepted.prefix), Ok(200_000));
        let events = store.into_observer();
        assert_eq!((events.moved, events.begun.len()), (200_000, 2));
        assert_eq!(events.done, ["a/b/c"]);
    }
}

#[test]
fn an_empty_file_is_created_by_its_commit() {
    let dir = temporary();
    let mut store = serving(&dir);
    for _ in 0..2 {
        assert!(store.offer(&file("empty", 0)).is_ok());
        assert_eq!(store.commit(), Ok(()));
    }
    assert_eq!(fs::read(dir.path().join("empty")).unwrap(), b"");
    assert_eq!(listing(dir.path()), ["empty"]);
}

#[test]
fn a_reader_sees_the_old_file_until_the_new_one_is_complete() {
    let dir = temporary();
    let path = dir.path().join("f");
    fs::write(&path, "old").unwrap();
    let reader = fs::File::open(&path).unwrap();
    let mut store = serving(&dir);
    assert!(store.offer(&file("f", 3)).is_ok());
    assert_eq!(store.store(0, b"new"), Ok(3));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(std::io::read_to_string(reader).unwrap(), "old");
}

#[test]
fn bytes_can_be_stored_in_any_order_and_read_back() {
    let dir = temporary();
    let mut store = serving(&dir);
    let bytes = content(300_000);
    assert!(store.offer(&file("f", bytes.len())).is_ok());
    store_all(&mut store, 0, &bytes[..10_240]);
    store_all(&mut store, 20_480, &bytes[20_480..]);
    assert_eq!(load_all(&mut store, 0, 10_240), bytes[..10_240]);
    store_all(&mut store, 10_240, &bytes[10_240..20_480]);
    assert_eq!(load_all(&mut store, 5_000, 295_000), bytes[5_000..]);
    // A write discards content that was read ahead.
    assert_eq!(load_all(&mut store, 0, 1024), bytes[..1024]);
    assert_eq!(store.store(1024, &[7; 256]), Ok(256));
    assert_eq!(load_all(&mut store, 1024, 256), [7; 256]);
    assert_eq!(store.store(1024, &bytes[1024..1280]), Ok(256));
    assert_eq!(store.load(300_000, &mut [0; 16]), Ok(0));
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
}

#[test]
fn large_chunks_are_stored() {
    let dir = temporary();
    let mut store = serving(&dir);
    let bytes = content(500_000);
    assert!(store.offer(&file("f", bytes.len())).is_ok());
    assert_eq!(store.store(0, &bytes[..1000]), Ok(1000));
    assert_eq!(store.store(1000, &bytes[1000..400_000]), Ok(399_000));
    assert_eq!(store.store(400_000, &bytes[400_000..]), Ok(100_000));
    let mut back = vec![0; 500_000];
    assert_eq!(store.load(0, &mut back), Ok(500_000));
    assert_eq!(back, bytes);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
}

#[test]
fn a_file_of_unknown_size_ends_where_its_bytes_end() {
    let dir = temporary();
    let mut store = serving(&dir);
    put(&mut store, Offer { size: None, resume: 0, ..file("f", 0) }, b"as long as this");
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"as long as this");
}

#[test]
fn an_incomplete_file_is_not_put_in_place() {
    let dir = temporary();
    let mut store = serving(&dir);
    assert!(store.offer(&file("f", 4096)).is_ok());
    store_all(&mut store, 0, &content(4095));
    assert_eq!(store.commit(), Err(Reason::Incomplete));
    assert_eq!(listing(dir.path()), [".f.tinyferry-part"]);
    assert_eq!(store.commit(), Err(Reason::Storage));
}

#[test]
fn an_unchanged_file_is_not_written() {
    let dir = temporary();
    let (path, bytes) = (dir.path().join("f"), content(5_000));
    fs::write(&path, &bytes).unwrap();
    set_mode(&path, 0o600);
    set_modified(&path, 1_000_000_007);
    let before = fs::metadata(&path).unwrap();
    let same = Offer { modified: Some(1_000_000_007), mode: Some(0o644), ..file("f", 5_000) };
    let mut store = serving(&dir);

    // Abandoned: nothing is touched.
    assert_eq!(store.offer(&same).map(|accepted| accepted.prefix), Ok(5_000));
    assert_eq!(load_all(&mut store, 0, 5_000), bytes);
    store.abandon(Reason::PrefixDiffers, false);
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o600, bytes.clone()));

    // Proven: only its bits follow.
    assert_eq!(store.offer(&same).map(|accepted| accepted.prefix), Ok(5_000));
    assert_eq!(store.commit(), Ok(()));
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.ino(), after.len(), mode(&path)), (before.ino(), 5_000, 0o644));
    assert_eq!(listing(dir.path()), ["f"]);

    for other in [
        Offer { modified: None, ..same },
        Offer { modified: Some(1_000_000_008), ..same },
        Offer { size: Some(5_001), resume: 5_001, ..same },
        Offer { resume: 4_999, ..same },
    ] {
        assert_eq!(store.offer(&other).map(|accepted| accepted.prefix), Ok(0));
    }
    // Whatever the other end says, the file in place is never written to.
    assert!(store.offer(&same).is_ok());
    assert_eq!(store.store(0, b"x"), Err(Reason::Storage));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_time_rounded_by_the_file_system_is_the_same() {
    let (dir, bytes) = (temporary(), content(5_000));
    let path = dir.path().join("f");
    fs::write(&path, &bytes).unwrap();
    let offered = 1_700_000_001_123_456_789;
    for (found, prefix) in [
        (1_700_000_001_123_456_700, 5_000),
        (1_700_000_001_000_000_000, 5_000),
        (1_700_000_002_000_000_000, 5_000),
        (1_700_000_001_123_456_788, 0),
        (1_700_000_004_000_000_000, 0),
    ] {
        set_modified(&path, found);
        let mut store = serving(&dir);
        let offer = Offer { modified: Some(offered), ..file("f", 5_000) };
        assert_eq!(store.offer(&offer).map(|accepted| accepted.prefix), Ok(prefix), "{found}");
        if prefix > 0 {
            // Proven: this file system can keep all of it.
            assert_eq!(store.commit(), Ok(()));
            assert_eq!(modified(&path), offered);
        }
    }
}

#[test]
fn times_far_from_now_are_kept() {
    let dir = temporary();
    let mut store = serving(&dir);
    // Beyond 2262 nothing is known but that it is the last moment.
    for time in [i64::MAX, 4_102_444_800_000_000_007, -1, -2_000_000_000_000_000_003] {
        let offer = Offer { modified: Some(time), ..file("d/f", 5_000) };
        assert_eq!(store.offer(&offer).map(|accepted| accepted.prefix), Ok(0));
        store_all(&mut store, 0, &content(5_000));
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(store.offer(&offer).map(|accepted| accepted.prefix), Ok(5_000), "{time}");
        store.abandon(Reason::Cancelled, true);
    }
    assert!(store.into_observer().unset.is_empty());
}

#[test]
fn bits_default_to_those_of_the_system() {
    let dir = temporary();
    fs::write(dir.path().join("model"), "").unwrap();
    let mut store = serving(&dir);
    put(&mut store, file("f", 1), b"x");
    assert_eq!(mode(&dir.path().join("f")), mode(&dir.path().join("model")));
    // Neither set-user-id nor sticky; and private from the first byte on.
    assert!(store.offer(&Offer { mode: Some(0o106_500), ..file("g", 1) }).is_ok());
    assert_eq!(store.store(0, b"x"), Ok(1));
    assert_eq!(mode(&dir.path().join(".g.tinyferry-part")), 0o600);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(mode(&dir.path().join("g")), 0o500);
}

#[test]
fn a_name_of_255_bytes_fits() {
    let dir = temporary();
    let mut store = serving(&dir);
    for name in ["n".repeat(255), "é".repeat(127), "n".repeat(254)] {
        put(&mut store, file(&name, 3), b"abc");
        assert_eq!(fs::read(dir.path().join(&name)).unwrap(), b"abc");
    }
    assert_eq!(listing(dir.path()).len(), 3);
}

#[test]
fn a_client_chooses_the_target() {
    let dir = temporary();
    let mut store =
        Directory::receiving(root(&dir), "here/mine".to_owned(), Sync::Never, Recorder::default());
    put(&mut store, file("theirs/name", 3), b"abc");
    assert_eq!(fs::read(dir.path().join("here/mine")).unwrap(), b"abc");
    assert_eq!(store.observer().done, ["here/mine"]);
    assert_eq!(store.open("here/mine", false), Err(Reason::WriteOnly));

    let mut store = Directory::receiving(root(&dir), String::new(), Sync::Never, ());
    assert_eq!(store.offer(&file("f", 1)), Err(Reason::NotDirectory));
    let mut store = Directory::receiving(root(&dir), "../x".to_owned(), Sync::Never, ());
    assert_eq!(store.offer(&file("f", 1)), Err(Reason::BadPath));
}

#[test]
fn a_listing_changes_nothing() {
    let dir = temporary();
    fs::create_dir(dir.path().join("x")).unwrap();
    let mut store =
        Directory::receiving(root(&dir), "x".to_owned(), Sync::Never, Recorder::default());
    for offer in [tree("t"), directory("d"), file("d/f", 5)] {
        let offer = Offer { names_only: true, ..offer };
        assert_eq!(store.offer(&offer).map(|accepted| accepted.prefix), Ok(0));
    }
    assert_eq!(store.commit(), Err(Reason::Storage));
    assert_eq!(listing(dir.path()), ["x"]);
    assert_eq!(store.into_observer().begun, ["t", "d", "d/f"]);
}

#[test]
fn a_closure_is_an_observer_and_a_store_can_change_threads() {
    let dir = temporary();
    let (sender, receiver) = mpsc::channel();
    let observer = move |event: Event<'_>| {
        if let Event::Done { path, .. } = event {
            sender.send(path.to_owned()).unwrap();
        }
    };
    let store = Directory::serving(root(&dir), ALL, Sync::Never, observer);
    soon(move || {
        let mut store = store;
        put(&mut store, file("f", 1), b"x");
    });
    assert_eq!(receiver.recv().unwrap(), "f");
}
