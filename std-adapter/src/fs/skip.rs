//! The decision about one file after a question about it: whether it is left out because the receiver has it. Knows no
//! file system.

use tinyferry_core::store::{Skip, Stat};

use crate::fs::digest::record::Granularity;

/// The size and the time of the sender's file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SizeAndTime {
    pub(crate) size: u64,
    /// Nanoseconds since 1970, where known.
    pub(crate) modified: Option<i64>,
}

/// The time of a file in the answer to a stat, in nanoseconds since 1970; `None` if it is not known.
pub(crate) fn time_of(stat: &Stat) -> Option<i64> {
    Some(stat.value.cast_signed()).filter(|time| *time != i64::MIN)
}

/// Whether `skip` leaves out a file that the receiver has, with these facts.
pub(crate) fn leaves_out(skip: Skip, source: SizeAndTime, target: &Stat) -> bool {
    let unit = Granularity::from_code(target.granularity).unwrap_or(Granularity::TWO_SECONDS);
    let times = source.modified.zip(time_of(target));
    let times = times.map(|(ours, theirs)| (unit.round_down(ours), unit.round_down(theirs)));
    match skip {
        // The content is compared by the offer.
        Skip::Nothing | Skip::SameContent => false,
        Skip::Existing => true,
        Skip::NotOlder => times.is_some_and(|(ours, theirs)| theirs >= ours),
        _ => source.size == target.size && times.is_some_and(|(ours, theirs)| ours == theirs),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_file_is_left_out_by_size_time_and_existence_at_the_coarser_unit() {
        let source = SizeAndTime { size: 7, modified: Some(10 * SECOND + 5) };
        let target = |size, time: i64, granularity| Stat {
            size,
            value: time.cast_unsigned(),
            facts: 3,
            granularity,
        };
        let same = target(7, 10 * SECOND, 9);
        for (skip, target, expected) in [
            (Skip::SameTime, same, true),
            (Skip::Missing, same, true),
            (Skip::SameTime, target(7, 10 * SECOND, 0), false),
            (Skip::SameTime, target(8, 10 * SECOND, 9), false),
            (Skip::SameTime, target(7, i64::MIN, 9), false),
            (Skip::SameContent, same, false),
            (Skip::Existing, target(8, 0, 9), true),
            (Skip::NotOlder, target(8, 11 * SECOND, 9), true),
            (Skip::NotOlder, target(8, 9 * SECOND, 9), false),
            (Skip::NotOlder, target(8, i64::MIN, 9), false),
        ] {
            assert_eq!(leaves_out(skip, source, &target), expected, "{skip:?} {target:?}");
        }
    }
}
