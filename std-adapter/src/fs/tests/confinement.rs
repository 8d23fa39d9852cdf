//! Confinement: no path leaves the root, follows a link or opens a special file; and the rights of a client.

use super::*;
use crate::fs::sys::dir_cursor;

#[test]
fn offers_outside_the_root_are_refused() {
    let dir = temporary();
    let mut store = serving(&dir);
    let long = "n".repeat(256);
    let bad = [
        "..",
        "../x",
        "/etc/x",
        "a/../../x",
        ".",
        "a//b",
        "a/",
        "a\nb",
        "",
        &long,
        "x/.a.tinyferry-part",
    ];
    for path in bad {
        assert_eq!(store.offer(&file(path, 1)), Err(Reason::BadPath), "{path}");
        assert_eq!(store.offer(&directory(path)), Err(Reason::BadPath), "{path}");
        if !path.is_empty() {
            assert_eq!(store.offer(&tree(path)), Err(Reason::BadPath), "{path}");
        }
    }
    assert!(store.offer(&tree("t")).is_ok());
    for path in bad {
        assert_eq!(store.offer(&file(path, 1)), Err(Reason::BadPath), "{path}");
    }
    assert_eq!(store.observer().failed.len(), 4 * bad.len() - 1);
    assert!(listing(dir.path()).is_empty());
}

#[test]
fn no_symbolic_link_is_followed() {
    let (dir, outside) = (temporary(), temporary());
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    std::os::unix::fs::symlink(&secret, dir.path().join("target")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("up")).unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", dir.path().join("inside")).unwrap();
    let mut store = serving(&dir);
    for path in ["target", "up/secret", "up/new", "inside/new", "real/../up/new"] {
        let expected = if path.contains("..") { Reason::BadPath } else { Reason::SymbolicLink };
        assert_eq!(store.offer(&file(path, 1)), Err(expected), "{path}");
    }
    for path in ["target", "up", "inside", "up/new"] {
        assert_eq!(store.offer(&tree(path)), Err(Reason::SymbolicLink), "{path}");
        assert_eq!(store.offer(&directory(path)), Err(Reason::SymbolicLink), "{path}");
    }
    assert_eq!(listing(outside.path()), ["secret"]);
    assert!(listing(&dir.path().join("real")).is_empty());
}

#[test]
fn a_link_created_after_the_offer_is_not_followed() {
    let (dir, outside) = (temporary(), temporary());
    let mut store = serving(&dir);
    assert!(store.offer(&file("a/f", 1)).is_ok());
    std::os::unix::fs::symlink(outside.path(), dir.path().join("a")).unwrap();
    let stored = store.store(0, b"x").and_then(|_| store.commit());
    assert_eq!(stored, Err(Reason::SymbolicLink));

    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    assert!(store.offer(&file("f", 1)).is_ok());
    assert_eq!(store.store(0, b"x"), Ok(1));
    std::os::unix::fs::symlink(&secret, dir.path().join("f")).unwrap();
    // The link itself gives way.
    assert_eq!(store.commit(), Ok(()));
    assert!(dir.path().join("f").symlink_metadata().unwrap().is_file());
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(listing(outside.path()), ["secret"]);
}

#[test]
fn only_a_regular_file_is_opened_even_after_a_replacement() {
    let dir = temporary();
    fs::write(dir.path().join("f"), "x").unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    std::os::unix::fs::symlink("f", dir.path().join("link")).unwrap();
    make_fifo(&dir.path().join("p"));
    let root = root(&dir);
    soon(move || {
        let open = |name| dir_cursor::open_file(&root.0, name).map_err(|error| error.reason);
        assert!(open("f").is_ok());
        assert_eq!(open("link").err(), Some(Reason::SymbolicLink));
        assert_eq!(open("p").err(), Some(Reason::NotRegular));
        assert_eq!(open("d").err(), Some(Reason::IsDirectory));
    });
}

#[test]
fn only_files_are_replaced() {
    let dir = temporary();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("f"), "").unwrap();
    make_fifo(&dir.path().join("p"));
    let (path, store) = (dir.path().to_owned(), serving(&dir));
    soon(move || {
        let mut store = store;
        assert_eq!(store.offer(&file("d", 1)), Err(Reason::IsDirectory));
        assert_eq!(store.offer(&file("p", 1)), Err(Reason::NotRegular));
        assert_eq!(store.offer(&file("f/x", 1)), Err(Reason::NotDirectory));
        assert_eq!(store.offer(&file("p/x", 1)), Err(Reason::NotRegular));
        assert_eq!(store.offer(&directory("f")), Err(Reason::NotDirectory));
        assert_eq!(store.offer(&tree("f")), Err(Reason::NotDirectory));
        assert_eq!(store.offer(&tree("f/x")), Err(Reason::NotDirectory));
        // A directory that comes up later stays, too.
        assert!(store.offer(&file("late", 1)).is_ok());
        assert_eq!(store.store(0, b"x"), Ok(1));
        fs::create_dir(path.join("late")).unwrap();
        assert_eq!(store.commit(), Err(Reason::IsDirectory));
        assert!(path.join("late").is_dir());
    });
}

#[test]
fn rights_are_enforced() {
    let dir = temporary();
    fs::write(dir.path().join("f"), "x").unwrap();
    let rights = Rights { read: true, write: false, remove: false };
    let mut store = Directory::serving(root(&dir), rights, Sync::End, ());
    assert_eq!(store.offer(&file("g", 1)), Err(Reason::ReadOnly));
    assert_eq!(store.offer(&tree("")), Err(Reason::ReadOnly));
    assert_eq!(store.store(0, b"x"), Err(Reason::ReadOnly));
    assert_eq!(store.commit(), Err(Reason::ReadOnly));
    assert_eq!(store.open("f", false), Ok(()));
    let rights = Rights { read: false, write: true, remove: false };
    let mut store = Directory::serving(root(&dir), rights, Sync::End, ());
    assert_eq!(store.open("f", false), Err(Reason::WriteOnly));
    assert_eq!(store.next(&mut [0; PATH_MAX]), Err(Reason::WriteOnly));
    assert!(store.offer(&file("g", 1)).is_ok());
}

#[test]
fn requests_outside_the_root_are_refused() {
    let (dir, outside) = (temporary(), temporary());
    fs::write(outside.path().join("secret"), "secret").unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    fs::write(dir.path().join("f"), "x").unwrap();
    fs::write(dir.path().join(".f.tinyferry-part"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("up")).unwrap();
    std::os::unix::fs::symlink("d", dir.path().join("inside")).unwrap();
    make_fifo(&dir.path().join("p"));
    let cases = [
        ("missing", Reason::NotFound, Reason::NotFound),
        ("d/missing", Reason::NotFound, Reason::NotFound),
        ("missing/x", Reason::NotFound, Reason::NotFound),
        ("f/x", Reason::NotDirectory, Reason::NotDirectory),
        ("link", Reason::SymbolicLink, Reason::SymbolicLink),
        ("up", Reason::SymbolicLink, Reason::SymbolicLink),
        ("up/secret", Reason::SymbolicLink, Reason::SymbolicLink),
        ("inside", Reason::SymbolicLink, Reason::SymbolicLink),
        ("p", Reason::NotRegular, Reason::NotRegular),
        ("../x", Reason::BadPath, Reason::BadPath),
        ("/etc/passwd", Reason::BadPath, Reason::BadPath),
        ("d/../f", Reason::BadPath, Reason::BadPath),
        (".f.tinyferry-part", Reason::BadPath, Reason::BadPath),
    ];
    let store = serving(&dir);
    soon(move || {
        let mut store = store;
        for (path, as_file, as_tree) in cases {
            assert_eq!(store.open(path, false), Err(as_file), "{path}");
            assert_eq!(store.open(path, true), Err(as_tree), "{path}");
            assert!(next(&mut store).is_none());
        }
        assert_eq!(store.open("d", false), Err(Reason::IsDirectory));
        assert_eq!(store.open("", false), Err(Reason::IsDirectory));
        assert_eq!(store.open("f", true), Err(Reason::NotDirectory));
        assert_eq!(store.open("d", true), Ok(()));
        // To ask for a directory as a file is no failure.
        assert_eq!(store.observer().failed.len(), 2 * cases.len() + 1);
    });
}
