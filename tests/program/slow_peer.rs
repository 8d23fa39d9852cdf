//! Servers that take their time: long calls of the system, processor time in turns. A client that waits for
//! them goes on as long as they live, and no longer.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tinyferry::client::{Client, Error};
use tinyferry::core::{Config, Failure};
use tinyferry::fs::{Directory, Source};

use crate::harness::{Place, Server, content, send_signal, wait_until};
use crate::requirements::{has_strace, runs_long_tests};

/// A client's timeout is three seconds: a hundredth of the usual time.
const PATIENCE: u32 = 300;
const SILENCE: Duration = Duration::from_secs(3);

/// Puts a file with a timeout that follows from `patience`, in milliseconds.
fn put(server: &Server, path: &Path, patience: u32) -> Result<(), Error> {
    let endpoint = server.endpoint.parse().expect("an endpoint");
    let config = Config::RELIABLE.timeout(patience);
    let mut client = Client::builder(endpoint).config(config).connect()?;
    let source = Source { local: path.to_owned(), remote: "f".into() };
    client.put_store(|| Directory::sending_file(source.clone(), ())).map(drop)
}

/// Delays each `fsync` of a server until this is dropped.
struct SlowSync(Child);

impl SlowSync {
    fn of(server: &Server, time: Duration) -> Self {
        let inject = format!("inject=fsync,fdatasync,syncfs:delay_enter={}", time.as_micros());
        let process = server.child.id().to_string();
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,syncfs", "-e"])
            .args([&inject, "-p", &process])
            .spawn();
        wait_until("strace is attached", || are_all_traced(&process));
        Self(strace.expect("strace starts"))
    }
}

/// Whether a tracer is attached to all threads of a process. It attaches to one after the other; only after
/// that are new threads traced, whichever thread starts them.
fn are_all_traced(process: &str) -> bool {
    fs::read_dir(format!("/proc/{process}/task")).expect("it runs").all(|task| {
        let status = task.expect("it can be listed").path().join("status");
        fs::read_to_string(status).is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
    })
}

impl Drop for SlowSync {
    fn drop(&mut self) {
        // Asked to end, it lets go of the server.
        send_signal(self.0.id(), "TERM");
        let _ = self.0.wait();
    }
}

/// Puts a file to a server whose `fsync` takes `delay`.
fn put_to_slow_disk(delay: Duration, patience: u32) {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--sync", "each"]);
    let _slow = SlowSync::of(&server, delay);
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    let begin = Instant::now();
    put(&server, &place.here("f"), patience).expect("it is waited for");
    assert!(begin.elapsed() >= delay, "it took {:?}", begin.elapsed());
    assert_eq!(fs::read(place.served("f")).ok(), fs::read(place.here("f")).ok());
}

#[test]
fn a_client_waits_for_a_long_commit() {
    put_to_slow_disk(2 * SILENCE, PATIENCE);
}

/// As a disk does that is full of other writes.
#[test]
fn long_a_client_waits_for_a_commit_of_five_minutes() {
    if runs_long_tests() {
        put_to_slow_disk(Duration::from_secs(310), Config::RELIABLE.timeout);
    }
}

/// Lets a server run for a tenth of the time until this is dropped.
struct Slowed<'a> {
    is_over: &'a AtomicBool,
}

impl Drop for Slowed<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

fn slow_down(process: u32, is_over: &AtomicBool) {
    const TURN: Duration = Duration::from_millis(50);
    let mut ran = TURN;
    while !is_over.load(Ordering::SeqCst) {
        send_signal(process, "STOP");
        // A client waits for six seconds.
        thread::sleep(9 * ran.clamp(TURN, 6 * TURN));
        let before = processor_time(process);
        send_signal(process, "CONT");
        thread::sleep(TURN);
        // On a busy machine it may not have had its turn yet.
        let end = Instant::now() + 10 * TURN;
        while processor_time(process) < before + TURN / 5 && Instant::now() < end {
            thread::sleep(TURN / 10);
        }
        ran = processor_time(process).saturating_sub(before);
    }
}

/// The processor time that all threads of a process have had.
fn processor_time(process: u32) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs").flatten();
    let times = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(times.sum())
}

#[test]
fn a_client_waits_for_a_server_that_runs_a_tenth_of_the_time() {
    const SIZE: u64 = 100 << 20;
    let place = Place::new();
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for path in [place.here("f"), place.served("f")] {
        // The zeros are in no hole: the program reads all of them.
        fs::write(&path, vec![0; SIZE as usize]).expect("a file");
        let file = File::options().write(true).open(path).expect("it is there");
        file.set_modified(modified).expect("a time");
    }
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let is_over = &AtomicBool::new(false);
    let began = Instant::now();
    thread::scope(|scope| {
        let process = server.child.id();
        scope.spawn(move || slow_down(process, is_over));
        let _slowed = Slowed { is_over };
        put(&server, &place.here("f"), 2 * PATIENCE).expect("it is waited for");
    });
    println!("a file of {SIZE} bytes was compared in {} ms", began.elapsed().as_millis());
}

#[test]
fn a_stopped_server_times_out() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), content(100_000, 1)).expect("a file");
    let endpoint = server.endpoint.parse().expect("an endpoint");
    let config = Config::RELIABLE.timeout(PATIENCE);
    let mut client = Client::builder(endpoint).config(config).connect().expect("it connects");
    client.ping().expect("it answers");
    server.signal("STOP");
    let begin = Instant::now();
    let source = Source { local: place.here("f"), remote: "f".into() };
    let result = client.put_store(|| Directory::sending_file(source.clone(), ()));
    let took = begin.elapsed();
    server.signal("CONT");
    assert!(matches!(result, Err(Error::Session(Failure::TimedOut, _))), "{result:?}");
    assert!(took >= SILENCE && took < 4 * SILENCE, "it took {took:?}");
}
