//! The settings behind the `?` of a URL: `baud=9600&lossy=false`.

/// The settings of a URL: names and values.
pub(super) fn each(settings: &str) -> impl Iterator<Item = (&str, &str)> {
    let settings = settings.split('&').filter(|setting| !setting.is_empty());
    settings.map(|setting| setting.split_once('=').unwrap_or((setting, "")))
}

/// The shortest and the longest pause inside a frame that a line may be set to, in ms.
const GAPS: std::ops::RangeInclusive<u16> = 20..=500;

/// The value of `gap`, in ms.
pub(super) fn gap(value: &str) -> Result<u16, String> {
    let number = value.strip_suffix("ms").and_then(|number| number.parse().ok());
    match number.filter(|number| GAPS.contains(number)) {
        Some(number) => Ok(number),
        None => Err(format!("gap is 20ms to 500ms, not \"{}\"", value.escape_debug())),
    }
}

/// A gap, in ms, as in a URL.
pub(super) fn show_gap(gap: u16) -> String {
    format!("gap={gap}ms")
}

/// The value of `lossy`.
pub(super) fn lossy(value: &str) -> Result<bool, String> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("lossy is true or false, not \"{}\"", value.escape_debug())),
    }
}
