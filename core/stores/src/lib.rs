#![no_std]
#![doc = "Stores for [`tinyferry_core`] on microcontrollers."]
//!
//! ```text
//!   the other end            this board
//!  +-------------+  frames  +-----------------------+      +------------+
//!  | a client or | <------> | Session -> Store      | ---> | NOR flash  |
//!  | a server    |          |    Slots, Card, Files |      | FAT card … |
//!  +-------------+          +-----------------------+      +------------+
//! ```
//!
//! Each store is behind a feature. Without a feature the crate is empty.
//!
//! - `nor-flash`: `slots::Slots`, one image, such as a firmware, in a partition of NOR flash over
//!   `embedded-storage`. The old image stays valid until the new one is complete and verified.
//! - `nor-flash` too: `image::Slot`, one firmware image for a boot loader that swaps two partitions: MCUboot, or with
//!   `embassy-boot` that of `embassy-boot`. `ed25519` accepts signed images only.
//! - `async-nor-flash`: `async_slots::AsyncSlots`, one image over `embedded-storage-async`, for an executor whose other
//!   tasks run while a sector is erased.
//! - `sdmmc`: `card::Card`, files and trees on a FAT16 or FAT32 card over `embedded-sdmmc`. A file gets
//!   its name when it is complete and verified.
//! - `files`: `files::FileStore`, files and trees on any file system for which the trait `files::Files` is
//!   implemented, in about sixty lines; `files::RamDisk` is one.
//! - `littlefs`: `littlefs::LittleFs`, an implementation of `Files` over `littlefs2`.
//!
//! A store is passed to the driver of a session, such as `tinyferry_core::device::Device::serve`. All of them
//! resume an interrupted transfer, also after a power cut.
//!
//! No `std`, no allocation, no `unsafe`; the code here does not panic (`embedded-sdmmc` and `littlefs2` have
//! assertions of their own).

#[cfg(any(feature = "nor-flash", feature = "async-nor-flash"))]
mod area;
#[cfg(feature = "async-nor-flash")]
pub mod async_slots;
#[cfg(feature = "sdmmc")]
pub mod card;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "nor-flash")]
pub mod image;
#[cfg(feature = "littlefs")]
pub mod littlefs;
#[cfg(feature = "sdmmc")]
mod partition;
#[cfg(any(feature = "files", feature = "sdmmc"))]
mod reoffers;
#[cfg(feature = "nor-flash")]
pub mod slots;
#[cfg(feature = "sdmmc")]
mod time;
#[cfg(any(feature = "nor-flash", feature = "async-nor-flash"))]
mod two_slots;

/// The largest distance of a hole from the end of the received bytes: the receive window, in blocks of
/// the largest size (`PROTOCOL.md`, section 6.4).
#[cfg(any(
    feature = "nor-flash",
    feature = "async-nor-flash",
    feature = "sdmmc",
    feature = "files"
))]
const MAX_HOLE_DISTANCE: u32 = (tinyferry_core::wire::SACK_BLOCKS + 1) * 1024;
/// A position to resume from is a multiple of this, in bytes.
#[cfg(any(
    feature = "nor-flash",
    feature = "async-nor-flash",
    feature = "sdmmc",
    feature = "files"
))]
const ROUNDING: u32 = 1024;

/// The length of the prefix of a partial that certainly has no holes, in bytes: at most `resume`, and a
/// multiple of `step`.
#[cfg(feature = "sdmmc")]
fn certain_prefix(received_end: u32, resume: u64, step: u32) -> u32 {
    let certain = u64::from(received_end.saturating_sub(MAX_HOLE_DISTANCE)).min(resume);
    let certain = u32::try_from(certain).unwrap_or(0);
    certain.saturating_sub(certain.checked_rem(step).unwrap_or(0))
}
