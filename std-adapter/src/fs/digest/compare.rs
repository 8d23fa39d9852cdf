//! Compares the sender's entries with the answer of the receiver: which of them it lacks, or which parts of
//! the range are to be asked for. Knows no files.

use super::entries::{Entries, Listed};
use super::range::Range;
use super::{Summary, Total};

/// The number of entries of a part on a reliable link: its index is one frame.
const PART: u64 = 100;
/// The parts of a range on a lossy link, as bits: each costs a round trip and no index comes.
const LOSSY_BITS: u8 = 4;
/// So few entries are offered rather than asked about in parts.
const FEW: usize = 16;

/// The result for one range.
#[derive(Debug)]
pub(crate) enum Comparison<'a> {
    /// The receiver has the same entries.
    Same,
    /// The entries that the receiver may lack.
    Differs(Vec<&'a Listed>),
    /// The number of bits by which the range is split into the parts to ask for ([`Range::split`]).
    Split(u8),
}

/// Compares the entries of `range` with the receiver's answer about it. `local` covers the range.
///
/// An index value that is the same by chance hides an entry, once in 2^32 pairs of other entries in a range.
/// The digest is another one nevertheless: a sender can ask for it once more in the end.
pub(crate) fn compare<'a>(
    local: &'a Entries,
    range: Range,
    answer: &Summary,
    is_lossy: bool,
) -> Comparison<'a> {
    let Some(entries) = local.part(range) else {
        return match local.total() == answer.total {
            true => Comparison::Same,
            false => split(range, local.total(), answer.total, is_lossy),
        };
    };
    let total = Total::of(entries.iter().map(|entry| entry.hash));
    if total == answer.total {
        return Comparison::Same;
    }
    let has_others = answer.total.entries > 0;
    if !has_others || entries.is_empty() {
        return Comparison::Differs(entries.iter().collect());
    }
    let index = answer.index.as_deref();
    let index = index.filter(|index| index.len() as u64 == answer.total.entries);
    if let Some(index) = index
        && let Some(comparison) = by_index(entries, range, index, answer.total)
    {
        return comparison;
    }
    if entries.len() <= FEW || range.bits() == Range::BITS_MAX {
        return Comparison::Differs(entries.iter().collect());
    }
    split(range, total, answer.total, is_lossy)
}

/// `None`: two entries have the same index value by chance.
fn by_index<'a>(
    entries: &'a [Listed],
    range: Range,
    index: &[u32],
    answer: Total,
) -> Option<Comparison<'a>> {
    let (mut lacks, mut others, mut same) = (Vec::new(), false, Total::default());
    let (mut ours, mut theirs) = (entries, index);
    loop {
        let our_value = ours.first().map(|entry| range.index_of(entry.hash));
        let value = match (our_value, theirs.first()) {
            (None, None) => break,
            (Some(value), None) => value,
            (None, Some(value)) => *value,
            (Some(our_value), Some(value)) => our_value.min(*value),
        };
        let our_count = ours.partition_point(|entry| range.index_of(entry.hash) <= value);
        let their_count = theirs.partition_point(|their_value| *their_value <= value);
        let (equal, rest) = ours.split_at(our_count);
        if our_count == their_count {
            equal.iter().for_each(|entry| same.add(entry.hash));
        } else {
            lacks.extend(equal);
            others |= their_count > 0;
        }
        (ours, theirs) = (rest, theirs.get(their_count..).unwrap_or_default());
    }
    // If the receiver has other entries, their hashes are not known.
    (others || same == answer).then_some(Comparison::Differs(lacks))
}

/// Chooses parts that have entries of the sender.
fn split(range: Range, local: Total, answer: Total, is_lossy: bool) -> Comparison<'static> {
    let wanted = match is_lossy {
        true => u32::from(LOSSY_BITS),
        false => {
            let parts = local.entries.max(answer.entries).div_ceil(PART);
            parts.checked_next_power_of_two().map_or(u64::BITS, u64::ilog2)
        }
    };
    let useful = local.entries.checked_ilog2().unwrap_or(0);
    let possible = u32::from(Range::BITS_MAX - range.bits());
    Comparison::Split(wanted.min(useful).max(1).min(possible) as u8)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;
    use tinyferry_core::store::Kind;

    use super::*;
    use crate::fs::amount::Amount;
    use crate::fs::digest::query::INDEX_MAX;

    fn listed(hashes: &BTreeSet<u64>) -> Entries {
        let mut entries = Entries::default();
        for hash in hashes {
            entries.add(*hash, &hash.to_string(), Kind::File, Amount::file(1));
        }
        entries.sort();
        entries
    }

    /// The entries that a sender offers after all its queries.
    fn converge(ours: &BTreeSet<u64>, theirs: &BTreeSet<u64>, is_lossy: bool) -> Vec<u64> {
        let local = listed(ours);
        let theirs: Vec<_> = theirs.iter().copied().collect();
        let (mut found, mut queries) = (Vec::new(), vec![Range::ALL]);
        while let Some(range) = queries.pop() {
            let mut answer = Summary::of_sorted(&theirs, range);
            if is_lossy {
                answer.index = None;
            }
            match compare(&local, range, &answer, is_lossy) {
                Comparison::Same => {}
                Comparison::Differs(lacks) => {
                    for entry in lacks {
                        assert_eq!(local.name(entry), entry.hash.to_string());
                        found.push(entry.hash);
                    }
                }
                Comparison::Split(bits) => queries.extend(range.split(bits)),
            }
        }
        found.sort_unstable();
        found
    }

    /// Few or many hashes, all over the range.
    fn hashes() -> impl Strategy<Value = BTreeSet<u64>> {
        prop_oneof![btree_set(any::<u64>(), 0..20), btree_set(any::<u64>(), 200..2000)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn exactly_the_entries_that_the_receiver_lacks_are_found(
            common in hashes(), ours in btree_set(any::<u64>(), 0..30), theirs in hashes(),
        ) {
            let lacking: BTreeSet<_> = ours.difference(&theirs).copied().collect();
            let lacking: Vec<_> = lacking.difference(&common).copied().collect();
            let (ours, theirs) = (&ours | &common, &theirs | &common);
            let found = converge(&ours, &theirs, false);
            // So few entries, or one part without an index, are offered as they are.
            if ours.len() > FEW || theirs.len() <= INDEX_MAX {
                prop_assert_eq!(&found, &lacking);
            }
            let found = converge(&ours, &theirs, true);
            prop_assert!(lacking.iter().all(|hash| found.binary_search(hash).is_ok()));
            // Each group of offered entries has a difference.
            let differences = ours.symmetric_difference(&theirs).count();
            prop_assert!(found.len() <= FEW * differences);
        }
    }

    #[test]
    fn an_equal_directory_costs_one_query() {
        let hashes: BTreeSet<_> =
            (0..5000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        assert_eq!(converge(&hashes, &hashes, false), []);
        let mut changed = hashes.clone();
        changed.pop_first();
        assert!(matches!(
            compare(&listed(&hashes), Range::ALL, &summary(&changed), false),
            Comparison::Split(6)
        ));
        assert!(matches!(
            compare(&listed(&hashes), Range::ALL, &summary(&changed), true),
            Comparison::Split(4)
        ));
    }

    fn summary(hashes: &BTreeSet<u64>) -> Summary {
        Summary::of_sorted(&hashes.iter().copied().collect::<Vec<_>>(), Range::ALL)
    }

    #[test]
    fn an_index_value_that_is_the_same_by_chance_is_noticed() {
        // They differ after the bits of the index.
        let ours = BTreeSet::from([1 << 40, 2 << 40]);
        let theirs = BTreeSet::from([1 << 40, (2 << 40) + 1]);
        assert_eq!(converge(&ours, &theirs, false), ours.iter().copied().collect::<Vec<_>>());
        let many: BTreeSet<_> = (0..200).map(|n| n << 40).collect();
        let mut theirs = many.clone();
        theirs.remove(&(7 << 40));
        theirs.insert((7 << 40) + 1);
        let (local, answer) = (listed(&many), summary(&theirs));
        assert!(by_index_of(&local, &answer).is_none());
        theirs.remove(&((7 << 40) + 1));
        assert!(matches!(by_index_of(&local, &summary(&theirs)), Some(Comparison::Differs { .. })));
    }

    fn by_index_of<'a>(local: &'a Entries, answer: &Summary) -> Option<Comparison<'a>> {
        let entries = local.part(Range::ALL).unwrap();
        by_index(entries, Range::ALL, answer.index.as_deref().unwrap(), answer.total)
    }

    #[test]
    fn a_false_answer_costs_few_queries() {
        let ours: BTreeSet<_> =
            (0..1000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let local = listed(&ours);
        for total in [
            Total { entries: u64::MAX, digest: 0 },
            Total { entries: 1, digest: 1 },
            Total { entries: 1000, digest: 7 },
        ] {
            for index in [None, Some(vec![]), Some(vec![1, 2]), Some(vec![7; 240])] {
                let answer = Summary { total, index };
                for is_lossy in [false, true] {
                    let (mut queries, mut found) = (vec![Range::ALL], 0);
                    let mut count = 0;
                    while let Some(range) = queries.pop() {
                        count += 1;
                        match compare(&local, range, &answer, is_lossy) {
                            Comparison::Same => {}
                            Comparison::Differs(lacks) => found += lacks.len(),
                            Comparison::Split(bits) => queries.extend(range.split(bits)),
                        }
                    }
                    assert!(count <= 2 * ours.len(), "{count} queries");
                    assert_eq!(found, ours.len());
                }
            }
        }
    }
}
