#![no_std]
#![doc = "Stores for [`tinyferry_core`] that a microcontroller takes as they are."]
//!
//! - [`slots::Slots`] (feature `nor-flash`): one image, such as a firmware, in a partition of NOR
//!   flash. The one before it stays until the new one is whole.
//!
//! No `std`, no allocation, no `unsafe`; no function here panics.

#[cfg(feature = "nor-flash")]
pub mod slots;

/// How far before the end of what came in there may be holes, in bytes: the reach of a receiver's
/// map, with units of the largest size (`PROTOCOL.md`, section 6.4).
#[cfg(feature = "nor-flash")]
const REACH: u32 = 97 * 1024;
/// A position to resume from is a multiple of this, in bytes.
#[cfg(feature = "nor-flash")]
const ROUNDING: u32 = 1024;
