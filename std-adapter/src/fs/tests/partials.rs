//! Partials of interrupted transfers, and entries that an attacker has put in their place.

use super::*;

pub(crate) const PART: &str = ".f.tinyferry-part";

/// Stores a part of a file and lets the transfer break off.
pub(crate) fn interrupt(dir: &TempDir, size: usize, bytes: &[u8], reason: Reason) {
    let mut store = serving(dir);
    assert!(store.offer(&Offer { resume: 0, ..file("f", size) }).is_ok());
    store_all(&mut store, 0, bytes);
    store.abandon(reason, false);
}

pub(crate) fn prefix(store: &mut impl Store, offer: Offer<'_>) -> u64 {
    store.offer(&offer).unwrap().prefix
}

#[test]
fn a_resume_continues_from_the_partial() {
    let (dir, bytes) = (temporary(), content(100_000));
    interrupt(&dir, bytes.len(), &bytes[..70_000], Reason::Cancelled);
    let mut store = serving(&dir);
    assert_eq!(prefix(&mut store, Offer { resume: 3_000, ..file("f", bytes.len()) }), 2_048);
    assert_eq!(prefix(&mut store, file("f", 60_000)), 60_000);
    assert_eq!(prefix(&mut store, file("f", bytes.len())), 69_632);
    assert_eq!(load_all(&mut store, 0, 69_632), bytes[..69_632]);
    assert_eq!(store.observer().verified, 69_632);
    store_all(&mut store, 69_632, &bytes[69_632..]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
    assert_eq!(listing(dir.path()), ["f"]);
}

#[test]
fn on_a_lossy_link_a_resume_begins_before_possible_holes() {
    let (dir, bytes) = (temporary(), content(200 * 1024));
    interrupt(&dir, bytes.len(), &bytes[..150 * 1024 + 5], Reason::Cancelled);
    let mut store = serving(&dir).lossy(true);
    assert_eq!(prefix(&mut store, file("f", bytes.len())), 53 * 1024);
    // An older end is not taken for the new one's.
    assert_eq!(prefix(&mut store, file("f", 100 * 1024)), 53 * 1024);
    store_all(&mut store, 53 * 1024, &bytes[53 * 1024..100 * 1024]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes[..100 * 1024]);
    drop(store);

    interrupt(&dir, bytes.len(), &bytes[..97 * 1024], Reason::Cancelled);
    assert_eq!(prefix(&mut serving(&dir).lossy(true), file("f", bytes.len())), 0);
}

/// No honest end resumes such a file; an older partial must not become its end.
#[test]
fn a_file_of_unknown_size_does_not_get_the_end_of_an_older_partial() {
    let (dir, bytes) = (temporary(), content(50_000));
    interrupt(&dir, bytes.len(), &bytes, Reason::Cancelled);
    let mut store = serving(&dir);
    let offer = Offer { size: None, resume: 5_000, ..file("f", 0) };
    let from = prefix(&mut store, offer) as usize;
    store_all(&mut store, from, &bytes[from..6_000]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes[..6_000]);
}

#[test]
fn an_offer_without_resume_begins_from_zero() {
    let dir = temporary();
    interrupt(&dir, 50_000, &content(50_000), Reason::Cancelled);
    let mut store = serving(&dir);
    put(&mut store, Offer { resume: 0, ..file("f", 3) }, b"abc");
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"abc");
    interrupt(&dir, 50_000, &content(50_000), Reason::Cancelled);
    // The size says nothing about an older end either.
    put(&mut store, Offer { size: None, resume: 0, ..file("f", 3) }, b"abcd");
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"abcd");
}

#[test]
fn a_partial_of_other_content_is_removed() {
    for (reason, stays) in [
        (Reason::PrefixDiffers, false),
        (Reason::DigestDiffers, false),
        (Reason::SourceChanged, false),
        (Reason::Cancelled, true),
        (Reason::Incomplete, true),
        (Reason::NoSpace, true),
    ] {
        let dir = temporary();
        interrupt(&dir, 5_000, &content(3_000), reason);
        assert_eq!(dir.path().join(PART).exists(), stays, "{reason}");
        if stays {
            assert_eq!(fs::read(dir.path().join(PART)).unwrap(), content(3_000), "{reason}");
        }
    }
}

#[test]
fn a_failure_is_attributed_to_the_right_end() {
    let dir = temporary();
    let mut store = serving(&dir);
    for reason in [Reason::DigestDiffers, Reason::NoPermission] {
        // The first of these two comes again.
        assert!(store.offer(&file("f", 5_000)).is_ok());
        store.abandon(reason, false);
        assert!(store.offer(&Offer { resume: 0, ..file("f", 5_000) }).is_ok());
        store.abandon(reason, false);
    }
    let failed = |reason, at_peer| ("f".to_owned(), reason, at_peer);
    assert_eq!(
        store.into_observer().failed,
        [
            failed(Reason::DigestDiffers, false),
            failed(Reason::NoPermission, true),
            failed(Reason::NoPermission, true),
        ]
    );
}

#[test]
fn one_file_is_written_by_one_store() {
    let (dir, bytes) = (temporary(), content(10_000));
    let (mut first, mut second) = (serving(&dir), serving(&dir));
    assert!(first.offer(&file("f", 10_000)).is_ok());
    assert!(second.offer(&file("f", 10_000)).is_ok());
    store_all(&mut first, 0, &bytes[..5_000]);
    assert_eq!(second.store(0, b"x"), Err(Reason::InUse));
    assert_eq!(second.offer(&file("f", 10_000)), Err(Reason::InUse));
    store_all(&mut first, 5_000, &bytes[5_000..]);
    assert_eq!(first.commit(), Ok(()));
    // Now it may, and begins its own.
    put(&mut second, file("f", 3), b"abc");
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), b"abc");
    assert!(second.offer(&file("f", 10_000)).is_ok());
    second.abandon(Reason::Cancelled, true);
    assert!(first.offer(&file("f", 10_000)).is_ok());
}

#[test]
fn a_removed_partial_is_an_error() {
    let dir = temporary();
    let mut store = serving(&dir);
    for other in [None, Some("other")] {
        assert!(store.offer(&file("f", 1)).is_ok());
        assert_eq!(store.store(0, b"x"), Ok(1));
        fs::remove_file(dir.path().join(PART)).unwrap();
        if let Some(other) = other {
            fs::write(dir.path().join(PART), other).unwrap();
        }
        assert_eq!(store.commit(), Err(Reason::Storage));
        assert!(!dir.path().join("f").exists());
    }
    assert!(store.offer(&file("f", 1)).is_ok());
    assert_eq!(store.store(0, b"x"), Ok(1));
    fs::remove_file(dir.path().join(PART)).unwrap();
    fs::write(dir.path().join(PART), "other").unwrap();
    store.abandon(Reason::DigestDiffers, false);
    assert_eq!(fs::read(dir.path().join(PART)).unwrap(), b"other");
}

#[test]
fn a_foreign_entry_under_the_partial_name_is_not_written_to() {
    for resume in [0, 100_000] {
        let plant: [fn(&Path, &Path); 3] = [
            |secret, part| std::os::unix::fs::symlink(secret, part).unwrap(),
            |secret, part| fs::hard_link(secret, part).unwrap(),
            |_, part| make_fifo(part),
        ];
        for plant in plant {
            let (dir, outside) = (temporary(), temporary());
            let secret = outside.path().join("secret");
            fs::write(&secret, content(100_000)).unwrap();
            plant(&secret, &dir.path().join(PART));
            let store = serving(&dir);
            soon(move || {
                let mut store = store;
                put(&mut store, Offer { resume, ..file("f", 100_000) }, &vec![1; 100_000]);
            });
            assert_eq!(fs::read(&secret).unwrap(), content(100_000));
            assert_eq!(fs::read(dir.path().join("f")).unwrap(), vec![1; 100_000]);
            assert_eq!(fs::metadata(&secret).unwrap().nlink(), 1);
            assert_eq!(listing(dir.path()), ["f"]);
        }
        // A directory under that name does not prevent the transfer.
        let dir = temporary();
        fs::create_dir(dir.path().join(PART)).unwrap();
        let mut store = serving(&dir);
        put(&mut store, Offer { resume, ..file("f", 100_000) }, &vec![1; 100_000]);
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), vec![1; 100_000]);
        assert_eq!(listing(dir.path()), [PART, "f"]);
    }
}

#[test]
fn failures_keep_the_received_content() {
    let dir = temporary();
    let mut store = serving(&dir);
    assert!(store.offer(&file("f", 5_000)).is_ok());
    store_all(&mut store, 0, &content(2_048));
    assert_eq!(store.commit(), Err(Reason::Incomplete));
    // It is closed now.
    assert_eq!(store.store(2_048, b"xy"), Err(Reason::Storage));
    assert_eq!(fs::read(dir.path().join(PART)).unwrap(), content(2_048));
    assert_eq!(store.observer().failed, [("f".to_owned(), Reason::Incomplete, false)]);
}

#[test]
fn a_useless_partial_is_removed() {
    let dir = temporary();
    let mut store = serving(&dir);
    // Too large: it would be again.
    assert!(store.offer(&file("f", 5_000)).is_ok());
    store_all(&mut store, 0, &content(2_048));
    assert_eq!(store.store(u64::MAX, b"xy"), Err(Reason::TooLarge));
    assert!(listing(dir.path()).is_empty());
    // Too little to resume from.
    assert!(store.offer(&file("f", 5_000)).is_ok());
    store_all(&mut store, 0, &content(1_023));
    store.abandon(Reason::Cancelled, true);
    assert!(listing(dir.path()).is_empty());
    // Whole, and it finds no place.
    assert!(store.offer(&file("f", 3)).is_ok());
    assert_eq!(store.store(0, b"abc"), Ok(3));
    fs::create_dir(dir.path().join("f")).unwrap();
    assert_eq!(store.commit(), Err(Reason::IsDirectory));
    assert_eq!(listing(dir.path()), ["f"]);
    assert_eq!(store.into_observer().failed.len(), 3);
}

#[test]
fn a_resumed_file_loses_no_content() {
    let dir = temporary();
    interrupt(&dir, 5_000, &content(2_048), Reason::Cancelled);
    let mut store = serving(&dir);
    assert_eq!(prefix(&mut store, file("f", 5_000)), 2_048);
    store.abandon(Reason::Cancelled, true);
    assert_eq!(fs::read(dir.path().join(PART)).unwrap(), content(2_048));
}

#[test]
fn another_offer_closes_the_open_file() {
    let dir = temporary();
    let mut store = serving(&dir);
    assert!(store.offer(&file("f", 5_000)).is_ok());
    store_all(&mut store, 0, &content(2_048));
    put(&mut store, file("g", 1), b"x");
    assert_eq!(fs::read(dir.path().join(PART)).unwrap(), content(2_048));
    assert_eq!(fs::read(dir.path().join("g")).unwrap(), b"x");
}

#[test]
fn concurrent_stores_never_mix_their_content() {
    let dir = temporary();
    let threads: Vec<_> = (1..=4u8)
        .map(|number| {
            let (mut store, path) = (serving(&dir), dir.path().join("f"));
            std::thread::spawn(move || {
                let bytes = vec![number; 3_000];
                let mut committed = 0;
                for round in 0..300 {
                    let resume = if round % 2 == 0 { 0 } else { 3_000 };
                    let offered = store.offer(&Offer { resume, ..file("f", 3_000) });
                    let done = offered.and_then(|_| {
                        store.store(0, &bytes)?;
                        store.commit()
                    });
                    match done {
                        Ok(()) => committed += 1,
                        Err(reason) => assert_eq!(reason, Reason::InUse),
                    }
                    if let Ok(found) = fs::read(&path) {
                        assert_eq!(found.len(), 3_000);
                        assert!(found.iter().all(|byte| *byte == found[0]));
                    }
                }
                committed
            })
        })
        .collect();
    let committed: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(committed > 0);
    assert_eq!(listing(dir.path()), ["f"]);
}
