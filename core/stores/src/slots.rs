//! One image in a partition of NOR flash, in one of two slots.
//!
//! Each slot is half of the partition. One holds the valid image, the other receives a new one, which is
//! valid from the moment when its last record is written. So the old image stays until the new one is
//! complete, verified, and read back. After a loss of power at any moment exactly one of the two is
//! valid.
//!
//! ```text
//! | image ................................ | records | image ........... | records |
//! 0                                              half                            capacity
//! ```
//!
//! An image begins where its slot begins, so that a boot loader can start or copy it as it is
//! ([`Slots::image`] says which one). The records fill the last sectors of a slot:
//!
//! | at | record | fields, little-endian |
//! |---|---|---|
//! | 0 | it has begun | `TFb1`, CRC-32 of the rest, size 8 (2^64−1: unknown), modified 8 (−2^63: unknown), length of the name 1, name |
//! | 256 | it is whole | `TFw1`, CRC-32 of the rest, sequence 4, size 4, CRC-64 8 |
//!
//! The rules of NOR flash are kept: whole sectors are erased, and whole words are written, each of them
//! once. All that an image needs is erased when it is offered, not while its chunks
//! come in: many microcontrollers stand still meanwhile, and on a lossy line the sender waits for
//! the answer to its offer. A transfer that was cut resumes where the flash is certain: as far
//! before the end of the received bytes as there may be holes, rounded down to a sector, and erased again
//! from there.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::checksum::{Checksums, Small};
use tinyferry_core::store::{Accepted, Digests, Entry, Kind, Offer};
use tinyferry_core::{Reason, Store};

use crate::{ROUNDING, certain_prefix};

use self::records::{Begun, Name};

mod records;
mod store;

/// Length of a record in bytes; no word of a flash may be longer.
const RECORD: usize = 256;
/// Longest name of an image, in bytes.
pub const NAME_MAX: usize = 200;

/// An image, complete or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it begins, in bytes from the start of the partition.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// CRC-64/NVME of all of it.
    pub crc64: u64,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    slot: u32,
    sequence: u32,
    name: Name,
}

impl Image {
    /// The name under which it came.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

#[derive(Debug)]
enum Open {
    Nothing,
    /// It comes in, into this slot.
    Inbound {
        slot: u32,
        size: Option<u32>,
        /// Where the furthest byte stored ends.
        end: u32,
        crc64: Option<u64>,
    },
    /// It is there already, and is compared.
    Same(Image),
    Outbound(Image),
}

/// The next result of [`Store::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Tree,
    Image,
    Nothing,
}

/// A store of one image over a partition of NOR flash, or over a whole flash.
///
/// `C` is how CRCs are computed; take the one of the session's profile.
///
/// It takes a file under any name without a `/` and gives the image that counts, under its name or
/// as the only entry of the root. It refuses trees.
#[derive(Debug)]
pub struct Slots<F, C = Small> {
    flash: F,
    open: Open,
    next: Next,
    /// Whether the image that is sent was refused once and is offered again.
    is_anew: bool,
    checksums: PhantomData<C>,
}

impl<F: NorFlash, C: Checksums> Slots<F, C> {
    /// Takes the flash: all of it is the store's. Words of at most 256 bytes and sectors that are a
    /// multiple of 1024 bytes, or go into 1024, are checked when it is compiled.
    pub const fn new(flash: F) -> Self {
        const {
            assert!(RECORD.is_multiple_of(F::WRITE_SIZE) && RECORD.is_multiple_of(F::READ_SIZE));
            assert!(F::ERASE_SIZE.is_multiple_of(1024) || 1024usize.is_multiple_of(F::ERASE_SIZE));
            assert!(F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE) && F::ERASE_SIZE < 1 << 30);
        }
        let (open, next) = (Open::Nothing, Next::Nothing);
        Self { flash, open, next, is_anew: false, checksums: PhantomData }
    }

    /// The flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// The image that counts, if there is one.
    ///
    /// # Errors
    /// [`Reason::Storage`] where the flash cannot be read.
    pub fn image(&mut self) -> Result<Option<Image>, Reason> {
        let [first, second] = [self.whole(0)?, self.whole(1)?];
        Ok(match (first, second) {
            (Some(first), Some(second)) => {
                let is_newer = second.sequence.wrapping_sub(first.sequence) < 1 << 31;
                Some(if is_newer { second } else { first })
            }
            (first, second) => first.or(second),
        })
    }

    /// Largest image that fits, in bytes.
    pub fn room(&self) -> u32 {
        self.slot_size().saturating_sub(Self::RECORDS)
    }

    const SECTOR: u32 = F::ERASE_SIZE as u32;
    /// The length of the erased area for the records of a slot, in bytes.
    const RECORDS: u32 = (2 * RECORD as u32).next_multiple_of(Self::SECTOR);

    fn slot_size(&self) -> u32 {
        let half = u32::try_from(self.flash.capacity()).unwrap_or(u32::MAX) / 2;
        half.saturating_sub(half.checked_rem(Self::SECTOR).unwrap_or(0))
    }

    fn slot_start(&self, slot: u32) -> u32 {
        self.slot_size().saturating_mul(slot)
    }

    fn records_start(&self, slot: u32) -> u32 {
        self.slot_start(slot).saturating_add(self.room())
    }

    /// Reads from any word on.
    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), Reason> {
        let whole = into.len().saturating_sub(into.len().checked_rem(F::READ_SIZE).unwrap_or(0));
        let (body, tail) = into.split_at_mut_checked(whole).ok_or(Reason::Storage)?;
        self.flash.read(at, body).map_err(|_| Reason::Storage)?;
        if !tail.is_empty() {
            let mut word = [0; RECORD];
            let word = word.get_mut(..F::READ_SIZE).ok_or(Reason::Storage)?;
            let at = at.checked_add(u32::try_from(whole).map_err(|_| Reason::Storage)?);
            self.flash.read(at.ok_or(Reason::Storage)?, word).map_err(|_| Reason::Storage)?;
            tail.copy_from_slice(word.get(..tail.len()).ok_or(Reason::Storage)?);
        }
        Ok(())
    }

    /// Writes at most [`RECORD`] bytes from any word on. A word that has its value already is not written again.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Reason> {
        let mut words = [0xFF; RECORD];
        words.get_mut(..bytes.len()).ok_or(Reason::Storage)?.copy_from_slice(bytes);
        let words = words.get(..bytes.len().next_multiple_of(F::WRITE_SIZE));
        let words = words.ok_or(Reason::Storage)?;
        let mut there = [0; RECORD];
        let there = there.get_mut(..words.len()).ok_or(Reason::Storage)?;
        self.read(at, there)?;
        if there == words {
            return Ok(());
        }
        if there.iter().any(|byte| *byte != 0xFF) {
            return Err(Reason::Storage);
        }
        self.flash.write(at, words).map_err(|_| Reason::Storage)
    }

    /// The end of the received part of a begun image, in bytes.
    fn received_end(&mut self, slot: u32, size: u32) -> Result<u32, Reason> {
        let start = self.slot_start(slot);
        let mut end = size.next_multiple_of(RECORD as u32).min(self.room());
        let mut block = [0; RECORD];
        while let Some(at) = end.checked_sub(RECORD as u32) {
            self.read(start.saturating_add(at), &mut block)?;
            if block.iter().any(|byte| *byte != 0xFF) {
                break;
            }
            end = at;
        }
        Ok(end)
    }

    /// Prepares a slot for an image whose first `prefix` bytes are to stay.
    fn erase(&mut self, slot: u32, prefix: u32, size: u32) -> Result<(), Reason> {
        let (start, records) = (self.slot_start(slot), self.records_start(slot));
        let mut erase = |from: u32, to: u32| {
            let mut from = from;
            // One at a time: a flash may be watched over, or be slow to erase many.
            while from < to {
                let next = from.saturating_add(Self::SECTOR);
                self.flash.erase(from, next).map_err(|_| Reason::Storage)?;
                from = next;
            }
            Ok(())
        };
        if prefix == 0 {
            // First of all the image that was there counts no more.
            erase(records, records.saturating_add(Self::RECORDS))?;
        }
        erase(
            start.saturating_add(prefix),
            start.saturating_add(size.next_multiple_of(Self::SECTOR)),
        )
    }

    /// The CRC-64 of the first `size` bytes in a slot.
    fn sum_up(&mut self, slot: u32, size: u32) -> Result<u64, Reason> {
        let mut at = self.slot_start(slot);
        let end = at.saturating_add(size);
        let (mut crc64, mut block) = (0, [0; RECORD]);
        while at < end {
            let left = usize::try_from(end.saturating_sub(at)).unwrap_or(RECORD).min(RECORD);
            let block = block.get_mut(..left).unwrap_or_default();
            self.read(at, block)?;
            crc64 = C::crc64(crc64, block);
            at = at.saturating_add(RECORD as u32);
        }
        Ok(crc64)
    }

    fn accept(&mut self, offer: &Offer<'_>) -> Result<u32, Reason> {
        let name = Name::new(offer.path).ok_or(Reason::NameTooLong)?;
        let room = self.room();
        let size = match offer.size.map(u32::try_from) {
            Some(Ok(size)) if size <= room => Some(size),
            None => None,
            Some(_) => return Err(Reason::TooLarge),
        };
        if offer.names_only {
            return Ok(0);
        }
        let image = self.image()?;
        if let (Some(image), Some(size)) = (&image, size)
            && (image.size, image.modified, &image.name) == (size, offer.modified, &name)
            && offer.modified.is_some()
            && size > 0
            && offer.resume >= size.into()
        {
            self.open = Open::Same(image.clone());
            return Ok(size);
        }
        let slot = image.map_or(0, |image| 1u32.saturating_sub(image.slot));
        let begun = Begun { size: offer.size, modified: offer.modified, name };
        // A slot whose completion was cut has a damaged last record: it begins from position 0.
        let may_resume = self.begun(slot)?.as_ref() == Some(&begun) && self.is_unfinished(slot)?;
        let prefix = match size.filter(|_| may_resume) {
            Some(size) => {
                let received_end = self.received_end(slot, size)?;
                certain_prefix(received_end, offer.resume, Self::SECTOR.max(ROUNDING))
            }
            None => 0,
        };
        self.erase(slot, prefix, size.unwrap_or(room))?;
        if prefix == 0 {
            self.begin(slot, &begun)?;
        }
        self.open = Open::Inbound { slot, size, end: prefix, crc64: None };
        Ok(prefix)
    }
}
