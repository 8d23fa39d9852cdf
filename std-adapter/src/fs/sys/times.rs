//! Modification times as file systems keep them, in nanoseconds since 1970. Knows no files.

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

/// The granularities of file systems: NTFS 100 ns, others 1 µs or 1 ms, exFAT 10 ms, ext4 with small
/// inodes and HFS+ 1 s.
const GRANULARITIES_NS: [i64; 5] = [100, 1_000, 1_000_000, 10_000_000, SECOND];

/// FAT keeps even seconds, and some systems round up to them.
const FAT_GRANULARITY_NS: i64 = 2 * SECOND;

/// The largest distance of a time zone from UTC, in seconds; FAT keeps local times.
const MAX_ZONE_SECONDS: i64 = 14 * 3_600;

/// The earliest times that file systems keep, as ranges in seconds: 1901 (ext4, XFS), 1904 (HFS+),
/// 1970, 1980 (FAT).
const EARLIEST_SECONDS: [(i64, i64); 4] = [
    (i32::MIN as i64, i32::MIN as i64),
    (-2_082_844_800, -2_082_844_800),
    (0, 0),
    (315_532_800 - MAX_ZONE_SECONDS, 315_532_800 + MAX_ZONE_SECONDS),
];

/// The latest ones: 2038 (small inodes), 2040 (HFS+), 2106 (32 bits without a sign), 2107 (FAT).
const LATEST_SECONDS: [(i64, i64); 4] = [
    (i32::MAX as i64, i32::MAX as i64),
    (2_212_122_495, 2_212_122_495),
    (u32::MAX as i64, u32::MAX as i64),
    (4_354_819_198 - MAX_ZONE_SECONDS, 4_354_819_199 + MAX_ZONE_SECONDS),
];

/// Whether a file system may have stored `offered` as `found`: the same, rounded down to its granularity,
/// or the nearest time that it can keep. A wrong guess only costs a comparison of the content.
pub(crate) fn is_same(offered: i64, found: i64) -> bool {
    is_cut(offered, found) || {
        let seconds = found.div_euclid(SECOND);
        let is_one_of = |limits: &[(i64, i64)]| {
            limits.iter().any(|(first, last)| (*first..=*last).contains(&seconds))
        };
        (offered < found && is_one_of(&EARLIEST_SECONDS))
            || (offered > found && is_one_of(&LATEST_SECONDS))
    }
}

/// Whether `found` is `offered` as precisely as a file system keeps it.
pub(crate) fn is_cut(offered: i64, found: i64) -> bool {
    offered == found
        || GRANULARITIES_NS
            .iter()
            .any(|unit| offered.saturating_sub(offered.rem_euclid(*unit)) == found)
        || (found % FAT_GRANULARITY_NS == 0
            && offered.abs_diff(found) < FAT_GRANULARITY_NS.unsigned_abs())
}

/// Whether every file system can keep it.
pub(crate) fn is_usual(time: i64) -> bool {
    let seconds = time.div_euclid(SECOND);
    (315_532_800 + MAX_ZONE_SECONDS..i64::from(i32::MAX)).contains(&seconds)
}

/// Whether it is the first or the last time that can be represented, in 1677 and 2262.
pub(crate) fn is_last(time: i64) -> bool {
    time.unsigned_abs() >= i64::MAX.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: i64 = 1_700_000_001_123_456_789;

    #[test]
    fn a_rounded_time_is_the_same() {
        for found in [
            OFFERED,
            1_700_000_001_123_456_700,
            1_700_000_001_123_456_000,
            1_700_000_001_123_000_000,
            1_700_000_001_120_000_000,
            1_700_000_001_000_000_000,
            1_700_000_000_000_000_000,
            1_700_000_002_000_000_000,
        ] {
            assert!(is_same(OFFERED, found), "{found}");
        }
        // Before 1970 it is cut towards the past, too.
        for found in [-1_000_000_200, -1_010_000_000, -2_000_000_000] {
            assert!(is_same(-1_000_000_123, found), "{found}");
        }
    }

    #[test]
    fn another_time_is_not_the_same() {
        for found in [
            OFFERED + 1,
            OFFERED - 1,
            1_700_000_001_123_456_800,
            1_700_000_001_130_000_000,
            1_700_000_003_000_000_000,
            1_699_999_999_000_000_000,
            1_699_999_998_000_000_000,
            1_700_000_004_000_000_000,
            0,
        ] {
            assert!(!is_same(OFFERED, found), "{found}");
        }
        // Two seconds away is not less than two seconds.
        assert!(!is_same(1_700_000_000 * SECOND, 1_700_000_002 * SECOND));
    }

    #[test]
    fn a_time_beyond_the_limits_is_the_limit() {
        let y2100 = 4_102_444_800 * SECOND;
        for (offered, found, is_kept) in [
            (y2100, i64::from(i32::MAX), true),
            (y2100, 2_212_122_495, true),
            (i64::MAX, u32::MAX.into(), true),
            (i64::MAX, 4_354_819_198, true),
            (i64::MAX, 4_354_819_198 - 7_200, true),
            (y2100, u32::MAX.into(), false),
            (y2100, 2_000_000_000, false),
            (-1, 0, true),
            (-1, 315_532_800, true),
            (-1, 315_532_800 + 7_200, true),
            (1, 0, true),
            (5 * SECOND, 0, false),
            (i64::MIN + 1, i32::MIN.into(), true),
            (-3_000_000_000 * SECOND, -2_082_844_800, true),
            (-2_100_000_000 * SECOND, i32::MIN.into(), false),
        ] {
            assert_eq!(is_same(offered, found * SECOND), is_kept, "{offered} {found}");
        }
        assert!(!is_cut(y2100, i64::from(i32::MAX) * SECOND));
        assert!(is_usual(OFFERED) && !is_usual(y2100) && !is_usual(0) && !is_usual(-1));
    }
}
