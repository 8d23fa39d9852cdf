//! Lines that deliver in steps: a radio, a network, a hub gathers bytes, and they arrive in bursts.

use tinyferry_core::{Config, Task};
use tinyferry_kit::{Faults, Memory, Pair, content};

const MILLISECOND: u64 = 1_000_000;
const SIZE: usize = 120_000;

/// How long a put takes, in ms, over lines of 115,200 baud that deliver in such steps.
fn put(step: u64, chunk: u16, faults: Faults, seed: u64) -> u64 {
    let client = Memory::with([("f", content(SIZE, seed))]);
    let config = Config::LOSSY.chunk(chunk);
    let mut pair = Pair::new(config, client, Memory::default()).serial(115_200, seed);
    for line in [&mut pair.up, &mut pair.down] {
        (line.step, line.faults) = (step * MILLISECOND, faults);
    }
    pair.client.store.queue_file("f");
    pair.run(Task::Put).expect("it ends").expect("it succeeds");
    assert!(pair.server.store.bytes("f") == pair.client.store.bytes("f"));
    pair.now / MILLISECOND
}

/// R71.
#[test]
fn burst_delivery_costs_a_tenth_at_most() {
    for chunk in [256, 1024] {
        let plain = put(0, chunk, Faults::default(), 1);
        for step in [5, 15, 19, 20, 21, 25, 30, 40, 50, 80, 100] {
            let took = put(step, chunk, Faults::default(), 1);
            assert!(took * 10 <= plain * 11, "{step} ms, {chunk} bytes: {took} ms, not {plain}");
        }
    }
}

#[test]
fn with_losses_burst_delivery_costs_little_more() {
    let faults = Faults { drop: 2e-5, flip: 2e-6, ..Faults::default() };
    for chunk in [256, 1024] {
        let mean = |step| (1..9).map(|seed| put(step, chunk, faults, seed)).sum::<u64>() / 8;
        let plain = mean(0);
        for step in [25, 50] {
            let took = mean(step);
            assert!(took * 100 <= plain * 125, "{step} ms, {chunk} bytes: {took} ms, not {plain}");
        }
    }
}

/// R71. As behind a bridge that sends a packet only when the one before is acknowledged, or over BLE.
#[test]
fn a_link_that_is_set_to_its_pauses_sends_nothing_again() {
    let content = content(20_000, 1);
    let run = |silence| {
        let config = Config::LOSSY.silence(silence);
        let client = Memory::with([("f", content.clone())]);
        let mut pair = Pair::new(config, client, Memory::default()).serial(921_600, 1);
        for line in [&mut pair.up, &mut pair.down] {
            // Each write is a frame.
            line.room = 1 << 20;
            line.pauses = (60_000_000, 90_000_000);
        }
        pair.client.store.queue_file("f");
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok(), "{silence}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files);
        println!("silence {silence} ms: {} bytes, {:.2} s", pair.up.carried, pair.now as f64 / 1e9);
        (pair.up.carried, pair.now)
    };
    let ((set, set_time), (learned, learned_time)) = (run(100), run(20));
    // No question is repeated. A session that has to learn the pauses loses its first frames.
    assert!(set < learned && 2 * set_time < learned_time);
}
