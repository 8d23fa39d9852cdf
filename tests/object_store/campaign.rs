//! Many clients and two servers of one bucket, one of which is killed again and again.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::programs::{Server, content, text};
use crate::storage::storage;

/// `TINYFERRY_OBJECTS=N` files instead of 100, from a tenth as many clients.
fn files() -> usize {
    std::env::var("TINYFERRY_OBJECTS").ok().and_then(|it| it.parse().ok()).unwrap_or(100)
}

/// Mostly small ones, and some of several parts.
fn size(number: usize) -> usize {
    match number % 50 {
        0 => (9 << 20) + number,
        1..5 => (300 << 10) + number,
        _ => 1000 + number,
    }
}

#[test]
fn all_files_arrive_while_one_of_two_servers_is_killed_again_and_again() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let url = storage.url(&bucket, "load");
    let clients = (files() / 10).max(1);
    for number in 0..files() {
        fs::write(place.path().join(format!("f{number}")), content(size(number), number as u64))
            .unwrap();
    }
    let limits = ["--clients", "256", "--clients-per-address", "256"];
    let steady = Server::start(&url, &limits);
    let killed = Server::start(&url, &limits);
    let (addresses, begun) = ([steady.endpoint.clone(), killed.endpoint.clone()], Instant::now());
    let (done, attempts) = (AtomicBool::new(false), AtomicUsize::new(0));
    let kills = thread::scope(|scope| {
        let (done, attempts, addresses, place, url) = (&done, &attempts, &addresses, &place, &url);
        let killer = scope.spawn(move || {
            let (mut killed, mut kills) = (killed, 0);
            while !done.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(700));
                killed.kill();
                kills += 1;
                killed = Server::start_at(&addresses[1], url, &limits);
            }
            kills
        });
        let workers: Vec<_> = (0..clients)
            .map(|client| {
                scope.spawn(move || {
                    for number in (client..files()).step_by(clients) {
                        put(place.path(), number, addresses, attempts);
                    }
                })
            })
            .collect();
        let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        let kills = killer.join().unwrap();
        ended.into_iter().for_each(|worker| worker.unwrap());
        kills
    });
    println!(
        "{} files from {clients} clients, {} attempts, {kills} kills, {} ms",
        files(),
        attempts.load(Ordering::SeqCst),
        begun.elapsed().as_millis()
    );
    assert!(kills > 0);
    // The store compares each file with the checksum of the storage.
    steady.run(place.path(), &["get", ".", "--into", "back"]);
    for number in 0..files() {
        let back = fs::read(place.path().join(format!("back/f{number}"))).unwrap();
        assert!(back == content(size(number), number as u64), "f{number}");
    }
}

/// Puts a file, by one server or the other, until it is in place.
fn put(place: &std::path::Path, number: usize, addresses: &[String; 2], attempts: &AtomicUsize) {
    let end = Instant::now() + Duration::from_secs(120);
    for attempt in 0.. {
        attempts.fetch_add(1, Ordering::SeqCst);
        let mut command: Command = crate::programs::program();
        command.args(["put", &format!("f{number}"), "-e", &addresses[(number + attempt) % 2]]);
        let ended = command.current_dir(place).output().unwrap();
        if ended.status.success() {
            return;
        }
        assert!(Instant::now() < end, "f{number}: {}", text(&ended.stderr));
        thread::sleep(Duration::from_millis(50));
    }
}
