//! An area of NOR flash that receives one image: its content, its records, and its prefix after a cut.
//!
//! The rules of NOR flash are kept: whole sectors are erased, and whole words are written, each of them once. The
//! content begins where the area begins. The records are in sectors of their own.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::Reason;
use tinyferry_core::checksum::Checksums;

use crate::{MAX_HOLE_DISTANCE, ROUNDING};

pub use self::records::NAME_MAX;
pub(crate) use self::records::{Begun, Complete, Name};

mod records;

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
}

/// The area: `start` and `records` in bytes from the start of the flash, on sectors.
pub(crate) struct Area<'a, F, C> {
    flash: &'a mut F,
    start: u32,
    records: u32,
    checksums: PhantomData<C>,
}

impl<'a, F: NorFlash, C: Checksums> Area<'a, F, C> {
    /// The length of a sector in bytes.
    pub(crate) const SECTOR: u32 = F::ERASE_SIZE as u32;
    /// The length of the erased area for both records, in bytes.
    pub(crate) const RECORDS: u32 = (2 * RECORD_SIZE).next_multiple_of(Self::SECTOR);

    /// Checks when it is compiled that words have at most 256 bytes, and that sectors are a multiple of 1024 bytes or
    /// go into 1024.
    pub(crate) const CHECKED: () = {
        assert!(RECORD.is_multiple_of(F::WRITE_SIZE) && RECORD.is_multiple_of(F::READ_SIZE));
        assert!(F::ERASE_SIZE.is_multiple_of(1024) || 1024usize.is_multiple_of(F::ERASE_SIZE));
        assert!(F::ERASE_SIZE.is_multiple_of(F::WRITE_SIZE) && F::ERASE_SIZE < 1 << 30);
    };

    pub(crate) const fn new(flash: &'a mut F, start: u32, records: u32) -> Self {
        Self { flash, start, records, checksums: PhantomData }
    }

    /// Reads from any word of the content on.
    pub(crate) fn read(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        self.read_at(self.start.saturating_add(position), into)
    }

    /// Reads from any word of the flash on.
    fn read_at(&mut self, at: u32, into: &mut [u8]) -> Result<(), Reason> {
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

    /// Writes content from any word on.
    pub(crate) fn write(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let mut at = self.start.saturating_add(position);
        for block in bytes.chunks(RECORD) {
            self.write_at(at, block)?;
            at = at.saturating_add(RECORD_SIZE);
        }
        Ok(())
    }

    /// Writes at most [`RECORD`] bytes from any word of the flash on. A word that has its value already is not written
    /// again.
    fn write_at(&mut self, at: u32, bytes: &[u8]) -> Result<(), Reason> {
        let mut words = [0xFF; RECORD];
        words.get_mut(..bytes.len()).ok_or(Reason::Storage)?.copy_from_slice(bytes);
        let words = words.get(..bytes.len().next_multiple_of(F::WRITE_SIZE));
        let words = words.ok_or(Reason::Storage)?;
        let mut present = [0; RECORD];
        let present = present.get_mut(..words.len()).ok_or(Reason::Storage)?;
        self.read_at(at, present)?;
        if present == words {
            return Ok(());
        }
        if present.iter().any(|byte| *byte != 0xFF) {
            return Err(Reason::Storage);
        }
        self.flash.write(at, words).map_err(|_| Reason::Storage)
    }

    /// The length of the prefix of a partial of `size` bytes that certainly has no holes, in bytes: at most `resume`,
    /// and a whole number of sectors.
    pub(crate) fn prefix(&mut self, size: u32, resume: u64, order: Order) -> Result<u32, Reason> {
        let received_end = self.received_end(size)?;
        let certain = u64::from(received_end.saturating_sub(order.uncertain())).min(resume);
        let certain = u32::try_from(certain).unwrap_or(0);
        let step = Self::SECTOR.max(ROUNDING);
        Ok(certain.saturating_sub(certain.checked_rem(step).unwrap_or(0)))
    }

    /// The end of the received part of an image of `size` bytes, in bytes.
    fn received_end(&mut self, size: u32) -> Result<u32, Reason> {
        let room = self.records.saturating_sub(self.start);
        let mut end = size.next_multiple_of(RECORD_SIZE).min(room);
        let mut block = [0; RECORD];
        while let Some(at) = end.checked_sub(RECORD_SIZE) {
            self.read(at, &mut block)?;
            if block.iter().any(|byte| *byte != 0xFF) {
                break;
            }
            end = at;
        }
        Ok(end)
    }

    /// Prepares the area for an image whose first `prefix` bytes stay. Without a prefix the records are erased first of
    /// all, so that the image before is not valid any more.
    ///
    /// Sectors are erased from the last one to the first: after a cut the received part still ends where the erased
    /// part begins.
    pub(crate) fn erase(&mut self, prefix: u32, size: u32) -> Result<(), Reason> {
        if prefix == 0 {
            self.erase_sectors(self.records, self.records.saturating_add(Self::RECORDS))?;
        }
        let end = self.start.saturating_add(size.next_multiple_of(Self::SECTOR));
        self.erase_sectors(self.start.saturating_add(prefix), end)
    }

    /// Erases the sectors one by one, as a flash may be slow to erase many, and a watchdog may watch.
    fn erase_sectors(&mut self, from: u32, to: u32) -> Result<(), Reason> {
        let mut to = to;
        while let Some(sector) = to.checked_sub(Self::SECTOR).filter(|sector| *sector >= from) {
            self.flash.erase(sector, to).map_err(|_| Reason::Storage)?;
            to = sector;
        }
        Ok(())
    }

    /// The CRC-64 of the first `size` bytes.
    fn sum_up(&mut self, size: u32) -> Result<u64, Reason> {
        let (mut crc64, mut block, mut position) = (0, [0; RECORD], 0);
        while position < size {
            let left = usize::try_from(size.saturating_sub(position)).unwrap_or(RECORD).min(RECORD);
            let block = block.get_mut(..left).unwrap_or_default();
            self.read(position, block)?;
            crc64 = C::crc64(crc64, block);
            position = position.saturating_add(RECORD_SIZE);
        }
        Ok(crc64)
    }

    /// Checks that the area has an image with this size and CRC-64.
    ///
    /// # Errors
    /// [`Reason::Storage`] if it has not.
    pub(crate) fn check(&mut self, size: u32, crc64: u64) -> Result<(), Reason> {
        if self.sum_up(size)? == crc64 { Ok(()) } else { Err(Reason::Storage) }
    }
}
