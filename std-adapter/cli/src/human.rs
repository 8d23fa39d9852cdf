//! Numbers for people.

use std::time::Duration;

/// A number of bytes with three digits or more: "374 B", "2.86 MiB".
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = bytes.checked_ilog2().unwrap_or(0) / 10;
    match (power as usize).checked_sub(1).and_then(|index| UNITS.get(index)) {
        None => format!("{bytes} B"),
        Some(unit) => format!("{:.2} {unit}", bytes as f64 / 1024_f64.powi(power as i32)),
    }
}

/// A length of time: "0.53 s", "2 min 5 s", "3 h 20 min".
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.2} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A length of time in its largest unit, rounded down: "3 days".
pub(crate) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) =
        units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1, "second"));
    let number = seconds / unit;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

/// A length of time as a clock: "0:05", "1:02:03".
pub(crate) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_largest_unit() {
        for (number, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (3_000_000, "2.86 MiB"),
            (100 << 20, "100.00 MiB"),
            (5 << 30, "5.00 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(bytes(number), shown);
        }
    }

    #[test]
    fn times_have_two_units() {
        let after = Duration::from_secs;
        assert_eq!(duration(Duration::from_millis(525)), "0.53 s");
        assert_eq!(duration(after(125)), "2 min 5 s");
        assert_eq!(duration(after(12_000)), "3 h 20 min");
        assert_eq!(
            [age(after(0)), age(after(61)), age(after(3 * 86_400))],
            ["0 seconds", "1 minute", "3 days"]
        );
        assert_eq!([clock(5), clock(3723)], ["0:05", "1:02:03"]);
    }
}
