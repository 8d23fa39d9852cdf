//! Parses sizes, times and counts with units.

use std::num::NonZeroU64;
use std::time::Duration;

use tinyferry::transport::MIN_RATE;

const DAY: f64 = 86_400.0;

/// The units of a value of this name, for the help; `None`: it has none.
pub(crate) fn units(name: &str) -> Option<&'static str> {
    match name {
        "SECONDS" => Some("units: ms, s, m, h, d; without a unit: seconds"),
        "DAYS" => Some("units: ms, s, m, h, d; without a unit: days"),
        "BYTES" => Some("units: K, M, G, T, which are powers of 1024; without a unit: bytes"),
        "RATE" => {
            Some("units: K, M, G, T, which are powers of 1024; without a unit: bytes a second")
        }
        "ENTRIES" => Some("units: k, M, G, which are powers of 1000"),
        _ => None,
    }
}

/// A number and the rest: "1.5G" is 1.5 and "G".
fn split(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

/// A number of bytes: `4096`, `10M`, `1.5GiB`. A unit is a power of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    if let Ok(bytes) = text.parse() {
        return Ok(bytes);
    }
    let no = || "not a number of bytes; examples: 4096, 10M, 1.5G".to_owned();
    let (number, unit) = split(text).ok_or_else(no)?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(no()),
    };
    let bytes = number * 1024f64.powi(power);
    // Above this an `f64` cannot represent every number of bytes.
    if bytes < (1u64 << 53) as f64 { Ok(bytes as u64) } else { Err("too large".to_owned()) }
}

/// A number of bytes a second: `500K`, `1M`.
pub(crate) fn rate(text: &str) -> Result<NonZeroU64, String> {
    let rate = bytes(text.strip_suffix("/s").unwrap_or(text));
    let rate = rate.map_err(|_| "not a number of bytes a second; examples: 500K, 1M".to_owned())?;
    NonZeroU64::new(rate).filter(|rate| *rate >= MIN_RATE).ok_or_else(|| {
        "less than 1K, which is one frame a second: timeouts would end the connection".to_owned()
    })
}

/// A length of time; a number without a unit is one of `usual` seconds.
fn time(text: &str, usual: f64, example: &str) -> Result<Duration, String> {
    let no = || format!("not a length of time; examples: {example}");
    let (number, unit) = split(text).ok_or_else(no)?;
    let seconds = match unit {
        "" => usual,
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => DAY,
        _ => return Err(no()),
    };
    let length = Duration::try_from_secs_f64(number * seconds).ok();
    // More than a century could overflow a clock.
    length.filter(|length| length.as_secs() < 100 * 366 * 86_400).ok_or_else(no)
}

/// A length of time: `300`, `1.5`, `5m`. A number without a unit is one of seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    time(text, 1.0, "90, 1.5, 90s, 5m, 2h")
}

/// A length of time that is not 0.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    match seconds(text)? {
        Duration::ZERO => Err("a timeout of 0 would end each connection at once".to_owned()),
        timeout => Ok(timeout),
    }
}

/// A length of time: `7`, `12h`. A number without a unit is one of days.
pub(crate) fn days(text: &str) -> Result<Duration, String> {
    time(text, DAY, "7, 0.5, 12h")
}

/// A number that is not 0.
pub(crate) fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "not a number greater than 0".to_owned())
}

/// A number of entries: `5000`, `10k`, `1.5M`. A unit is a power of 1000.
pub(crate) fn entries(text: &str) -> Result<u64, String> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let no = || "not a number; examples: 5000, 10k, 1.5M".to_owned();
    let (number, unit) = split(text).ok_or_else(no)?;
    let power = match unit.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        _ => return Err(no()),
    };
    let entries = number * 1000f64.powi(power);
    if entries < (1u64 << 53) as f64 { Ok(entries as u64) } else { Err("too large".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("18446744073709551615", u64::MAX),
            ("10M", 10 << 20),
            ("1.5k", 1536),
            ("2 GiB", 2 << 30),
            ("1TB", 1 << 40),
            ("7b", 7),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "M", "-1", "1x", "1.2.3", "99999999T", "1e9", "inf", "NaN", "10 M M"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_is_at_least_a_frame_a_second() {
        for (text, expected) in [("1k", 1024), ("1.5M", 3 << 19), ("2M/s", 2 << 20)] {
            assert_eq!(rate(text).map(NonZeroU64::get), Ok(expected), "{text}");
        }
        for text in ["0", "1023", "0.5K", "", "fast", "1M/h"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_have_units() {
        for (text, expected) in
            [("0", 0), ("1000000", 1_000_000), ("1k", 1000), ("1.5M", 1_500_000)]
        {
            assert_eq!(entries(text), Ok(expected), "{text}");
        }
        for text in ["", "k", "-1", "1x", "1e3", "99999999G"] {
            assert!(entries(text).is_err(), "{text}");
        }
        assert!(timeout("0").is_err() && timeout("0.5").is_ok());
    }

    #[test]
    fn times_have_units() {
        for (text, expected) in
            [("90", 90_000), ("0", 0), ("0.5", 500), ("5m", 300_000), ("2h", 7_200_000)]
        {
            assert_eq!(seconds(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        assert_eq!(seconds("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(days("7"), Ok(Duration::from_secs(7 * 86_400)));
        assert_eq!(days("12h"), Ok(Duration::from_secs(12 * 3600)));
        for text in ["", "-1", "s", "1w", "inf", "NaN", "1e300", "99999999999999"] {
            assert!(seconds(text).is_err() && days(text).is_err(), "{text}");
        }
    }
}
