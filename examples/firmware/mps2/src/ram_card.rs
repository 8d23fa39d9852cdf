//! A card in RAM, formatted: an MBR with one FAT16 partition.

use core::cell::RefCell;
use core::fmt;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};

/// Blocks of the card; FAT16 needs 4085 clusters.
pub(crate) const BLOCKS: usize = 4400;
const BLOCK: usize = 512;
const PARTITION: u32 = 8;
const FAT_BLOCKS: usize = 18;

/// The bytes of a card.
pub(crate) type Bytes = [u8; BLOCKS * BLOCK];

/// A card over bytes that live as long as it is used.
pub(crate) struct RamCard<'a>(RefCell<&'a mut Bytes>);

impl fmt::Debug for RamCard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RamCard")
    }
}

impl<'a> RamCard<'a> {
    /// The content of the card at the start.
    pub(crate) fn new(bytes: &'a mut Bytes) -> Self {
        Self(RefCell::new(bytes))
    }

    /// An empty file system: one block a cluster, one copy of the table, 128 entries in the root.
    pub(crate) fn format(bytes: &'a mut Bytes) -> Self {
        let volume = (BLOCKS as u32 - PARTITION).to_le_bytes();
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(446 + 4, &[0x06]);
        put(446 + 8, &PARTITION.to_le_bytes());
        put(446 + 12, &volume);
        put(510, &[0x55, 0xAA]);
        let boot = PARTITION as usize * BLOCK;
        put(boot, &[0xEB, 0x3C, 0x90]);
        put(boot + 3, b"TINYFRRY");
        put(boot + 11, &[0, 2, 1, 1, 0, 1, 128, 0]); // 512, 1 block, 1 reserved, 1 table, 128
        put(boot + 19, &volume[..2]);
        put(boot + 21, &[0xF8, FAT_BLOCKS as u8, 0]);
        put(boot + 38, &[0x29, 1, 2, 3, 4]);
        put(boot + 43, b"RAM        FAT16   ");
        put(boot + 510, &[0x55, 0xAA]);
        put(boot + BLOCK, &[0xF8, 0xFF, 0xFF, 0xFF]);
        Self::new(bytes)
    }
}

/// There is no such block.
#[derive(Debug)]
pub(crate) struct Beyond;

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the card has no such block")
    }
}

impl core::error::Error for Beyond {}

impl BlockDevice for RamCard<'_> {
    type Error = Beyond;

    fn read(&self, blocks: &mut [Block], start: BlockIdx) -> Result<(), Beyond> {
        let bytes = self.0.borrow();
        for (block, at) in blocks.iter_mut().zip(start.0 as usize..) {
            let from = bytes.get(at * BLOCK..(at + 1) * BLOCK).ok_or(Beyond)?;
            block.contents.copy_from_slice(from);
        }
        Ok(())
    }

    fn write(&self, blocks: &[Block], start: BlockIdx) -> Result<(), Beyond> {
        let mut bytes = self.0.borrow_mut();
        for (block, at) in blocks.iter().zip(start.0 as usize..) {
            let to = bytes.get_mut(at * BLOCK..(at + 1) * BLOCK).ok_or(Beyond)?;
            to.copy_from_slice(&block.contents);
        }
        Ok(())
    }

    fn num_blocks(&self) -> Result<BlockCount, Beyond> {
        Ok(BlockCount(BLOCKS as u32))
    }
}
