//! Removals, renames, stats and space.

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Operation, Stat, StatQuery};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Memory, content};

use super::{ALWAYS, Device, MISSING, call, client, get, on_each_device, put, run, stored};

on_each_device! {
    files_and_empty_directories_are_removed_and_their_space_is_free
    a_directory_with_a_partial_only_is_removed
    a_rename_moves_a_file_and_replaces_another_one
    a_rename_moves_a_directory_but_not_into_itself
    a_stat_has_size_and_time
    the_space_shrinks_with_each_stored_file
    operations_act_in_the_tree_that_is_put
}

pub(super) const DONE: Result<Stat, Reason> =
    Ok(Stat { size: 0, value: 0, facts: 0, granularity: 0 });

fn operate<D: Device>(
    device: &mut D,
    path: &str,
    kind: Kind,
    operation: Operation<'_>,
) -> Result<Stat, Reason> {
    call(device, ALWAYS, |store| store.operate(path, kind, &operation)).0
}

fn remove<D: Device>(device: &mut D, path: &str, kind: Kind) -> Result<Stat, Reason> {
    operate(device, path, kind, Operation::Remove)
}

fn rename<D: Device>(device: &mut D, from: &str, to: &str) -> Result<Stat, Reason> {
    operate(device, to, Kind::File, Operation::Rename { from })
}

/// R87.
fn files_and_empty_directories_are_removed_and_their_space_is_free<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "d/keep", content(700, 9));
    // The files have several times the size of the medium.
    for seed in 0..8 {
        put(&mut device, "d/sub/large", content(D::ROOM / 2, seed));
        assert_eq!(remove(&mut device, "d/sub", Kind::Directory), Err(Reason::NotEmpty));
        assert_eq!(remove(&mut device, "d/sub", Kind::File), Err(Reason::IsDirectory));
        let large = "d/sub/large";
        assert_eq!(remove(&mut device, large, Kind::Directory), Err(Reason::NotDirectory));
        assert_eq!(remove(&mut device, large, Kind::File), DONE);
        assert_eq!(get(&mut device, large), MISSING);
        assert_eq!(remove(&mut device, "d/sub", Kind::Directory), DONE);
        assert_eq!(remove(&mut device, "d/sub", Kind::Directory), DONE, "it is gone already");
        assert_eq!(remove(&mut device, large, Kind::File), DONE, "so is its directory");
    }
    assert_eq!(remove(&mut device, "", Kind::Directory), Err(Reason::NotAllowed));
    assert!(get(&mut device, "d/keep") == Ok(content(700, 9)));
}

fn a_directory_with_a_partial_only_is_removed<D: Device>() {
    let mut device = D::formatted();
    let client = client("d/f", content(50_000, 1));
    device.serve(ALWAYS, &mut |store| {
        let mut pair = tinyferry_kit::Pair::new(Config::RELIABLE, client.clone(), store);
        pair.up.cut = Some(40_000);
        assert!(pair.run(Task::Put).expect("it ends").is_err());
    });
    assert!(device.content().into_keys().eq(["d/.tinyferry"]), "the part that came");
    assert_eq!(remove(&mut device, "d", Kind::Directory), DONE);
    assert!(device.content().is_empty());
}

/// R87.
fn a_rename_moves_a_file_and_replaces_another_one<D: Device>() {
    let mut device = D::formatted();
    for (path, seed) in [("d/a", 1), ("d/b", 2), ("top", 3)] {
        put(&mut device, path, content(9000, seed));
    }
    assert_eq!(rename(&mut device, "d/a", "d/c"), DONE);
    assert_eq!(rename(&mut device, "d/a", "d/c"), DONE, "it was renamed before");
    assert_eq!(rename(&mut device, "d/c", "d/c"), DONE, "it is the same name");
    assert!(get(&mut device, "d/c") == Ok(content(9000, 1)));
    assert_eq!(rename(&mut device, "d/c", "d/b"), DONE);
    assert!(get(&mut device, "d/b") == Ok(content(9000, 1)));
    assert_eq!(rename(&mut device, "d/b", "moved"), DONE);
    assert!(get(&mut device, "moved") == Ok(content(9000, 1)));
    for (from, to, reason) in [
        ("top", "d", Reason::IsDirectory),
        ("d", "top", Reason::NotDirectory),
        ("no", "new", Reason::NotFound),
        ("top", "none/new", Reason::NotFound),
        ("top", "moved/new", Reason::NotDirectory),
        ("top", "d/.tinyferry", Reason::BadPath),
    ] {
        assert_eq!(rename(&mut device, from, to), Err(reason), "{from} {to}");
    }
    assert!(stored(&mut device).into_keys().eq(["moved", "top"]));
}

fn a_rename_moves_a_directory_but_not_into_itself<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "d/sub/f", content(5000, 1));
    put(&mut device, "dd/f", content(10, 2));
    for to in ["d/d", "d/sub/d"] {
        assert_eq!(rename(&mut device, "d", to), Err(Reason::BadPath), "{to}");
    }
    assert_eq!(rename(&mut device, "d", "dd/e"), DONE);
    assert!(get(&mut device, "dd/e/sub/f") == Ok(content(5000, 1)));
    assert!(stored(&mut device).into_keys().eq(["dd/e/sub/f", "dd/f"]));
}

/// R84.
fn a_stat_has_size_and_time<D: Device>() {
    let mut device = D::formatted();
    let mut client = client("f", content(1234, 1));
    let modified = 1_700_000_001_500_000_001;
    client.files.get_mut("f").expect("it is there").modified = Some(modified);
    let (result, ..) = run(&mut device, Config::RELIABLE, client, Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0);
    put(&mut device, "d/g", content(10, 1));
    let query = StatQuery { facts: 0b1111, granularity: 3, ..StatQuery::default() };
    let mut stat = |path, kind| operate(&mut device, path, kind, Operation::Stat(query));
    let found = stat("f", Kind::File).expect("it is there");
    assert_eq!((found.size, found.facts, found.granularity), (1234, 0b11, 3));
    assert_eq!(found.value, modified as u64);
    assert_eq!(stat("g", Kind::File), Err(Reason::NotFound));
    assert_eq!(stat("d", Kind::File), Err(Reason::IsDirectory));
    assert_eq!(stat("d", Kind::Directory), Err(Reason::Unsupported));
}

/// R89.
fn the_space_shrinks_with_each_stored_file<D: Device>() {
    let mut device = D::formatted();
    let query = StatQuery { facts: StatQuery::SPACE, ..StatQuery::default() };
    let free = |device: &mut D, path| {
        let found = operate(device, path, Kind::Directory, Operation::Stat(query))?;
        assert_eq!(found.facts, StatQuery::SPACE);
        assert!(found.size <= found.value);
        Ok(found.size)
    };
    let before = free(&mut device, "").expect("it is known");
    put(&mut device, "d/f", content(50_000, 1));
    let after = free(&mut device, "d").expect("it is known");
    assert!(before - after >= 50_000, "{before} {after}");
    assert_eq!(free(&mut device, "d/f"), Err(Reason::NotDirectory));
    assert_eq!(free(&mut device, "e"), Err(Reason::NotFound));
}

fn operations_act_in_the_tree_that_is_put<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "t/old", content(10, 1));
    put(&mut device, "old", content(10, 2));
    call(&mut device, ALWAYS, |store| {
        let tree = tinyferry_core::store::Offer {
            path: "t",
            kind: Kind::Tree,
            size: None,
            modified: None,
            mode: None,
            content: None,
            resume: 0,
            names_only: false,
            commit_id: None,
        };
        assert!(store.offer(&tree).is_ok());
        assert_eq!(store.operate("old", Kind::File, &Operation::Remove), DONE);
        assert_eq!(store.commit(), Ok(()));
        // The tree has ended: the root is that of the device.
        assert_eq!(store.operate("new", Kind::File, &Operation::Rename { from: "old" }), DONE);
    });
    assert!(stored(&mut device).into_keys().eq(["new"]));
    let (result, back, _) =
        run(&mut device, Config::RELIABLE, Memory::default(), Task::get_tree("t"), ALWAYS);
    assert_eq!((result.map(|outcome| outcome.entries), back.files.len()), (Ok(0), 0));
}
