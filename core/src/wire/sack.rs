//! Selective acknowledgement: the blocks past a position that are received, lost or retransmitted
//! (`PROTOCOL.md`, section 3, R53 and R54).

/// Blocks that a `PON` acknowledges selectively, past the one at its position.
pub const SACK_BLOCKS: u32 = 96;

/// A set of blocks, numbered from 0 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SackMap([u32; 4]);

/// The part of a `PON` that goes with its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AckInfo {
    /// Bit `i` (0 to 95): the receiver has the block `i + 1` blocks past the position.
    Sack(SackMap),
    /// CRC-64/NVME of everything before the position: the receiver resumes the offer there.
    PrefixDigest(u64),
}

/// The number of blocks that a set has room for.
const BLOCKS: u32 = 128;

impl SackMap {
    /// No block.
    pub const EMPTY: Self = Self([0; 4]);

    /// Whether the set contains `block`.
    pub fn contains(&self, block: u32) -> bool {
        self.0.get(index(block)).is_some_and(|word| word & bit(block) != 0)
    }

    /// Adds or removes `block`. Blocks past 127 are ignored.
    pub fn set(&mut self, block: u32, present: bool) {
        debug_assert!(block < BLOCKS, "block {block} does not fit into the map");
        if let Some(word) = self.0.get_mut(index(block)) {
            *word = if present { *word | bit(block) } else { *word & !bit(block) };
        }
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        let Self([a, b, c, d]) = self;
        a | b | c | d == 0
    }

    /// The lowest block in the set.
    pub(crate) fn first(&self) -> Option<u32> {
        // Called before every chunk, and mostly on an empty set.
        if self.is_empty() {
            return None;
        }
        (0..BLOCKS).find(|block| self.contains(*block))
    }

    /// The highest block in the set. On a reliable link a chunk may end past the window.
    pub(crate) fn last(&self) -> Option<u32> {
        // Called for every chunk, and mostly on an empty set.
        if self.is_empty() {
            return None;
        }
        (0..BLOCKS).rev().find(|block| self.contains(*block))
    }

    /// Renumbers the blocks: block 1 becomes block 0. Returns whether block 0 was in the set.
    pub(crate) fn shift(&mut self) -> bool {
        let mut carry = 0;
        for word in self.0.iter_mut().rev() {
            let low = *word << 31;
            *word = (*word >> 1) | carry;
            carry = low;
        }
        carry != 0
    }

    /// Blocks 0 to 95, in the layout of the wire.
    pub(crate) const fn words(&self) -> [u32; 3] {
        let [a, b, c, _] = self.0;
        [a, b, c]
    }

    /// The set with blocks 0 to 95 as on the wire.
    pub(crate) const fn of([a, b, c]: [u32; 3]) -> Self {
        Self([a, b, c, 0])
    }
}

impl FromIterator<u32> for SackMap {
    fn from_iter<T: IntoIterator<Item = u32>>(blocks: T) -> Self {
        let mut map = Self::EMPTY;
        blocks.into_iter().for_each(|block| map.set(block, true));
        map
    }
}

const fn index(block: u32) -> usize {
    (block >> 5) as usize
}

const fn bit(block: u32) -> u32 {
    1 << (block & 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_renumbers_blocks_across_words() {
        let mut map: SackMap = [0, 31, 32, 95].into_iter().collect();
        assert!(map.shift());
        assert_eq!(map, [30, 31, 94].into_iter().collect());
        assert!(!map.shift());
        assert_eq!((map.first(), map.last()), (Some(29), Some(93)));
    }

    #[test]
    fn a_set_is_empty_if_no_word_has_a_block() {
        assert!(SackMap::EMPTY.is_empty());
        let sets: [&[u32]; 8] =
            [&[0], &[32], &[64], &[96], &[0, 32], &[32, 64], &[64, 96], &[0, 32, 64, 96]];
        for set in sets {
            assert!(!set.iter().copied().collect::<SackMap>().is_empty(), "{set:?}");
        }
    }

    #[test]
    fn the_wire_layout_holds_blocks_0_to_95() {
        let map: SackMap = [0, 33, 95].into_iter().collect();
        assert_eq!(map.words(), [1, 2, 1 << 31]);
        assert_eq!(SackMap::of(map.words()), map);
    }
}
