//! The question of a sender about a directory, and the index of the answer, as bytes. Knows no frames.

use super::range::Range;
use super::record::{Facts, Granularity, Parameters};

/// The maximum number of entries of an index.
pub(crate) const INDEX_MAX: usize = 240;

/// A question about the receiver's entries in a range of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) parameters: Parameters,
    pub(crate) range: Range,
}

impl Query {
    pub(crate) const LENGTH: usize = 11;

    pub(crate) fn encode(self) -> [u8; Self::LENGTH] {
        let Self { parameters: Parameters { facts, granularity, salt }, range } = self;
        let [p0, p1, p2, p3] = range.prefix().to_le_bytes();
        let [s0, s1, s2, s3] = salt.to_le_bytes();
        let (facts, granularity, bits) = (facts.bits(), granularity.code(), range.bits());
        [facts, granularity, bits, p0, p1, p2, p3, s0, s1, s2, s3]
    }

    /// `None`: the bytes mean no query of this version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let &[facts, granularity, bits, p0, p1, p2, p3, s0, s1, s2, s3] = bytes else {
            return None;
        };
        Some(Self {
            parameters: Parameters {
                facts: Facts::from_bits(facts),
                granularity: Granularity::from_code(granularity)?,
                salt: u32::from_le_bytes([s0, s1, s2, s3]),
            },
            range: Range::new(bits, u32::from_le_bytes([p0, p1, p2, p3]))?,
        })
    }
}

pub(crate) fn encode_index(index: &[u32]) -> Vec<u8> {
    index.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// `None`: the bytes are no index.
pub(crate) fn decode_index(bytes: &[u8]) -> Option<Vec<u32>> {
    let (values, []) = bytes.as_chunks::<4>() else { return None };
    let index: Vec<_> = values.iter().map(|value| u32::from_le_bytes(*value)).collect();
    (index.len() <= INDEX_MAX && index.is_sorted()).then_some(index)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_has_its_bytes_in_order() {
        let bytes = [0b101, 10, 12, 0xBC, 0x0A, 0, 0, 4, 3, 2, 1];
        let query = Query::decode(&bytes).unwrap();
        assert_eq!(query.parameters.facts, Facts::SIZE.with(Facts::MODE));
        assert_eq!(query.parameters.granularity, Granularity::TWO_SECONDS);
        assert_eq!(query.parameters.salt, 0x0102_0304);
        assert_eq!(Some(query.range), Range::new(12, 0xABC));
        assert_eq!(query.encode(), bytes);
        assert_eq!(Query::decode(&bytes[..10]), None);
        for (place, wrong) in [(1, 11), (2, 33), (2, 11), (6, 1)] {
            let mut bytes = bytes;
            bytes[place] = wrong;
            assert_eq!(Query::decode(&bytes), None);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_query_or_none(bytes in vec(any::<u8>(), 0..20)) {
            if let Some(query) = Query::decode(&bytes) {
                let mut known = bytes;
                known[0] &= 0b1111;
                prop_assert_eq!(query.encode().to_vec(), known);
            }
        }

        #[test]
        fn any_bytes_are_an_index_or_none(bytes in vec(any::<u8>(), 0..1200)) {
            if let Some(index) = decode_index(&bytes) {
                prop_assert!(index.len() <= INDEX_MAX);
                prop_assert_eq!(encode_index(&index), bytes);
            }
        }

        #[test]
        fn an_index_is_decoded_if_it_ascends(index in vec(any::<u32>(), 0..300)) {
            let bytes = encode_index(&index);
            let is_one = index.len() <= INDEX_MAX && index.is_sorted();
            prop_assert_eq!(decode_index(&bytes), is_one.then(|| index.clone()));
            let mut sorted = index;
            sorted.sort_unstable();
            sorted.truncate(INDEX_MAX);
            prop_assert_eq!(decode_index(&encode_index(&sorted)), Some(sorted));
        }
    }
}
