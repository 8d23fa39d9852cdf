//! An image in one of two slots, and where the slots are.

use crate::area::{Begun, Complete, Name, Place, records_length};

/// An image in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its start, in bytes from the start of the partition.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// CRC-64/NVME of all of it.
    pub crc64: u64,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    pub(super) slot: u32,
    sequence: u32,
    pub(super) name: Name,
}

impl Image {
    /// The name under which it came.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// That of a slot whose records say so.
    pub(crate) fn of(
        slot: u32,
        layout: Layout,
        records: Option<(Begun, Complete)>,
    ) -> Option<Self> {
        let (Begun { modified, name, .. }, Complete { sequence, size, crc64 }) = records?;
        let offset = layout.start(slot);
        Some(Self { offset, size, crc64, modified, slot, sequence, name })
    }

    /// The current one of both slots: that with the later sequence.
    pub(crate) fn current(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(first), Some(second)) => {
                let is_newer = second.sequence.wrapping_sub(first.sequence) < 1 << 31;
                Some(if is_newer { second } else { first })
            }
            (first, second) => first.or(second),
        }
    }

    /// The sequence of the image after this one.
    pub(crate) fn next_sequence(image: Option<&Self>) -> u32 {
        image.map_or(0, |image| image.sequence.wrapping_add(1))
    }
}

/// Where the slots are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    slot_size: u32,
    records: u32,
}

impl Layout {
    /// Of a flash of `capacity` bytes.
    pub(crate) fn new(capacity: usize, sector: u32) -> Self {
        let half = u32::try_from(capacity).unwrap_or(u32::MAX) / 2;
        let slot_size = half.saturating_sub(half.checked_rem(sector).unwrap_or(0));
        Self { slot_size, records: records_length(sector) }
    }

    /// Largest image that fits, in bytes.
    pub(crate) fn room(self) -> u32 {
        self.slot_size.saturating_sub(self.records)
    }

    fn start(self, slot: u32) -> u32 {
        self.slot_size.saturating_mul(slot)
    }

    /// The area of a slot.
    pub(crate) fn place(self, slot: u32) -> Place {
        let start = self.start(slot);
        Place { start, records: start.saturating_add(self.room()) }
    }
}
