//! Storage with slow syncs: the store is busy meanwhile, and its files are completed.

use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Instant;

use super::*;
use crate::fs::sys::sync_failures::slow::MILLISECONDS;

/// Asks until it is done; how often it was not.
fn until_ready<T>(mut poll: impl FnMut() -> Poll<T>) -> (T, u32) {
    let mut pending = 0;
    loop {
        match poll() {
            Poll::Ready(result) => return (result, pending),
            Poll::Pending => pending += 1,
        }
    }
}

#[test]
fn a_store_is_busy_while_its_storage_is() {
    MILLISECONDS.store(400, Ordering::Relaxed);
    let dir = temporary();
    let mut store = serving_with(&dir, Sync::End);
    let bytes = content(100_000);

    // A lone file has no name before its content is durable.
    assert!(store.offer(&file("f", bytes.len())).is_ok());
    store_all(&mut store, 0, &bytes);
    assert!(store.poll_commit().is_pending());
    assert!(!dir.path().join("f").exists());
    let (result, pending) = until_ready(|| store.poll_commit());
    assert_eq!((result, pending > 5), (Ok(()), true), "{pending}");
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);

    // Neither has a file of a tree.
    assert!(store.offer(&tree("t")).is_ok());
    for name in ["a", "d/b"] {
        put(&mut store, Offer { commit_id: Some(1), ..file(name, 9) }, &content(9));
    }
    assert!(store.poll_flush_commits().is_pending());
    assert!(!dir.path().join("t/a").exists());
    let (result, pending) = until_ready(|| store.poll_flush_commits());
    assert_eq!((result, pending > 2), (Ok(()), true), "{pending}");
    assert_eq!(fs::read(dir.path().join("t/d/b")).unwrap(), content(9));
    let (result, pending) = until_ready(|| store.poll_commit());
    assert_eq!((result, pending > 2), (Ok(()), true), "{pending}");
    assert_eq!(store.observer().done, ["f", "t/a", "t/d/b", "t"]);

    // The other end disconnects meanwhile: the file is put in place nevertheless.
    assert!(store.offer(&file("g", bytes.len())).is_ok());
    store_all(&mut store, 0, &bytes);
    assert!(store.poll_commit().is_pending());
    store.abandon(Reason::Cancelled, true);
    drop(store);
    let begun = Instant::now();
    while !dir.path().join("g").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(fs::read(dir.path().join("g")).unwrap(), bytes);
    MILLISECONDS.store(0, Ordering::Relaxed);
}
