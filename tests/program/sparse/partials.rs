//! Partials of sparse files.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::{assert_sparse, crossed, make, place};
use crate::cut_proxy::Proxy;
use crate::harness::{Server, client, command, content, program};

/// The length of the partial grows with the hole: a later transfer resumes from this length.
#[test]
fn a_server_that_is_killed_in_a_hole_has_stored_the_content_before_the_hole() {
    const CONTENT: usize = 20_050_000;
    let Some(place) = place() else { return };
    make(&place.here("f"), 300 << 30, &[(0, CONTENT), ((300 << 30) - 7, 7)]);
    let proxy = Proxy::start();
    let options = ["--sync", "never"];
    let server = Server::start(&place.served(""), &options);
    proxy.lead_to(&server);
    let mut putting = command(&proxy.endpoint, &place.here(""), &["put", "f"]);
    let putting = putting.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut putting = putting.expect("the program starts");
    let partial = place.served(".f.tinyferry-part");
    let end = Instant::now() + Duration::from_secs(30);
    while partial.metadata().map_or(0, |found| found.len()) < 1 << 30 && Instant::now() < end {
        thread::sleep(Duration::from_micros(100));
    }
    drop(server);
    putting.kill().expect("it can be killed");
    putting.wait().expect("it ends");
    let length = partial.metadata().expect("the transfer was not over").len();
    assert!((1 << 30..300 << 30).contains(&length), "{length} bytes");
    let server = Server::start(&place.served(""), &options);
    proxy.lead_to(&server);
    let before = crossed(&proxy);
    client(&proxy.endpoint, &place.here(""), &["put", "f"]).well();
    let bytes = crossed(&proxy) - before;
    assert!(bytes < CONTENT as u64 / 4, "{bytes} bytes");
    let (mut here, mut there) = (vec![0; CONTENT], vec![0; CONTENT]);
    for (file, bytes) in [(place.here("f"), &mut here), (place.served("f"), &mut there)] {
        File::open(file).expect("it is there").read_exact_at(bytes, 0).expect("it is as long");
    }
    assert!(here == there);
}

#[test]
fn the_holes_of_a_partial_do_not_count_in_the_limit_of_partials() {
    const MIB: usize = 1 << 20;
    let Some(place) = place() else { return };
    let parts = [(0, 20 * MIB), (2 << 30, 20 * MIB)];
    make(&place.here("f"), (2 << 30) + 20 * MIB as u64, &parts);
    let options = ["--sync", "never", "--max-partials", "50M"];
    let server = Server::start(&place.served(""), &options);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_at(30 * MIB as u64);
    client(&proxy.endpoint, &place.here(""), &["put", "f", "--retry", "0"]).with(4, &[]);
    let end = Instant::now() + Duration::from_secs(5);
    let listed = || program(&place.served(""), &["partials", "."]).stdout;
    while listed().contains("in use") && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(listed().contains(".f.tinyferry-part"), "the server has removed it");
    assert!(place.served(".f.tinyferry-part").metadata().expect("a partial").len() > 1 << 30);
    drop(server);
    // The next server removes the oldest partial beyond the limit, which shows that it has counted both.
    let old = place.served(".old.tinyferry-part");
    fs::write(&old, content(45 * MIB, 1)).expect("a file");
    let at = SystemTime::now() - Duration::from_secs(3_600);
    File::options().write(true).open(&old).and_then(|old| old.set_modified(at)).expect("a time");
    let server = Server::start(&place.served(""), &options);
    let end = Instant::now() + Duration::from_secs(20);
    while old.exists() && Instant::now() < end {
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(200));
    assert!(!old.exists() && place.served(".f.tinyferry-part").exists());
    server.client(&place.here(""), &["put", "f"]).well();
    assert_sparse(&place.here("f"), &place.served("f"));
}

/// R58: bytes behind the prefix of a partial are no part of the file.
#[test]
fn other_bytes_behind_the_prefix_of_a_partial_are_overwritten_by_holes() {
    let Some(place) = place() else { return };
    make(&place.here("f"), 2_000_000, &[(0, 98_304), (1_500_000, 10)]);
    let server = Server::start(&place.served(""), &[]);
    let whole = fs::read(place.here("f")).expect("it can be read");
    let partial = [&whole[..98_304], &[0xAA; 1_000]].concat();
    fs::write(place.served(".f.tinyferry-part"), partial).expect("a partial");
    let ended = server.client(&place.here(""), &["put", "f"]).well();
    assert!(ended.stdout.contains("96.00 KiB were there already"), "{}", ended.stdout);
    assert_sparse(&place.here("f"), &place.served("f"));
}
