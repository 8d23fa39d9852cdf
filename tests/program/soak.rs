//! All attacks at once for a long time, with honest clients beside them: memory, descriptors and threads
//! stay flat, and nobody honest fails. `TINYFERRY_SOAK`: for so many seconds.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::forger::Forger;
use crate::harness::{content, kibibytes};
use crate::limits::flood;
use crate::target::Target;

/// For so long in the gate.
const SHORT: u64 = 20;

/// What is to be seen of a server at one moment.
#[derive(Debug, Clone, Copy)]
struct Sample {
    memory: u64,
    descriptors: usize,
    threads: usize,
}

impl Sample {
    fn of(process: u32) -> Self {
        let count =
            |what| fs::read_dir(format!("/proc/{process}/{what}")).map_or(0, Iterator::count);
        let (descriptors, threads) = (count("fd"), count("task"));
        Self { memory: kibibytes(process, "VmRSS"), descriptors, threads }
    }
}

#[test]
fn soak_under_all_attacks_at_once() {
    let seconds = std::env::var("TINYFERRY_SOAK").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(SHORT));
    println!(
        "| server | attacks | honest tasks | slowest | memory: early, late, idle | descriptors | threads |"
    );
    println!("|---|---|---|---|---|---|---|");
    let targets = [("without keys", Target::open()), ("with keys", Target::locked())];
    thread::scope(|scope| {
        for (name, target) in &targets {
            scope.spawn(move || soak(name, target, time));
        }
    });
}

fn soak(name: &str, target: &Target, time: Duration) {
    for number in 0..500 {
        symlink("nowhere", target.place.served(&format!("link {number}"))).expect("a link");
    }
    let said = target.recorded();
    let (over, attacks) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = Sample::of(target.process());
    let all: [Box<dyn FnMut(u64) + Send + '_>; 7] = [
        Box::new(|number| {
            let cut = number as usize * 7 % said.len();
            target.say(&[&said[..cut], &content(3000, number)].concat());
        }),
        Box::new(|number| {
            let mut bytes = said.clone();
            bytes[number as usize * 13 % said.len()] ^= 0x81;
            target.say_outside(&bytes);
        }),
        Box::new(|number| {
            target.say(&Forger::client(number).said);
        }),
        // A handshake that was heard before.
        Box::new(|_| {
            target.say_outside(&said[..64.min(said.len())]);
        }),
        Box::new(|number| {
            let mut stream = target.connect();
            let _ = stream.write_all(&said[..number as usize % 36]);
            thread::sleep(Duration::from_millis(300));
        }),
        Box::new(|number| {
            let silent: Vec<TcpStream> = (0..80)
                .map(|_| {
                    let mut stream = target.connect();
                    let _ = stream.write_all(&[b"S\xFATP"[number as usize % 4]]);
                    stream
                })
                .collect();
            thread::sleep(Duration::from_secs(1));
            drop(silent);
        }),
        Box::new(|_| {
            let stream = target.connect();
            flood(&stream, &said[..36], Duration::from_millis(500));
            stream.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
            let _ = (&stream).read(&mut [0; 1000]);
        }),
    ];
    let (early, late, honest) = thread::scope(|scope| {
        let (over, attacks) = (&over, &attacks);
        let attackers: Vec<_> =
            all.into_iter().map(|one| scope.spawn(move || repeat(one, over, attacks))).collect();
        let (working, listing) =
            (scope.spawn(|| target.work(over)), scope.spawn(|| list(target, over)));
        let samples = watch(target.process(), time);
        over.store(true, Ordering::SeqCst);
        attackers.into_iter().for_each(|attacker| attacker.join().expect("it only attacks"));
        let ((works, slowest), lists) =
            (working.join().expect("nobody fails"), listing.join().expect("nobody fails"));
        (samples.0, samples.1, (works * 3 + lists, slowest))
    });
    // Who was silent is disconnected after two seconds.
    thread::sleep(Duration::from_secs(4));
    let idle = Sample::of(target.process());
    let (tasks, slowest) = honest;
    println!(
        "| {name} | {} | {tasks} | {} ms | {}, {}, {} KiB | {}, {}, {} | {}, {}, {} |",
        attacks.into_inner(),
        slowest.as_millis(),
        early.memory,
        late.memory,
        idle.memory,
        before.descriptors,
        late.descriptors,
        idle.descriptors,
        before.threads,
        late.threads,
        idle.threads,
    );
    assert!(late.memory <= early.memory + 4096, "memory grew: {early:?}, {late:?}");
    assert!(idle.descriptors <= before.descriptors + 2, "{before:?}, {idle:?}");
    assert!(idle.threads <= before.threads + 2, "{before:?}, {idle:?}");
    assert!(
        slowest < Duration::from_secs(20),
        "an honest client waited {} ms",
        slowest.as_millis()
    );
}

/// Attacks until it is over.
fn repeat(mut one: impl FnMut(u64), over: &AtomicBool, attacks: &AtomicU64) {
    let mut number = 0;
    while !over.load(Ordering::SeqCst) {
        one(number);
        number += 1;
        attacks.fetch_add(1, Ordering::SeqCst);
        // Two processors carry all of it, and the honest ones as well.
        thread::sleep(Duration::from_millis(5));
    }
}

/// Looks at the server all the time; the most of the first third, and of the last.
fn watch(process: u32, time: Duration) -> (Sample, Sample) {
    let begin = Instant::now();
    let none = Sample { memory: 0, descriptors: 0, threads: 0 };
    let (mut early, mut late) = (none, none);
    while begin.elapsed() < time {
        thread::sleep(Duration::from_millis(200));
        let sample = Sample::of(process);
        let most = if begin.elapsed() < time / 3 {
            &mut early
        } else if begin.elapsed() > time * 2 / 3 {
            &mut late
        } else {
            continue;
        };
        most.memory = most.memory.max(sample.memory);
        most.descriptors = most.descriptors.max(sample.descriptors);
        most.threads = most.threads.max(sample.threads);
    }
    (early, late)
}

/// Lists what is served, links and all; how often.
fn list(target: &Target, over: &AtomicBool) -> usize {
    let mut lists = 0;
    while !over.load(Ordering::SeqCst) {
        let ended = target.client(&["ls", "-R"]);
        assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
        lists += 1;
        thread::sleep(Duration::from_millis(200));
    }
    lists
}
