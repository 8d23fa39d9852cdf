//! Attacks on a server, each again and again: for runs of all of them at once.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, SystemTime};

use tinyferry::core::Config;
use tinyferry::core::wire::{Signal, UNKNOWN};
use tinyferry_kit::Frames;

use crate::attack_target::Target;
use crate::disconnect;
use crate::forged_peer::Forger;
use crate::harness::content;
use crate::limits::flood;

const SESSION: u32 = 0x1234_5678;
/// How long an attacker stays that says no more.
const STAY: Duration = Duration::from_millis(300);

/// An attack, for the time of this number.
pub(crate) type Attack<'a> = Box<dyn FnMut(u64) + Send + 'a>;

/// Makes the files that the attacks need in the served directory.
pub(crate) fn prepare(target: &Target) {
    for number in 0..500 {
        symlink("nowhere", target.place.served(&format!("link {number}"))).expect("a link");
    }
    fs::create_dir_all(target.place.served("many")).expect("a directory");
    for number in 0..3000 {
        File::create(target.place.served(&format!("many/{number:0100}"))).expect("a file");
    }
    let deep = format!("deep/{}", "d/".repeat(40));
    fs::create_dir_all(target.place.served(&deep)).expect("directories");
    fs::create_dir(target.place.served("there")).expect("a directory");
    let file = File::create(target.place.served("there/sparse")).expect("a file");
    file.set_len(disconnect::SIZE).expect("a sparse file");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_nanos(disconnect::MODIFIED as u64))
        .expect("a time");
}

fn frames() -> Frames {
    Frames::client(SESSION, Config::RELIABLE.credit(64))
}

/// A request for the names in a tree whose answer is not read.
fn list(path: &str) -> Vec<u8> {
    let mut frames = frames();
    frames.described(Signal::request(1, true, true), path.as_bytes());
    frames.take()
}

/// A tree with one directory again and again.
fn same_directory() -> Vec<u8> {
    let mut frames = frames();
    frames.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"again");
    for number in 2..2000 {
        frames.described(Signal::offer(number, 0, 0, 7), b"d/");
    }
    frames.take()
}

/// The beginning of a file.
fn partial(number: u64) -> Vec<u8> {
    let mut frames = frames();
    let path = format!("partial {}", number % 200);
    frames.described(Signal::offer(1, 100_000, 100_000, 7), path.as_bytes());
    for (index, chunk) in content(20 << 10, number).chunks(1024).enumerate() {
        frames.chunk(1, index as u64 * 1024, chunk);
    }
    frames.take()
}

/// Frames of a put that brings nothing any more.
fn stalled_put() -> Vec<u8> {
    let mut frames = frames();
    frames.described(Signal::offer(1, 5000, 5000, 7), b"stalled");
    for _ in 0..300 {
        frames.signal(Signal::ask(1, 0, 1));
    }
    frames.take()
}

/// All attacks; `said` has the bytes of a client that puts a file.
pub(crate) fn all<'a>(target: &'a Target, said: &'a [u8]) -> Vec<Attack<'a>> {
    let mut all = outside(target, said);
    let silent: [fn(u64) -> Vec<u8>; 7] = [
        |_| list("many"),
        |_| list("deep"),
        |_| same_directory(),
        |_| stalled_put(),
        |_| disconnect::offer(false, false),
        |_| disconnect::offer(true, true),
        partial,
    ];
    for bytes in silent {
        all.push(Box::new(move |number| target.stay(&bytes(number), STAY)));
    }
    // With a handshake: the bytes of a client cut, changed, invented, or repeated too often.
    let inside = Frames::client(SESSION, Config::RELIABLE).bytes;
    let hellos = inside.repeat(20_000);
    all.push(Box::new(move |_| {
        target.say(&hellos);
    }));
    let mut signals = frames();
    (0..20_000).for_each(|_| signals.signal(Signal::ask(1, 0, 0)));
    let signals = signals.take();
    all.push(Box::new(move |_| {
        target.say(&signals);
    }));
    all.push(Box::new(|number| {
        target.say(&Forger::client(number).said);
    }));
    all.push(Box::new(|number| {
        let whole = partial(number);
        let cut = number as usize * 7 % whole.len();
        target.say(&[&whole[..cut], &content(3000, number)].concat());
    }));
    all
}

/// Attacks without a key.
fn outside<'a>(target: &'a Target, said: &'a [u8]) -> Vec<Attack<'a>> {
    vec![
        Box::new(|number| {
            let cut = number as usize * 7 % said.len();
            target.say_outside(&[&said[..cut], &content(3000, number)].concat());
        }),
        Box::new(|number| {
            let mut bytes = said.to_vec();
            bytes[number as usize * 13 % said.len()] ^= 0x81;
            target.say_outside(&bytes);
        }),
        // A handshake that was recorded before.
        Box::new(|_| {
            target.say_outside(&said[..64.min(said.len())]);
        }),
        // A hello, a handshake or a record that is not complete, and one byte after the other.
        Box::new(|number| {
            let mut stream = target.connect();
            let _ = stream.write_all(&said[..number as usize % 200]);
            thread::sleep(STAY);
        }),
        Box::new(|number| {
            let mut stream = target.connect();
            for byte in &said[..10 + number as usize % 40] {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        }),
        Box::new(|number| {
            let silent: Vec<TcpStream> = (0..80)
                .map(|_| {
                    let mut stream = target.connect();
                    let _ = stream.write_all(&[b"S\xFATP"[number as usize % 4]]);
                    stream
                })
                .collect();
            thread::sleep(STAY);
            drop(silent);
        }),
        Box::new(|_| {
            let stream = target.connect();
            flood(&stream, &said[..36], STAY);
            stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
            let _ = (&stream).read(&mut [0; 1000]);
        }),
    ]
}
