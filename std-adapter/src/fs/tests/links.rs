//! Links that the other end makes, and its attempts to reach other directories through them.

mod races;

use std::os::unix::fs::symlink;

use tinyferry_core::store::Operation;

use super::*;

const REMOVING: Rights = Rights { read: true, write: true, remove: true };

fn policy(links: Links) -> Policy {
    Policy { links, hard_links: true, ..Policy::default() }
}

fn governed(dir: &TempDir, policy: &Policy) -> Directory<Recorder> {
    let store = Directory::serving(root(dir), REMOVING, Sync::Never, Recorder::default());
    store.governed(policy)
}

fn link(store: &mut Directory<Recorder>, path: &str, target: &str) -> Result<(), Reason> {
    store.operate(path, Kind::File, &Operation::Link { target }).map(drop)
}

fn hard_link(store: &mut Directory<Recorder>, path: &str, from: &str) -> Result<(), Reason> {
    store.operate(path, Kind::File, &Operation::HardLink { from }).map(drop)
}

fn rename(store: &mut Directory<Recorder>, from: &str, path: &str) -> Result<(), Reason> {
    store.operate(path, Kind::File, &Operation::Rename { from }).map(drop)
}

fn target(dir: &TempDir, path: &str) -> Option<String> {
    let target = fs::read_link(dir.path().join(path)).ok()?;
    Some(target.to_str().unwrap().to_owned())
}

/// R16, R90: also where any target is accepted.
#[test]
fn nothing_is_written_through_a_link_that_was_made() {
    let (dir, outside) = (temporary(), temporary());
    fs::write(outside.path().join("passwd"), "secret").unwrap();
    let mut store = governed(&dir, &policy(Links::Any));
    store.offer(&tree("t")).unwrap();
    let way_out = outside.path().to_str().unwrap();
    assert_eq!(link(&mut store, "a", way_out), Ok(()));
    assert_eq!(link(&mut store, "f", &format!("{way_out}/passwd")), Ok(()));
    for path in ["a/passwd", "a/new", "a/d/new"] {
        assert_eq!(store.offer(&file(path, 1)).map(drop), Err(Reason::SymbolicLink), "{path}");
        assert_eq!(link(&mut store, path, "x"), Err(Reason::SymbolicLink), "{path}");
        assert_eq!(hard_link(&mut store, path, "f"), Err(Reason::SymbolicLink), "{path}");
        assert_eq!(hard_link(&mut store, "g", path), Err(Reason::SymbolicLink), "{path}");
    }
    for path in ["a", "a/d"] {
        assert_eq!(store.offer(&directory(path)).map(drop), Err(Reason::SymbolicLink), "{path}");
    }
    assert_eq!(hard_link(&mut store, "g", "f"), Err(Reason::SymbolicLink));
    // A file replaces the link, not the target of the link.
    put(&mut store, file("f", 3), b"new");
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("t/f")).unwrap(), b"new");
    assert!(!dir.path().join("t/f").is_symlink());
    assert_eq!(listing(outside.path()), ["passwd"]);
    assert_eq!(fs::read(outside.path().join("passwd")).unwrap(), b"secret");
    for path in ["t/a", "t/a/passwd"] {
        assert_eq!(store.open(path, false), Err(Reason::SymbolicLink), "{path}");
        assert_eq!(store.open(path, true), Err(Reason::SymbolicLink), "{path}");
    }
}

/// R90.
#[test]
fn a_target_is_checked_from_the_directory_of_its_link_in_its_tree() {
    let dir = temporary();
    let mut store = governed(&dir, &policy(Links::Inside));
    // The root of the tree is the limit, not that of the server.
    store.offer(&tree("t")).unwrap();
    for (path, target) in
        [("l", ".."), ("l", "/x"), ("d/l", "../../x"), ("l", "d/.."), ("l", "../t/x")]
    {
        assert_eq!(link(&mut store, path, target), Err(Reason::BadPath), "{path} {target}");
    }
    assert_eq!(link(&mut store, "d/e/l", "../../x"), Ok(()));
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(listing(&dir.path().join("t")), ["d"]);
    assert_eq!(target(&dir, "t/d/e/l").as_deref(), Some("../../x"));
    assert!(store.observer().details.iter().all(|detail| detail.contains("--unsafe-links")));
    for path in ["", "d/", "/x", "../x", ".l.tinyferry-part", "d/.l.tinyferry-part"] {
        assert_eq!(link(&mut store, path, "x"), Err(Reason::BadPath), "{path}");
    }
    let made = store.operate("t", Kind::Directory, &Operation::Link { target: "x" });
    assert_eq!(made.map(drop), Err(Reason::BadPath));
}

/// A chain of links that each stay in the tree stays in the tree when the system resolves it.
#[test]
fn no_chain_of_accepted_links_leads_out() {
    let dir = temporary();
    fs::create_dir_all(dir.path().join("root/d1/d2/d3")).unwrap();
    let served = dir.path().join("root").canonicalize().unwrap();
    let names = ["l", "m", "n"];
    let directories = ["", "d1/", "d1/d2/", "d1/d2/d3/"];
    let targets =
        [".", "..", "../..", "../../..", "d1", "d1/d2", "l", "m", "n", "../m", "l/..", "m/../../n"];
    let targets = targets.into_iter().chain(["d2/l", "../../l/m", "d3/n/l", "../d1/m/.."]);
    let targets: Vec<_> = targets.collect();
    // All pairs of places, each with all targets, by turns.
    let places: Vec<_> =
        directories.iter().flat_map(|above| names.map(|name| format!("{above}{name}"))).collect();
    let mut state = 1_u32;
    let mut accepted = 0;
    for _ in 0..300 {
        let mut store =
            Directory::serving(Root::open(&served).unwrap(), ALL, Sync::Never, Recorder::default())
                .governed(&policy(Links::Inside));
        for path in &places {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let target = targets[(state >> 16) as usize % targets.len()];
            accepted += usize::from(link(&mut store, path, target).is_ok());
        }
        for path in &places {
            for end in ["", "/l", "/m/n", "/n/l/m"] {
                if let Ok(found) = served.join(path.to_owned() + end).canonicalize() {
                    assert!(found.starts_with(&served), "{path}{end}: {}", found.display());
                }
            }
        }
    }
    assert!(accepted > 1000, "{accepted}");
}

#[test]
fn a_directory_with_links_is_not_renamed_to_where_they_lead_out() {
    let dir = temporary();
    let mut store = governed(&dir, &policy(Links::Inside));
    assert_eq!(link(&mut store, "a/b/c/d/far", "../../../../x"), Ok(()));
    assert_eq!(link(&mut store, "a/b/near", "c"), Ok(()));
    for (from, path) in [("a/b/c", "c"), ("a/b/c/d", "a/d"), ("a/b", "b")] {
        assert_eq!(rename(&mut store, from, path), Err(Reason::NotAllowed), "{from}");
        assert!(dir.path().join(from).exists() && !dir.path().join(path).exists());
    }
    let details = &store.observer().details;
    assert!(details[0].contains("\"d/far\": its target is outside"), "{details:?}");
    // At the same level, or further below, it leads to no place outside.
    assert_eq!(rename(&mut store, "a/b/c", "a/b/other"), Ok(()));
    fs::create_dir_all(dir.path().join("a/b/other/e")).unwrap();
    assert_eq!(rename(&mut store, "a/b/other/d", "a/b/other/e/d"), Ok(()));
    assert_eq!(
        store.operate("a/b/other/e/d/far", Kind::File, &Operation::Remove).map(drop),
        Ok(())
    );
    assert_eq!(rename(&mut store, "a/b", "b"), Ok(()));
    assert_eq!(target(&dir, "b/near").as_deref(), Some("c"));
    let mut lax = governed(&dir, &policy(Links::Any));
    assert_eq!(link(&mut lax, "b/up", "../../.."), Ok(()));
    assert_eq!(rename(&mut lax, "b/other", "other"), Ok(()));
}

#[test]
fn a_store_without_links_refuses_them_and_tells_blind_clients_why() {
    for rights in [ALL, Rights { read: false, write: true, remove: false }] {
        let dir = temporary();
        symlink("old", dir.path().join("there")).unwrap();
        fs::write(dir.path().join("f"), "f").unwrap();
        let mut store = Directory::serving(root(&dir), rights, Sync::Never, Recorder::default());
        for path in ["new", "there"] {
            assert_eq!(link(&mut store, path, "x"), Err(Reason::NotAllowed));
            assert!(store.refusal_message().contains("--links"), "{rights:?}");
        }
        assert_eq!(hard_link(&mut store, "g", "f"), Err(Reason::NotAllowed));
        // The content follows: it is no failure.
        assert_eq!(store.observer().failed.len(), 2);
        assert_eq!(store.offer(&file("there", 1)).map(drop), Err(Reason::SymbolicLink));
        assert_eq!(listing(dir.path()), ["f", "there"]);
    }
}

/// A client that receives a lone file is offered a link by the server.
#[test]
fn a_lone_file_of_a_get_does_not_become_a_link() {
    let dir = temporary();
    fs::write(dir.path().join("mine"), "mine").unwrap();
    let store = Directory::receiving(root(&dir), "f".to_owned(), Sync::Never, Recorder::default());
    let mut store = store.governed(&policy(Links::Any));
    for path in ["f", "mine", ".bashrc"] {
        assert_eq!(link(&mut store, path, "/etc"), Err(Reason::NotAllowed), "{path}");
        assert!(hard_link(&mut store, path, "mine").is_err(), "{path}");
    }
    assert_eq!(listing(dir.path()), ["mine"]);
}

/// R91.
#[test]
fn a_hard_link_is_a_name_of_a_file_in_the_tree_and_of_nothing_else() {
    let dir = temporary();
    for path in ["outside", "t/f", "t/d/g"] {
        fs::create_dir_all(dir.path().join(path).parent().unwrap()).unwrap();
        fs::write(dir.path().join(path), path).unwrap();
    }
    symlink("f", dir.path().join("t/l")).unwrap();
    let mut store = governed(&dir, &policy(Links::Inside));
    store.offer(&tree("t")).unwrap();
    for (from, reason) in [
        ("../outside", Reason::BadPath),
        (".f.tinyferry-part", Reason::BadPath),
        ("missing", Reason::NotFound),
        ("missing/f", Reason::NotFound),
        ("d", Reason::IsDirectory),
        ("f/x", Reason::NotDirectory),
        ("l", Reason::SymbolicLink),
    ] {
        assert_eq!(hard_link(&mut store, "new", from), Err(reason), "{from}");
    }
    assert_eq!(hard_link(&mut store, "d", "f"), Err(Reason::IsDirectory));
    for _ in 0..2 {
        for path in ["new/deep/f", "d/g", "l", "f"] {
            assert_eq!(hard_link(&mut store, path, "f"), Ok(()), "{path}");
        }
    }
    assert_eq!(store.commit(), Ok(()));
    for path in ["new/deep/f", "d/g", "l", "f"] {
        let found = fs::symlink_metadata(dir.path().join("t").join(path)).unwrap();
        assert_eq!((found.nlink(), found.is_file()), (4, true), "{path}");
    }
    assert_eq!(listing(&dir.path().join("t")), ["d", "f", "l", "new"]);
    assert_eq!(store.observer().failed, []);
}

#[test]
fn a_link_that_is_there_under_another_name_is_not_made_again() {
    let dir = temporary();
    let keeping = Policy { existing: Existing::KeepBoth, ..policy(Links::Inside) };
    let mut store = governed(&dir, &keeping);
    fs::write(dir.path().join("l"), "file").unwrap();
    for _ in 0..2 {
        assert_eq!(link(&mut store, "l", "x"), Ok(()));
        assert_eq!(link(&mut store, "l", "y"), Ok(()));
    }
    assert_eq!(listing(dir.path()), ["l", "l~1", "l~2"]);
    assert_eq!(target(&dir, "l~1").as_deref(), Some("x"));
    assert_eq!(target(&dir, "l~2").as_deref(), Some("y"));
    assert_eq!(store.observer().kept.len(), 4);
}

#[test]
fn a_store_without_links_replaces_and_removes_none() {
    let dir = temporary();
    symlink("old", dir.path().join("l")).unwrap();
    fs::write(dir.path().join("f"), "f").unwrap();
    let mut store = governed(&dir, &policy(Links::Refuse));
    assert_eq!(hard_link(&mut store, "g", "f"), Ok(()));
    assert_eq!(hard_link(&mut store, "l", "f"), Err(Reason::SymbolicLink));
    assert_eq!(store.offer(&file("l", 1)).map(drop), Err(Reason::SymbolicLink));
    let removed = store.operate("l", Kind::File, &Operation::Remove);
    assert_eq!(removed.map(drop), Err(Reason::SymbolicLink));
    assert_eq!(rename(&mut store, "f", "l"), Err(Reason::SymbolicLink));
    assert_eq!(target(&dir, "l").as_deref(), Some("old"));
    assert_eq!(listing(dir.path()), ["f", "g", "l"]);
}

#[test]
fn a_store_without_links_moves_none_to_where_it_leads_out() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = temporary();
    fs::create_dir_all(dir.path().join("a/b/c")).unwrap();
    symlink("/absolute", dir.path().join("a/b/c/same")).unwrap();
    let mut store = governed(&dir, &policy(Links::Refuse));
    for out in [OsStr::new("../../../x"), OsStr::from_bytes(b"../../../\xff"), OsStr::new("x/..")] {
        symlink(out, dir.path().join("a/b/c/out")).unwrap();
        assert_eq!(rename(&mut store, "a/b", "b"), Err(Reason::NotAllowed), "{out:?}");
        fs::remove_file(dir.path().join("a/b/c/out")).unwrap();
    }
    assert_eq!(rename(&mut store, "a/b", "b"), Ok(()));
    assert_eq!(target(&dir, "b/c/same").as_deref(), Some("/absolute"));
}

#[test]
fn a_link_whose_owner_cannot_be_set_is_reported_as_a_file_is() {
    let dir = temporary();
    // No system has a user of this number.
    let owner = Owner { user: Some(u32::MAX - 1), group: None };
    let mut store = governed(&dir, &Policy { owner, ..policy(Links::Inside) });
    put(&mut store, file("f", 1), b"f");
    let of_file = store.observer().unset.len();
    assert_eq!(link(&mut store, "l", "x"), Ok(()));
    assert_eq!(target(&dir, "l").as_deref(), Some("x"));
    assert_eq!(store.observer().unset.len(), 2 * of_file);
    if of_file == 0 {
        assert_eq!(fs::symlink_metadata(dir.path().join("l")).unwrap().uid(), u32::MAX - 1);
    }
    assert_eq!(listing(dir.path()), ["f", "l"]);
}
