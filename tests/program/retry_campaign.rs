//! One command over a connection that breaks at random places, again and again: it ends with exit code 0, and the
//! bytes that cross twice are bounded.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_kit::Random;

use crate::cut_proxy::{Cut, PIECE, Proxy};
use crate::harness::{
    Ended, Place, Server, assert_first_try, command, content, ended_within, snapshot,
};

/// The number of cuts unless `TINYFERRY_CUTS` sets it.
const CUTS: u64 = 5;
/// The content for each cut, in bytes: 1 GiB for 200 of them.
const FOR_EACH_CUT: u64 = (1 << 30) / 200;
/// The bytes that a sender sends of a file before the receiver has told its position.
const UNASKED: u64 = 256 * 1024;
/// The bytes that a receiver may drop at the end of a file: the buffer of its store, and a part of 1024 bytes.
const HELD_BACK: u64 = 64 * 1024 + 1024;
/// The bytes in the proxy at a cut: one piece at hand, and the buffer of a socket, which the system doubles twice.
const IN_PROXY: u64 = 5 * PIECE as u64;
/// The largest file of a tree.
const LARGEST: u64 = 40_000;
/// The bytes that compare or offer one entry of a tree.
const FOR_EACH_ENTRY: u64 = 128;
/// The unacknowledged bytes in flight: the credit of 32,767 frames.
const CREDIT: u64 = 32_767 * 1024;
/// Hellos, offers and queries.
const SIGNALS: u64 = 4096;

pub(crate) fn cuts() -> u64 {
    let cuts = std::env::var("TINYFERRY_CUTS").ok().and_then(|text| text.parse().ok());
    cuts.unwrap_or(CUTS)
}

/// Bytes on the wire for this number of bytes of files.
pub(crate) fn framed(bytes: u64) -> u64 {
    bytes / 1024 * (1024 + 12 + 8) + 1044
}

/// Writes a file of this size, no two MiB of which are the same.
pub(crate) fn write_large(path: &Path, size: u64) {
    let mut file = File::create(path).expect("a file");
    let mut block = content(1 << 20, size);
    for number in 0..size.div_ceil(1 << 20) {
        block[..8].copy_from_slice(&number.to_le_bytes());
        let length = (size - (number << 20)).min(1 << 20) as usize;
        file.write_all(&block[..length]).expect("it can be written");
    }
}

/// Fails unless two files have the same content.
#[track_caller]
pub(crate) fn assert_equal(a: &Path, b: &Path) {
    let [mut a, mut b] = [a, b].map(|path| File::open(path).expect("it is in place"));
    let [mut of_a, mut of_b] = [vec![0; 1 << 20], vec![0; 1 << 20]];
    loop {
        let counts = [(&mut a, &mut of_a), (&mut b, &mut of_b)]
            .map(|(file, block)| file.take(1 << 20).read(block).expect("it can be read"));
        assert!(counts[0] == counts[1] && of_a[..counts[0]] == of_b[..counts[0]], "they differ");
        if counts[0] == 0 {
            return;
        }
    }
}

/// Cuts at random distances, which are less than `bytes` together.
fn random_cuts(random: &mut Random, bytes: u64) -> Vec<(u64, Cut)> {
    let weights: Vec<_> = (0..cuts()).map(|_| 1 + random.below(1000) as u64).collect();
    let sum: u64 = weights.iter().sum();
    let kinds = [Cut::Close, Cut::Reset, Cut::Silence];
    weights.iter().map(|weight| (bytes / sum * weight, kinds[random.below(3)])).collect()
}

/// The time that a client may take: a few seconds for each cut.
pub(crate) fn limit() -> Duration {
    Duration::from_secs(60 + 10 * cuts())
}

/// Runs a client.
pub(crate) fn run(endpoint: &str, here: &Path, arguments: &[&str]) -> Ended {
    let mut child = command(endpoint, here, arguments)
        .stdout(Stdio::null())
        .stderr(File::create(here.with_file_name("stderr")).expect("a file"))
        .spawn()
        .expect("the program starts");
    let status = ended_within(&mut child, limit());
    let stderr = fs::read_to_string(here.with_file_name("stderr")).expect("it is there");
    Ended { code: status.and_then(|status| status.code()), stdout: String::new(), stderr }
}

/// Fails if an unfinished file is left.
#[track_caller]
pub(crate) fn assert_no_partials(directory: &Path) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        assert!(!name.contains("tinyferry-part"), "{} is left", entry.path().display());
        if entry.file_type().expect("a type").is_dir() {
            assert_no_partials(&entry.path());
        }
    }
}

pub(crate) fn report(command: &str, cuts: u64, size: u64, twice: u64, begin: Instant) {
    let (each, took) = (twice / cuts, begin.elapsed().as_secs_f64());
    println!("{command}: {cuts} cuts of {size} bytes, {each} bytes twice for each, {took:.1} s");
}

/// One file through all cuts.
fn a_large_file_arrives(is_put: bool) {
    let place = Place::new();
    let size = cuts() * FOR_EACH_CUT;
    write_large(&if is_put { place.here("f") } else { place.served("f") }, size);
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let direction = usize::from(!is_put);
    proxy.cut_often(direction, random_cuts(&mut Random::new(1), size).into_iter());
    let arguments = [if is_put { "put" } else { "get" }, "--retry", "8", "f"];
    let begin = Instant::now();
    let ended = run(&proxy.endpoint, &place.here(""), &arguments).well();
    assert_eq!(proxy.cuts(), cuts(), "{}", ended.stderr);
    assert_equal(&place.here("f"), &place.served("f"));
    [place.here(""), place.served("")].iter().for_each(|path| assert_no_partials(path));
    let twice = proxy.crossed(direction).saturating_sub(framed(size));
    report(arguments[0], cuts(), size, twice, begin);
    assert!(twice <= cuts() * (framed(UNASKED + HELD_BACK) + IN_PROXY + SIGNALS), "{twice} bytes");
}

#[test]
fn a_put_continues_after_each_cut() {
    a_large_file_arrives(true);
}

#[test]
fn a_get_continues_after_each_cut() {
    a_large_file_arrives(false);
}

/// A tree of 2,000 files through all cuts.
fn a_tree_arrives(is_put: bool) {
    let place = Place::new();
    let source = if is_put { place.here("t") } else { place.served("t") };
    let (files, mut random) = (2000, Random::new(2));
    let mut total = 0;
    for number in 0..files {
        let directory = source.join(format!("{}", number % 40));
        fs::create_dir_all(&directory).expect("a directory");
        let size = random.below(LARGEST as usize);
        total += size as u64;
        fs::write(directory.join(format!("{number}")), content(size, number)).expect("a file");
    }
    let target = if is_put { place.served("t") } else { place.here("t") };
    fs::create_dir_all(target.join("old")).expect("a directory");
    fs::write(target.join("old/file"), "old").expect("a file");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    server.client(&place.here(""), &["ping"]).well();
    let threads = server.count("task");
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let direction = usize::from(!is_put);
    let planned = random_cuts(&mut random, total);
    let silent = planned.iter().filter(|(_, cut)| *cut == Cut::Silence);
    // The server may commit nothing of a connection that was cut without notice, before the same content is sent again.
    let pending: u64 = silent.map(|(distance, _)| distance).sum();
    proxy.cut_often(direction, planned.into_iter());
    let arguments = match is_put {
        true => ["mirror", "t", "t", "--retry", "8"].as_slice(),
        false => ["mirror", "--get", "t", "t", "--retry", "8"].as_slice(),
    };
    let begin = Instant::now();
    let ended = run(&proxy.endpoint, &place.here(""), arguments).well();
    assert_eq!(proxy.cuts(), cuts(), "{}", ended.stderr);
    while server.count("task") > threads {
        assert!(begin.elapsed() < limit(), "the server does not notice the end of its clients");
        thread::sleep(Duration::from_millis(20));
    }
    [place.here(""), place.served("")].iter().for_each(|path| assert_no_partials(path));
    // Of a directory whose entries had all arrived before a cut the time is not set again.
    let [mut here, mut served] = [place.here("t"), place.served("t")].map(|path| snapshot(&path));
    let times = here.values_mut().chain(served.values_mut());
    times.filter(|entry| entry.0.is_none()).for_each(|entry| entry.2 = 0);
    assert!(here == served, "the trees differ");
    let twice = proxy.crossed(direction).saturating_sub(framed(total) + files * FOR_EACH_ENTRY);
    report(arguments[0], cuts(), total, twice, begin);
    let compared = files * FOR_EACH_ENTRY;
    assert!(twice <= framed(pending) + cuts() * (framed(LARGEST) + compared + IN_PROXY + SIGNALS));
}

#[test]
fn a_mirror_continues_after_each_cut() {
    a_tree_arrives(true);
}

#[test]
fn a_mirror_from_the_server_continues_after_each_cut() {
    a_tree_arrives(false);
}

#[test]
fn a_put_continues_with_a_server_that_is_killed_again_and_again() {
    let place = Place::new();
    let kills = (cuts() / 3).clamp(3, 20);
    let size = kills * FOR_EACH_CUT;
    write_large(&place.here("f"), size);
    let serve = || Server::start(&place.served(""), &[]);
    let mut server = serve();
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let (is_over, begin) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        let killer = scope.spawn(|| {
            for kill in 1..=kills {
                while proxy.crossed(0) < kill * FOR_EACH_CUT * 9 / 10 {
                    if is_over.load(Ordering::Relaxed) {
                        return kill - 1;
                    }
                    thread::sleep(Duration::from_micros(200));
                }
                server.signal("KILL");
                server.wait();
                server = serve();
                proxy.lead_to(&server);
            }
            kills
        });
        let ended = run(&proxy.endpoint, &place.here(""), &["put", "--retry", "8", "f"]);
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(killer.join().expect("it does not panic"), kills, "{}", ended.stderr);
        ended.well();
    });
    assert_equal(&place.here("f"), &place.served("f"));
    assert_no_partials(&place.served(""));
    let twice = proxy.crossed(0).saturating_sub(framed(size));
    report("put", kills, size, twice, begin);
    // The bytes in the buffers of a killed server's sockets are lost: at most the credit.
    let most = framed(CREDIT + UNASKED + HELD_BACK) + IN_PROXY + SIGNALS;
    assert!(twice <= kills * most, "{twice} bytes");
}

/// A client that is killed while it puts `f`, or the tree `t`, over a line whose end the server notices late.
fn killed(place: &Place, what: &str) -> (Server, Proxy) {
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_often(0, [(2 << 20, Cut::Silence)].into_iter());
    let mut child = command(&proxy.endpoint, &place.here(""), &["put", what, "-q"])
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + limit();
    while proxy.cuts() == 0 {
        assert!(Instant::now() < end, "the client sends nothing");
        thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().expect("it ends");
    (server, proxy)
}

#[test]
fn a_put_waits_while_the_server_still_serves_a_killed_client() {
    for what in ["f", "t"] {
        let place = Place::new();
        fs::create_dir(place.here("t")).expect("a directory");
        for path in ["f", "t/f", "t/g"] {
            write_large(&place.here(path), 4 << 20);
        }
        // The directory is not new: then a tree, too, has partials.
        fs::create_dir(place.served("t")).expect("a directory");
        let (server, _proxy) = killed(&place, what);
        let ended = run(&server.endpoint, &place.here(""), &["put", what, "--retry", "8"]).well();
        assert!(ended.stderr.contains("another transfer writes the same file; "), "{what}");
        assert_first_try(&ended.stderr, "continuing", 8);
        let path = if what == "f" { "f" } else { "t/f" };
        assert_equal(&place.here(path), &place.served(path));
        assert_no_partials(&place.served(""));
    }
}

#[test]
fn a_quiet_client_prints_no_tries() {
    let place = Place::new();
    write_large(&place.here("f"), 8 << 20);
    let server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_often(0, [(1 << 20, Cut::Close), (2 << 20, Cut::Reset)].into_iter());
    let ended = run(&proxy.endpoint, &place.here(""), &["put", "f", "-q", "--retry", "8"]).well();
    assert_eq!((proxy.cuts(), ended.stderr.as_str()), (2, ""));
    drop(server);
    let ended = run(&proxy.endpoint, &place.here(""), &["put", "f", "-q", "--retry", "2"]);
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(4), 1), "{}", ended.stderr);
}
