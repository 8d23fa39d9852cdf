//! Times for a person and for a program, in UTC.

use time::OffsetDateTime;

/// "2026-11-29 15:30:38".
pub(crate) fn to_the_second(nanoseconds: i64) -> String {
    let time = utc(nanoseconds);
    let (hour, minute, second) = time.to_hms();
    let date = date(time);
    format!("{date} {hour:02}:{minute:02}:{second:02}")
}

/// RFC 3339: "2026-11-29T15:30:38.000000001Z".
pub(crate) fn rfc3339(nanoseconds: i64) -> String {
    let time = utc(nanoseconds);
    let (hour, minute, second, rest) = time.to_hms_nano();
    let date = date(time);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{rest:09}Z")
}

fn date(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

/// All times from 1677 to 2262 can be represented.
fn utc(nanoseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into())
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(to_the_second(1_000_000_007_000_000_000), "2001-09-09 01:46:47");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(to_the_second(i64::MIN), "1677-09-21 00:12:43");
    }
}
