//! The records at the end of a slot: begun, and complete.

use super::*;

const BEGUN: [u8; 4] = *b"TFb1";
const WHOLE: [u8; 4] = *b"TFw1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; NAME_MAX],
    length: u8,
}

impl Name {
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; NAME_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length.into()).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The record of an offer. The same offer may resume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) size: Option<u64>,
    pub(super) modified: Option<i64>,
    pub(super) name: Name,
}

impl<F: NorFlash, C: Checksums> Slots<F, C> {
    fn record(&mut self, at: u32, magic: [u8; 4]) -> Result<Option<[u8; RECORD]>, Reason> {
        let mut record = [0; RECORD];
        self.read(at, &mut record)?;
        let mut fields = Fields(&mut record);
        let is_one =
            fields.take() == magic && u32::from_le_bytes(fields.take()) == sum::<C>(fields.0);
        Ok(is_one.then_some(record))
    }

    fn write_record(
        &mut self,
        at: u32,
        mut record: [u8; RECORD],
        magic: [u8; 4],
    ) -> Result<(), Reason> {
        let sum = sum::<C>(record.get(8..).unwrap_or_default());
        let mut fields = Fields(&mut record);
        fields.put(magic);
        fields.put(sum.to_le_bytes());
        self.write(at, &record)
    }

    /// Writes that this has begun.
    pub(super) fn begin(&mut self, slot: u32, begun: &Begun) -> Result<(), Reason> {
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(begun.size.unwrap_or(u64::MAX).to_le_bytes());
        fields.put(begun.modified.unwrap_or(i64::MIN).to_le_bytes());
        fields.put([begun.name.length]);
        fields.put(begun.name.bytes);
        self.write_record(self.records_start(slot), record, BEGUN)
    }

    pub(super) fn begun(&mut self, slot: u32) -> Result<Option<Begun>, Reason> {
        let Some(mut record) = self.record(self.records_start(slot), BEGUN)? else {
            return Ok(None);
        };
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        let size = u64::from_le_bytes(fields.take());
        let modified = i64::from_le_bytes(fields.take());
        let [length] = fields.take();
        let name = Name { length, bytes: fields.take() };
        Ok(Some(Begun {
            size: (size != u64::MAX).then_some(size),
            modified: (modified != i64::MIN).then_some(modified),
            name,
        }))
    }

    pub(super) fn whole(&mut self, slot: u32) -> Result<Option<Image>, Reason> {
        let at = self.records_start(slot).saturating_add(RECORD as u32);
        let (Some(begun), Some(mut record)) = (self.begun(slot)?, self.record(at, WHOLE)?) else {
            return Ok(None);
        };
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        let sequence = u32::from_le_bytes(fields.take());
        let size = u32::from_le_bytes(fields.take());
        let crc64 = u64::from_le_bytes(fields.take());
        let offset = self.slot_start(slot);
        let Begun { modified, name, .. } = begun;
        Ok((size <= self.room()).then_some(Image {
            offset,
            size,
            crc64,
            modified,
            slot,
            sequence,
            name,
        }))
    }

    /// Whether nothing was written yet where the last record goes.
    pub(super) fn is_unfinished(&mut self, slot: u32) -> Result<bool, Reason> {
        let mut record = [0; RECORD];
        self.read(self.records_start(slot).saturating_add(RECORD as u32), &mut record)?;
        Ok(record.iter().all(|byte| *byte == 0xFF))
    }

    pub(super) fn finish(&mut self, slot: u32, size: u32, crc64: u64) -> Result<(), Reason> {
        if self.sum_up(slot, size)? != crc64 {
            return Err(Reason::Storage);
        }
        let sequence = self.image()?.map_or(0, |image| image.sequence.wrapping_add(1));
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(sequence.to_le_bytes());
        fields.put(size.to_le_bytes());
        fields.put(crc64.to_le_bytes());
        let at = self.records_start(slot).saturating_add(RECORD as u32);
        self.write_record(at, record, WHOLE)
    }
}

/// The sum of a record's fields.
fn sum<C: Checksums>(fields: &[u8]) -> u32 {
    C::crc32(0, fields)
}

/// The fields of a record, one after another; fields past its end are 0.
struct Fields<'a>(&'a mut [u8]);

impl Fields<'_> {
    fn skip(&mut self, count: usize) -> &mut [u8] {
        let all = core::mem::take(&mut self.0);
        let (field, rest) = all.split_at_mut(count.min(all.len()));
        self.0 = rest;
        field
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        let from = self.skip(N);
        for (to, from) in field.iter_mut().zip(from) {
            *to = *from;
        }
        field
    }

    fn put<const N: usize>(&mut self, field: [u8; N]) {
        for (to, from) in self.skip(N).iter_mut().zip(field) {
            *to = from;
        }
    }
}
