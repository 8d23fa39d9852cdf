//! The first partition of a card, past whose end nothing is written.
//!
//! A file system that looks for free space may look past the end of its own; the blocks
//! there belong to another one.

use core::fmt;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};

/// A card that takes writes up to the end of its first partition.
#[derive(Debug)]
pub(crate) struct Partition<D> {
    pub(crate) device: D,
    /// The first block past it.
    end: u32,
}

/// Why a block cannot be read or written.
#[derive(Debug)]
pub(crate) enum Fault<E> {
    /// It is past the end of the partition.
    Full,
    /// The card says so.
    Device(E),
}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the partition is full"),
            Self::Device(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for Fault<E> {}

/// Where the first entry of a master boot record says where it begins, and how long it is.
const ENTRY: core::ops::Range<usize> = 454..462;

impl<D: BlockDevice> Partition<D> {
    /// Looks up where the partition ends; nothing can be written where that cannot be read.
    pub(crate) fn new(device: D) -> Self {
        let mut record = [Block::new()];
        let end = match device.read(&mut record, BlockIdx(0)) {
            Ok(()) => end_of(&record).unwrap_or(0),
            Err(_) => 0,
        };
        Self { device, end }
    }
}

/// The first block of the partition.
pub(crate) fn start_of([record]: &[Block; 1]) -> Option<u32> {
    Some(u32::from_le_bytes(*record.contents.get(ENTRY)?.first_chunk()?))
}

fn end_of([record]: &[Block; 1]) -> Option<u32> {
    let (start, rest) = record.contents.get(ENTRY)?.split_first_chunk()?;
    let start = u32::from_le_bytes(*start);
    start.checked_add(u32::from_le_bytes(*rest.first_chunk()?))
}

impl<D: BlockDevice> BlockDevice for Partition<D> {
    type Error = Fault<D::Error>;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Self::Error> {
        self.device.read(blocks, start).map_err(Fault::Device)
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), Self::Error> {
        let count = u32::try_from(blocks.len()).map_err(|_| Fault::Full)?;
        let end = start.0.checked_add(count).ok_or(Fault::Full)?;
        if end > self.end {
            return Err(Fault::Full);
        }
        self.device.write(blocks, start).map_err(Fault::Device)
    }

    fn num_blocks(&self) -> Result<BlockCount, Self::Error> {
        self.device.num_blocks().map_err(Fault::Device)
    }
}
