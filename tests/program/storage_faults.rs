//! Disks that are full, become read-only or lose content.

use std::fs;
use std::process::Command;

use crate::harness::{Ended, Place, Server, content, snapshot};

/// A small file system of its own; only root can have one.
struct SmallDisk<'a>(&'a std::path::Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a std::path::Path) -> Option<Self> {
        let mount = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
        let status = Command::new("mount")
            .args(mount)
            .arg(path)
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.0).status();
    }
}

#[test]
fn a_full_disk_on_either_side_is_reported() {
    let place = Place::on_disk();
    let served = place.served("");
    let Some(disk) = SmallDisk::mount(&served) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let mut server = Server::start(&served, &[]);
    fs::write(place.served("f"), "old").expect("a file");
    fs::write(place.here("f"), content(3 << 20, 1)).expect("a file");
    server.client(&place.here(""), &["put", "f"]).with(6, &["\"f\"", "no space"]);
    assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    assert!(server.log().contains("no space"), "{}", server.log());
    // The room is given back: a file that fits is accepted.
    assert!(!place.served(".f.tinyferry-part").exists());
    fs::write(place.here("small"), content(700_000, 3)).expect("a file");
    server.client(&place.here(""), &["put", "small"]).well();
    fs::remove_file(place.served("small")).expect("it is there");

    // The client's own disk.
    let other = Place::on_disk();
    fs::write(other.served("f"), content(3 << 20, 2)).expect("a file");
    let roomy = Server::start(&other.served(""), &[]);
    let into = served.display().to_string();
    let ended = roomy.client(&other.here(""), &["get", "f", "--into", &into]);
    ended.with(1, &["\"f\"", "no space"]);
    assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    assert_eq!(fs::read_dir(&served).expect("a directory").count(), 1);
    drop(server);
    drop(disk);
}

#[test]
fn a_disk_that_becomes_read_only_is_reported() {
    let place = Place::on_disk();
    let served = place.served("");
    let Some(disk) = SmallDisk::mount(&served) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let server = Server::start(&served, &[]);
    fs::write(place.here("f"), content(1000, 1)).expect("a file");
    server.client(&place.here(""), &["put", "f"]).well();
    let old = fs::read(place.served("f")).expect("it is there");
    fs::write(place.here("f"), content(2000, 2)).expect("a file");
    let remount = |how: &str| {
        let status = Command::new("mount").args(["-o", how]).arg(&served).status();
        assert!(status.expect("mount is there").success());
    };
    remount("remount,ro");
    let ended = server.client(&place.here(""), &["put", "f"]);
    ended.with(6, &["\"f\": the other end: read-only file system"]);
    assert_eq!(fs::read(place.served("f")).expect("it is there"), old);
    assert_eq!(snapshot(&served).len(), 1);
    // The client's own disk.
    let other = Place::on_disk();
    fs::write(other.served("f"), content(1000, 3)).expect("a file");
    let roomy = Server::start(&other.served(""), &[]);
    let into = served.display().to_string();
    let ended = roomy.client(&other.here(""), &["get", "f", "--into", &into]);
    ended.with(1, &["\"f\": read-only file system"]);
    remount("remount,rw,size=1m");
    server.client(&place.here(""), &["put", "f"]).well();
    assert_eq!(fs::read(place.served("f")).ok(), fs::read(place.here("f")).ok());
    drop(server);
    drop(disk);
}

/// Storage that reports an error when it must sync written content.
const FAULTY: &str = "
#include <errno.h>
#include <stdlib.h>
int fsync(int file) {
    static int count = 0;
    (void)file;
    if (++count == atoi(getenv(\"FAULTY_SYNC\"))) { errno = EIO; return -1; }
    return 0;
}
int fdatasync(int file) { return fsync(file); }
";

#[test]
fn storage_that_loses_written_content_is_reported() {
    let place = Place::on_disk();
    let (source, shim) = (place.root.path().join("faulty.c"), place.root.path().join("faulty.so"));
    fs::write(&source, FAULTY).expect("a file");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).arg(&source).status();
    if !cfg!(target_os = "linux") || !built.is_ok_and(|status| status.success()) {
        println!("skipped: no library can be built that fails");
        return;
    }
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), content(50_000, 2)).expect("a file");
    let new = fs::read(place.served("f")).expect("it is there");
    let get = |fails: &str| -> Ended {
        crate::harness::command(&server.endpoint, &place.here(""), &["get", "f", "--sync", "each"])
            .env("LD_PRELOAD", &shim)
            .env("FAULTY_SYNC", fails)
            .output()
            .expect("the program starts")
            .into()
    };
    // The file itself: it does not get its name.
    fs::write(place.here("f"), "old").expect("a file");
    get("1").with(1, &["\"f\"", "input/output error"]);
    assert_eq!(fs::read(place.here("f")).expect("it is there"), b"old");
    // Its directory: the new file is in place and complete, but is not reported as done.
    get("2").with(1, &["\"f\"", "input/output error"]);
    let found = fs::read(place.here("f")).expect("it is there");
    assert!(found == b"old" || found == new, "the name holds neither the old nor the new file");
    get("0").well();
    assert_eq!(fs::read(place.here("f")).expect("it is there"), new);
}
