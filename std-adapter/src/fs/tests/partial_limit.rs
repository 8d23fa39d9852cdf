//! The limit of partials.

use super::*;
use crate::fs::tests::partials::prefix;

#[test]
fn partials_are_counted_exactly_and_the_oldest_is_removed_first() {
    let dir = temporary();
    let limits = Limits { partials: 10_000, ..Limits::default() };
    let root = root(&dir).0;
    limits.partial_index.begin_scan(&root);
    limits.partial_index.end_scan(limits.partials);
    let interrupt = |name: &str, bytes: usize| {
        let mut store = serving(&dir).limited(limits.clone());
        assert!(store.offer(&file(name, 50_000)).is_ok());
        let Accepted { prefix, .. } = store.offer(&file(name, 50_000)).unwrap();
        store_all(&mut store, prefix as usize, &content(bytes)[prefix as usize..]);
        store.abandon(Reason::Cancelled, true);
    };
    interrupt("a", 4_000);
    interrupt("b", 4_000);
    assert_eq!(limits.partial_index.bytes(), 8_000);
    // It is resumed, and is the youngest then.
    interrupt("a", 5_000);
    assert_eq!(limits.partial_index.bytes(), 9_000);
    interrupt("d/c", 2_000);
    assert_eq!(limits.partial_index.bytes(), 7_000);
    assert_eq!(listing(dir.path()), [".a.tinyferry-part", "d"]);
    // A partial that is too large by itself removes no other one.
    interrupt("e", 10_001);
    assert_eq!(listing(dir.path()), [".a.tinyferry-part", "d"]);
    // A file that is in place does not count any more.
    let mut store = serving(&dir).limited(limits.clone());
    assert_eq!(prefix(&mut store, file("a", 4_096)), 4_096);
    assert_eq!((limits.partial_index.bytes(), store.commit()), (2_000, Ok(())));
    put(&mut store, Offer { resume: 0, ..file("d/c", 3_000) }, &content(3_000));
    assert_eq!(limits.partial_index.bytes(), 0);
    // No partial may be left: each transfer succeeds nevertheless.
    let limits = Limits { partials: 0, ..Limits::default() };
    let mut store = serving(&dir).limited(limits);
    put(&mut store, file("f", 5_000), &content(5_000));
    assert!(store.offer(&file("g", 5_000)).is_ok());
    store_all(&mut store, 0, &content(2_000));
    store.abandon(Reason::Cancelled, true);
    assert_eq!(listing(dir.path()), ["a", "d", "f"]);
}
