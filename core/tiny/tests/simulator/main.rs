//! Receiver and sender against the core's client, against frames written by hand, and against noise.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod cuts;
#[cfg(feature = "async")]
mod drivers;
mod frames;
mod gets;
mod hostile;
mod image;
mod puts;
mod world;
