//! Directories whose permission bits deny access to their owner.

use super::*;

#[test]
fn a_directory_that_denies_its_owner_still_receives_entries() {
    let dir = temporary();
    let shut = dir.path().join("t/shut");
    fs::create_dir_all(&shut).unwrap();
    set_mode(&shut, 0o2555);
    let mut store = serving(&dir);
    assert!(store.offer(&tree("t")).is_ok());
    assert!(store.offer(&Offer { mode: Some(0o555), ..directory("shut") }).is_ok());
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(mode(&shut), 0o2755);
    put(&mut store, file("shut/f", 1), b"x");
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(mode(&shut), 0o2555);
    // A new one is private from the start, and so is a new root.
    assert!(store.offer(&Offer { mode: Some(0o500), ..tree("u") }).is_ok());
    assert!(store.offer(&Offer { mode: Some(0o010), ..directory("d") }).is_ok());
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(mode(&dir.path().join("u")), 0o700);
    assert_eq!(mode(&dir.path().join("u/d")) & 0o777, 0o710);
    // It gets its bits only after its entries.
    assert!(store.offer(&Offer { mode: Some(0o600), ..directory("d/e") }).is_ok());
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(store.commit(), Ok(()));
    assert_eq!((mode(&dir.path().join("u")), mode(&dir.path().join("u/d"))), (0o500, 0o010));
    set_mode(&dir.path().join("u"), 0o700);
    set_mode(&dir.path().join("u/d"), 0o700);
    assert_eq!(mode(&dir.path().join("u/d/e")), 0o600);
    assert!(store.into_observer().failed.is_empty());
}

#[test]
fn the_root_of_a_tree_gets_its_bits_and_its_time() {
    const TIME: i64 = 1_600_000_000_000_000_001;
    for stands in [None, Some(0o755), Some(0o555), Some(0o000)] {
        for is_cut in [false, true] {
            let dir = temporary();
            let top = dir.path().join("t");
            if let Some(bits) = stands {
                fs::create_dir(&top).unwrap();
                set_mode(&top, bits);
            }
            let mut store = serving(&dir);
            let offer = Offer { mode: Some(0o500), modified: Some(TIME), ..tree("t") };
            assert!(store.offer(&offer).is_ok());
            put(&mut store, file("f", 1), b"x");
            assert_eq!(mode(&top), stands.unwrap_or(0) | 0o700);
            if is_cut {
                drop(store);
            } else {
                assert_eq!(store.commit(), Ok(()));
            }
            assert_eq!((mode(&top), modified(&top)), (0o500, TIME));
        }
    }
}

#[test]
fn after_an_interruption_no_directory_keeps_temporary_bits() {
    let endings: [fn(Directory<Recorder>); 3] = [
        drop,
        |mut store| store.abandon(Reason::Cancelled, true),
        |mut store| {
            // It is another tree now.
            assert!(store.offer(&tree("u")).is_ok());
        },
    ];
    for end in endings {
        let dir = temporary();
        let shut = dir.path().join("t/shut");
        fs::create_dir_all(&shut).unwrap();
        set_mode(&shut, 0o555);
        let mut store = serving(&dir);
        assert!(store.offer(&tree("t")).is_ok());
        for name in ["shut", "new"] {
            assert!(store.offer(&Offer { mode: Some(0o511), ..directory(name) }).is_ok());
            assert_eq!(store.commit(), Ok(()));
        }
        assert_eq!(mode(&shut), 0o755);
        end(store);
        assert_eq!((mode(&shut), mode(&dir.path().join("t/new"))), (0o511, 0o511));
    }
}

#[test]
fn an_existing_root_keeps_its_bits() {
    let dir = temporary();
    set_mode(dir.path(), 0o755);
    let mut store = serving(&dir);
    assert!(store.offer(&Offer { mode: Some(0o700), ..tree("") }).is_ok());
    put(&mut store, file("f", 1), b"x");
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(mode(dir.path()), 0o755);
}
