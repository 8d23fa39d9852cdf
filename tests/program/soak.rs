//! All attacks at once for a long time, with honest clients beside them: memory, descriptors, threads and
//! slots stay flat, and no honest client fails. `TINYFERRY_SOAK` is the length of the run in seconds.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack_target::Target;
use crate::attacks;
use crate::harness::kibibytes;

/// The default length of the run, in seconds.
const SHORT: u64 = 4;
/// The shortest run in which a leak would exceed the strict bound of memory.
const LONG: Duration = Duration::from_secs(60);
/// The number of clients of one address that are served at once.
const PLACES: usize = 32;
/// A server lets silent clients go after two seconds, on a busy machine a little later.
const SETTLING: Duration = Duration::from_secs(20);

/// Measurements of a server at one moment.
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

    fn uses_no_more_than(&self, before: &Self) -> bool {
        self.descriptors <= before.descriptors + 2 && self.threads <= before.threads + 2
    }
}

#[test]
fn soak_all_attacks_at_once_do_no_harm() {
    let seconds = std::env::var("TINYFERRY_SOAK").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(SHORT));
    println!(
        "| server | attacks | honest tasks | slowest | memory: early, late, idle | descriptors | threads |"
    );
    println!("|---|---|---|---|---|---|---|");
    let targets = [("without keys", Target::open()), ("with keys", Target::locked())]
        .map(|(name, target)| (name, target.separate_attackers()));
    thread::scope(|scope| {
        for (name, target) in &targets {
            scope.spawn(move || soak(name, target, time));
        }
    });
}

fn soak(name: &str, target: &Target, time: Duration) {
    attacks::prepare(target);
    let said = target.recorded();
    let (over, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = Sample::of(target.process());
    let (early, late, tasks, slowest) = thread::scope(|scope| {
        let (over, made) = (&over, &made);
        let attackers: Vec<_> = attacks::all(target, &said)
            .into_iter()
            .map(|attack| scope.spawn(move || repeat(attack, over, made)))
            .collect();
        let (working, listing) =
            (scope.spawn(|| target.work(over)), scope.spawn(|| list(target, over)));
        let (early, late) = watch(target.process(), time);
        over.store(true, Ordering::SeqCst);
        let ((works, slowest), (lists, slowest_list)) =
            (working.join().expect("nobody fails"), listing.join().expect("nobody fails"));
        attackers.into_iter().for_each(|attacker| attacker.join().expect("it only attacks"));
        (early, late, works * 3 + lists, slowest.max(slowest_list))
    });
    let idle = settle(target.process(), &before);
    println!(
        "| {name} | {} | {tasks} | {} ms | {}, {}, {} KiB | {}, {}, {} | {}, {}, {} |",
        made.into_inner(),
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
    // In a short run the attacks are still at their first turns.
    let growth = if time < LONG { 32 << 10 } else { 4 << 10 };
    assert!(late.memory <= early.memory + growth, "memory grew: {early:?}, {late:?}");
    assert!(idle.uses_no_more_than(&before), "{before:?}, {idle:?}");
    assert_eq!(most_places(target), PLACES, "places are lost");
    assert!(
        slowest < Duration::from_secs(20),
        "an honest client waited {} ms",
        slowest.as_millis()
    );
}

/// Waits until nobody is connected any more.
fn settle(process: u32, before: &Sample) -> Sample {
    let end = Instant::now() + SETTLING;
    loop {
        let sample = Sample::of(process);
        if sample.uses_no_more_than(before) || Instant::now() > end {
            return sample;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The places that a client can take at once. The last attackers and the clients of an earlier count may
/// have theirs for a while.
fn most_places(target: &Target) -> usize {
    let end = Instant::now() + SETTLING;
    loop {
        let taken: Vec<_> = (0..PLACES).map_while(|_| target.take_place()).collect();
        if taken.len() == PLACES || Instant::now() > end {
            return taken.len();
        }
        drop(taken);
        thread::sleep(Duration::from_millis(500));
    }
}

/// Attacks until it is over.
fn repeat(mut attack: attacks::Attack<'_>, over: &AtomicBool, made: &AtomicU64) {
    let mut number = 0;
    while !over.load(Ordering::SeqCst) {
        attack(number);
        number += 1;
        made.fetch_add(1, Ordering::SeqCst);
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

/// Lists the served tree with its links. Returns the number of lists and the time of the slowest.
fn list(target: &Target, over: &AtomicBool) -> (usize, Duration) {
    let (mut lists, mut slowest) = (0, Duration::ZERO);
    while !over.load(Ordering::SeqCst) {
        let begin = Instant::now();
        let ended = target.client(&["ls", "-R"]);
        slowest = slowest.max(begin.elapsed());
        assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
        lists += 1;
        thread::sleep(Duration::from_millis(200));
    }
    (lists, slowest)
}
