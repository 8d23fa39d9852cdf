//! The link is cut after every byte, and a new session goes on where the old one was.

use std::ops::Range;

use tinyferry_core::{Config, Task};
use tinyferry_kit::{File, Memory, Pair, content, seeds};

/// Cuts a put after `cut` bytes of one direction, then puts again over a new link: the bytes that
/// the second session took, and how many it must have taken.
fn cut_and_resume(config: Config, size: usize, up: bool, cut: u64) -> (u64, u64) {
    let what = format!("lossy {}, cut after {cut}, up {up}", config.lossy);
    let bytes = content(size, 7);
    let mut client = Memory::with([("f", bytes.clone())]);
    client.queue_file("f");
    let old = File::new(b"old".to_vec());
    let mut server = Memory::default();
    server.files.insert("f".into(), old.clone());
    let mut pair = Pair::new(config, client, server);
    if config.lossy {
        pair = pair.serial(921_600, 3);
    }
    // Both directions are cut: nobody receives anything any more.
    if up {
        pair.up.cut = Some(cut)
    } else {
        pair.down.cut = Some(cut)
    }
    let outcome = pair.run(Task::Put).unwrap_or_else(|stuck| panic!("{what}: {stuck:?}"));
    let in_place = pair.server.store.files.get("f").expect("a file is always there").clone();
    assert!(in_place == old || in_place.bytes == bytes, "{what}: a third content");
    assert!(outcome.is_err() || in_place.bytes == bytes, "{what}: it says so too early");

    let mut server = pair.server.store.clone();
    server.reboot();
    server.holes = if config.lossy { 97 * 256 } else { 0 };
    let prefix = match server.partials.get("f") {
        Some(partial) => (partial.len() as u64).saturating_sub(server.holes) / 1024 * 1024,
        None if in_place.bytes == bytes => size as u64,
        None => 0,
    };
    let mut client = Memory::with([("f", bytes.clone())]);
    client.queue_file("f");
    let mut pair = Pair::new(config, client, server).numbered(0x1234, config);
    if config.lossy {
        pair = pair.serial(921_600, 4);
    }
    let outcome = pair.run(Task::Put).unwrap_or_else(|stuck| panic!("{what}: {stuck:?}"));
    assert!(outcome.is_ok(), "{what}: {outcome:?}");
    assert_eq!(pair.server.store.bytes("f"), Some(&*bytes), "{what}");
    (pair.up.carried, size as u64 - prefix)
}

/// Cuts one direction after each interval of bytes of `range`: after each byte in a campaign of 6,700 and more. At
/// most `window` bytes may be sent in vain.
fn cut_within(config: Config, size: usize, up: bool, range: Range<u64>, window: u64) {
    let step = (6_700 / seeds(40) as usize).max(1);
    let (mut worst, mut runs) = (0, 0);
    for cut in range.step_by(step) {
        let (carried, missing) = cut_and_resume(config, size, up, cut);
        // Frames' own bytes, the hello, the offer, the questions.
        let own = missing / 10 + 600;
        let again = carried.saturating_sub(missing + own);
        assert!(again <= window, "cut after {cut}: {carried} bytes for {missing}");
        worst = worst.max(again);
        runs += 1;
    }
    println!("{runs} cuts, at most {worst} bytes sent in vain");
}

#[test]
fn a_put_resumes_after_a_cut_at_every_byte_of_a_reliable_link() {
    // A credit is in flight before the answer to the offer can come.
    let config = Config::RELIABLE.credit(3);
    cut_within(config, 9_000, true, 0..9_800, 3 * 1036);
    cut_within(config, 9_000, false, 0..600, 3 * 1036);
}

// Two tests, which run at the same time.
const LOSSY: Config = Config::LOSSY.timeout(2_000);
const SIZE: usize = 40_000;

#[test]
fn a_put_resumes_after_a_cut_at_every_byte_of_its_first_half_on_a_lossy_link() {
    cut_within(LOSSY, SIZE, true, 0..20_100, 0);
    cut_within(LOSSY, SIZE, false, 0..600, 0);
}

#[test]
fn a_put_resumes_after_a_cut_at_every_byte_of_its_second_half_on_a_lossy_link() {
    cut_within(LOSSY, SIZE, true, 20_100..40_800, 0);
}
