//! Frees the first cluster of an entry that was deleted: `embedded-sdmmc` frees only those behind it.

use super::*;
use crate::partition::start_of;

/// The tables of a FAT16 or FAT32, in blocks from the begin of the card.
#[derive(Debug)]
struct Tables {
    first: u32,
    /// The length of each.
    length: u32,
    count: u8,
    /// The bytes of an entry: 2 or 4.
    width: u32,
}

impl Tables {
    /// Reads the boot sector (Microsoft's FAT specification 1.03, section 3).
    fn read<D: BlockDevice>(device: &D) -> Option<Self> {
        let mut blocks = [Block::new()];
        device.read(&mut blocks, BlockIdx(0)).ok()?;
        let start = start_of(&blocks)?;
        device.read(&mut blocks, BlockIdx(start)).ok()?;
        let [boot] = &blocks;
        let field = |at: usize| boot.contents.get(at..)?.first_chunk::<2>().copied();
        let reserved = u32::from(u16::from_le_bytes(field(14)?));
        let [count, _] = field(16)?;
        // A FAT32 has no length of 16 bits.
        let (length, width) = match u16::from_le_bytes(field(22)?) {
            0 => (u32::from_le_bytes(*boot.contents.get(36..)?.first_chunk()?), 4),
            length => (length.into(), 2),
        };
        Some(Self { first: start.checked_add(reserved)?, length, count, width })
    }
}

/// Frees a cluster that belongs to no entry: it has the number of `cluster`, which is 0 if there is none.
pub(super) fn free<D: BlockDevice>(device: &D, [high, low]: [[u8; 2]; 2]) -> Result<(), Reason> {
    let tables = Tables::read(device).ok_or(Reason::Storage)?;
    let [a, b] = low;
    let [c, d] = if tables.width == 4 { high } else { [0; 2] };
    let number = u32::from_le_bytes([a, b, c, d]);
    // The first two entries of a table are no clusters.
    if number < 2 {
        return Ok(());
    }
    let position = number.checked_mul(tables.width).ok_or(Reason::Storage)?;
    let (block, offset) = (position / 512, usize::try_from(position % 512).unwrap_or(0));
    if block >= tables.length {
        return Err(Reason::Storage);
    }
    for copy in 0..tables.count {
        let at = u32::from(copy)
            .checked_mul(tables.length)
            .and_then(|skip| tables.first.checked_add(skip)?.checked_add(block).map(BlockIdx));
        let at = at.ok_or(Reason::Storage)?;
        let mut blocks = [Block::new()];
        device.read(&mut blocks, at).map_err(|_| Reason::Storage)?;
        let [content] = &mut blocks;
        let entry = content.contents.iter_mut().skip(offset);
        // The upper four bits of an entry of 32 are kept.
        let kept = [0, 0, 0, 0xF0];
        for (byte, kept) in entry.zip(kept).take(usize::try_from(tables.width).unwrap_or(0)) {
            *byte &= kept;
        }
        device.write(&blocks, at).map_err(|_| Reason::Storage)?;
    }
    Ok(())
}
