//! Puts over lines of all kinds.

use tinyferry_core::{Config, Task};
use tinyferry_kit::{content, seeds};
use tinyferry_tiny::{Link, Lossy, Receiver, Reliable};

use crate::image::Image;
use crate::world::{NOISES, World, client};

/// Puts an image to a receiver with this buffer; returns the store.
fn put<L: Link, const R: bool, const O: bool>(
    world: &mut World,
    config: Config,
    buffer: &mut [u8],
    image: &[u8],
) -> Image<R, O> {
    let mut receiver: Receiver<'_, L> = Receiver::new(buffer, 8);
    let mut store = Image::default();
    let (mut session, mut files) = client(7, config, image);
    let ends = (&mut session, &mut files);
    let outcome = world.run(ends, Task::Put, &mut receiver, &mut store).expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (1, 0));
    assert!(store.bytes == image, "the image differs");
    assert_eq!(store.commits, 1);
    store
}

#[test]
fn an_image_of_any_size_comes_with_chunks_of_any_size() {
    for size in [0, 1, 255, 256, 257, 1024, 5000, 100_000] {
        let image = content(size, 1);
        for (buffer, block) in [(268, 0), (524, 1), (1036, 0), (1036, 2), (700, 0), (5000, 0)] {
            let mut buffer = vec![0; buffer];
            let config = Config::LOSSY.block(block);
            put::<Lossy, false, false>(&mut World::new(), config, &mut buffer, &image);
            put::<Lossy, true, true>(&mut World::new(), config, &mut buffer, &image);
            let config = Config::RELIABLE.block(block);
            put::<Reliable, false, false>(&mut World::new(), config, &mut buffer, &image);
            put::<Reliable, true, true>(&mut World::new(), config, &mut buffer, &image);
            // The client takes the line for reliable, and is told otherwise.
            put::<Lossy, false, false>(&mut World::new(), config, &mut buffer, &image);
        }
    }
}

#[test]
fn reads_of_any_length_give_the_same_image() {
    let image = content(3000, 1);
    for read in [1, 2, 3, 7, 35, 36, 37, 100] {
        let mut world = World::new();
        world.read = read;
        put::<Lossy, true, true>(&mut world, Config::LOSSY, &mut [0; 268], &image);
        let mut world = World::new();
        world.read = read;
        put::<Reliable, false, false>(&mut world, Config::RELIABLE, &mut [0; 268], &image);
    }
}

#[test]
fn an_image_survives_a_line_that_flips_loses_inserts_and_doubles() {
    for seed in 0..seeds(8) {
        let image = content(12_000 + seed as usize * 37, seed);
        for faults in NOISES {
            let mut world = World::serial(seed);
            (world.up.faults, world.down.faults) = (faults, faults);
            put::<Lossy, false, false>(&mut world, Config::LOSSY, &mut [0; 268], &image);
            let mut world = World::serial(seed);
            (world.up.faults, world.down.faults) = (faults, faults);
            put::<Lossy, true, true>(&mut world, Config::LOSSY, &mut [0; 1036], &image);
        }
    }
}

#[test]
fn each_frame_may_be_lost_or_doubled_once() {
    let image = content(4000, 3);
    for frame in 0..24 {
        for change in 0..4 {
            let mut world = World::serial(1);
            let line = if change < 2 { &mut world.up } else { &mut world.down };
            line.room = 2000;
            let list = if change % 2 == 0 { &mut line.lose } else { &mut line.twice };
            list.push(frame);
            put::<Lossy, false, false>(&mut world, Config::LOSSY, &mut [0; 1036], &image);
            let mut world = World::serial(1);
            let line = if change < 2 { &mut world.up } else { &mut world.down };
            line.room = 2000;
            let list = if change % 2 == 0 { &mut line.lose } else { &mut line.twice };
            list.push(frame);
            put::<Lossy, true, true>(&mut world, Config::LOSSY, &mut [0; 268], &image);
        }
    }
}

#[test]
fn out_of_order_only_the_lost_block_is_sent_again() {
    let image = content(20_000, 3);
    let carried = |store: fn(&mut World, &[u8])| {
        let mut world = World::serial(1);
        world.up.room = 2000;
        world.up.lose.push(4);
        store(&mut world, &image);
        world.up.carried
    };
    let in_order = carried(|world, image| {
        put::<Lossy, false, false>(world, Config::LOSSY, &mut [0; 1036], image);
    });
    let mapped = carried(|world, image| {
        put::<Lossy, false, true>(world, Config::LOSSY, &mut [0; 1036], image);
    });
    assert!(mapped + 2000 < in_order, "{mapped} {in_order}");
}
