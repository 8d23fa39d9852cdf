//! Fingerprints: 128 bits, so that no two states of a search share one by chance.

use super::*;

/// Odd numbers with as many ones as zeros, at random places.
const FACTORS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93];

/// Two hashers of 64 bits that mix each word in another way. Half the time of a search goes into them:
/// the hasher of the standard library, which withstands attackers, takes four times as long.
pub(super) struct Hashers([u64; 2]);

impl Default for Hashers {
    fn default() -> Self {
        Self(FACTORS)
    }
}

/// The product of two numbers, its upper half folded into the lower.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl Hashers {
    fn add(&mut self, word: u64) {
        let [one, other] = self.0;
        let mixed = (other.rotate_left(23) ^ word).wrapping_mul(FACTORS[1]);
        self.0 = [fold(one ^ word, FACTORS[0]), mixed ^ mixed >> 32];
    }

    pub(super) fn both(&self) -> u128 {
        let [low, high] = self.0.map(|half| u128::from(fold(half ^ FACTORS[1], FACTORS[0])));
        high << 64 | low
    }
}

impl Hasher for Hashers {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        last[7] = rest.len() as u8;
        self.add(u64::from_le_bytes(last));
    }

    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.add(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.add(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        self.both() as u64
    }
}
