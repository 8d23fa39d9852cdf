//! The question of a sender about a directory. Knows no frames.

use tinyferry_core::error::Reason;
use tinyferry_core::store::StatQuery;

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
    /// The question of the other end.
    ///
    /// # Errors
    /// A later version has asked: its range or its unit of times is not known here.
    pub(crate) fn read(query: &StatQuery) -> Result<Self, Reason> {
        let range = Range::new(query.bits, query.prefix).ok_or(Reason::Unsupported)?;
        let granularity = Granularity::from_code(query.granularity).ok_or(Reason::Unsupported)?;
        let facts = Facts::from_bits(query.facts);
        Ok(Self { parameters: Parameters { facts, granularity, salt: query.salt }, range })
    }
}

/// An index from the other end; `None` if it is none: its values ascend, and they are not too many.
pub(crate) fn sound_index(values: impl Iterator<Item = u32>) -> Option<Vec<u32>> {
    let index: Vec<_> = values.take(INDEX_MAX + 1).collect();
    (index.len() <= INDEX_MAX && index.is_sorted()).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_ascends_and_has_at_most_240_values() {
        assert_eq!(sound_index([1, 1, 7].into_iter()), Some(vec![1, 1, 7]));
        assert_eq!(sound_index([7, 1].into_iter()), None);
        assert_eq!(sound_index(0..240).map(|index| index.len()), Some(240));
        assert_eq!(sound_index(0..241), None);
    }
}
