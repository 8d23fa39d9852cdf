//! Fingerprints: 128 bits, so that no two states of a search share one by chance.

use super::*;

/// Two hashers that differ in what they have hashed before.
pub(super) struct Hashers([DefaultHasher; 2]);

impl Default for Hashers {
    fn default() -> Self {
        let mut other = DefaultHasher::new();
        1.hash(&mut other);
        Self([DefaultHasher::new(), other])
    }
}

impl Hasher for Hashers {
    fn write(&mut self, bytes: &[u8]) {
        self.0.iter_mut().for_each(|hasher| hasher.write(bytes));
    }

    fn finish(&self) -> u64 {
        self.0[0].finish()
    }
}

impl Hashers {
    pub(super) fn both(&self) -> u128 {
        let [low, high] = self.0.each_ref().map(|hasher| u128::from(hasher.finish()));
        high << 64 | low
    }
}
