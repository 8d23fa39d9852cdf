//! A device with an async store: an erase of 40 s, during which another task runs and the client waits; a driver that is
//! dropped at any time.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};

use embedded_io::ErrorKind;
use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use tinyferry_core::device::{Control, Device, Event};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Memory, Operates, content};
use tinyferry_stores::async_slots::AsyncSlots;

use super::executor::{End, World};
use super::peer::{Peer, Told};

const ERASE: u32 = 40_000;

/// A flash whose erase takes 40 s.
struct Flash<'a> {
    world: &'a World<Operates>,
    bytes: Vec<u8>,
    erases: &'a Cell<u32>,
}

#[derive(Debug)]
struct Fault;

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::OutOfBounds
    }
}

impl ErrorType for Flash<'_> {
    type Error = Fault;
}

impl ReadNorFlash for Flash<'_> {
    const READ_SIZE: usize = 4;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        assert!(offset.is_multiple_of(4) && bytes.len().is_multiple_of(4));
        let from = self.bytes.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(Fault)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl NorFlash for Flash<'_> {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 4096;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        assert!(from.is_multiple_of(4096) && to.is_multiple_of(4096));
        self.world.until(self.world.now.get() + ERASE).await;
        self.erases.set(self.erases.get() + 1);
        self.bytes.get_mut(from as usize..to as usize).ok_or(Fault)?.fill(0xFF);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        assert!(offset.is_multiple_of(8) && bytes.len().is_multiple_of(8));
        let to = self.bytes.get_mut(offset as usize..).and_then(|rest| rest.get_mut(..bytes.len()));
        for (to, from) in to.ok_or(Fault)?.iter_mut().zip(bytes) {
            assert_eq!(*to, 0xFF, "it is written twice");
            *to &= from;
        }
        Ok(())
    }
}

#[test]
fn another_task_runs_and_the_client_waits_while_flash_is_erased_for_40_seconds() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut here = Memory::with([("image", content(50_001, 3))]);
        here.queue_file("image");
        let world = World::new(Peer::new(config, here, [Task::Put, Task::get_file("image")]));
        let (ticks, erases) = (Cell::new(0), Cell::new(0));
        let told = RefCell::new(Vec::new());
        let serving = pin!(async {
            let flash = Flash { world: &world, bytes: vec![0; 1 << 18], erases: &erases };
            let mut store: AsyncSlots<Flash<'_>> = AsyncSlots::new(flash);
            let mut device: Device<Operates> = Device::new(config);
            let (mut reader, mut writer, mut clock) = (End(&world), End(&world), End(&world));
            let on_event = |control: &mut Control<'_, Operates>, event: Event<'_, ErrorKind>| {
                told.borrow_mut().push(Told::of(control, event));
            };
            let ends = (&mut reader, &mut writer);
            let _ = device.serve_async(ends.0, ends.1, &mut clock, &mut store, on_event).await;
        });
        let ticking = pin!(async {
            loop {
                world.until(world.now.get() + 100).await;
                ticks.set(ticks.get() + 1);
            }
        });
        let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 2] = [serving, ticking];
        assert!(world.run(&mut tasks, 1_000_000), "it takes too long");
        let peer = world.peer.borrow();
        assert!(peer.results.iter().all(|(result, _)| result.is_ok()), "{:?}", peer.results);
        assert_eq!(peer.store.bytes("image"), Some(&content(50_001, 3)[..]));
        // The sectors of the image and that of the records, one by one.
        assert_eq!(erases.get(), 14);
        assert!(ticks.get() >= 14 * ERASE / 100, "{} ticks", ticks.get());
        // One keepalive every two seconds.
        let keepalives =
            peer.output.borrow().arrived().iter().filter(|(code, _)| code == "PON").count();
        assert!(keepalives >= 14 * 19, "{keepalives} keepalives");
        let is_stored = |event: &Told| matches!(event, Told::Stored(path, ..) if path == "image");
        assert_eq!(told.borrow().iter().filter(|event| is_stored(event)).count(), 1);
    }
}

/// The events of a device whose driver is dropped after this number of polls, again and again.
fn told_by_a_driver_that_is_dropped(config: Config, polls: usize) -> Vec<Told> {
    let mut here = Memory::with([("t/a", content(3_000, 1)), ("t/b", content(700, 2))]);
    here.queue_tree("t");
    let world = World::new(Peer::new(config, here, [Task::Put, Task::get_file("t/a")]));
    world.hesitates.set(true);
    let told = RefCell::new(Vec::new());
    let mut device: Device<Operates> = Device::new(config);
    let mut store = Memory::default();
    for _ in 0..100_000 {
        let serving = pin!(async {
            let (mut reader, mut writer, mut clock) = (End(&world), End(&world), End(&world));
            let on_event = |control: &mut Control<'_, Operates>, event: Event<'_, ErrorKind>| {
                told.borrow_mut().push(Told::of(control, event));
            };
            let ends = (&mut reader, &mut writer);
            let _ = device.serve_async(ends.0, ends.1, &mut clock, &mut store, on_event).await;
        });
        let mut tasks: [Pin<&mut dyn Future<Output = ()>>; 1] = [serving];
        if world.run(&mut tasks, polls) {
            let results = &world.peer.borrow().results;
            assert!(results.iter().all(|(result, _)| result.is_ok()), "{polls}: {results:?}");
            return told.take();
        }
    }
    panic!("{polls} polls: it never ends");
}

#[test]
fn a_driver_that_is_dropped_at_any_poll_loses_no_event_and_repeats_none() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let expected = told_by_a_driver_that_is_dropped(config, usize::MAX);
        assert!(expected.len() > 9);
        // A flush and a read are pending once each.
        for polls in 4..40 {
            let told = told_by_a_driver_that_is_dropped(config, polls);
            assert_eq!(told, expected, "{polls} polls, lossy: {}", config.lossy);
        }
    }
}
