//! Partial files: whose are used, and when one stays.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use crate::disk::Disk;
use crate::harness::{Place, Server, content};

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// In a directory like /tmp nobody can remove what another user has put there.
#[test]
fn another_users_partial_neither_gets_the_content_nor_keeps_it_out() {
    let place = Place::new();
    allow(place.root.path(), 0o755);
    allow(&place.served(""), 0o1777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let bytes = content(300_000, 1);
    fs::write(place.here("secret"), &bytes).expect("a file");
    allow(&place.here("secret"), 0o600);
    for planted in [".secret.tinyferry-part", ".secret~u65534.tinyferry-part"] {
        // The beginning is right: it could be resumed.
        fs::write(place.served(planted), &bytes[..100_000]).expect("a file");
        allow(&place.served(planted), 0o666);
        server.client(&place.here(""), &["put", "secret"]).well();
        let placed = place.served("secret").metadata().expect("it is there");
        assert_eq!((placed.uid(), placed.mode() & 0o777), (65_534, 0o600));
        assert_eq!(fs::read(place.served("secret")).expect("it is there"), bytes);
        assert_eq!(fs::read(place.served(planted)).expect("it stays"), bytes[..100_000]);
        fs::remove_file(place.served("secret")).expect("it is there");
    }
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 2);
}

/// The file in place cannot be replaced, so its partial could never be of use.
#[test]
fn a_file_of_another_user_in_a_sticky_directory_stays_and_no_partial_does() {
    let place = Place::new();
    allow(place.root.path(), 0o755);
    allow(&place.served(""), 0o1777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    // Another one than root, who would own the directory.
    fs::write(place.served("f"), "old").expect("a file");
    chown(place.served("f"), Some(1_234), None).expect("root may");
    fs::write(place.here("f"), content(300_000, 1)).expect("a file");
    for _ in 0..2 {
        server.client(&place.here(""), &["put", "f"]).with(6, &["\"f\"", "permission is denied"]);
        assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
        assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 1);
    }
}

#[test]
fn a_full_disk_gets_its_room_back() {
    let place = Place::new();
    let Some(_disk) = Disk::in_memory(&place.served(""), 8 << 10) else { return };
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("tree")).expect("a directory");
    for (name, size) in [("big", 20 << 20), ("small", 100_000), ("tree/1", 9 << 20)] {
        fs::write(place.here(name), vec![1; size]).expect("a file");
    }
    for (name, size) in [("tree/2", 2_000_000), ("tree/3", 9 << 20), ("tree/4", 0)] {
        fs::write(place.here(name), vec![2; size]).expect("a file");
    }
    server.client(&here, &["put", "big"]).with(6, &["\"big\"", "no space"]);
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 0);
    server.client(&here, &["put", "small"]).well();
    let ended = server.client(&here, &["put", "tree"]);
    ended.with(3, &["2 did not go through", "\"tree/1\"", "\"tree/3\"", "no space"]);
    let mut names: Vec<_> = fs::read_dir(place.served("tree"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["2", "4"]);
}

/// Network and user-space file systems refuse locks in many ways.
#[test]
fn a_file_system_without_locks_takes_files() {
    let place = Place::new();
    let (source, library) = (place.root.path().join("flock.c"), place.root.path().join("flock.so"));
    let code = "#include <errno.h>\n#include <stdlib.h>\n\
                int flock(int f, int o) { errno = atoi(getenv(\"REFUSED\")); return -1; }\n";
    fs::write(&source, code).expect("a file");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    if !cc.status().is_ok_and(|status| status.success()) {
        println!("skipped: there is no C compiler");
        return;
    }
    let bytes = content(3_000_000, 1);
    // ENOLCK, EINVAL, EBADF, ENOSYS, EOPNOTSUPP, EIO.
    for errno in ["37", "22", "9", "38", "95", "5"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
        command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).arg(place.served(""));
        command.env("LD_PRELOAD", &library).env("REFUSED", errno);
        let server = Server::start_by(command);
        // It goes on from what is there.
        fs::write(place.served(".f.tinyferry-part"), &bytes[..2_000_000]).expect("a file");
        fs::write(place.here("f"), &bytes).expect("a file");
        fs::write(place.here("g"), &bytes[..3_000]).expect("a file");
        for name in ["f", "g"] {
            server.client(&place.here(""), &["put", name]).well();
        }
        assert!(fs::read(place.served("f")).expect("it is there") == bytes, "{errno}");
        let names: Vec<_> = fs::read_dir(place.served("")).expect("a directory").collect();
        assert_eq!(names.len(), 2, "{errno}");
        fs::remove_file(place.served("f")).expect("it is there");
        fs::remove_file(place.served("g")).expect("it is there");
    }
}
