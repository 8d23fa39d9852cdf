//! The records about an image: it has begun, and it is complete.
//!
//! | at | record | fields, little-endian |
//! |---|---|---|
//! | 0 | it has begun | `TFb1`, CRC-32 of the rest, size 8 (2^64−1: unknown), modified 8 (−2^63: unknown), length of the name 1, name |
//! | 256 | it is complete | `TFw1`, CRC-32 of the rest, sequence 4, size 4, CRC-64 8 |

use super::*;

const BEGUN: [u8; 4] = *b"TFb1";
const COMPLETE: [u8; 4] = *b"TFw1";
/// Longest name of an image, in bytes.
pub const NAME_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    bytes: [u8; NAME_MAX],
    length: u8,
}

impl Name {
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; NAME_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, length: u8::try_from(text.len()).ok()? })
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length.into()).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// The record of an offer. The same offer may resume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Size in bytes, where known.
    pub(crate) size: Option<u64>,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub(crate) modified: Option<i64>,
    pub(crate) name: Name,
}

/// The record of a complete image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complete {
    /// The larger one, modulo 2^32, is the newer one.
    pub(crate) sequence: u32,
    /// Size in bytes.
    pub(crate) size: u32,
    pub(crate) crc64: u64,
}

impl<F: NorFlash, C: Checksums> Area<'_, F, C> {
    fn record(&mut self, at: u32, magic: [u8; 4]) -> Result<Option<[u8; RECORD]>, Reason> {
        let mut record = [0; RECORD];
        self.read_at(at, &mut record)?;
        let mut fields = Fields(&mut record);
        let is_one =
            fields.take() == magic && u32::from_le_bytes(fields.take()) == C::crc32(0, fields.0);
        Ok(is_one.then_some(record))
    }

    fn write_record(
        &mut self,
        at: u32,
        mut record: [u8; RECORD],
        magic: [u8; 4],
    ) -> Result<(), Reason> {
        let sum = C::crc32(0, record.get(8..).unwrap_or_default());
        let mut fields = Fields(&mut record);
        fields.put(magic);
        fields.put(sum.to_le_bytes());
        self.write_at(at, &record)
    }

    const fn second_record(&self) -> u32 {
        self.records.saturating_add(RECORD_SIZE)
    }

    /// Writes that this image has begun.
    pub(crate) fn begin(&mut self, begun: &Begun) -> Result<(), Reason> {
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(begun.size.unwrap_or(u64::MAX).to_le_bytes());
        fields.put(begun.modified.unwrap_or(i64::MIN).to_le_bytes());
        fields.put([begun.name.length]);
        fields.put(begun.name.bytes);
        self.write_record(self.records, record, BEGUN)
    }

    /// The image that has begun.
    pub(crate) fn begun(&mut self) -> Result<Option<Begun>, Reason> {
        let Some(mut record) = self.record(self.records, BEGUN)? else {
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

    /// The image that is complete, if it fits into the area.
    pub(crate) fn complete(&mut self) -> Result<Option<(Begun, Complete)>, Reason> {
        let (Some(begun), Some(mut record)) =
            (self.begun()?, self.record(self.second_record(), COMPLETE)?)
        else {
            return Ok(None);
        };
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        let sequence = u32::from_le_bytes(fields.take());
        let size = u32::from_le_bytes(fields.take());
        let crc64 = u64::from_le_bytes(fields.take());
        let fits = size <= self.records.saturating_sub(self.start);
        Ok(fits.then_some((begun, Complete { sequence, size, crc64 })))
    }

    /// Whether nothing was written yet where the last record goes.
    pub(crate) fn is_unfinished(&mut self) -> Result<bool, Reason> {
        let mut record = [0; RECORD];
        self.read_at(self.second_record(), &mut record)?;
        Ok(record.iter().all(|byte| *byte == 0xFF))
    }

    /// Writes that the image is complete.
    pub(crate) fn finish(&mut self, complete: &Complete) -> Result<(), Reason> {
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(complete.sequence.to_le_bytes());
        fields.put(complete.size.to_le_bytes());
        fields.put(complete.crc64.to_le_bytes());
        self.write_record(self.second_record(), record, COMPLETE)
    }
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
