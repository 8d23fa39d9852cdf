//! Two machines over in-memory lines, with faults by seed, in virtual time.
//!
//! [`Line`] is one direction of a link, [`Memory`] a store, and [`Pair`] runs a client and a server
//! against each other without threads, sockets or clocks. [`Cable`] is two such lines in real time,
//! with a serial port at each end, for real programs.

#[cfg(unix)]
mod cable;
mod frames;
mod line;
mod memory;
mod pair;

#[cfg(unix)]
pub use cable::Cable;
pub use frames::{Frames, Listener, outline};
pub use line::{Faults, Line, Random};
pub use memory::{File, Memory};
pub use pair::{End, Pair, Stuck};

/// Content that repeats nowhere near: byte `i` depends on all of `i` and on `seed`.
pub fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.next() as u8).collect()
}

/// The examples of the pages are tests; here, since a package of the library has no page above it.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../std-adapter/README.md")]
    struct Library;
}
