//! Transfers that are killed or cut at any point, and begun again until they are done.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cut_proxy::Proxy;
use crate::harness::{Place, Server, command, content};

/// The unacknowledged bytes in flight: the credit of 32,767 frames.
const WINDOW: u64 = 32_767 * 1024;
/// The bytes that are sent before the receiver has told its position.
const UNASKED: u64 = 256 * 1024;
/// The unwritten buffer of a store, in bytes, and a chunk that is resumed as a whole.
const HELD_BACK: u64 = 64 * 1024 + 1024;
/// Signals, in bytes.
const SMALL: u64 = 64 * 1024;
/// Kills by default; a campaign says how many in `TINYFERRY_KILLS`.
const KILLS: u32 = 8;

/// A client that ends with its test.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A number below `end`, by a counter.
fn random(state: &mut u64, end: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % end
}

/// The fault of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Client,
    Server,
    Line,
}

/// One file in transfer, and the file that was in place before.
struct Job {
    place: Place,
    is_put: bool,
    /// Whether all of it is encrypted.
    has_key: bool,
    target: PathBuf,
    new: Vec<u8>,
    old: Option<Vec<u8>>,
}

impl Job {
    fn new(state: &mut u64, is_campaign: bool) -> Self {
        let place = Place::new();
        let is_put = random(state, 2) == 0;
        let has_key = random(state, 2) == 0;
        if has_key {
            let made = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
                .args(["keygen", "key"])
                .current_dir(place.here(""))
                .output();
            assert!(made.expect("the program starts").status.success());
        }
        // Only a file that is larger than the window can show that no more than a window is sent twice.
        let most = if is_campaign { 4 * WINDOW } else { 24 << 20 };
        let size = (8 << 20) + random(state, most);
        let new = content(size as usize, *state);
        let (source, target) = (place.here("f"), place.served("f"));
        let (source, target) = if is_put { (source, target) } else { (target, source) };
        fs::write(source, &new).expect("a file");
        let old = (random(state, 2) == 0).then(|| content(100_000, *state));
        if let Some(old) = &old {
            fs::write(&target, old).expect("a file");
        }
        Self { place, is_put, has_key, target, new, old }
    }

    fn serve(&self) -> Server {
        let key = self.place.here("key").display().to_string();
        let arguments = ["--sync", "never", "--key", &key];
        let count = if self.has_key { 4 } else { 2 };
        Server::start(&self.place.served(""), &arguments[..count])
    }

    fn start(&self, endpoint: &str) -> Client {
        let arguments: &[&str] =
            if self.is_put { &["put", "f"] } else { &["get", "f", "--sync", "never"] };
        let mut command = command(endpoint, &self.place.here(""), arguments);
        if self.has_key {
            command.args(["--key", "key"]);
        }
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Client(command.spawn().expect("the program starts"))
    }

    /// The length of the partial.
    fn partial_length(&self) -> u64 {
        let size = self.new.len() as u64;
        let part = self.target.with_file_name(".f.tinyferry-part");
        match part.metadata() {
            Ok(metadata) => metadata.len().min(size),
            Err(_) if self.is_in_place() => size,
            Err(_) => 0,
        }
    }

    /// The file has its old or its new content. Whether it is the new one.
    #[track_caller]
    fn is_in_place(&self) -> bool {
        let found = fs::read(&self.target).ok();
        let is_new = found.as_ref() == Some(&self.new);
        assert!(is_new || found == self.old, "the name holds neither the old nor the new file");
        is_new
    }
}

/// Checks the length of the file in place, again and again.
struct Watch {
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<BTreeSet<u64>>,
}

impl Watch {
    fn start(path: &Path) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (path, is_over) = (path.to_owned(), is_over.clone());
            // It ends with its directory at the latest.
            let directory = path.parent().expect("it has one").to_owned();
            move || {
                let mut found = BTreeSet::new();
                while !is_over.load(Ordering::Relaxed) && directory.exists() {
                    found.extend(path.metadata().map(|metadata| metadata.len()));
                    thread::sleep(Duration::from_micros(500));
                }
                found
            }
        });
        Self { is_over, thread }
    }

    /// All lengths that were seen.
    fn end(self) -> BTreeSet<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only looks")
    }
}

/// Bytes on the wire for this number of bytes of a file, encrypted or not.
fn framed(bytes: u64) -> u64 {
    bytes * (1024 + 12 + 8) / 1024
}

/// Transfers one file under faults. Returns the number of faults that took effect, and of bytes sent again.
fn run(state: &mut u64, most: u32, is_campaign: bool) -> (u32, u64) {
    let job = Job::new(state, is_campaign);
    let size = job.new.len() as u64;
    let mut server = job.serve();
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let direction = usize::from(!job.is_put);
    let watch = Watch::start(&job.target);
    let planned = most.min(1 + random(state, 4) as u32);
    let end = Instant::now() + Duration::from_secs(60 + 10 * u64::from(planned));
    let mut hits = 0;
    // The bytes that had crossed when the attempt before began, and the length of the partial then.
    let mut before = None;
    loop {
        let (begin, partial_length) = (proxy.crossed(direction), job.partial_length());
        if let Some((began, partial_then)) = before {
            // Lost: a window in flight, and the bytes that were sent before the receiver told its position.
            let fresh = framed(partial_length.saturating_sub(partial_then));
            assert!(begin - began <= fresh + framed(WINDOW + UNASKED + HELD_BACK) + SMALL);
        }
        before = Some((begin, partial_length));
        let fault = match random(state, 3) {
            _ if hits >= planned => None,
            0 => Some(Fault::Client),
            1 => Some(Fault::Server),
            _ => Some(Fault::Line),
        };
        // Anywhere in the rest of the file, and right at its beginning now and then.
        let at = match random(state, 4) {
            0 => begin + random(state, 3000),
            _ => begin + random(state, size - partial_length / 2),
        };
        proxy.cut_at(if fault == Some(Fault::Line) { at } else { u64::MAX });
        let mut client = job.start(&proxy.endpoint);
        let status = loop {
            if let Some(status) = client.0.try_wait().expect("it can be waited for") {
                break Some(status);
            }
            let is_hit = matches!(fault, Some(Fault::Client | Fault::Server));
            if is_hit && proxy.crossed(direction) >= at {
                break None;
            }
            assert!(
                Instant::now() < end,
                "it does not end; {fault:?}, put {}, key {}, {} of {size} stored, cut at {at}, {} \
                 crossed, {partial_length} were stored",
                job.is_put,
                job.has_key,
                job.partial_length(),
                proxy.crossed(direction)
            );
            thread::sleep(Duration::from_micros(200));
        };
        match (fault, status) {
            (Some(Fault::Client), None) => client.0.kill().expect("it is ours"),
            (Some(Fault::Server), None) => server.signal("KILL"),
            _ => {}
        }
        let status = client.0.wait().expect("it ends");
        let is_in_place = job.is_in_place();
        if status.success() {
            assert!(is_in_place, "it said that it was done");
            let crossed = proxy.crossed(direction) - begin;
            assert!(
                crossed <= framed(size - partial_length) + framed(UNASKED) + SMALL,
                "{crossed} bytes"
            );
            break;
        }
        // The server may still have bytes of a client that is gone.
        let is_busy = fault.is_none() && status.code() == Some(4);
        assert!(fault.is_some() || is_busy, "nobody hit it: {status}");
        hits += u32::from(fault.is_some());
        if server.child.try_wait().expect("it can be asked").is_some() {
            server = job.serve();
            proxy.lead_to(&server);
        } else {
            thread::sleep(Duration::from_millis(30));
        }
    }
    let lengths = [Some(&job.new), job.old.as_ref()].into_iter().flatten();
    let allowed: BTreeSet<_> = lengths.map(|file| file.len() as u64).collect();
    assert!(watch.end().is_subset(&allowed), "a part of the file was in place");
    (hits, proxy.crossed(direction).saturating_sub(framed(size)))
}

#[test]
fn killed_and_cut_transfers_are_resumed() {
    let kills = std::env::var("TINYFERRY_KILLS").ok().and_then(|text| text.parse().ok());
    let is_campaign = kills.is_some();
    let kills: u32 = kills.unwrap_or(KILLS);
    let (mut hits, mut again, mut state) = (0, 0, 1);
    while hits < kills {
        let (more, twice) = run(&mut state, kills - hits, is_campaign);
        hits += more;
        again += twice;
    }
    println!("{hits} faults, {} KiB sent twice for each", again / u64::from(hits) / 1024);
}
