//! One command continues over new connections: after cuts, and after a restart of the server.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cut_proxy::Proxy;
use crate::harness::{Ended, Place, Server, assert_first_try, assert_same, client, content};

const MIB: u64 = 1 << 20;
/// The unfinished file of a transfer of `f`.
const PARTIAL: &str = ".f.tinyferry-part";

/// Runs a client through a proxy whose connection is cut each time that `is_due` returns true; its argument is the
/// number of cuts so far. Returns the number of cuts.
fn run_with_cuts(
    proxy: &Proxy,
    here: &Path,
    arguments: &[&str],
    mut is_due: impl FnMut(u64) -> bool + Send,
) -> (u64, Ended) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let mut done = 0;
            while !is_over.load(Ordering::Relaxed) {
                if is_due(done) {
                    proxy.cut_now();
                    done += 1;
                }
                thread::sleep(Duration::from_micros(200));
            }
            done
        });
        let ended = client(&proxy.endpoint, here, arguments);
        is_over.store(true, Ordering::Relaxed);
        (cutter.join().expect("it does not panic"), ended)
    })
}

/// The length of a file; 0: there is none.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}

/// The position at which the last attempt has resumed, rounded to hundredths of a MiB, in bytes.
fn resumed_at(stderr: &str) -> u64 {
    let (_, rest) = stderr.rsplit_once("resumed at ").expect("it was resumed");
    let number = rest.split(" MiB").next().and_then(|number| number.parse::<f64>().ok());
    (number.expect("a number of MiB") * MIB as f64) as u64
}

#[test]
fn a_get_continues_with_a_server_that_was_restarted() {
    let place = Place::new();
    fs::write(place.served("f"), content(48 << 20, 5)).expect("a file");
    let mut server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let here = place.here("");
    thread::scope(|scope| {
        let got =
            scope.spawn(|| client(&proxy.endpoint, &here, &["get", "--retry", "8", "-v", "f"]));
        let end = Instant::now() + Duration::from_secs(60);
        while length(&place.here(PARTIAL)) < 8 * MIB && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        let stored = length(&place.here(PARTIAL));
        server.child.kill().expect("it runs");
        server.child.wait().expect("it ends");
        thread::sleep(Duration::from_millis(700));
        server = Server::start(&place.served(""), &[]);
        proxy.lead_to(&server);
        let ended = got.join().expect("it does not panic").well();
        assert_first_try(&ended.stderr, "continuing", 8);
        let resumed = resumed_at(&ended.stderr);
        assert!(stored >= 8 * MIB && resumed + MIB / 64 >= stored, "{stored}: {}", ended.stderr);
    });
    assert_same(&place.here(""), &place.served(""));
}

#[test]
fn each_path_of_a_get_has_all_tries() {
    let place = Place::new();
    for (name, size) in [("a", 16), ("b", 10)] {
        fs::write(place.served(name), content(size << 20, size as u64)).expect("a file");
    }
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    // Once in each file, and in the second one at a lower position.
    let arguments = ["get", "--retry", "1", "a", "b"];
    let (done, ended) = run_with_cuts(&proxy, &place.here(""), &arguments, |done| match done {
        0 => proxy.crossed(1) >= 12 * MIB,
        1 => place.here("a").exists(),
        _ => false,
    });
    let stderr = ended.well().stderr;
    assert_same(&place.here(""), &place.served(""));
    assert_eq!((done, stderr.matches("(try 1 of 1)").count()), (2, 2), "{stderr}");
}

#[test]
fn content_that_is_transferred_again_is_no_progress() {
    let place = Place::new();
    fs::write(place.served("f"), content(16 << 20, 0)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    // Each attempt begins at 0, since the unfinished file is gone.
    let (arguments, mut next) = (["get", "--retry", "3", "f"], 8 * MIB);
    let (done, ended) = run_with_cuts(&proxy, &place.here(""), &arguments, |done| {
        let is_due = done < 100 && proxy.crossed(1) >= next;
        if is_due {
            next = proxy.crossed(1) + 8 * MIB;
            let _ = fs::remove_file(place.here(PARTIAL));
        }
        is_due
    });
    ended.with(4, &["(try 3 of 3)", "run the same command again"]);
    assert!(done < 100);
}

#[test]
fn a_client_waits_for_the_server_only_if_asked() {
    let place = Place::new();
    fs::write(place.here("f"), "f").expect("a file");
    let here = place.here("");
    let nobody = Proxy::start();
    let begin = Instant::now();
    client(&nobody.endpoint, &here, &["put", "f"]).with(4, &["the connection was closed before"]);
    let ended = client(&nobody.endpoint, &here, &["put", "--retry", "2", "f"]);
    let ended = ended.with(4, &["(try 1 of 2)", "(try 2 of 2)"]);
    assert_eq!(ended.stderr.matches("try ").count(), 2, "{}", ended.stderr);
    assert!(begin.elapsed() < Duration::from_secs(60));
    // A refusal is final.
    let server = Server::start(&place.served(""), &["--read-only"]);
    let ended = server.client(&here, &["put", "--retry", "2", "f"]).with(6, &["\"f\""]);
    assert!(!ended.stderr.contains("try "), "{}", ended.stderr);
}
