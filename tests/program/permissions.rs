//! Directories whose permission bits forbid the commit of entries.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use crate::harness::{Place, Server, mode, set_mode, snapshot};
use crate::mounts::Disk;

/// A server of a plain user who owns the directory that it serves.
fn start(place: &Place, arguments: &[&str]) -> Option<Server> {
    set_mode(place.root.path(), 0o755);
    chown(place.served(""), Some(65_534), Some(65_534)).ok()?;
    Server::start_as_nobody(&place.served(""), arguments)
}

#[test]
fn a_tree_with_unwritable_directories_can_be_put_again() {
    let place = Place::on_disk();
    let Some(server) = start(&place, &[]) else { return };
    let here = place.here("");
    let bits = [0o700, 0o755, 0o555, 0o333, 0o311, 0o111, 0o000];
    for bits in bits {
        let top = place.here(&format!("t{bits:o}"));
        for inner in bits_of(&top, &bits_all()) {
            fs::create_dir_all(&inner.0).expect("a directory");
            fs::write(inner.0.join("f"), "old").expect("a file");
            set_mode(&inner.0, inner.1);
        }
        fs::write(top.join("f"), "old").expect("a file");
        set_mode(&top, bits);
    }
    for round in ["old", "new, and longer"] {
        for bits in bits {
            let name = format!("t{bits:o}");
            for inner in bits_of(&place.here(&name), &bits_all()) {
                fs::write(inner.0.join("f"), round).expect("a file");
            }
            fs::write(place.here(&name).join("f"), round).expect("a file");
            server.client(&here, &["put", &name]).well();
            assert!(snapshot(&place.here(&name)) == snapshot(&place.served(&name)), "{name}");
            assert_eq!(mode(&place.served(&name)), bits);
            let time = |path: &Path| path.metadata().and_then(|it| it.modified()).expect("a time");
            assert_eq!(time(&place.here(&name)), time(&place.served(&name)), "{name}");
        }
    }
}

fn bits_all() -> [u32; 4] {
    [0o700, 0o555, 0o311, 0o000]
}

fn bits_of(top: &Path, bits: &[u32]) -> Vec<(std::path::PathBuf, u32)> {
    bits.iter().map(|bits| (top.join(format!("d{bits:o}")), *bits)).collect()
}

#[test]
fn a_drop_box_accepts_files_and_trees() {
    let place = Place::on_disk();
    let Some(server) = start(&place, &[]) else { return };
    let here = place.here("");
    fs::create_dir_all(place.here("tree/sub")).expect("directories");
    for name in ["f", "g", "tree/1", "tree/sub/2"] {
        fs::write(place.here(name), name.repeat(40_000)).expect("a file");
    }
    for (bits, owner) in [(0o333, 65_534), (0o733, 0), (0o333, 0), (0o1733, 0)] {
        let drop = place.served(&format!("drop{bits:o}-{owner}"));
        fs::create_dir(&drop).expect("a directory");
        chown(&drop, Some(owner), None).expect("root may");
        set_mode(&drop, bits);
        let to = drop.file_name().and_then(|name| name.to_str()).expect("a name");
        for arguments in [
            &["put", "f", "--to", to][..],
            &["put", "tree", "--to", to],
            &["put", "f", "g", "--to", to],
        ] {
            for _ in 0..2 {
                let ended = server.client(&here, arguments).well();
                assert!(ended.stdout.contains("sent"), "{}", ended.stdout);
            }
        }
        assert_eq!(snapshot(&drop).len(), 6, "{to}");
        assert_eq!(mode(&drop), bits & 0o777, "{to}");
    }
}

#[test]
fn a_directory_with_execute_permission_alone_is_traversed() {
    let place = Place::on_disk();
    let Some(server) = start(&place, &[]) else { return };
    fs::create_dir_all(place.served("x/in")).expect("directories");
    chown(place.served("x/in"), Some(65_534), None).expect("root may");
    fs::write(place.here("f"), "f").expect("a file");
    for bits in [0o311, 0o111] {
        set_mode(&place.served("x"), bits);
        server.client(&place.here(""), &["put", "f", "--to", "x/in"]).well();
        fs::remove_file(place.served("x/in/f")).expect("it is there");
    }
}

/// Names cannot be compared in a directory that may not be read: its old files stay.
#[test]
fn a_drop_box_that_folds_names_accepts_new_files_and_replaces_none() {
    let place = Place::on_disk();
    set_mode(place.root.path(), 0o755);
    let Some(_disk) = Disk::folding_with(&place.served(""), &["permissions"]) else { return };
    set_mode(&place.served(""), 0o755);
    for directory in ["drop", "x/In", "open"] {
        fs::create_dir_all(place.served(directory)).expect("directories");
    }
    for (directory, bits) in [("drop", 0o733), ("x", 0o711), ("x/In", 0o777), ("open", 0o777)] {
        set_mode(&place.served(directory), bits);
    }
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let here = place.here("");
    for name in ["f", "F", "g", "h"] {
        fs::write(place.here(name), name.repeat(40_000)).expect("a file");
    }
    fs::create_dir(place.here("t")).expect("a directory");
    fs::write(place.here("t/f"), "t").expect("a file");
    for name in ["f", "g", "t"] {
        server.client(&here, &["put", name, "--to", "drop"]).well();
    }
    let before = snapshot(&place.served("drop"));
    for name in ["f", "F"] {
        let ended = server.client(&here, &["put", name, "--to", "drop"]);
        ended.with(6, &["permission is denied"]);
    }
    assert!(snapshot(&place.served("drop")) == before);
    let ended = server.client(&here, &["put", "F", "f", "h", "--to", "drop"]);
    ended.with(3, &["2 entries were not transferred", "F\"", "f\""]);
    let after = snapshot(&place.served("drop"));
    assert_eq!((before.len(), after.len()), (4, 5));
    assert!(before.iter().all(|(name, facts)| after[name].0 == facts.0));
    // A directory on the way is only passed, whatever the spelling of its entries.
    server.client(&here, &["put", "g", "--to", "x/In"]).well();
    assert!(place.served("x/In/g").exists());
    // Where names can be read, they are compared.
    server.client(&here, &["put", "f", "--to", "open"]).well();
    server.client(&here, &["put", "f", "--to", "open"]).well();
    let ended = server.client(&here, &["put", "F", "--to", "open"]);
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    assert_eq!(
        fs::read(place.served("open/f")).expect("it is there"),
        fs::read(place.here("f")).expect("a file")
    );
}

/// As a plain user: root may change every directory.
#[test]
fn a_mirror_changes_directories_that_are_not_writable() {
    let place = Place::on_disk();
    let make = |path: &str| {
        fs::create_dir_all(place.here("r/a")).expect("directories");
        fs::write(place.here(path), path).expect("a file");
    };
    ["r/a/1", "r/a/2", "r/3"].iter().for_each(|path| make(path));
    let Some(server) = start(&place, &["--allow-remove", "--links"]) else { return };
    let bits = |mode| ["r/a", "r"].map(|path| set_mode(&place.here(path), mode));
    let run = |arguments: &[&str]| server.client(&place.here(""), arguments).well();
    bits(0o555);
    run(&["mirror", "r", "m"]);
    bits(0o755);
    make("r/a/4");
    fs::remove_file(place.here("r/a/1")).expect("it is there");
    std::os::unix::fs::symlink("4", place.here("r/a/link")).expect("a link");
    bits(0o555);
    run(&["mirror", "r", "m", "--links"]);
    assert!(place.served("m/a/link").is_symlink());
    let [ours, theirs] = [place.here("r"), place.served("m")].map(|root| {
        let mut entries = snapshot(&root);
        // The times of links are not transferred.
        assert!(entries.remove("a/link").is_some());
        entries
    });
    assert!(ours == theirs);
    assert_eq!((mode(&place.served("m/a")), mode(&place.served("m"))), (0o555, 0o555));
    run(&["rm", "m/a/2"]);
    assert_eq!(mode(&place.served("m/a")), 0o555);
    assert!(!place.served("m/a/2").exists());
    bits(0o755);
}
