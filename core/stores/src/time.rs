//! Times as FAT has them: two seconds fine, from 1980 to 2107, here taken for UTC.

/// Time and date in the format of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp(pub(crate) [u8; 4]);

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// Days from 1970 to 1980.
const EPOCH: i64 = 3652;

/// Days of a month; `year` counts from 1980.
const fn length(year: i64, month: i64) -> i64 {
    match month {
        1 if year % 4 == 0 && year != 120 => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Of nanoseconds since 1970.
#[expect(clippy::arithmetic_side_effects, reason = "all is below 2^63 and counts a year at most")]
pub(crate) fn to_fat(modified: i64) -> Option<Stamp> {
    let seconds = modified.div_euclid(SECOND);
    let mut days = seconds.div_euclid(DAY) - EPOCH;
    if !(0..46_751).contains(&days) {
        return None;
    }
    let (mut year, mut month) = (0, 0);
    while days >= length(year, month) {
        days -= length(year, month);
        month += 1;
        if month == 12 {
            (year, month) = (year + 1, 0);
        }
    }
    let second = seconds.rem_euclid(DAY);
    let time = second / 3600 * 2048 + second / 60 % 60 * 32 + second % 60 / 2;
    let date = year * 512 + (month + 1) * 32 + days + 1;
    let [a, b] = u16::try_from(time).ok()?.to_le_bytes();
    let [c, d] = u16::try_from(date).ok()?.to_le_bytes();
    Some(Stamp([a, b, c, d]))
}

/// Nanoseconds since 1970.
#[expect(clippy::arithmetic_side_effects, reason = "sums of small numbers")]
pub(crate) fn from_fat(Stamp([a, b, c, d]): Stamp) -> Option<i64> {
    let (time, date) =
        (i64::from(u16::from_le_bytes([a, b])), i64::from(u16::from_le_bytes([c, d])));
    let (year, month, day) = (date / 512, date / 32 % 16 - 1, date % 32 - 1);
    if !(0..12).contains(&month) || !(0..length(year, month)).contains(&day) {
        return None;
    }
    let mut days = EPOCH + day;
    for past in 0..year {
        days += if length(past, 1) == 29 { 366 } else { 365 };
    }
    for past in 0..month {
        days += length(year, past);
    }
    let seconds = time / 2048 * 3600 + time / 32 % 64 * 60 + time % 32 * 2;
    Some((days * DAY + seconds) * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_there_and_back() {
        for day in [0, 1, 58, 59, 60, 365, 366, 7305, 43_889, 46_750] {
            let time = ((EPOCH + day) * DAY + 45_296) * SECOND;
            assert_eq!(to_fat(time + SECOND).and_then(from_fat), Some(time), "{day}");
        }
        // 2024-02-29 12:34:56
        let stamp = to_fat(1_709_210_096 * SECOND)
            .map(|Stamp([a, b, c, d])| (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])));
        assert_eq!(stamp, Some((12 << 11 | 34 << 5 | 28, 44 << 9 | 2 << 5 | 29)));
        assert_eq!(to_fat(0), None);
        assert_eq!(to_fat(i64::MAX), None);
        assert_eq!(from_fat(Stamp([0; 4])), None);
    }
}
