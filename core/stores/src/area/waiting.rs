//! An area of a flash whose calls are waited for.
//!
//! A call may be dropped in the middle, and then be repeated with the same arguments.

use core::marker::PhantomData;

use embedded_storage_async::nor_flash::NorFlash;
use tinyferry_core::checksum::Checksums;

use super::*;

/// An area of a flash.
pub(crate) struct AsyncArea<'a, F, C> {
    flash: &'a mut F,
    place: Place,
    checksums: PhantomData<C>,
}

impl<'a, F: NorFlash, C: Checksums> AsyncArea<'a, F, C> {
    /// The length of a sector in bytes.
    pub(crate) const SECTOR: u32 = F::ERASE_SIZE as u32;
    /// [`check`].
    pub(crate) const CHECKED: () = check(F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE);

    pub(crate) const fn new(flash: &'a mut F, place: Place) -> Self {
        Self { flash, place, checksums: PhantomData }
    }

    /// Reads from any word of the content on.
    pub(crate) async fn read(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        self.read_at(self.place.start.saturating_add(position), into).await
    }

    /// Reads from any word of the flash on.
    async fn read_at(&mut self, at: u32, into: &mut [u8]) -> Result<(), Reason> {
        let mut at = at;
        // A part may end within a word.
        for part in into.chunks_mut(RECORD) {
            let mut words = [0; RECORD];
            let words = words.get_mut(..part.len().next_multiple_of(F::READ_SIZE));
            let words = words.ok_or(Reason::Storage)?;
            self.flash.read(at, words).await.map_err(|_| Reason::Storage)?;
            part.copy_from_slice(words.get(..part.len()).ok_or(Reason::Storage)?);
            at = at.saturating_add(RECORD_SIZE);
        }
        Ok(())
    }

    /// Writes content from any word on.
    pub(crate) async fn write(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let mut at = self.place.start.saturating_add(position);
        for block in bytes.chunks(RECORD) {
            self.write_at(at, block).await?;
            at = at.saturating_add(RECORD_SIZE);
        }
        Ok(())
    }

    /// Writes at most [`RECORD`] bytes from any word of the flash on. Bytes that are there already are not written
    /// again.
    async fn write_at(&mut self, at: u32, bytes: &[u8]) -> Result<(), Reason> {
        let words = Words::new(bytes, F::WRITE_SIZE).ok_or(Reason::Storage)?;
        let mut present = [0; RECORD];
        let present = present.get_mut(..words.as_bytes().len()).ok_or(Reason::Storage)?;
        self.read_at(at, present).await?;
        let rest = words.missing(present, F::WRITE_SIZE)?;
        if rest.is_empty() {
            return Ok(());
        }
        self.flash.write(behind(at, &words, rest), rest).await.map_err(|_| Reason::Storage)
    }

    /// The length of the prefix of a partial of `size` bytes that certainly has no holes, in bytes: at most `resume`,
    /// and a whole number of sectors.
    pub(crate) async fn prefix(
        &mut self,
        size: u32,
        resume: u64,
        order: Order,
    ) -> Result<u32, Reason> {
        let mut received_end = 0;
        for (at, end) in parts_backwards(0, self.place.last_end(size), RECORD_SIZE) {
            if !is_blank(&self.record(self.place.start.saturating_add(at)).await?) {
                received_end = end;
                break;
            }
        }
        Ok(order.prefix(received_end, resume, Self::SECTOR))
    }

    /// Prepares the area for an image whose first `prefix` bytes stay.
    pub(crate) async fn erase(&mut self, prefix: u32, size: u32) -> Result<(), Reason> {
        for (from, to) in self.place.to_erase(prefix, size, Self::SECTOR) {
            for (sector, end) in parts_backwards(from, to, Self::SECTOR) {
                self.flash.erase(sector, end).await.map_err(|_| Reason::Storage)?;
            }
        }
        Ok(())
    }

    /// Checks that the area has an image with this size and CRC-64.
    ///
    /// # Errors
    /// [`Reason::Storage`] if it has not.
    pub(crate) async fn check(&mut self, size: u32, crc64: u64) -> Result<(), Reason> {
        let (mut sum, mut position) = (0, 0);
        while position < size {
            let block = self.record(self.place.start.saturating_add(position)).await?;
            let left = usize::try_from(size.saturating_sub(position)).unwrap_or(RECORD).min(RECORD);
            sum = C::crc64(sum, block.get(..left).unwrap_or_default());
            position = position.saturating_add(RECORD_SIZE);
        }
        if sum == crc64 { Ok(()) } else { Err(Reason::Storage) }
    }

    async fn record(&mut self, at: u32) -> Result<[u8; RECORD], Reason> {
        let mut record = [0; RECORD];
        self.read_at(at, &mut record).await?;
        Ok(record)
    }

    /// Writes that this image has begun.
    pub(crate) async fn begin(&mut self, begun: &Begun) -> Result<(), Reason> {
        self.write_at(self.place.records, &begun.to_record::<C>()).await
    }

    /// The image that has begun.
    pub(crate) async fn begun(&mut self) -> Result<Option<Begun>, Reason> {
        Ok(Begun::of::<C>(self.record(self.place.records).await?))
    }

    /// The image that is complete, if it fits into the area.
    pub(crate) async fn complete(&mut self) -> Result<Option<(Begun, Complete)>, Reason> {
        let Some(begun) = self.begun().await? else { return Ok(None) };
        let record = self.record(self.place.second_record()).await?;
        Ok(Complete::of::<C>(record, self.place).map(|complete| (begun, complete)))
    }

    /// Whether nothing was written yet where the last record goes.
    pub(crate) async fn is_unfinished(&mut self) -> Result<bool, Reason> {
        Ok(is_blank(&self.record(self.place.second_record()).await?))
    }

    /// Writes that the image is complete.
    pub(crate) async fn finish(&mut self, complete: &Complete) -> Result<(), Reason> {
        self.write_at(self.place.second_record(), &complete.to_record::<C>()).await
    }
}
