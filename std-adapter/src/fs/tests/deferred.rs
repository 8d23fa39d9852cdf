//! Trees of many small files, which come to their places later than they are committed.

use tinyferry_core::store::CommitFailed;

use super::*;

/// Every test, with and without files that get their names when their content is durable.
macro_rules! each_way {
    ($($name:ident,)*) => {
        mod unsynchronised {
            $(#[test] fn $name() { super::$name(super::Sync::Never) })*
        }
        mod synchronised {
            $(#[test] fn $name() { super::$name(super::Sync::End) })*
        }
    };
}

each_way! {
    completed_commits_are_in_place,
    the_last_file_of_a_name_stays,
    a_file_that_cannot_be_placed_is_reported_and_the_others_arrive,
    only_offered_commits_are_deferred,
    a_tree_is_complete_only_after_all_failures_are_reported,
    an_entry_created_meanwhile_is_replaced,
    a_pending_file_is_not_a_directory,
    a_large_file_waits_for_a_pending_one_of_its_name,
    committed_files_arrive_after_any_interruption,
    sessions_continue_after_a_tree,
    a_file_is_compared_with_the_last_of_its_name,
    a_pending_file_is_committed_before_a_large_one_of_its_name_begins,
    the_last_file_of_a_name_stays_when_the_store_is_dropped,
}

/// Files that have gone into the tree `t`: later files are committed later, where commits are deferred.
const BEFORE: usize = 300;

fn name(number: usize) -> String {
    format!("d{}/{number:04}", number / 70)
}

/// Puts the files of these numbers, each of a content of its own.
fn put_many(store: &mut impl Store, numbers: std::ops::Range<usize>) {
    for number in numbers {
        put_as(store, &name(number), number);
    }
}

/// Puts a file as transfer `number`, whose content tells that number.
fn put_as(store: &mut impl Store, name: &str, number: usize) {
    let bytes = content_of(number);
    put(store, Offer { commit_id: Some(number as u16), ..file(name, bytes.len()) }, &bytes);
}

fn content_of(number: usize) -> Vec<u8> {
    let mut bytes = content(number % 7 * 400 + 8);
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    bytes
}

fn begun(dir: &TempDir, sync: Sync) -> Directory<Recorder> {
    let mut store = serving_with(dir, sync);
    assert!(store.offer(&tree("t")).is_ok());
    put_many(&mut store, 0..BEFORE);
    store
}

/// Puts a file with a deferred commit; returns its path. `None` if no commit is deferred here.
fn put_later(dir: &TempDir, store: &mut impl Store, number: usize) -> Option<PathBuf> {
    put_as(store, "d4/x", number);
    let path = dir.path().join("t/d4/x");
    (!path.exists()).then_some(path)
}

/// Checks that these files are complete, and that there are no others.
#[track_caller]
fn are_in_place(dir: &TempDir, numbers: std::ops::Range<usize>) {
    for number in numbers.clone() {
        let path = dir.path().join("t").join(name(number));
        assert_eq!(fs::read(path).unwrap(), content_of(number), "{number}");
    }
    let dirs = fs::read_dir(dir.path().join("t")).unwrap();
    let found: usize = dirs.map(|dir| listing(&dir.unwrap().path()).len()).sum();
    assert_eq!(found, numbers.len());
}

fn completed_commits_are_in_place(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put_many(&mut store, BEFORE..1_000);
    assert_eq!(store.flush_commits(), Ok(()));
    are_in_place(&dir, 0..1_000);
    put_many(&mut store, 1_000..3_000);
    assert_eq!(store.flush_commits(), Ok(()));
    assert_eq!(store.commit(), Ok(()));
    are_in_place(&dir, 0..3_000);
    let mut told: Vec<_> = (0..3_000).map(|number| format!("t/{}", name(number))).collect();
    told.push("t".into());
    assert_eq!(store.into_observer().done, told);
}

fn the_last_file_of_a_name_stays(sync: Sync) {
    for distance in [1, 63, 64, 65, 130, 400] {
        let dir = in_memory();
        let mut store = serving_with(&dir, sync);
        assert!(store.offer(&tree("t")).is_ok());
        for number in 0..900 {
            put_as(&mut store, &format!("{}", number % distance), number);
        }
        assert_eq!(store.flush_commits(), Ok(()));
        for number in 900 - distance..900 {
            let path = dir.path().join(format!("t/{}", number % distance));
            assert_eq!(fs::read(path).unwrap(), content_of(number), "{distance}: {number}");
        }
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(store.observer().done.len(), 901);
        assert_eq!(listing(&dir.path().join("t")).len(), distance);
    }
}

fn a_file_that_cannot_be_placed_is_reported_and_the_others_arrive(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    let Some(path) = put_later(&dir, &mut store, 7_777) else { return };
    fs::create_dir(&path).unwrap();
    put_many(&mut store, BEFORE..700);
    let late = CommitFailed { commit_id: 7_777, reason: Reason::IsDirectory };
    assert_eq!(store.flush_commits(), Err(late));
    assert_eq!(store.flush_commits(), Ok(()));
    fs::remove_dir(&path).unwrap();
    put_many(&mut store, 700..900);
    assert_eq!(store.flush_commits(), Ok(()));
    assert_eq!(store.commit(), Ok(()));
    are_in_place(&dir, 0..900);
    let events = store.into_observer();
    assert_eq!(events.failed, [("t/d4/x".to_owned(), Reason::IsDirectory, false)]);
    assert_eq!(events.done.len(), 901);
}

fn only_offered_commits_are_deferred(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put(&mut store, file("d4/x", 9), &content(9));
    assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), content(9));
}

fn a_tree_is_complete_only_after_all_failures_are_reported(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    if let Some(path) = put_later(&dir, &mut store, 7) {
        fs::create_dir(path).unwrap();
        assert_eq!(store.commit(), Err(Reason::IsDirectory));
    }
}

fn an_entry_created_meanwhile_is_replaced(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    if let Some(path) = put_later(&dir, &mut store, 7) {
        fs::write(path, "somebody else's").unwrap();
    }
    assert_eq!((store.flush_commits(), store.commit()), (Ok(()), Ok(())));
    assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), content_of(7));
    assert_eq!(listing(&dir.path().join("t/d4")).len(), 21);
}

fn a_pending_file_is_not_a_directory(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put_as(&mut store, "d4/x", 7);
    assert_eq!(store.offer(&directory("d4/x")), Err(Reason::NotDirectory));
    put_as(&mut store, "d4/y", 8);
    assert_eq!(store.offer(&file("d4/y/z", 9)), Err(Reason::NotDirectory));
    put_as(&mut store, "d4/z", 9);
    assert_eq!(store.offer(&directory("d4/z/deep/er")), Err(Reason::NotDirectory));
    assert_eq!(store.flush_commits(), Ok(()));
    assert_eq!(store.commit(), Ok(()));
    for (name, number) in [("x", 7), ("y", 8), ("z", 9)] {
        assert_eq!(fs::read(dir.path().join("t/d4").join(name)).unwrap(), content_of(number));
    }
}

fn a_large_file_waits_for_a_pending_one_of_its_name(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put_as(&mut store, "d4/x", 7);
    put(&mut store, file("d4/x", 70_000), &content(70_000));
    put_as(&mut store, "d4/y", 8);
    assert_eq!(store.flush_commits(), Ok(()));
    assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), content(70_000));
    assert_eq!(fs::read(dir.path().join("t/d4/y")).unwrap(), content_of(8));
}

fn committed_files_arrive_after_any_interruption(sync: Sync) {
    let ends: [fn(Directory<Recorder>); 4] = [
        drop,
        |mut store| store.abandon(Reason::Cancelled, true),
        |mut store| assert!(store.open("", true).is_ok()),
        |mut store| assert!(store.offer(&tree("u")).is_ok()),
    ];
    for end in ends {
        for files in [BEFORE + 1, 512, 801] {
            let dir = in_memory();
            let mut store = begun(&dir, sync);
            put_many(&mut store, BEFORE..files);
            // This one is cut off, and too short to be kept.
            assert!(store.offer(&file("open/f", 900)).is_ok());
            assert_eq!(store.store(0, &[1; 500]), Ok(500));
            end(store);
            are_in_place(&dir, 0..files);
        }
    }
}

fn sessions_continue_after_a_tree(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put_many(&mut store, BEFORE..500);
    assert_eq!((store.flush_commits(), store.commit()), (Ok(()), Ok(())));
    put(&mut store, file("alone", 9), &content(9));
    assert_eq!(fs::read(dir.path().join("alone")).unwrap(), content(9));
    assert!(store.offer(&tree("t2")).is_ok());
    put_many(&mut store, 0..10);
    assert_eq!(store.flush_commits(), Ok(()));
    assert_eq!(listing(&dir.path().join("t2/d0")).len(), 10);
    assert_eq!(store.commit(), Ok(()));
}

/// Like the first of three, and as old: it is the same file only once the second was replaced.
fn a_file_is_compared_with_the_last_of_its_name(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    let put_at = |store: &mut Directory<Recorder>, name, seconds: i64, number: usize| {
        let bytes = (number as u64).to_le_bytes();
        let (modified, commit_id) = (Some(seconds * 1_000_000_000), Some(number as u16));
        let offer = Offer { modified, commit_id, ..file(name, bytes.len()) };
        let Accepted { prefix, .. } = store.offer(&offer).unwrap();
        store_all(store, prefix as usize, &bytes[prefix as usize..]);
        assert_eq!(store.commit(), Ok(()));
    };
    put_at(&mut store, "d4/x", 10, 5);
    assert_eq!(store.flush_commits(), Ok(()));
    put_at(&mut store, "d4/x", 20, 6);
    // Its directory is left, and entered again.
    put_at(&mut store, "e/y", 10, 7);
    put_at(&mut store, "d4/x", 10, 5);
    assert_eq!((store.flush_commits(), store.commit()), (Ok(()), Ok(())));
    assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), 5u64.to_le_bytes());
}

/// A small one that goes the long way does not meet the partial of the large one after it.
fn a_pending_file_is_committed_before_a_large_one_of_its_name_begins(sync: Sync) {
    let dir = in_memory();
    let mut store = begun(&dir, sync);
    put_as(&mut store, "d4/x", 7);
    assert_eq!(store.flush_commits(), Ok(()));
    put_as(&mut store, "d4/x", 8);
    assert!(store.offer(&file("d4/x", 200_000)).is_ok());
    store_all(&mut store, 0, &content(100 * 1024));
    assert_eq!(store.flush_commits(), Ok(()));
    store_all(&mut store, 100 * 1024, &content(200_000)[100 * 1024..]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), content(200_000));
}

fn the_last_file_of_a_name_stays_when_the_store_is_dropped(sync: Sync) {
    for between in [0, 10, 70] {
        let dir = in_memory();
        let mut store = begun(&dir, sync);
        put_as(&mut store, "d4/x", 7);
        put_many(&mut store, BEFORE..BEFORE + between);
        put_as(&mut store, "d4/x", 8);
        drop(store);
        assert_eq!(fs::read(dir.path().join("t/d4/x")).unwrap(), content_of(8), "{between}");
    }
}
