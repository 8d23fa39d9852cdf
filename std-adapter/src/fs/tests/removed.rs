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

/// The root is removed before a request, or while its tree is sent.
#[test]
fn a_removed_root_that_is_read_is_reported() {
    let dir = temporary();
    let path = dir.path().join("root");
    for names_only in [false, true] {
        fs::create_dir_all(path.join("d")).unwrap();
        for name in ["a", "b", "d/c"] {
            fs::write(path.join(name), "x").unwrap();
        }
        let root = Root::open(&path).unwrap();
        let mut store = Directory::serving(root, ALL, Sync::Never, Recorder::default());
        store.names_only(names_only);
        store.open("", true).unwrap();
        assert_eq!(next(&mut store).unwrap().1.kind, Kind::Tree);
        fs::remove_dir_all(&path).unwrap();
        while let Some((_, entry)) = next(&mut store) {
            assert_eq!(entry.broken, Some(Reason::RootGone));
        }
        for (path, tree) in [("a", false), ("d", true), ("", true), ("d/c", false)] {
            let opened = store.open(path, tree);
            assert_eq!(opened, Err(Reason::RootGone), "{path:?} {tree}");
        }
        assert!(store.observer().failed.iter().all(|(_, reason, _)| *reason == Reason::RootGone));
    }
}
