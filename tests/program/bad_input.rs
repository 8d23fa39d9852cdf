//! Bad input: each gets one clear sentence and its exit code, the server goes on, nothing is lost.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::harness::{Ended, Place, Server, assert_same, client, content, set_mode, snapshot};

#[test]
fn a_file_that_is_missing_on_either_side_is_reported() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    server.client(&here, &["put", "missing"]).with(1, &["\"missing\"", "no such file"]);
    server.client(&here, &["get", "missing"]).with(6, &["\"missing\"", "no file of that name"]);
    server.client(&here, &["ping"]).well();
    assert!(!place.here("missing").exists());
    assert_eq!(server.log().matches("panicked").count(), 0);
}

/// R15, R16.
#[test]
fn a_path_that_leads_out_of_the_root_is_refused() {
    let place = Place::new();
    fs::write(place.root.path().join("secret"), "secret").expect("a file");
    symlink(place.root.path(), place.served("out")).expect("a link");
    symlink(place.root.path().join("secret"), place.served("link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for path in ["../secret", "a/../../secret", "con\u{7}trol"] {
        server.client(&here, &["get", path]).with(2, &["is not a valid path on the server"]);
    }
    for path in ["out/secret", "link", "out"] {
        server.client(&here, &["get", path]).with(6, &["symbolic link"]);
    }
    fs::write(place.here("f"), "f").expect("a file");
    server.client(&here, &["put", "f", "--to", "../x"]).with(2, &["cannot be a path"]);
    server.client(&here, &["put", "f", "--to", "out"]).with(6, &["symbolic link"]);
    fs::write(place.here("link"), "changed").expect("a file");
    server.client(&here, &["put", "link"]).with(6, &["symbolic link"]);
    let long = vec!["d".repeat(200); 5].join("/");
    server.client(&here, &["put", "f", "--to", &long]).with(2, &["cannot be a path"]);
    server.client(&here, &["put", "f", "--to", &"n".repeat(256)]).with(2, &["255"]);
    assert_eq!(fs::read(place.root.path().join("secret")).expect("it is there"), b"secret");
    assert!(!place.root.path().join("f").exists());
    // An absolute path is one below the root that is served.
    fs::write(place.served("g"), "g").expect("a file");
    server.client(&here, &["get", "/g"]).well();
}

#[test]
fn a_target_that_is_a_directory_or_below_a_file_is_refused() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.served("d")).expect("a directory");
    fs::write(place.served("file"), "old").expect("a file");
    fs::write(place.here("d"), "d").expect("a file");
    server.client(&here, &["put", "d"]).with(6, &["\"d\"", "is a directory"]);
    server.client(&here, &["put", "d", "--to", "file"]).with(6, &["not a directory"]);
    assert_eq!(fs::read(place.served("file")).expect("it is there"), b"old");
    // The client's own target.
    fs::create_dir(place.here("file")).expect("a directory");
    server.client(&here, &["get", "file"]).with(1, &["is a directory"]);
    server.client(&here, &["ping"]).well();
}

#[test]
fn failed_entries_of_a_tree_are_listed_and_the_others_arrive() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir_all(place.here("tree/sub")).expect("directories");
    for number in 0..200 {
        fs::write(place.here(&format!("tree/sub/{number}")), content(number * 50, 1))
            .expect("a file");
    }
    fs::create_dir_all(place.served("tree/sub/17")).expect("a directory");
    fs::create_dir_all(place.served("tree/sub/150")).expect("a directory");
    symlink("sub/1", place.here("tree/link")).expect("a link");
    let fifo = Command::new("mkfifo").arg(place.here("tree/fifo")).status();
    assert!(fifo.expect("mkfifo is there").success());
    let ended = server.client(&here, &["put", "tree"]);
    ended.with(
        3,
        &[
            "4 entries were not transferred",
            "sub/17",
            "sub/150",
            "is a directory",
            "tree/link\": it is no regular file",
            "symbolic link",
            "tree/fifo\"",
        ],
    );
    assert_eq!(snapshot(&place.served("tree/sub")).len(), 200);
    for number in (0..200).filter(|number| ![17, 150].contains(number)) {
        let name = format!("tree/sub/{number}");
        assert_eq!(fs::read(place.here(&name)).ok(), fs::read(place.served(&name)).ok());
    }
    let log = server.log();
    assert!(log.contains("4 entries failed"), "{log}");
    assert!(!place.served("tree/link").exists() && !place.served("tree/fifo").exists());
}

#[test]
fn a_source_that_changes_while_it_is_sent_is_refused() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), "old").expect("a file");
    for shrinks in [true, false] {
        fs::write(place.here("f"), content(100 << 20, 1)).expect("a file");
        let path = place.here("f");
        let part = place.served(".f.tinyferry-part");
        let changer = thread::spawn(move || {
            for _ in 0..20_000 {
                if part.metadata().is_ok_and(|metadata| metadata.len() > 1 << 20) {
                    break;
                }
                thread::sleep(Duration::from_micros(200));
            }
            let file = fs::OpenOptions::new().write(true).open(path).expect("the file");
            file.set_len(if shrinks { 50 << 20 } else { 101 << 20 }).expect("a length");
        });
        server
            .client(&place.here(""), &["put", "f"])
            .with(1, &["\"f\"", "changed while it was read"]);
        changer.join().expect("it is changed");
        assert!(server.wait_for_line("changed while it was read").is_some());
        assert!(!place.served(".f.tinyferry-part").exists());
        assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    }
    server.client(&place.here(""), &["ping"]).well();
}

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
    let place = Place::new();
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
    // The room is given back: what fits is taken.
    assert!(!place.served(".f.tinyferry-part").exists());
    fs::write(place.here("small"), content(700_000, 3)).expect("a file");
    server.client(&place.here(""), &["put", "small"]).well();
    fs::remove_file(place.served("small")).expect("it is there");

    // The client's own disk.
    let other = Place::new();
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
fn a_peer_that_is_no_server_is_reported() {
    let place = Place::new();
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    let refused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = refused.local_addr().expect("an address");
    drop(refused);
    let here = place.here("");
    client(&format!("tcp://{address}"), &here, &["put", "f"])
        .with(4, &["cannot connect", "refused"]);
    client("tcp://no-such-host.invalid:1", &here, &["ping"]).with(4, &["cannot connect"]);

    type Peer = fn(TcpStream);
    let peers: [(Peer, i32, &str); 4] = [
        (
            |mut stream| {
                let _ = stream.read(&mut [0; 100]);
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
            },
            5,
            "does not speak Tinyferry",
        ),
        (
            |mut stream| while stream.write_all(&b"y\n".repeat(1000)).is_ok() {},
            5,
            "does not speak Tinyferry",
        ),
        (drop, 4, "closed"),
        (
            // A welcome of version 9, with its CRC.
            |mut stream| {
                let mut hello = [0; 36];
                let _ = stream.read_exact(&mut hello);
                hello[1] = b'O';
                hello[20] = 9;
                let crc = tinyferry::core::checksum::Tables::crc32(0, &hello[..32]);
                hello[32..].copy_from_slice(&crc.to_le_bytes());
                let _ = stream.write_all(&hello);
                let _ = stream.read(&mut [0; 100]);
            },
            5,
            "another version",
        ),
    ];
    use tinyferry::core::checksum::Checksums as _;
    for (peer, code, part) in peers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = thread::spawn(move || listener.accept().map(|(stream, _)| peer(stream)));
        client(&format!("tcp://{address}"), &here, &["put", "f"]).with(code, &[part]);
        let _ = server.join();
    }
}

#[test]
fn a_peer_that_disconnects_in_a_transfer_is_reported() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), "old").expect("a file");
    fs::write(place.here("f"), content(150 << 20, 1)).expect("a file");
    let mut cut = crate::harness::command(&server.endpoint, &place.here(""), &["put", "f"])
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let part = place.served(".f.tinyferry-part");
    for _ in 0..20_000 {
        if part.metadata().is_ok_and(|metadata| metadata.len() > 20 << 20) {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    cut.kill().expect("it is ours");
    let _ = cut.wait();
    assert!(server.wait_for_line("closed in the middle").is_some());
    assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
    let held = part.metadata().expect("the partial stays").len();
    assert!(held > 0);
    // It goes on where it was.
    let log = server.client(&place.here(""), &["put", "f", "-v"]).well();
    assert!(log.stdout.contains("over the wire"), "{}", log.stdout);
    assert_same(&place.served(""), &place.here(""));

    // A server that vanishes.
    fs::remove_file(place.here("f")).expect("it is there");
    let mut got = crate::harness::command(&server.endpoint, &place.here(""), &["get", "f"])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    let part = place.here(".f.tinyferry-part");
    for _ in 0..20_000 {
        if part.exists() {
            break;
        }
        thread::sleep(Duration::from_micros(200));
    }
    server.signal("KILL");
    let status = got.wait().expect("it ends");
    assert_eq!(status.code(), Some(4));
    assert!(!place.here("f").exists());
}

/// Runs the client as somebody who may read and write nothing of ours; only root can do that.
fn as_nobody(place: &Place, server: &Server, arguments: &[&str]) -> Option<Ended> {
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let (verb, rest) = arguments.split_first().expect("a command");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", program, verb])
        .args(["-e", &server.endpoint])
        .args(rest)
        .current_dir(place.here(""))
        .output()
        .ok()?;
    // It has no right to change its user, or cannot get at the program.
    let stderr = String::from_utf8_lossy(&output.stderr);
    let is_able = output.status.success() || stderr.contains("tinyferry: ");
    is_able.then(|| output.into())
}

#[test]
fn a_file_that_may_not_be_read_or_written_is_reported() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    set_mode(place.root.path(), 0o755);
    fs::create_dir_all(place.here("tree/closed")).expect("directories");
    fs::create_dir(place.here("full")).expect("a directory");
    for (name, mode) in [("secret", 0o600), ("tree/secret", 0o600), ("tree/open", 0o644)] {
        fs::write(place.here(name), "x").expect("a file");
        set_mode(&place.here(name), mode);
    }
    fs::write(place.here("tree/closed/in it"), "x").expect("a file");
    set_mode(&place.here("tree/closed"), 0o700);
    fs::write(place.served("f"), "f").expect("a file");
    let Some(ended) = as_nobody(&place, &server, &["put", "secret"]) else {
        println!("skipped: this test cannot run a program as another user here");
        return;
    };
    ended.with(1, &["\"secret\"", "permission is denied"]);
    assert!(!place.served("secret").exists());
    let ended = as_nobody(&place, &server, &["put", "tree"]).expect("as before");
    ended.with(
        3,
        &["2 entries were not transferred", "tree/secret", "tree/closed", "permission is denied"],
    );
    assert_eq!(fs::read(place.served("tree/open")).expect("it is there"), b"x");
    let ended = as_nobody(&place, &server, &["get", "f", "--into", "full"]).expect("as before");
    ended.with(1, &["\"f\"", "permission is denied"]);
    server.client(&place.here(""), &["ping"]).well();
}

#[test]
fn a_disk_that_becomes_read_only_is_reported() {
    let place = Place::new();
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
    let other = Place::new();
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

/// Storage that says, when it is asked to keep what was written, that it could not.
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
    let place = Place::new();
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
    // Its directory: the name holds the whole new file, but it is not called done.
    get("2").with(1, &["\"f\"", "input/output error"]);
    let found = fs::read(place.here("f")).expect("it is there");
    assert!(found == b"old" || found == new, "the name holds neither the old nor the new file");
    get("0").well();
    assert_eq!(fs::read(place.here("f")).expect("it is there"), new);
}
