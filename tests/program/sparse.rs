//! Sparse files: their holes take neither time nor space, at the sender and at the receiver.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::cut_proxy::Proxy;
use crate::harness::{Place, Server, client, command, content};
use crate::mounts::Disk;
use crate::python_peer::{python, serve_with};
use crate::retry_campaign::assert_equal;

mod partials;

/// A file of this length, with content at these positions; all else is holes.
fn make(path: &Path, length: u64, parts: &[(u64, usize)]) {
    let file = File::create(path).expect("a file");
    file.set_len(length).expect("a length");
    for (position, bytes) in parts {
        let part: Vec<u8> = content(*bytes, *position).iter().map(|byte| byte | 1).collect();
        file.write_all_at(&part, *position).expect("it is written");
    }
}

/// The space that a file takes, in bytes.
fn space(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").blocks() * 512
}

/// The bytes that crossed the line in both directions.
fn crossed(proxy: &Proxy) -> u64 {
    proxy.crossed(0) + proxy.crossed(1)
}

/// A place on a file system that has holes; on one without holes, prints that the test is skipped.
fn place() -> Option<Place> {
    let place = Place::on_disk();
    let probe = place.root.path().join("probe");
    make(&probe, 1 << 20, &[]);
    if space(&probe) < 1 << 19 {
        return Some(place);
    }
    println!("skipped: this file system has no holes");
    None
}

/// Names of files whose holes are at the beginning, at the end, between, and off every border.
const NAMES: [&str; 6] = ["between", "begins", "ends", "small", "one hole", "odd"];
/// More than all their content.
const CONTENT: u64 = 900_000;

fn make_files(root: &Path) {
    fs::create_dir_all(root).expect("a directory");
    make(&root.join("between"), 40_000_003, &[(0, 100_000), (20_000_000, 300_000)]);
    make(&root.join("begins"), 9_000_000, &[(8_900_000, 100_000)]);
    make(&root.join("ends"), 9_000_001, &[(0, 4_096)]);
    make(&root.join("small"), 60_000, &[(16_384, 100)]);
    make(&root.join("one hole"), 5_000_000, &[]);
    make(&root.join("odd"), 30_000_777, &[(777, 5_000), (10_000_001, 77_777), (29_999_999, 778)]);
}

/// The content and the space are the same.
#[track_caller]
fn assert_sparse(from: &Path, to: &Path) {
    assert_equal(from, to);
    let (there, here) = (space(from), space(to));
    // Parts of a block at the borders of holes.
    assert!(here <= there + 32 * 1024, "{}: {here} bytes of {there}", from.display());
}

#[test]
fn holes_stay_holes_in_both_directions() {
    let Some(place) = place() else { return };
    make_files(&place.here("t"));
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    for options in [&[][..], &["--sha256"]] {
        let run = |arguments: &[&str]| {
            let before = crossed(&proxy);
            let ended = client(&proxy.endpoint, &place.here(""), &[arguments, options].concat());
            let ended = ended.well();
            let summary = format!("{}{}", ended.stdout, ended.stderr);
            assert!(summary.contains("88.75 MiB"), "{summary}");
            let bytes = crossed(&proxy) - before;
            assert!(bytes < CONTENT, "{bytes} bytes");
        };
        run(&["put", "t"]);
        NAMES.iter().for_each(|name| {
            assert_sparse(&place.here("t").join(name), &place.served("t").join(name));
        });
        run(&["get", "t", "--into", "back"]);
        NAMES.iter().for_each(|name| {
            assert_sparse(&place.here("t").join(name), &place.here("back/t").join(name));
        });
        fs::remove_dir_all(place.here("back")).expect("it is there");
        fs::remove_dir_all(place.served("t")).expect("it is there");
    }
}

#[test]
fn a_hole_of_four_gibibytes_takes_neither_time_nor_bytes() {
    let Some(place) = place() else { return };
    make(&place.here("f"), (4 << 30) + 5, &[]);
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let begin = Instant::now();
    client(&proxy.endpoint, &place.here(""), &["put", "f"]).well();
    let took = begin.elapsed();
    println!("{} ms, {} bytes", took.as_millis(), crossed(&proxy));
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(crossed(&proxy) < 100 * 1024, "{} bytes", crossed(&proxy));
    assert_eq!(fs::metadata(place.served("f")).expect("it is there").len(), (4 << 30) + 5);
    assert!(space(&place.served("f")) < 64 * 1024);
}

/// The size of the file that may be larger than all that is free.
const HUGE: u64 = 900 << 30;

#[test]
fn a_sparse_file_may_be_larger_than_the_free_space() {
    let Some(place) = place() else { return };
    make(&place.here("f"), HUGE, &[(1 << 30, 50_000), (HUGE - 7, 7)]);
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["put", "f"]).well();
    assert_eq!(fs::metadata(place.served("f")).expect("it is there").len(), HUGE);
    assert!(space(&place.served("f")) < 1 << 20);
    let limited = Server::start(&place.served(""), &["--max-file", "1G"]);
    let ended = limited.client(&place.here(""), &["put", "f", "--to", "limited"]);
    ended.with(6, &["larger than is allowed"]);
    // The one in place is compared without reading its holes, and so is a prefix.
    server.client(&place.here(""), &["put", "f"]).well();
    fs::rename(place.served("f"), place.served(".f.tinyferry-part")).expect("a partial");
    let partial = File::options().write(true).open(place.served(".f.tinyferry-part"));
    partial.expect("it is there").set_len(700 << 30).expect("a length");
    let begin = Instant::now();
    server.client(&place.here(""), &["put", "f"]).well();
    println!("resumed in {} ms", begin.elapsed().as_millis());
    let mut end = [0; 7];
    let file = File::open(place.served("f")).expect("it is there");
    file.read_exact_at(&mut end, HUGE - 7).expect("it is as long");
    assert!(end.iter().all(|byte| *byte != 0));
    assert!(space(&place.served("f")) < 1 << 20);
}

#[test]
fn a_transfer_of_a_sparse_file_that_is_killed_goes_on() {
    let Some(place) = place() else { return };
    let parts: Vec<(u64, usize)> = (0..40).map(|part| (part * 7_000_001, 900_000)).collect();
    make(&place.here("f"), 300_000_000, &parts);
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let partial = place.served(".f.tinyferry-part");
    for _ in 0..4 {
        let mut killed = command(&server.endpoint, &place.here(""), &["put", "f"]);
        let killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut killed = killed.expect("the program starts");
        let length = || partial.metadata().map_or(0, |found| found.len());
        let (end, before) = (Instant::now() + Duration::from_secs(5), length());
        while length() < before + 20_000_000 && Instant::now() < end {
            thread::sleep(Duration::from_micros(100));
        }
        killed.kill().expect("it can be killed");
        killed.wait().expect("it ends");
        thread::sleep(Duration::from_millis(100));
    }
    assert!(partial.exists() && !place.served("f").exists(), "it was not killed in the middle");
    let ended = server.client(&place.here(""), &["put", "f"]).well();
    assert!(ended.stdout.contains("were there already"), "{}", ended.stdout);
    assert_sparse(&place.here("f"), &place.served("f"));
}

/// The zeros of a hole take space on a file system that keeps no holes.
#[test]
fn a_sparse_file_needs_the_space_of_its_size_where_no_holes_are_kept() {
    let Some(place) = place() else { return };
    make(&place.here("f"), 100 << 20, &[(0, 1 << 20)]);
    make(&place.here("fits"), 20 << 20, &[(0, 1 << 20)]);
    let Some(_disk) = Disk::folding_with(&place.served(""), &["free=16384"]) else { return };
    let server = Server::start(&place.served(""), &[]);
    let ended = server.client(&place.here(""), &["put", "f"]);
    ended.with(6, &["it needs 100.00 MiB more, and 64.00 MiB are free"]);
    server.client(&place.here(""), &["put", "fits"]).well();
    assert_equal(&place.here("fits"), &place.served("fits"));
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 1);
}

/// R93: the second implementation takes holes; without the feature it gets zeros.
#[test]
fn a_sparse_file_arrives_at_the_python_peer_with_and_without_holes() {
    for options in [&[][..], &["--no-holes"]] {
        let Some(place) = place() else { return };
        make_files(&place.here("t"));
        make(&place.here("small"), 3_000_001, &[(5_000, 2_000), (1_000_000, 100)]);
        let names: &[&str] = if options.is_empty() { &["t", "small"] } else { &["small"] };
        let Some((_server, endpoint)) = serve_with(&place, options) else { return };
        let put = [&["put"], names].concat();
        client(&endpoint, &place.here(""), &put).well();
        assert_equal(&place.here("small"), &place.served("small"));
        if options.is_empty() {
            assert_sparse(&place.here("small"), &place.served("small"));
            NAMES.iter().for_each(|name| {
                assert_sparse(&place.here("t").join(name), &place.served("t").join(name));
            });
        }
        let server = Server::start(&place.here(""), &[]);
        let task = [&["get", "small", "back", "-e", &server.endpoint], options].concat();
        let Some(mut command) = python(&place.served(""), &task) else { return };
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_equal(&place.here("small"), &place.served("back"));
    }
}

#[test]
fn a_sparse_file_that_grows_into_its_hole_is_not_put_in_place() {
    let Some(place) = place() else { return };
    make(&place.here("f"), 3 << 30, &[(0, 200_000_000)]);
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let mut putting = command(&server.endpoint, &place.here(""), &["put", "f"]);
    let putting = putting.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut putting = putting.expect("the program starts");
    let partial = place.served(".f.tinyferry-part");
    let end = Instant::now() + Duration::from_secs(5);
    while partial.metadata().map_or(0, |found| found.len()) < 1_000_000 && Instant::now() < end {
        thread::sleep(Duration::from_micros(100));
    }
    let file = File::options().write(true).open(place.here("f")).expect("it is there");
    file.write_all_at(&[1; 10], 2 << 30).expect("it is written");
    assert!(!putting.wait().expect("it ends").success());
    assert!(!place.served("f").exists());
}
