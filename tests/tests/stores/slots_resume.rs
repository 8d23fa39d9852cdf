//! The bytes that are sent again after a line was cut in the middle of an image.

use tinyferry_core::{Config, Task};
use tinyferry_kit::{Faults, Flash, Memory, Pair, content};
use tinyferry_stores::slots::Slots;

use super::polled::{OneImage, Polled};

/// The image, in bytes.
const SIZE: usize = 60_000;
/// The receiver has room for four frames, as the micro:bit.
const CONFIG: Config = Config::LOSSY.credit(4);
/// A chunk, its header, and signals of both puts: the cost of a cut besides a sector.
const FRAMES: u64 = 4 * (1036 + 36) + 500;

fn client(bytes: &[u8]) -> Memory {
    let mut client = Memory::with([("app.bin", bytes.to_vec())]);
    client.queue_file("app.bin");
    client
}

/// The bytes that a second put sends after the line was cut behind `cut` bytes of the first one, and the sum of both.
fn sent_after_a_cut<T: OneImage<W, S>, const W: usize, const S: usize>(
    store: fn(Flash<W, S>) -> T,
    faults: Faults,
    cut: u64,
) -> u64 {
    let bytes = content(SIZE, cut);
    let flash: Flash<W, S> = Flash::new(256 << 10);
    let seed = cut.wrapping_add(7);
    let line = |store, session| {
        let mut pair = Pair::new(CONFIG, client(&bytes), store)
            .numbered(session, CONFIG)
            .serial(115_200, seed);
        (pair.up.faults, pair.down.faults) = (faults, faults);
        pair
    };
    let mut first = line(store(flash), 1);
    first.up.cut = Some(cut);
    assert!(first.run(Task::Put).expect("it ends").is_err(), "cut behind {cut}");
    let mut second = line(store(first.server.store.into_flash()), 2);
    let outcome = second.run(Task::Put).expect("it ends").expect("it succeeds");
    assert_eq!(outcome.refused, 0);
    let image = second.server.store.current().expect("an image");
    let flash = second.server.store.into_flash();
    assert!(flash.bytes[image.offset as usize..][..SIZE] == bytes, "cut behind {cut}");
    second.up.carried
}

/// The bytes sent after cuts behind each tenth of the image.
fn campaign<T: OneImage<W, S>, const W: usize, const S: usize>(
    name: &str,
    store: fn(Flash<W, S>) -> T,
    faults: Faults,
) -> Vec<u64> {
    let sent: Vec<u64> =
        (1..=9).map(|tenth| sent_after_a_cut(store, faults, tenth * SIZE as u64 / 10)).collect();
    let (all, flips) = (sent.iter().sum::<u64>(), faults.flip);
    println!("{name}, {flips} flips in a bit: {all} bytes after nine cuts");
    sent
}

fn out_of_order<const W: usize, const S: usize>(flash: Flash<W, S>) -> Slots<Flash<W, S>> {
    Slots::new(flash).out_of_order()
}

#[test]
fn an_image_resumes_at_the_sector() {
    let quiet = Faults::default();
    let small = campaign("1 KiB sectors", Slots::<Flash<4, 1024>>::new, quiet);
    let large = campaign("4 KiB sectors", Slots::<Flash<4, 4096>>::new, quiet);
    let asynchronous = campaign("4 KiB sectors, async", Polled::<4, 4096>::over, quiet);
    for (all, sector) in [(small, 1024), (large, 4096), (asynchronous, 4096)] {
        for (sent, tenth) in all.into_iter().zip(1..) {
            let missing = SIZE as u64 / 10 * (10 - tenth);
            let limit = (missing + 256 + sector + FRAMES) * 105 / 100;
            assert!(sent < limit, "{sent} bytes after {tenth} tenths, {missing} were missing");
        }
    }
}

#[test]
fn a_noisy_line_sends_less_after_a_cut_in_order() {
    let noise = Faults { flip: 1e-5, ..Faults::default() };
    let in_order: u64 = campaign("in order", Slots::<Flash<4, 1024>>::new, noise).iter().sum();
    let out_of_order: u64 = campaign("out of order", out_of_order::<4, 1024>, noise).iter().sum();
    assert!(in_order < out_of_order, "{in_order} and {out_of_order} bytes");
}
