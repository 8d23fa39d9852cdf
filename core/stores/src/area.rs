//! An area of NOR flash that receives one image: its content, its records, and its prefix after a cut.
//!
//! The rules of NOR flash are kept: whole sectors are erased, and whole words are written, each of them once. The
//! content begins where the area begins. The records are in sectors of their own.
//!
//! Here are the decisions, for a flash of any kind; `blocking` and `waiting` read and write.

use tinyferry_core::Reason;

use crate::{MAX_HOLE_DISTANCE, ROUNDING};

#[cfg(feature = "nor-flash")]
pub(crate) use self::blocking::Area;
pub use self::records::NAME_MAX;
pub(crate) use self::records::{Begun, Complete, Name};
#[cfg(feature = "async-nor-flash")]
pub(crate) use self::waiting::AsyncArea;

#[cfg(feature = "nor-flash")]
mod blocking;
mod records;
#[cfg(feature = "async-nor-flash")]
mod waiting;

/// Length of a record in bytes; no word of a flash may be longer.
pub(crate) const RECORD: usize = 256;
/// The same.
const RECORD_SIZE: u32 = RECORD as u32;

/// Whether a partial may have holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The content is written in order: only the last write may be incomplete.
    InOrder,
    /// The content is written as it comes.
    AsItComes,
}

impl Order {
    /// The largest distance of a byte that may be missing from the end of the received bytes.
    const fn uncertain(self) -> u32 {
        match self {
            Self::InOrder => RECORD_SIZE,
            Self::AsItComes => MAX_HOLE_DISTANCE,
        }
    }

    /// The length of the prefix of a partial that certainly has no holes, in bytes: at most `resume`, and a whole
    /// number of sectors.
    fn prefix(self, received_end: u32, resume: u64, sector: u32) -> u32 {
        let certain = u64::from(received_end.saturating_sub(self.uncertain())).min(resume);
        let certain = u32::try_from(certain).unwrap_or(0);
        let step = sector.max(ROUNDING);
        certain.saturating_sub(certain.checked_rem(step).unwrap_or(0))
    }
}

/// Where an area is: `start` and `records` in bytes from the start of the flash, on sectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) start: u32,
    pub(crate) records: u32,
}

impl Place {
    /// Where the last record goes.
    const fn second_record(self) -> u32 {
        self.records.saturating_add(RECORD_SIZE)
    }

    /// Where received bytes of an image of `size` bytes may end, in bytes from the start.
    fn last_end(self, size: u32) -> u32 {
        size.next_multiple_of(RECORD_SIZE).min(self.records.saturating_sub(self.start))
    }

    /// The parts to erase for an image whose first `prefix` bytes stay, in this order; each from its last sector to its
    /// first. Without a prefix the records are erased first of all, so that the image before is not valid any more.
    ///
    /// After a cut the received part still ends where the erased part begins. The sectors go one by one, as a flash may
    /// be slow to erase many, and a watchdog may watch.
    fn to_erase(self, prefix: u32, size: u32, sector: u32) -> [(u32, u32); 2] {
        let records = if prefix == 0 { records_length(sector) } else { 0 };
        let end = self.start.saturating_add(size.next_multiple_of(sector));
        [
            (self.records, self.records.saturating_add(records)),
            (self.start.saturating_add(prefix), end),
        ]
    }
}

/// The length of the erased area for both records, in bytes.
pub(crate) const fn records_length(sector: u32) -> u32 {
    (2 * RECORD_SIZE).next_multiple_of(sector)
}

/// Checks, when it is compiled, that words have at most 256 bytes, and that sectors are a multiple of 1024 bytes or
/// go into 1024.
pub(crate) const fn check(read_word: usize, word: usize, sector: usize) {
    assert!(RECORD.is_multiple_of(word) && RECORD.is_multiple_of(read_word));
    assert!(sector.is_multiple_of(1024) || 1024usize.is_multiple_of(sector));
    assert!(sector.is_multiple_of(word) && sector < 1 << 30);
}

/// The parts of `length` bytes between `from` and `to`, the last one first.
fn parts_backwards(from: u32, to: u32, length: u32) -> impl Iterator<Item = (u32, u32)> {
    let mut to = to;
    core::iter::from_fn(move || {
        let begin = to.checked_sub(length).filter(|begin| *begin >= from)?;
        Some((begin, core::mem::replace(&mut to, begin)))
    })
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0xFF)
}

/// Bytes for a flash: whole words, whose rest is blank.
struct Words {
    bytes: [u8; RECORD],
    length: usize,
}

impl Words {
    /// At most [`RECORD`] bytes.
    fn new(bytes: &[u8], word: usize) -> Option<Self> {
        let mut words = [0xFF; RECORD];
        words.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: words, length: bytes.len().next_multiple_of(word) })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The words that are still to be written, after those that `present` has already: a write that was interrupted is
    /// repeated.
    ///
    /// # Errors
    /// [`Reason::Storage`]: others are written there.
    fn missing(&self, present: &[u8], word: usize) -> Result<&[u8], Reason> {
        let words = self.as_bytes();
        let same = words.iter().zip(present).take_while(|(new, old)| new == old).count();
        let same = same.saturating_sub(same.checked_rem(word).unwrap_or(0));
        let rest = present.get(same..).unwrap_or_default();
        if is_blank(rest) { words.get(same..).ok_or(Reason::Storage) } else { Err(Reason::Storage) }
    }
}

/// Where the rest of words goes that begin at `at`.
fn behind(at: u32, words: &Words, rest: &[u8]) -> u32 {
    let written = words.length.saturating_sub(rest.len());
    at.saturating_add(u32::try_from(written).unwrap_or(u32::MAX))
}
