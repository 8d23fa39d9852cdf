//! A client without the right to read learns and changes only the content that it sends.

use super::*;
use crate::fs::tests::partials::{PART, interrupt, prefix};

/// A server's store for a client that may only write.
fn write_only(dir: &TempDir) -> Directory<Recorder> {
    let rights = Rights { read: false, write: true, remove: false };
    Directory::serving(root(dir), rights, Sync::Never, Recorder::default())
}

#[test]
fn a_file_in_place_is_not_compared() {
    let (dir, bytes) = (temporary(), content(5_000));
    let path = dir.path().join("f");
    fs::write(&path, &bytes).unwrap();
    set_mode(&path, 0o600);
    set_modified(&path, 1_000_000_000);
    let offer = Offer { modified: Some(1_000_000_000), mode: Some(0o644), ..file("f", 5_000) };
    for mut store in [write_only(&dir), write_only(&dir).identified("aa")] {
        assert_eq!(prefix(&mut store, offer), 0);
        assert_eq!(store.commit(), Err(Reason::Incomplete));
        assert_eq!((mode(&path), modified(&path)), (0o600, 1_000_000_000));
        assert_eq!(listing(dir.path()), ["f"]);
    }
    // It may replace a file by sending it.
    put(&mut write_only(&dir), offer, &content(5_000));
    assert_eq!(mode(&path), 0o644);
    // A client that may read gets the length.
    assert_eq!(prefix(&mut serving(&dir).identified("aa"), offer), 5_000);
}

#[test]
fn a_client_resumes_only_its_own_partials() {
    let (dir, bytes) = (temporary(), content(100_000));
    let offer = file("f", bytes.len());
    interrupt(&dir, bytes.len(), &bytes[..50_000], Reason::Cancelled);
    let mut store = write_only(&dir).identified("aa");
    assert_eq!(prefix(&mut store, offer), 0);
    store_all(&mut store, 0, &bytes[..70_000]);
    store.abandon(Reason::Cancelled, true);
    let own = ".f~kaa.tinyferry-part";
    assert_eq!(listing(dir.path()), [PART, own]);
    for (mut store, resumed) in [
        (write_only(&dir).identified("bb"), 0),
        (write_only(&dir), 0),
        (serving(&dir), 49_152),
        (serving(&dir).identified("aa"), 49_152),
        (write_only(&dir).identified("aa"), 69_632),
    ] {
        assert_eq!(prefix(&mut store, offer), resumed);
        // Not the name of a file that others may ask for, either.
        assert_eq!(store.offer(&file(own, 5)), Err(Reason::BadPath));
    }
    let mut store = write_only(&dir).identified("aa");
    assert_eq!(prefix(&mut store, offer), 69_632);
    store_all(&mut store, 69_632, &bytes[69_632..]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
    assert_eq!(listing(dir.path()), [PART, "f"]);
}

#[test]
fn an_unidentified_client_leaves_no_partial() {
    let (dir, bytes) = (temporary(), content(100_000));
    let mut store = write_only(&dir);
    assert_eq!(prefix(&mut store, file("f", bytes.len())), 0);
    store_all(&mut store, 0, &bytes[..70_000]);
    assert_eq!(listing(dir.path()).len(), 1);
    store.abandon(Reason::Cancelled, true);
    assert!(listing(dir.path()).is_empty());
    put(&mut store, file("f", bytes.len()), &bytes);
    assert_eq!(listing(dir.path()), ["f"]);
}

#[test]
fn an_existing_directory_keeps_its_bits_and_its_time() {
    let dir = temporary();
    let (old, new) = (dir.path().join("t/old"), dir.path().join("t/new"));
    fs::create_dir_all(&old).unwrap();
    set_mode(&old, 0o700);
    set_modified(&old, 1_000_000_000);
    let mut store = write_only(&dir);
    assert!(store.offer(&tree("t")).is_ok());
    for name in ["old", "new", "new"] {
        let offer = Offer { mode: Some(0o777), modified: Some(2_000_000_000), ..directory(name) };
        assert!(store.offer(&offer).is_ok());
        assert_eq!(store.commit(), Ok(()));
    }
    assert_eq!(store.commit(), Ok(()));
    assert_eq!((mode(&old), modified(&old)), (0o700, 1_000_000_000));
    assert_eq!((mode(&new), modified(&new)), (0o777, 2_000_000_000));
}

/// The reason is the same for both; only its message would contain names.
#[test]
fn a_refusal_tells_a_client_that_may_not_read_no_names() {
    let dir = temporary();
    fs::write(dir.path().join("f"), "content").unwrap();
    let message = |mut store: Directory<Recorder>| {
        assert_eq!(store.offer(&file("f/x", 1)), Err(Reason::NotDirectory));
        store.refusal_message().to_owned()
    };
    assert!(message(serving(&dir)).contains('f'));
    assert_eq!(message(write_only(&dir)), "");
    // A limit contains no name.
    let limits = Limits { file: 10, ..Limits::default() };
    let mut store = write_only(&dir).limited(limits);
    assert_eq!(store.offer(&file("g", 11)), Err(Reason::TooLarge));
    assert!(store.refusal_message().contains("10"));
}
