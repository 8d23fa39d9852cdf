//! Directories that are removed while something is to be stored in them.

use super::*;

/// The root is removed while a file, or an entry of a tree, comes in.
#[test]
fn a_removed_root_is_reported() {
    for (sync, size, in_tree) in [
        (Sync::Never, 10, false),
        (Sync::Never, 200_000, false),
        (Sync::End, 10, false),
        (Sync::End, 10, true),
        (Sync::End, 200_000, true),
        (Sync::Each, 10, true),
    ] {
        let dir = temporary();
        let path = dir.path().join("root");
        fs::create_dir(&path).unwrap();
        let root = Root::open(&path).unwrap();
        let mut store = Directory::serving(root, ALL, sync, Recorder::default());
        fs::remove_dir(&path).unwrap();
        let mut result = Ok(());
        if in_tree {
            result = result.and(store.offer(&tree("t")).map(drop));
        }
        result = result.and_then(|()| store.offer(&file("f", size)).map(drop));
        result = result.and_then(|()| store.store(0, &content(size)).map(drop));
        result = result.and_then(|()| store.commit());
        assert_eq!(result, Err(Reason::RootGone), "{sync:?} {size} {in_tree}");
        assert!(store.observer().failed.iter().all(|(_, reason, _)| *reason == Reason::RootGone));
    }
}

#[test]
fn a_removed_directory_is_reported() {
    let dir = temporary();
    fs::create_dir(dir.path().join("d")).unwrap();
    let mut store = serving(&dir);
    store.offer(&file("d/f", 200_000)).unwrap();
    store_all(&mut store, 0, &content(200_000));
    fs::remove_dir_all(dir.path().join("d")).unwrap();
    assert!(store.commit().is_err());
    let details = &store.observer().details;
    assert!(details.iter().any(|detail| detail.contains("taken away")), "{details:?}");
}
