//! How often the system is asked to make something durable, under each policy: counted by `strace`.

use std::fs;
use std::process::Command;

use crate::harness::{Place, Server, command, content};

const FILES: usize = 30;
const DIRECTORIES: usize = 3;

/// Whether there is a `strace`, and it may look at a program.
fn is_able() -> bool {
    Command::new("strace").args(["-qq", "true"]).output().is_ok_and(|it| it.status.success())
}

/// How often `get PATH` asked for one file or directory, and for a whole file system.
fn asked(server: &Server, place: &Place, path: &str, policy: &[&str]) -> (usize, usize) {
    let trace = traced(server, place, path, policy, "fsync,fdatasync,syncfs");
    let count = |call: &str| trace.lines().filter(|line| line.contains(call)).count();
    (count("fsync(") + count("fdatasync("), count("syncfs("))
}

/// What `get PATH` asked of the system.
fn traced(server: &Server, place: &Place, path: &str, policy: &[&str], calls: &str) -> String {
    let trace = place.root.path().join("trace");
    let program = command(&server.endpoint, &place.here(""), &["get", path]);
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
    // The next one is to find nothing.
    fs::remove_dir_all(place.here("")).expect("it can be emptied");
    fs::create_dir(place.here("")).expect("a directory");
    fs::read_to_string(&trace).expect("a trace")
}

/// How `get PATH` makes files and gives them names.
fn calls(server: &Server, place: &Place, path: &str) -> String {
    traced(server, place, path, &[], "openat,renameat,renameat2,linkat")
}

#[test]
fn a_tree_is_made_durable_by_two_calls() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    for number in 0..FILES {
        let directory = place.served(&format!("tree/{}", number % DIRECTORIES));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join(number.to_string()), content(number * 3_000, 1)).expect("a file");
    }
    fs::write(place.served("f"), content(100_000, 2)).expect("a file");
    let asked = |path, policy| asked(&server, &place, path, policy);
    if !cfg!(target_os = "linux") || !is_able() {
        println!("skipped: there is no strace that may look at a program");
        return;
    }
    // What the files contain, and then their names.
    assert_eq!(asked("tree", &[]), (0, 2));
    assert_eq!(asked("tree", &["--sync", "end"]), (0, 2));
    assert_eq!(asked("tree", &["--sync", "never"]), (0, 0));
    // Each file and its directory; where a new directory stands; the root's own.
    let each = FILES * 2 + DIRECTORIES + 1;
    assert_eq!(asked("tree", &["--sync", "each"]), (each, 0));
    // Small ones are written without a name: nothing is looked for in a directory that is new.
    let calls = calls(&server, &place, "tree");
    let small = (0..FILES).filter(|number| number * 3_000 <= 65_536).count();
    assert_eq!(calls.matches("O_TMPFILE").count(), small, "{calls}");
    // A file by itself is that file and its directory.
    assert_eq!(asked("f", &[]), (2, 0));
    assert_eq!(asked("f", &["--sync", "never"]), (0, 0));
}
