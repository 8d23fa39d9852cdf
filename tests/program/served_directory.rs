//! The served directory is moved, removed or unmounted while the server runs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, client_by, content, program_as_nobody, set_mode};
use crate::mounts::Disk;

const GONE: &str = "cannot reach the directory that it serves";

/// Every request is refused, with a sentence about the directory.
#[track_caller]
fn assert_gone(server: &Server, place: &Place) {
    for arguments in [
        &["put", "f"][..],
        &["put", "f", "tree"],
        &["put", "tree"],
        &["get", "f", "--into", "back"],
        &["get", ".", "--into", "back"],
        &["ls"],
    ] {
        let ended = server.client(&place.here(""), arguments).with(6, &[GONE]);
        assert!(!ended.stderr.contains("no file of that name"), "{}", ended.stderr);
    }
}

fn sources(place: &Place) {
    fs::create_dir(place.here("tree")).expect("a directory");
    for name in ["f", "tree/f"] {
        fs::write(place.here(name), content(5_000, 1)).expect("a file");
    }
}

/// A server of a directory that it was started in.
fn start_inside(directory: &Path) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.args(["serve", "--listen", "tcp://127.0.0.1:0", "."]).current_dir(directory);
    Server::start_by(command)
}

#[test]
fn a_root_that_is_gone_is_reported_as_such() {
    let place = Place::new();
    sources(&place);
    let root = place.served("root");
    for starts_inside in [false, true] {
        let start = || {
            let _ = fs::create_dir(&root);
            if starts_inside { start_inside(&root) } else { Server::start(&root, &[]) }
        };
        let mut server = start();
        server.client(&place.here(""), &["put", "f"]).well();
        fs::remove_dir_all(&root).expect("it is there");
        assert_gone(&server, &place);
        assert!(server.wait_for_line("cannot serve").is_some());
        // A directory that comes back is served.
        fs::create_dir(&root).expect("a directory");
        server.client(&place.here(""), &["put", "tree"]).well();
        assert!(root.join("tree/f").exists());

        let moved = place.served("moved");
        fs::rename(&root, &moved).expect("it can be");
        assert_gone(&server, &place);
        fs::write(&root, "a file").expect("a file");
        assert_gone(&server, &place);
        fs::remove_file(&root).expect("it is there");
        assert_eq!(fs::read_dir(&moved).expect("a directory").count(), 1);
        fs::remove_dir_all(&moved).expect("it is there");
    }
}

/// The server may notice only after a moment that a client has left.
fn unmount(at: &Path) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let umount = Command::new("umount").arg(at).stderr(std::process::Stdio::null()).status();
        if umount.expect("umount is there").success() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn a_root_can_be_unmounted_while_no_client_is_connected() {
    let place = Place::new();
    sources(&place);
    let at = place.served("root");
    fs::create_dir(&at).expect("a directory");
    let Some(disk) = Disk::in_memory(&at, 8 << 10) else { return };
    // Partials are looked for, and removed where they are too many.
    for number in 0..5 {
        fs::write(at.join(format!(".{number}.tinyferry-part")), vec![1; 2_000]).expect("a file");
    }
    let server = Server::start(&at, &["--max-partials", "5000"]);
    server.client(&place.here(""), &["put", "tree"]).well();
    server.client(&place.here(""), &["get", "tree", "--into", "back"]).well();
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read_dir(&at).expect("a directory").count() > 3 && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(fs::read_dir(&at).expect("a directory").count(), 3, "partials that stay");
    assert!(unmount(&at), "the server keeps its directory open");
    drop(disk);
    // The directory below the mount point is another one.
    fs::remove_dir(&at).expect("it is empty");
    assert_gone(&server, &place);
    fs::create_dir(&at).expect("a directory");
    let Some(_disk) = Disk::in_memory(&at, 8 << 10) else { return };
    server.client(&place.here(""), &["put", "tree"]).well();
    assert!(at.join("tree/f").exists());
}

/// Some systems open a directory that the user has no right to.
#[test]
fn a_directory_that_the_user_has_no_right_to_is_not_served() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    set_mode(&place.served(""), 0o700);
    let Some(mut command) = program_as_nobody() else { return };
    command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).arg(place.served(""));
    client_by(command).with(1, &["cannot serve", "permission denied"]);
}
