//! The SACK map: the blocks that are received past the position.

/// 96 bits: bit i is the block that begins i + 1 blocks past the position.
#[derive(Clone, Copy)]
pub(crate) struct Map([u32; 3]);

/// Blocks of the map.
const BLOCKS: usize = 96;

impl Map {
    pub(crate) const EMPTY: Self = Self([0; 3]);

    pub(crate) fn words(self) -> [u32; 3] {
        self.0
    }

    /// Moves on by one block; whether the block that is now at the position is received.
    pub(crate) fn advance(&mut self) -> bool {
        let [low, middle, high] = self.0;
        self.0 = [low >> 1 | middle << 31, middle >> 1 | high << 31, high >> 1];
        low & 1 != 0
    }

    /// Whether `count` blocks, the first of them `ahead` blocks past the position, are in the window, and
    /// the first is not received yet.
    pub(crate) fn lacks(self, ahead: usize, count: usize) -> bool {
        let bit = ahead.wrapping_sub(1);
        let word = self.0.get(bit >> 5).copied().unwrap_or(u32::MAX);
        word >> (bit & 31) & 1 == 0 && ahead.saturating_add(count) <= BLOCKS.saturating_add(1)
    }

    /// The block that begins `ahead` blocks past the position is received.
    pub(crate) fn insert(&mut self, ahead: usize) {
        let bit = ahead.wrapping_sub(1);
        if let Some(word) = self.0.get_mut(bit >> 5) {
            *word |= 1 << (bit & 31);
        }
    }
}
