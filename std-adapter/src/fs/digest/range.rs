//! Parts of a directory: the entries whose hashes begin with the same bits. Knows no entries.

/// The hashes with the same upmost bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// The number of these bits.
    bits: u8,
    prefix: u32,
}

impl Range {
    /// All hashes.
    pub(crate) const ALL: Self = Self { bits: 0, prefix: 0 };
    pub(crate) const BITS_MAX: u8 = 32;

    /// The hashes whose upmost `bits` bits are `prefix`; `None` if that has more bits.
    pub(crate) fn new(bits: u8, prefix: u32) -> Option<Self> {
        let fits = bits <= Self::BITS_MAX && u64::from(prefix) >> bits == 0;
        fits.then_some(Self { bits, prefix })
    }

    pub(crate) fn bits(self) -> u8 {
        self.bits
    }

    pub(crate) fn prefix(self) -> u32 {
        self.prefix
    }

    pub(crate) fn contains(self, hash: u64) -> bool {
        let (first, last) = self.bounds();
        (first..=last).contains(&hash)
    }

    /// The first and the last hash.
    pub(crate) fn bounds(self) -> (u64, u64) {
        let rest = 64 - u32::from(self.bits);
        let first = u64::from(self.prefix).checked_shl(rest).unwrap_or(0);
        (first, first | u64::MAX.checked_shr(self.bits.into()).unwrap_or(0))
    }

    /// The part of a sorted list whose hashes are in the range.
    pub(crate) fn of_sorted<T>(self, list: &[T], hash: impl Fn(&T) -> u64) -> &[T] {
        let (first, last) = self.bounds();
        let start = list.partition_point(|entry| hash(entry) < first);
        let end = list.partition_point(|entry| hash(entry) <= last);
        list.get(start..end).unwrap_or_default()
    }

    /// Its equal parts: 2^`bits` of them, or those that have [`Range::BITS_MAX`] bits.
    pub(crate) fn split(self, bits: u8) -> impl Iterator<Item = Self> {
        let bits = bits.min(Self::BITS_MAX - self.bits);
        let first = u64::from(self.prefix) << bits;
        (0..1_u64 << bits)
            .map(move |part| Self { bits: self.bits + bits, prefix: (first | part) as u32 })
    }

    /// The 32 bits of a hash that follow those of the range.
    pub(crate) fn index_of(self, hash: u64) -> u32 {
        (hash << self.bits >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_hashes_with_its_bits() {
        assert_eq!(Range::ALL.bounds(), (0, u64::MAX));
        let range = Range::new(4, 0xA).unwrap();
        assert_eq!(range.bounds(), (0xA << 60, 0xAFFF_FFFF_FFFF_FFFF));
        assert!(range.contains(0xA123_4567_89AB_CDEF) && !range.contains(0xB000_0000_0000_0000));
        assert_eq!(range.index_of(0xA123_4567_89AB_CDEF), 0x1234_5678);
        let narrowest = Range::new(32, u32::MAX).unwrap();
        assert_eq!(narrowest.bounds(), (0xFFFF_FFFF_0000_0000, u64::MAX));
        assert_eq!(narrowest.index_of(0xFFFF_FFFF_1234_5678), 0x1234_5678);
        for (bits, prefix) in [(33, 0), (255, 0), (0, 1), (4, 0x10), (31, u32::MAX)] {
            assert_eq!(Range::new(bits, prefix), None);
        }
    }

    #[test]
    fn the_parts_of_a_range_are_all_of_it() {
        for (range, bits) in
            [(Range::ALL, 3), (Range::new(5, 9).unwrap(), 4), (Range::new(31, 7).unwrap(), 9)]
        {
            let (mut next, last) = range.bounds();
            for part in range.split(bits) {
                assert_eq!(part.bounds().0, next);
                assert_eq!(Range::new(part.bits(), part.prefix()), Some(part));
                next = part.bounds().1.wrapping_add(1);
            }
            assert_eq!(next.wrapping_sub(1), last);
        }
        assert_eq!(Range::new(32, 7).unwrap().split(4).count(), 1);
        assert_eq!(Range::ALL.split(40).next(), Range::new(32, 0));
    }

    #[test]
    fn the_part_of_a_list_has_its_first_and_its_last_hash() {
        let list = [0, 1 << 62, (1 << 62) + 1, (1 << 63) - 1, 1 << 63, u64::MAX];
        let part = |bits, prefix| Range::new(bits, prefix).unwrap().of_sorted(&list, |hash| *hash);
        assert_eq!(part(2, 1), &list[1..4]);
        assert_eq!(part(2, 3), &list[5..]);
        assert_eq!(part(3, 1), &[]);
        assert_eq!(part(0, 0), &list);
    }
}
