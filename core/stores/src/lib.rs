#![no_std]
#![doc = "Stores for [`tinyferry_core`] that a microcontroller takes as they are."]
//!
//! - `slots::Slots` (feature `nor-flash`): one image, such as a firmware, in a partition of NOR
//!   flash. The one before it stays until the new one is whole.
//! - `card::Card` (feature `sdmmc`): files and trees on a FAT card.
//!
//! No `std`, no allocation, no `unsafe`; no line here panics (`embedded-sdmmc` has assertions of its own).

#[cfg(feature = "sdmmc")]
pub mod card;
#[cfg(feature = "sdmmc")]
mod partition;
#[cfg(feature = "nor-flash")]
pub mod slots;
#[cfg(feature = "sdmmc")]
mod time;

/// How far before the end of what came in there may be holes, in bytes: the reach of a receiver's
/// map, with units of the largest size (`PROTOCOL.md`, section 6.4).
#[cfg(any(feature = "nor-flash", feature = "sdmmc"))]
const REACH: u32 = 97 * 1024;
/// A position to resume from is a multiple of this, in bytes.
#[cfg(any(feature = "nor-flash", feature = "sdmmc"))]
const ROUNDING: u32 = 1024;
