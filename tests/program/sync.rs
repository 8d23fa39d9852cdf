//! How often the system is asked to make something durable, under each policy: counted by `strace`.

use std::fs;
use std::process::Command;

use crate::cut_proxy::Proxy;
use crate::harness::{Ended, Place, Server, command, content, snapshot};
use crate::mounts::Disk;
use crate::requirements::has_strace;

const FILES: usize = 30;
const DIRECTORIES: usize = 3;

/// How often `get PATH` asked for one file or directory, and for a whole file system.
fn asked(endpoint: &str, place: &Place, path: &str, policy: &[&str]) -> (usize, usize) {
    let trace = traced(endpoint, place, path, policy, "fsync,fdatasync,syncfs");
    let count = |call: &str| trace.lines().filter(|line| line.contains(call)).count();
    (count("fsync(") + count("fdatasync("), count("syncfs("))
}

/// The system calls of `get PATH`.
fn traced(endpoint: &str, place: &Place, path: &str, policy: &[&str], calls: &str) -> String {
    let trace = place.root.path().join("trace");
    let program = command(endpoint, &place.here(""), &["get", path]);
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", &format!("trace={calls}"), "-e", "signal=none", "-o"])
        .arg(&trace)
        .arg(program.get_program())
        .args(program.get_args())
        .args(policy)
        .current_dir(place.here(""))
        .status();
    assert!(status.expect("strace starts").success());
    assert!(place.here(path).exists());
    fs::read_to_string(&trace).expect("a trace")
}

/// Removes the received files, so that the next `get` finds none.
fn remove_received(place: &Place) {
    fs::remove_dir_all(place.here("")).expect("it can be emptied");
    fs::create_dir(place.here("")).expect("a directory");
}

/// How `get PATH` makes files and gives them names.
fn calls(server: &Server, place: &Place, path: &str) -> String {
    traced(&server.endpoint, place, path, &[], "openat,renameat,renameat2,linkat")
}

#[test]
fn a_tree_is_made_durable_by_two_calls() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    for number in 0..FILES {
        let directory = place.served(&format!("tree/{}", number % DIRECTORIES));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(number.to_string()), content(number * 3_000, 1)).expect("a file");
    }
    fs::write(place.served("f"), content(100_000, 2)).expect("a file");
    let asked_again = |path, policy| asked(&server.endpoint, &place, path, policy);
    let asked = |path, policy| {
        remove_received(&place);
        asked_again(path, policy)
    };
    if !has_strace() {
        return;
    }
    // The content of the files, and then their names.
    assert_eq!(asked("tree", &[]), (0, 2));
    // Where all files are the same, the first one shows whether the file system can be synchronised as a whole.
    assert_eq!(asked_again("tree", &["--ignore-times"]), (0, 2));
    assert_eq!(asked_again("tree", &["--ignore-times", "--sync", "never"]), (0, 0));
    // Files that are left out are not opened.
    assert_eq!(asked_again("tree", &[]), (0, 1));
    assert_eq!(asked("tree", &["--sync", "end"]), (0, 2));
    assert_eq!(asked("tree", &["--sync", "never"]), (0, 0));
    // Each file and its directory; the parent of a new directory; the root's own.
    let each = FILES * 2 + DIRECTORIES + 1;
    assert_eq!(asked("tree", &["--sync", "each"]), (each, 0));
    // Small ones are written without a name: nothing is looked for in a directory that is new.
    remove_received(&place);
    let calls = calls(&server, &place, "tree");
    let small = (0..FILES).filter(|number| number * 3_000 <= 65_536).count();
    assert_eq!(calls.matches("O_TMPFILE").count(), small, "{calls}");
    // A file by itself is that file and its directory.
    assert_eq!(asked("f", &[]), (2, 0));
    assert_eq!(asked("f", &["--sync", "never"]), (0, 0));
}

#[test]
fn unchanged_files_between_new_ones_cause_no_sync_of_their_own() {
    if !has_strace() {
        return;
    }
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let write = |number: usize, seed| {
        let directory = place.served(&format!("tree/{}", number % DIRECTORIES));
        fs::create_dir_all(&directory).expect("a directory");
        // Small and large files, without letters.
        let content: Vec<u8> =
            content(1 + number * 5_000, seed).iter().map(|byte| byte % 16).collect();
        fs::write(directory.join(format!("{number:02}")), content).expect("a file");
    };
    // How often `get tree` asked for one file, for a whole file system, and the server for the position.
    let asked = || {
        let before = proxy.queries();
        let (files, volumes) = asked(&proxy.endpoint, &place, "tree", &["--ignore-times"]);
        (files, volumes, (proxy.queries() - before) as usize)
    };
    (0..FILES).for_each(|number| write(number, 1));
    let (files, volumes, _) = asked();
    assert_eq!((files, volumes), (0, 2));
    for changed in [1, 2, 5] {
        // In each directory files that are new follow files that are the same, and the other way round.
        (0..FILES).filter(|number| number / 3 % (changed + 1) == 1).for_each(|number| {
            write(number, 10 * changed as u64 + 1);
        });
        // One sync for all new files and one for their names. A query of the position is answered when the files
        // before it are in place, after one more.
        let (files, volumes, queries) = asked();
        assert!(
            files == 0 && (2..=2 + queries).contains(&volumes),
            "{changed}: {files}, {volumes}, {queries}"
        );
        assert!(snapshot(&place.here("tree")) == snapshot(&place.served("tree")));
        let (files, volumes, _) = asked();
        assert_eq!((files, volumes), (0, 2), "{changed}, again");
    }
}

/// So that the sync at the end does not take long.
#[test]
fn content_is_written_to_storage_while_it_comes_in() {
    if !has_strace() {
        return;
    }
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), content(64 << 20, 1)).expect("a file");
    let trace = traced(&server.endpoint, &place, "f", &[], "fadvise64,fsync");
    let (before, _) = trace.split_once("fsync(").expect("a sync");
    let started = before.matches("POSIX_FADV_DONTNEED").count();
    assert!(started >= 4, "{trace}");
    remove_received(&place);
    let trace = traced(&server.endpoint, &place, "f", &["--sync", "never"], "fadvise64,fsync");
    assert!(!trace.contains("POSIX_FADV_DONTNEED"), "{trace}");
}

/// The output of `get PATH` where the system answers some calls by an error: `("fsync", "EINVAL")`.
fn get_refused(
    server: &Server,
    place: &Place,
    arguments: &[&str],
    errors: &[(&str, &str)],
) -> Ended {
    let program = command(&server.endpoint, &place.here(""), &[&["get"], arguments].concat());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=fsync,fdatasync,syncfs", "-e", "signal=none", "-o"]);
    strace.arg(place.root.path().join("trace"));
    for (call, error) in errors {
        strace.args(["-e", &format!("inject={call}:error={error}")]);
    }
    strace.arg(program.get_program()).args(program.get_args()).current_dir(place.here(""));
    strace.output().expect("strace starts").into()
}

/// A file `f` and a tree to be asked for, of small and large files.
fn served_files(place: &Place) -> Server {
    fs::create_dir_all(place.served("tree/sub")).expect("directories");
    for (name, size) in [("f", 100_000), ("tree/1", 3_000), ("tree/2", 200_000), ("tree/sub/3", 7)]
    {
        fs::write(place.served(name), content(size, 3)).expect("a file");
    }
    Server::start(&place.served(""), &[])
}

/// Whether all of `path` has arrived. Removes the received copy.
fn has_arrived(place: &Place, path: &str) -> bool {
    let [here, served] = [place.here(path), place.served(path)];
    let arrived = if served.is_dir() {
        here.is_dir() && snapshot(&here) == snapshot(&served)
    } else {
        fs::read(here).ok() == fs::read(served).ok()
    };
    fs::remove_dir_all(place.here("")).expect("it can be emptied");
    fs::create_dir(place.here("")).expect("a directory");
    arrived
}

const WARNING: &str = "cannot make files durable";

#[test]
fn a_file_system_that_refuses_to_synchronise_takes_files_and_says_so_once() {
    if !has_strace() {
        return;
    }
    let place = Place::on_disk();
    let server = served_files(&place);
    for error in ["EINVAL", "EOPNOTSUPP", "ENOSYS"] {
        for path in ["f", "tree"] {
            for policy in ["end", "each"] {
                let get = |errors: &[(&str, &str)]| {
                    let ended = get_refused(&server, &place, &[path, "--sync", policy], errors);
                    let warnings = ended.well().stderr.matches(WARNING).count();
                    assert!(has_arrived(&place, path), "{error} {path} {policy}");
                    warnings
                };
                // The file system can be synchronised as a whole, or each file can.
                assert_eq!(get(&[("fsync", error), ("fdatasync", error)]), 0);
                assert_eq!(get(&[("syncfs", error)]), 0);
                assert_eq!(get(&[("fsync", error), ("syncfs", error)]), 1);
            }
        }
    }
    let ended = get_refused(
        &server,
        &place,
        &["f", "--sync", "never"],
        &[("fsync", "EINVAL"), ("syncfs", "EINVAL")],
    );
    assert!(!ended.well().stderr.contains(WARNING));
}

#[test]
fn a_failed_sync_is_reported_beside_refused_entries() {
    if !has_strace() {
        return;
    }
    let place = Place::on_disk();
    let server = served_files(&place);
    for (error, words) in [
        ("EIO", "input/output error"),
        ("ENOSPC", "no space is left"),
        ("EDQUOT", "no space is left"),
        ("EROFS", "read-only"),
    ] {
        for errors in [&[("fsync", error)][..], &[("fsync", error), ("syncfs", "EINVAL")]] {
            get_refused(&server, &place, &["f"], errors).with(1, &["\"f\"", words]);
            assert!(!place.here("f").exists(), "{error}");
            assert!(!has_arrived(&place, "f"));
        }
        get_refused(&server, &place, &["f"], &[("fsync", "EINVAL"), ("syncfs", error)])
            .with(1, &["\"f\"", words]);
        assert!(!place.here("f").exists(), "{error}");
        // No file of a tree gets its name, or the tree is not called done.
        for errors in [
            &[("syncfs", error)][..],
            &[("fsync", error), ("syncfs", "EINVAL")],
            &[("fsync", "EINVAL"), ("syncfs", error)],
        ] {
            let ended = get_refused(&server, &place, &["tree"], errors);
            assert!(matches!(ended.code, Some(1 | 3)), "{errors:?}: {}", ended.stderr);
            assert!(ended.stderr.contains(words), "{errors:?}: {}", ended.stderr);
            has_arrived(&place, "tree");
        }
    }
}

/// A file system in user space that answers `fsync` by an error.
#[test]
fn a_file_system_in_user_space_that_refuses_to_synchronise_takes_files() {
    // EINVAL, ENOSYS, EOPNOTSUPP.
    for error in ["fsync=22", "fsync=38", "fsync=95", "fsyncdir=22"] {
        let place = Place::on_disk();
        let Some(_disk) = Disk::folding_with(&place.served(""), &[error]) else { return };
        fs::create_dir_all(place.here("tree/sub")).expect("directories");
        for (name, size) in [("f", 100_000), ("tree/1", 3_000), ("tree/sub/2", 200_000)] {
            fs::write(place.here(name), content(size, 3)).expect("a file");
        }
        for policy in ["end", "each"] {
            let server = Server::start(&place.served(""), &["--sync", policy]);
            for path in ["f", "tree"] {
                server.client(&place.here(""), &["put", path, "--to", policy]).well();
            }
            let found = snapshot(&place.served(policy));
            assert_eq!(found.len(), 5, "{error}");
            for name in ["f", "tree/1", "tree/sub/2"] {
                assert_eq!(found[name].0, fs::read(place.here(name)).ok(), "{error}: {name}");
            }
        }
    }
    // EIO, EDQUOT, ENOSPC.
    for error in ["fsync=5", "fsync=122", "fsync=28"] {
        let place = Place::on_disk();
        let Some(_disk) = Disk::folding_with(&place.served(""), &[error]) else { return };
        fs::write(place.here("f"), content(100_000, 3)).expect("a file");
        let server = Server::start(&place.served(""), &[]);
        server.client(&place.here(""), &["put", "f"]).with(6, &["\"f\""]);
        assert!(!place.served("f").exists(), "{error}");
    }
}
