//! One command continues over new connections: lines that are cut, a server that restarts.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cut_proxy::Proxy;
use crate::harness::{Place, Server, assert_same, client, content, write_many};

/// Cuts by default; a campaign says how many in `TINYFERRY_CUTS`.
const CUTS: u64 = 15;
/// The content that one cut may cost: what is in the buffers of the sockets and of the store.
const COST: u64 = 4 << 20;

fn cuts() -> u64 {
    let cuts = std::env::var("TINYFERRY_CUTS").ok().and_then(|text| text.parse().ok());
    cuts.unwrap_or(CUTS)
}

/// Runs a client through a proxy whose line is cut each time that so many more bytes have crossed. Returns the
/// number of cuts and its standard error.
fn run_with_cuts(
    proxy: &Proxy,
    here: &Path,
    arguments: &[&str],
    step: u64,
    most: u64,
) -> (u64, String) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let cutter = scope.spawn(|| {
            let (mut done, mut next) = (0, step);
            while !is_over.load(Ordering::Relaxed) {
                if done < most && proxy.crossed(0) + proxy.crossed(1) >= next {
                    proxy.cut_now();
                    done += 1;
                    next = proxy.crossed(0) + proxy.crossed(1) + step;
                }
                thread::sleep(Duration::from_micros(200));
            }
            done
        });
        let ended = client(&proxy.endpoint, here, arguments).well();
        is_over.store(true, Ordering::Relaxed);
        (cutter.join().expect("it does not panic"), ended.stderr)
    })
}

#[test]
fn a_put_that_is_cut_again_and_again_is_one_command() {
    let place = Place::new();
    let most = cuts();
    let size = (most * 2) << 20;
    fs::write(place.here("f"), content(size as usize, 3)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let arguments = ["put", "--retry", "8", "f"];
    let (done, stderr) = run_with_cuts(&proxy, &place.here(""), &arguments, 1 << 20, most);
    assert_same(&place.here(""), &place.served(""));
    assert!(done >= most / 2, "{done} cuts only: {stderr}");
    assert!(stderr.contains("continuing in 0.25 s (try 1 of 8)"), "{stderr}");
    assert!(!stderr.contains("run the same command again"), "{stderr}");
    let crossed = proxy.crossed(0);
    println!("{done} cuts, {size} bytes, {crossed} crossed");
    assert!(crossed <= size + size / 50 + done * COST, "{crossed} bytes crossed for {size}");
}

#[test]
fn a_mirror_that_is_cut_again_and_again_is_one_command() {
    let place = Place::new();
    let most = cuts();
    for (number, path) in write_many(&place.here(""), "t", (most * 20) as usize).iter().enumerate()
    {
        fs::write(place.here(path), content(2000, number as u64)).expect("a file");
    }
    fs::create_dir_all(place.served("t/old")).expect("a directory");
    fs::write(place.served("t/old/file"), "old").expect("a file");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let arguments = ["mirror", "--retry", "8", "t", "t"];
    let (done, stderr) = run_with_cuts(&proxy, &place.here(""), &arguments, 20_000, most);
    // The time of a directory changes when something is removed from it: the next run sets it.
    server.client(&place.here(""), &["mirror", "t", "t"]).well();
    assert_same(&place.here(""), &place.served(""));
    println!("{done} cuts");
    assert!(done >= 3, "{done} cuts only: {stderr}");
}

#[test]
fn a_get_continues_with_a_server_that_was_restarted() {
    let place = Place::new();
    fs::write(place.served("f"), content(48 << 20, 5)).expect("a file");
    let mut server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    thread::scope(|scope| {
        let got =
            scope.spawn(|| client(&proxy.endpoint, &place.here(""), &["get", "--retry", "8", "f"]));
        let end = Instant::now() + Duration::from_secs(60);
        while proxy.crossed(1) < 4 << 20 && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        server.child.kill().expect("it runs");
        server.child.wait().expect("it ends");
        thread::sleep(Duration::from_millis(700));
        server = Server::start(&place.served(""), &[]);
        proxy.lead_to(&server);
        let ended = got.join().expect("it does not panic").well();
        assert!(ended.stderr.contains("continuing in 0.25 s (try 1 of 8)"), "{}", ended.stderr);
    });
    assert_same(&place.here(""), &place.served(""));
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
    let ended = ended
        .with(4, &["trying again in 0.25 s (try 1 of 2)", "trying again in 0.5 s (try 2 of 2)"]);
    assert_eq!(ended.stderr.matches("try ").count(), 2, "{}", ended.stderr);
    assert!(begin.elapsed() < Duration::from_secs(60));
    // A refusal is final.
    let server = Server::start(&place.served(""), &["--read-only"]);
    let ended = server.client(&here, &["put", "--retry", "2", "f"]).with(6, &["\"f\""]);
    assert!(!ended.stderr.contains("try "), "{}", ended.stderr);
}
