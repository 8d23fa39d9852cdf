//! An area of a flash whose calls block.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::checksum::Checksums;

use super::*;

/// An area of a flash.
pub(crate) struct Area<'a, F, C> {
    flash: &'a mut F,
    place: Place,
    checksums: PhantomData<C>,
}

impl<'a, F: NorFlash, C: Checksums> Area<'a, F, C> {
    /// The length of a sector in bytes.
    pub(crate) const SECTOR: u32 = F::ERASE_SIZE as u32;
    /// The length of the erased area for both records, in bytes.
    pub(crate) const RECORDS: u32 = records_length(Self::SECTOR);
    /// [`check`].
    pub(crate) const CHECKED: () = check(F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE);

    pub(crate) const fn new(flash: &'a mut F, place: Place) -> Self {
        Self { flash, place, checksums: PhantomData }
    }

    /// Reads from any word of the content on.
    pub(crate) fn read(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        self.read_at(self.place.start.saturating_add(position), into)
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
        let mut at = self.place.start.saturating_add(position);
        for block in bytes.chunks(RECORD) {
            self.write_at(at, block)?;
            at = at.saturating_add(RECORD_SIZE);
        }
        Ok(())
    }

    /// Writes at most [`RECORD`] bytes from any word of the flash on. Bytes that are there already are not written
    /// again.
    fn write_at(&mut self, at: u32, bytes: &[u8]) -> Result<(), Reason> {
        let words = Words::new(bytes, F::WRITE_SIZE).ok_or(Reason::Storage)?;
        let mut present = [0; RECORD];
        let present = present.get_mut(..words.as_bytes().len()).ok_or(Reason::Storage)?;
        self.read_at(at, present)?;
        let rest = words.missing(present, F::WRITE_SIZE)?;
        if rest.is_empty() {
            return Ok(());
        }
        self.flash.write(behind(at, &words, rest), rest).map_err(|_| Reason::Storage)
    }

    /// The length of the prefix of a partial of `size` bytes that certainly has no holes, in bytes: at most `resume`,
    /// and a whole number of sectors.
    pub(crate) fn prefix(&mut self, size: u32, resume: u64, order: Order) -> Result<u32, Reason> {
        let received_end = self.received_end(size)?;
        Ok(order.prefix(received_end, resume, Self::SECTOR))
    }

    /// The end of the received part of an image of `size` bytes, in bytes.
    fn received_end(&mut self, size: u32) -> Result<u32, Reason> {
        let mut block = [0; RECORD];
        for (at, end) in parts_backwards(0, self.place.last_end(size), RECORD_SIZE) {
            self.read(at, &mut block)?;
            if !is_blank(&block) {
                return Ok(end);
            }
        }
        Ok(0)
    }

    /// Prepares the area for an image whose first `prefix` bytes stay.
    pub(crate) fn erase(&mut self, prefix: u32, size: u32) -> Result<(), Reason> {
        for (from, to) in self.place.to_erase(prefix, size, Self::SECTOR) {
            for (sector, end) in parts_backwards(from, to, Self::SECTOR) {
                self.flash.erase(sector, end).map_err(|_| Reason::Storage)?;
            }
        }
        Ok(())
    }

    /// Checks that the area has an image with this size and CRC-64.
    ///
    /// # Errors
    /// [`Reason::Storage`] if it has not.
    pub(crate) fn check(&mut self, size: u32, crc64: u64) -> Result<(), Reason> {
        let (mut sum, mut block, mut position) = (0, [0; RECORD], 0);
        while position < size {
            let left = usize::try_from(size.saturating_sub(position)).unwrap_or(RECORD).min(RECORD);
            let block = block.get_mut(..left).unwrap_or_default();
            self.read(position, block)?;
            sum = C::crc64(sum, block);
            position = position.saturating_add(RECORD_SIZE);
        }
        if sum == crc64 { Ok(()) } else { Err(Reason::Storage) }
    }

    fn record(&mut self, at: u32) -> Result<[u8; RECORD], Reason> {
        let mut record = [0; RECORD];
        self.read_at(at, &mut record)?;
        Ok(record)
    }

    /// Writes that this image has begun.
    pub(crate) fn begin(&mut self, begun: &Begun) -> Result<(), Reason> {
        self.write_at(self.place.records, &begun.to_record::<C>())
    }

    /// The image that has begun.
    pub(crate) fn begun(&mut self) -> Result<Option<Begun>, Reason> {
        Ok(Begun::of::<C>(self.record(self.place.records)?))
    }

    /// The image that is complete, if it fits into the area.
    pub(crate) fn complete(&mut self) -> Result<Option<(Begun, Complete)>, Reason> {
        let Some(begun) = self.begun()? else { return Ok(None) };
        let complete = Complete::of::<C>(self.record(self.place.second_record())?, self.place);
        Ok(complete.map(|complete| (begun, complete)))
    }

    /// Whether nothing was written yet where the last record goes.
    pub(crate) fn is_unfinished(&mut self) -> Result<bool, Reason> {
        Ok(is_blank(&self.record(self.place.second_record())?))
    }

    /// Writes that the image is complete.
    pub(crate) fn finish(&mut self, complete: &Complete) -> Result<(), Reason> {
        self.write_at(self.place.second_record(), &complete.to_record::<C>())
    }
}
