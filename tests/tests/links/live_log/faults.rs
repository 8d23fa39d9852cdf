//! A followed log under every kind of fault.

use tinyferry_kit::{Random, content, seeds};

use super::*;

/// Parts of many sizes, among them whole blocks and chunks, with short and long pauses.
fn random_log(seed: u64, parts: usize) -> Log {
    let mut random = Random::new(seed);
    Log::of_parts((0..parts).map(|_| {
        let size = match random.below(4) {
            0 => 1 + random.below(60),
            1 => 256 * (1 + random.below(8)),
            2 => 1024 * (1 + random.below(3)) + random.below(3) - 1,
            _ => 1 + random.below(5_000),
        };
        let polls = [0, 1, 3, 30, 300][random.below(5)];
        (polls, content(size, random.next()))
    }))
}

/// R9, R10, R53, R54, R99.
#[test]
fn every_fault_at_once_loses_and_doubles_no_byte() {
    let faults = Faults { flip: 2e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    for seed in 0..seeds(24) {
        let config =
            Config::LOSSY.half_duplex(seed % 2 == 1).chunk([256, 512, 1024][seed as usize % 3]);
        let log = random_log(seed, 60);
        let whole = log.whole();
        let mut pair = pair(config, log, Screen::default(), 1).serial(921_600, seed);
        pair = pair.delayed([0, 50][seed as usize / 2 % 2]);
        (pair.up.faults, pair.down.faults) = (faults, faults);
        let outcome = pair.run(follow()).expect("it ends");
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
        assert!(pair.client.store.is_whole && pair.client.store.content == whole, "seed {seed}");
        assert!(pair.server.store.back <= 97 * 1024, "seed {seed}");
    }
}

fn short_log() -> Log {
    let sizes = [20, 256, 236, 1024, 1, 1_300, 30, 7, 512, 90];
    Log::of_parts(
        sizes.into_iter().enumerate().map(|(number, size)| {
            (if number % 3 == 0 { 3 } else { 1 }, content(size, number as u64))
        }),
    )
}

/// R26, R73, R99.
#[test]
fn each_frame_may_be_lost_or_come_twice() {
    for half_duplex in [false, true] {
        let config = Config::LOSSY.half_duplex(half_duplex).chunk(512);
        let whole = short_log().whole();
        let mut clean = pair(config, short_log(), Screen::default(), 1).delayed(1);
        clean.run(follow()).expect("it ends").expect("it succeeds");
        let frames = clean.down.frames.max(clean.up.frames);
        assert!(frames > 20, "{frames} frames");
        for frame in 0..frames {
            for fault in 0..4 {
                let mut pair = pair(config, short_log(), Screen::default(), 1).delayed(1);
                match fault {
                    0 => pair.down.lose.push(frame),
                    1 => pair.up.lose.push(frame),
                    2 => pair.down.twice.push(frame),
                    _ => pair.up.twice.push(frame),
                }
                let outcome = pair.run(follow()).expect("it ends");
                assert!(outcome.is_ok(), "frame {frame}, fault {fault}: {outcome:?}");
                let screen = &pair.client.store;
                assert!(screen.is_whole && screen.content == whole, "frame {frame}, {fault}");
            }
        }
    }
}

/// R77: after a cut a new session goes on; the log has grown meanwhile.
#[test]
fn a_cut_at_each_frame_loses_and_doubles_no_byte() {
    for config in configs() {
        let whole = short_log().whole();
        let mut clean = pair(config, short_log(), Screen::default(), 1);
        clean.down.record = Some(Vec::new());
        clean.run(follow()).expect("it ends").expect("it succeeds");
        let carried = clean.down.carried;
        for cut in (0..carried).step_by(131) {
            let mut first = pair(config, short_log(), Screen::default(), 1);
            first.down.cut = Some(cut);
            let outcome = first.run(follow());
            assert!(!matches!(outcome, Ok(Ok(_))), "{cut}: {outcome:?}");
            let mut log = first.server.store;
            log.content.extend(log.later.pop_front().map(|(_, part)| part).unwrap_or_default());
            let mut second = pair(config, log, first.client.store, 2);
            second.run(follow()).expect("it ends").expect("it succeeds");
            let screen = &second.client.store;
            assert!(screen.is_whole && screen.content == whole, "cut at {cut}");
        }
    }
}
