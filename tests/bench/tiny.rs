//! Goodput of `tinyferry-tiny` beside the core on lossy lines, simulated byte by byte in virtual time.
//!
//! `cargo run --release -p tinyferry-tests --example tiny -- [SEEDS]`

use tinyferry_core::{Config, Session, Task};
use tinyferry_kit::{Faults, Memory, Pair, content, session_number};
use tinyferry_tiny::{Lossy, Reason, Receiver, Sender, Server, Source, Store};

#[path = "../../core/tiny/tests/simulator/world.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod world;

use world::{World, client};

const SIZE: usize = 1 << 20;
const BAUD: u64 = 115_200;

/// One file in memory.
#[derive(Default)]
struct Image<const OUT_OF_ORDER: bool>(Vec<u8>);

impl<const OUT_OF_ORDER: bool> Store for Image<OUT_OF_ORDER> {
    const OUT_OF_ORDER: bool = OUT_OF_ORDER;

    fn offer(&mut self, _: &[u8], size: u32) -> Result<(), Reason> {
        self.0.resize(size as usize, 0);
        Ok(())
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        self.0[position as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        into.copy_from_slice(&self.0[position as usize..][..into.len()]);
        Ok(())
    }
}

impl Source for Image<false> {
    fn open(&mut self, _: &[u8]) -> Result<Option<u32>, Reason> {
        Ok(Some(self.0.len() as u32))
    }

    fn path(&self) -> &[u8] {
        b"image"
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        let rest = &self.0[position as usize..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn world(flip: f64, seed: u64) -> World {
    let mut world = World::serial(seed);
    world.up.faults = Faults { flip, ..Faults::default() };
    world.down.faults = world.up.faults;
    world
}

fn share(nanoseconds: u64) -> f64 {
    SIZE as f64 / (nanoseconds as f64 / 1e9) / (BAUD as f64 / 10.0)
}

fn core(flip: f64, seed: u64) -> f64 {
    let (_, files) = client(7, Config::LOSSY, &content(SIZE, seed));
    let mut pair = Pair::new(Config::LOSSY, files, Memory::default()).serial(BAUD, seed);
    pair.up.faults.flip = flip;
    pair.down.faults.flip = flip;
    pair.run(Task::Put).expect("it ends").expect("it succeeds");
    share(pair.now)
}

fn run<F>(
    mut server: impl Server<F>,
    files: &mut F,
    world: &mut World,
    task: Task<'_>,
    image: &[u8],
) -> f64 {
    let (mut session, mut memory) = client(7, Config::LOSSY, image);
    if task != Task::Put {
        (session, memory) = (Session::client(session_number(7), Config::LOSSY), Memory::default());
    }
    world.run((&mut session, &mut memory), task, &mut server, files).expect("it succeeds");
    share(world.now)
}

fn receiver<const OUT_OF_ORDER: bool, const FRAME: usize>(flip: f64, seed: u64) -> f64 {
    let (image, mut buffer) = (content(SIZE, seed), [0; FRAME]);
    let receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 8);
    let mut store = Image::<OUT_OF_ORDER>::default();
    let share = run(receiver, &mut store, &mut world(flip, seed), Task::Put, &image);
    assert!(store.0 == image);
    share
}

fn sender<const FRAME: usize>(flip: f64, seed: u64) -> f64 {
    let (mut source, mut buffer) = (Image(content(SIZE, seed)), [0; FRAME]);
    let sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 8);
    run(sender, &mut source, &mut world(flip, seed), Task::get_file("image"), &[])
}

fn main() {
    let seeds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    type Measure = fn(f64, u64) -> f64;
    let rows: [(&str, Measure); 7] = [
        ("the core at both ends, chunks of 1024", core),
        ("receiver, chunks of 1024, map", receiver::<true, 1036>),
        ("receiver, chunks of 1024", receiver::<false, 1036>),
        ("receiver, chunks of 256, map", receiver::<true, 268>),
        ("receiver, chunks of 256", receiver::<false, 268>),
        ("sender, chunks of 1024", sender::<1036>),
        ("sender, chunks of 256", sender::<268>),
    ];
    println!("| end | clean | 1e-6 | 1e-5 | 1e-4 |");
    println!("|---|---|---|---|---|");
    for (name, measure) in rows {
        let shares = [0.0, 1e-6, 1e-5, 1e-4].map(|flip| {
            let mut shares: Vec<_> = (0..seeds).map(|seed| measure(flip, seed)).collect();
            shares.sort_by(f64::total_cmp);
            shares.get(shares.len() / 2).map_or(String::new(), |median| format!("{median:.3}"))
        });
        println!("| {name} | {} |", shares.join(" | "));
    }
}
