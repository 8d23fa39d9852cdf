//! Hides the parts that differ from run to run: times, rates, bytes on the wire, the space of the file system.

/// The fields of JSON objects that are hidden.
const FIELDS: [&str; 13] = [
    "seconds",
    "wire_sent",
    "wire_received",
    "wait_seconds",
    "free",
    "total",
    "time_granularity_ns",
    "handshake_ms",
    "min_ms",
    "median_ms",
    "max_ms",
    "age_seconds",
    "bytes_per_second",
];

/// The text behind a hidden number, and the mask.
const UNITS: [(&str, &str); 2] = [(" s", "TIME"), (" ms", "TIME")];
const SIZES: [&str; 5] = [" B", " KiB", " MiB", " GiB", " TiB"];
/// The text behind a hidden size.
const AFTER_SIZES: [&str; 3] = ["/s", " over the wire", " free of "];

/// The text with masks, without the objects of progress, whose number depends on the time.
pub(super) fn masked(text: &str) -> String {
    let is_kept = |line: &&str| !line.contains(r#""event":"progress""#);
    text.lines().filter(is_kept).map(|line| format!("{}\n", masked_line(line))).collect()
}

fn masked_line(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, after) = from.split_at(end.unwrap_or(from.len()));
        masked += before;
        let is_word = masked.ends_with(|character: char| character.is_alphanumeric());
        let (mask, after) = match mask(&masked, after) {
            Some(found) if !is_word => found,
            _ => (number, after),
        };
        masked += mask;
        rest = after;
    }
    masked + rest
}

/// The mask for a number between two texts, and the text after the mask.
fn mask<'a>(before: &str, after: &'a str) -> Option<(&'static str, &'a str)> {
    let is_end = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
    if let Some(key) = before.strip_suffix("\":") {
        return FIELDS
            .iter()
            .any(|name| key.ends_with(&format!("\"{name}")))
            .then_some(("_", after));
    }
    for (unit, mask) in UNITS {
        if let Some(rest) = after.strip_prefix(unit).filter(|rest| is_end(rest)) {
            return Some((mask, rest));
        }
    }
    let size =
        SIZES.iter().find_map(|unit| after.strip_prefix(unit).filter(|rest| is_end(rest)))?;
    let is_hidden = AFTER_SIZES.iter().any(|next| size.starts_with(next))
        || before.ends_with(" free of ")
        || before.ends_with(" of ") && size.starts_with(" are free")
        || before.ends_with("; ") && size.starts_with(" of ");
    is_hidden.then_some(("SIZE", size))
}
