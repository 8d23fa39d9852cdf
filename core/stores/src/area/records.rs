//! The records about an image: it has begun, and it is complete.
//!
//! | at | record | fields, little-endian |
//! |---|---|---|
//! | 0 | it has begun | `TFb1`, CRC-32 of the rest, size 8 (2^64−1: unknown), modified 8 (−2^63: unknown), length of the name 1, name |
//! | 256 | it is complete | `TFw1`, CRC-32 of the rest, sequence 4, size 4, CRC-64 8 |

use tinyferry_core::checksum::Checksums;

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

impl Begun {
    /// The record.
    pub(super) fn to_record<C: Checksums>(&self) -> [u8; RECORD] {
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(self.size.unwrap_or(u64::MAX).to_le_bytes());
        fields.put(self.modified.unwrap_or(i64::MIN).to_le_bytes());
        fields.put([self.name.length]);
        fields.put(self.name.bytes);
        sealed::<C>(record, BEGUN)
    }

    /// The image of a record.
    pub(super) fn of<C: Checksums>(mut record: [u8; RECORD]) -> Option<Self> {
        let mut fields = opened::<C>(&mut record, BEGUN)?;
        let size = u64::from_le_bytes(fields.take());
        let modified = i64::from_le_bytes(fields.take());
        let [length] = fields.take();
        let name = Name { length, bytes: fields.take() };
        Some(Self {
            size: (size != u64::MAX).then_some(size),
            modified: (modified != i64::MIN).then_some(modified),
            name,
        })
    }
}

impl Complete {
    /// The record.
    pub(super) fn to_record<C: Checksums>(&self) -> [u8; RECORD] {
        let mut record = [0xFF; RECORD];
        let mut fields = Fields(&mut record);
        let _: [u8; 8] = fields.take();
        fields.put(self.sequence.to_le_bytes());
        fields.put(self.size.to_le_bytes());
        fields.put(self.crc64.to_le_bytes());
        sealed::<C>(record, COMPLETE)
    }

    /// The image of a record, if it fits into this area.
    pub(super) fn of<C: Checksums>(mut record: [u8; RECORD], place: Place) -> Option<Self> {
        let mut fields = opened::<C>(&mut record, COMPLETE)?;
        let sequence = u32::from_le_bytes(fields.take());
        let size = u32::from_le_bytes(fields.take());
        let crc64 = u64::from_le_bytes(fields.take());
        (size <= place.records.saturating_sub(place.start)).then_some(Self {
            sequence,
            size,
            crc64,
        })
    }
}

/// The record with its first eight bytes.
fn sealed<C: Checksums>(mut record: [u8; RECORD], magic: [u8; 4]) -> [u8; RECORD] {
    let sum = C::crc32(0, record.get(8..).unwrap_or_default());
    let mut fields = Fields(&mut record);
    fields.put(magic);
    fields.put(sum.to_le_bytes());
    record
}

/// The fields behind the first eight bytes, if it is a record of this kind.
fn opened<C: Checksums>(record: &mut [u8; RECORD], magic: [u8; 4]) -> Option<Fields<'_>> {
    let mut fields = Fields(record);
    let is_one =
        fields.take() == magic && u32::from_le_bytes(fields.take()) == C::crc32(0, fields.0);
    is_one.then_some(fields)
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
