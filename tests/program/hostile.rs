//! Hostile peers: memory and time are bounded, others are served meanwhile, and no file is in place
//! without its digest.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack_target::{PATIENCE, Target, assert_vouched, count};
use crate::forged_peer::{Forger, NAMES};
use crate::harness::{self, Place, content, ended_within};

/// `TINYFERRY_HOSTILE`: thousands of forged sessions, and every prefix; else a few of each.
fn scale() -> Option<u64> {
    let text = std::env::var("TINYFERRY_HOSTILE").ok()?;
    Some(text.parse().unwrap_or(1))
}

/// A session, cut after each byte, or every 29th, with random ones behind.
fn cut(said: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let step = if scale().is_some() { 1 } else { 29 };
    let cut = |at: usize| [&said[..at], &content(3000, at as u64)].concat();
    (0..=said.len()).step_by(step).map(cut)
}

/// A session with each byte changed, or every 29th.
fn changed(said: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let step = if scale().is_some() { 1 } else { 29 };
    (0..said.len()).step_by(step).map(|at| {
        let mut bytes = said.to_vec();
        bytes[at] ^= 0x81;
        bytes
    })
}

#[test]
fn hostile_peers_cost_little_and_delay_no_client() {
    let mut target = Target::open();
    let said = target.recorded();
    target.under("a prefix, then random bytes", |target| {
        count(cut(&said).map(|bytes| target.say(&bytes)))
    });
    target.under("a byte changed", |target| count(changed(&said).map(|bytes| target.say(&bytes))));
    let flood = said[..36].repeat(20_000);
    target.under("20,000 hellos", |target| count((0..3).map(|_| target.say(&flood))));
    let flood = [&said[..36], &said[36..72].repeat(20_000)].concat();
    target.under("20,000 signals", |target| count((0..3).map(|_| target.say(&flood))));
    // They take places, but not for long, and not all of one address.
    target.under("half-open", |target| target.leave_half_open(&said));
    target.end();
}

#[test]
fn hostile_frames_with_false_content_do_no_harm() {
    attack_with_forged_frames(Target::open());
}

fn attack_with_forged_frames(mut target: Target) {
    let vouched = target.forge(scale().map_or(200, |thousands| thousands * 1000));
    target.wait_until_idle();
    let files = assert_vouched(&target.place.served(""), &["given", "mine", "said"], &vouched);
    assert!(files > 0, "some of it should have come in");
    assert_eq!(fs::read_dir(target.place.root.path()).expect("it is there").count(), 2);
    target.end();
}

/// The same before the handshake is over, and with a key.
#[test]
fn hostile_peers_do_no_harm_to_a_server_with_keys() {
    let inside = Target::open().recorded();
    let mut target = Target::locked();
    let said = target.recorded();
    fs::remove_file(target.place.served("said")).expect("it is there");
    target.under("outside: a prefix, then random bytes", |target| {
        count(cut(&said).map(|bytes| target.say_outside(&bytes)))
    });
    target.under("outside: a byte changed", |target| {
        count(changed(&said).map(|bytes| target.say_outside(&bytes)))
    });
    let flood = said[..64].repeat(20_000);
    target.under("outside: 20,000 handshakes", |target| {
        count((0..3).map(|_| target.say_outside(&flood)))
    });
    target.under("outside: no handshake", |target| {
        count(cut(&inside).map(|bytes| target.say_outside(&bytes)))
    });
    target.under("outside: half-open", |target| target.leave_half_open(&said));
    assert!(!target.place.served("said").exists(), "it came in without a key");
    target.client(&["put", "said"]).well();
    target.under("with a key: a prefix, then random bytes", |target| {
        count(cut(&inside).map(|bytes| target.say(&bytes)))
    });
    attack_with_forged_frames(target);
}

/// One byte after the other. Time is counted from the last whole frame, and up to the hello from
/// the connection on.
#[test]
fn hostile_single_bytes_keep_a_connection_no_longer_than_silence() {
    let (open, locked) = (Target::open(), Target::locked());
    let (said, shaken) = (open.recorded(), locked.recorded());
    let (said, open, locked) = (&said[..36], &open, &locked);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = open.connect();
            assert_let_go("a hello", |byte| stream.write_all(&[said[byte]]));
        });
        scope.spawn(|| {
            let mut stream = open.connect();
            stream.write_all(said).expect("it takes it");
            assert_let_go("a second hello", |byte| stream.write_all(&[said[byte]]));
        });
        scope.spawn(|| {
            let mut stream = locked.connect();
            assert_let_go("a handshake", |byte| stream.write_all(&[shaken[byte]]));
        });
        scope.spawn(|| {
            use embedded_io::Write;
            let mut channel = locked.come_in();
            channel.write_all(said).and_then(|()| channel.flush()).expect("it takes it");
            let drip =
                |byte: usize| channel.write_all(&[said[byte]]).and_then(|()| channel.flush());
            assert_let_go("a second hello in the channel", drip);
        });
        // Who gets one frame through within each idle time stays, however slow it is.
        let mut stream = open.connect();
        for _ in 0..5 {
            for bytes in said.chunks(12) {
                stream.write_all(bytes).expect("it takes it");
                thread::sleep(DRIP);
            }
            stream.read_exact(&mut [0; 36]).expect("it is answered");
        }
    });
}

const DRIP: Duration = Duration::from_millis(200);

/// Fails unless the other end hangs up 2 seconds after the first byte.
#[track_caller]
fn assert_let_go<E>(what: &str, mut drip: impl FnMut(usize) -> Result<(), E>) {
    let begin = Instant::now();
    let mut byte = 0;
    while drip(byte).is_ok() {
        byte += 1;
        assert!(byte < 35, "{what}: the server still waits");
        thread::sleep(DRIP);
    }
    let took = begin.elapsed().as_millis();
    assert!((1900..5000).contains(&took), "{what}: disconnected after {took} ms");
}

/// A client whose log lines are dropped takes no slot away, and nothing else.
#[test]
fn hostile_peers_do_no_harm_to_a_server_whose_log_is_not_read() {
    let place = Place::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["serve", "--listen", "tcp://127.0.0.1:0", "--clients", "2"])
        .arg(place.served(""))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    log.read_line(&mut line).expect("it says where it listens");
    drop(log);
    let endpoint = line.trim().rsplit(" at ").next().expect("there is an endpoint");
    for seed in 0..5 {
        let Ok(mut stream) = TcpStream::connect(&endpoint["tcp://".len()..]) else { break };
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout");
        let _ =
            stream.write_all(&content(100, seed)).and_then(|()| stream.shutdown(Shutdown::Write));
        while let Ok(1..) = stream.read(&mut [0; 100]) {}
    }
    let answered = harness::client(endpoint, &place.here(""), &["ping"]);
    let asked = Command::new("kill").arg(child.id().to_string()).status();
    let status = ended_within(&mut child, PATIENCE);
    answered.well();
    assert!(asked.expect("kill is there").success());
    assert!(status.is_some_and(|status| status.success()), "it does not end");
}

/// A server that lies to the program: each file in place has content that it has sent digests of.
#[test]
fn hostile_servers_cannot_deceive_a_client() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let sessions = scale().map_or(60, |thousands| thousands * 200);
    let (mut files, mut codes, mut longest) = (0, [0; 8], Duration::ZERO);
    let mut vouched = HashSet::new();
    for seed in 0..sessions {
        let listener = listener.try_clone().expect("it can");
        let forging = thread::spawn(move || lie_to_one(&listener, seed));
        let begin = Instant::now();
        let asked = ["get", NAMES[seed as usize % NAMES.len()], "--into", "back"];
        let ended = harness::client(&endpoint, &place.here(""), &asked);
        longest = longest.max(begin.elapsed());
        let code = ended.code.filter(|code| (0..8).contains(code));
        codes[code.unwrap_or_else(|| panic!("{seed}: {}", ended.stderr)) as usize] += 1;
        assert!(!ended.stderr.contains('\x1b'), "{seed}: {}", ended.stderr);
        vouched.extend(forging.join().expect("it only talks"));
        // Some find the files of others.
        if place.here("back").exists() && seed % 4 == 3 {
            files += assert_vouched(&place.here("back"), &[], &vouched);
            fs::remove_dir_all(place.here("back")).expect("it is there");
        }
    }
    let (took, done) = (longest.as_millis(), codes[0]);
    println!(
        "{sessions} lying servers, {done} of them read to the end; the longest took {took} ms"
    );
    println!("{files} files came in, all vouched for");
    assert!(longest < PATIENCE && done > 0 && done < sessions && files > 0);
    assert!(fs::read_dir(place.here("")).expect("it is there").count() <= 1);
}

/// Sends lies to the next client. Returns the sizes and digests that it has sent.
fn lie_to_one(listener: &TcpListener, seed: u64) -> HashSet<(u64, u64)> {
    let (mut client, _) = listener.accept().expect("a client");
    let mut hello = [0; 36];
    client.read_exact(&mut hello).expect("a hello");
    let session = hello[16..20].try_into().expect("four bytes");
    let forger = Forger::server(seed, u32::from_le_bytes(session));
    // It may well have hung up before.
    let _ = client.write_all(&forger.said).and_then(|()| client.shutdown(Shutdown::Write));
    let mut buffer = [0; 4096];
    while let Ok(1..) = client.read(&mut buffer) {}
    forger.vouched
}
