//! The summary of the program: files in place, bytes that were new, and the exit code.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, command, content, send_signal};

/// A tree with this number of files, of this size each.
fn tree(place: &Place, files: u64, size: usize) {
    fs::create_dir(place.here("t")).expect("a directory");
    for number in 0..files {
        let path = place.here(&format!("t/{number}"));
        fs::write(path, content(size, number + 1)).expect("a file");
    }
}

#[test]
fn only_committed_files_count_as_sent() {
    let place = Place::new();
    tree(&place, 20, 50_000);
    for number in 0..20 {
        fs::create_dir_all(place.served(&format!("t/{number}"))).expect("a directory");
    }
    let server = Server::start(&place.served(""), &[]);
    let ended =
        server.client(&place.here(""), &["put", "t"]).with(3, &["20 entries were not transferred"]);
    assert!(ended.stdout.contains("\"t\": 0 files, 0 B in"), "{}", ended.stdout);
    for number in 0..7 {
        fs::remove_dir(place.served(&format!("t/{number}"))).expect("a directory");
    }
    let ended =
        server.client(&place.here(""), &["put", "t"]).with(3, &["13 entries were not transferred"]);
    assert!(ended.stdout.contains("\"t\": 7 files, 341.80 KiB in"), "{}", ended.stdout);
    // A list for sha256sum names only files that are in place.
    let arguments = ["put", "t", "--sha256"];
    let ended =
        server.client(&place.here(""), &arguments).with(3, &["13 entries were not transferred"]);
    assert_eq!(ended.stdout.lines().count(), 7, "{}", ended.stdout);
}

#[test]
fn identical_files_are_reported_in_both_directions() {
    // Small ones are sent before the receiver can say that it has them.
    for size in [1, 1000, 100_000, 1 << 20] {
        let place = Place::new();
        tree(&place, 4, size);
        let server = Server::start(&place.served(""), &[]);
        let here = place.here("");
        let new = |stdout: &str, verb: &str| {
            let begin = format!("{verb} \"t\": 4 files, ");
            assert!(stdout.contains(&begin) && !stdout.contains(" 0 B in"), "{stdout}");
        };
        let same = |stdout: &str, verb: &str| {
            let begin = format!("{verb} \"t\": 4 files (4 were the same), 0 B in ");
            assert!(stdout.contains(&begin), "{stdout}");
        };
        new(&server.client(&here, &["put", "t"]).well().stdout, "sent");
        let unchanged = |stdout: &str, verb: &str| {
            let begin = format!("{verb} \"t\": 0 files, 4 unchanged, 0 B in ");
            let is_short = stdout.contains(" B over the wire");
            assert!(stdout.contains(&begin) && is_short, "{stdout}");
        };
        let compared = ["put", "t", "--ignore-times"];
        same(&server.client(&here, &compared).well().stdout, "sent");
        unchanged(&server.client(&here, &["put", "t"]).well().stdout, "sent");
        new(&server.client(&here, &["get", "t", "--into", "o"]).well().stdout, "received");
        let compared = ["get", "t", "--into", "o", "--ignore-times"];
        same(&server.client(&here, &compared).well().stdout, "received");
        let stdout = server.client(&here, &["get", "t", "--into", "o"]).well().stdout;
        assert!(stdout.contains("received \"t\": 0 files, all unchanged, 0 B in "), "{stdout}");
        // A file by itself, and one that is another now.
        let ended = server.client(&here, &["put", "t/1", "--to", "t"]).well();
        assert!(ended.stdout.contains("1 file (1 was the same), 0 B"), "{}", ended.stdout);
        fs::write(place.here("t/2"), content(size + 1, 77)).expect("a file");
        let ended = server.client(&here, &["put", "t"]).well();
        assert!(ended.stdout.contains("1 file, 3 unchanged, "), "{}", ended.stdout);
    }
}

#[test]
fn a_resume_counts_alike_in_both_directions() {
    let place = Place::new();
    let bytes = content(30 << 20, 5);
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), &bytes).expect("a file");
    fs::write(place.served(".f.tinyferry-part"), &bytes[..16 << 20]).expect("a partial");
    let counts = "1 file, 14.00 MiB (16.00 MiB were there already) in";
    let ended = server.client(&place.here(""), &["put", "f"]).well();
    assert!(ended.stdout.contains(counts), "{}", ended.stdout);
    fs::create_dir(place.here("o")).expect("a directory");
    fs::write(place.here("o/.f.tinyferry-part"), &bytes[..16 << 20]).expect("a partial");
    let ended = server.client(&place.here(""), &["get", "f", "--into", "o"]).well();
    assert!(ended.stdout.contains(counts), "{}", ended.stdout);
    assert!(fs::read(place.here("o/f")).expect("it is there") == bytes);
}

#[test]
fn a_prefix_of_another_file_counts_as_nothing() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    tree(&place, 3, 300_000);
    fs::create_dir(place.served("t")).expect("a directory");
    fs::write(place.served("t/.1.tinyferry-part"), content(200_000, 99)).expect("a partial");
    let ended = server.client(&place.here(""), &["put", "t"]).well();
    assert!(ended.stdout.contains("\"t\": 3 files, 878.91 KiB in"), "{}", ended.stdout);
}

#[test]
fn the_exit_code_is_that_of_the_failure_where_no_file_arrived() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.served("f"), "f").expect("a file");
    server.client(&here, &["get", "no1", "no2"]).with(6, &["\"no1\"", "\"no2\""]);
    server.client(&here, &["get", "no1", "f", "no2"]).with(3, &["\"no1\"", "\"no2\""]);
    server.client(&here, &["get", "f", "no1"]).with(3, &["\"no1\""]);
    // This end can take neither.
    for name in ["f", "g"] {
        fs::write(place.served(name), name).expect("a file");
        fs::create_dir_all(place.here("full").join(name)).expect("a directory");
    }
    server
        .client(&here, &["get", "f", "g", "--into", "full"])
        .with(1, &["\"f\"", "\"g\"", "\"full\""]);
    // Two files as entries of a tree that nobody asked for.
    for name in ["p", "q"] {
        fs::write(place.here(name), name).expect("a file");
        fs::create_dir_all(place.served("to").join(name)).expect("a directory");
    }
    server
        .client(&here, &["put", "p", "q", "--to", "to"])
        .with(6, &["2 entries were not transferred"]);
    fs::remove_dir(place.served("to/p")).expect("a directory");
    server
        .client(&here, &["put", "p", "q", "--to", "to"])
        .with(3, &["1 entry was not transferred"]);
}

#[test]
fn each_failure_names_its_subject_once() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--read-only"]);
    fs::write(place.here("f"), "f").expect("a file");
    tree(&place, 2, 10);
    for arguments in [&["put", "f"][..], &["put", "t"], &["put", "f", "t"]] {
        let ended = server.client(&place.here(""), arguments).with(6, &["takes no files"]);
        assert_eq!(ended.stderr.matches("the other end").count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn each_file_is_named_in_verbose_output() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    tree(&place, 2, 2048);
    let ended = server.client(&place.here(""), &["put", "t", "-v"]).well();
    assert!(ended.stderr.contains("\"t/0\": 2.00 KiB\n\"t/1\": 2.00 KiB\n"), "{}", ended.stderr);
    let ended = server.client(&place.here(""), &["put", "t", "-v", "--ignore-times"]).well();
    assert!(ended.stderr.contains("\"t/0\": the same\n\"t/1\": the same\n"), "{}", ended.stderr);
    for part in ["connected to 127.0.0.1:", "chunks of 1024 bytes", "lossy no"] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
    let ended = server.client(&place.here(""), &["put", "t", "-vv", "--ignore-times"]).well();
    assert!(ended.stderr.contains("\"t/1\" starts at 0, 2048 bytes\n"), "{}", ended.stderr);
    let ended = server.client(&place.here(""), &["put", "t"]).well();
    assert_eq!(ended.stderr, "");
}

#[test]
fn empty_and_compared_files_are_counted_as_such() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    tree(&place, 3, 5000);
    fs::write(place.here("t/none"), "").expect("a file");
    server.client(&here, &["put", "t"]).well();
    for arguments in
        [&["put", "t", "--ignore-times"][..], &["get", "t", "--into", ".", "--ignore-times"]]
    {
        let stdout = server.client(&here, arguments).well().stdout;
        let counted = "4 files (3 were the same, 1 was empty), 0 B in ";
        assert!(stdout.contains(counted) && !stdout.contains("/s)"), "{stdout}");
    }
    let stdout = server.client(&here, &["put", "t/1", "--to", "t"]).well().stdout;
    assert!(
        stdout.contains("1 file (1 was the same), 0 B in ") && !stdout.contains("/s)"),
        "{stdout}"
    );
}

#[test]
fn a_missing_source_does_not_stop_the_others() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    tree(&place, 2, 1000);
    for name in ["f", "g"] {
        fs::write(place.here(name), name).expect("a file");
    }
    let named = ["\"no1\": no such file", "\"no2\": no such file"];
    server.client(&here, &["put", "no1", "f", "no2", "t", "--to", "a"]).with(3, &named);
    assert!(place.served("a/f").exists() && place.served("a/t/1").exists());
    // One is left: it goes where it would go by itself.
    server.client(&here, &["put", "no1", "g", "no2"]).with(3, &named);
    server.client(&here, &["put", "t", "no1", "--to", "b"]).with(3, &named[..1]);
    assert!(place.served("g").exists() && place.served("b/t/0").exists());
    server.client(&here, &["put", "no1", "no2"]).with(1, &named);
    server.client(&here, &["put", "no1"]).with(1, &named[..1]);
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 3);
}

/// Whether the main thread of a process waits, and not only for its turn.
fn is_blocked(process: u32) -> bool {
    (0..10).all(|_| {
        thread::sleep(Duration::from_millis(10));
        let stat = fs::read_to_string(format!("/proc/{process}/task/{process}/stat"));
        stat.is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S")))
    })
}

#[test]
fn a_signal_after_the_end_of_a_transfer_interrupts_none() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), "f").expect("a file");
    // Nobody reads the summary, and no room is left for it.
    let (mut output, _unread) = UnixStream::pair().expect("two sockets");
    output.set_nonblocking(true).expect("a socket");
    while output.write(&[0; 4096]).is_ok() {}
    while output.write(&[0]).is_ok() {}
    output.set_nonblocking(false).expect("a socket");
    let mut put = command(&server.endpoint, &place.here(""), &["put", "f", "-v"]);
    put.stdout(OwnedFd::from(output)).stderr(Stdio::piped());
    let mut put = put.spawn().expect("the program starts");
    let mut stderr = BufReader::new(put.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while line != "\"f\": 1 B\n" {
        line.clear();
        assert!(stderr.read_line(&mut line).expect("a line") > 0, "it has ended");
    }
    let end = Instant::now() + Duration::from_secs(20);
    while !is_blocked(put.id()) {
        assert!(Instant::now() < end && put.try_wait().expect("a status").is_none());
    }
    send_signal(put.id(), "TERM");
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    let status = put.wait().expect("it ends");
    assert_eq!((status.signal(), rest.as_str()), (Some(15), ""));
}
