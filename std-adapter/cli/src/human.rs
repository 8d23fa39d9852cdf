//! Numbers for people.

use std::time::Duration;

pub(crate) use tinyferry::describe::rounded_size as bytes;

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
