//! Describes errors and paths in clauses for people.

use std::fmt::Display;
use std::io;
use std::path::Path;

use tinyferry_core::Reason;

/// The message of the operating system as a clause: in lower case, without its number and its full stop.
pub fn os_error(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let clause = text.get(..end).unwrap_or_default().trim_end_matches('.');
    let mut letters = clause.chars();
    match letters.next() {
        // The first word may be an abbreviation.
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => clause.to_owned(),
    }
}

/// The subject of errors that either end can have.
pub(crate) const OTHER_END: &str = "the other end";

/// The text of an error in a server's log: it calls the other end "the client".
pub(crate) fn for_server(error: &impl Display) -> String {
    error.to_string().replace(OTHER_END, "the client")
}

/// A path of this system, escaped; bytes that are not UTF-8 are shown as `\xNN`. On Windows with `/`, since each `\`
/// would be shown twice.
pub fn path(path: &Path) -> String {
    let path = path.as_os_str().as_encoded_bytes();
    if cfg!(windows) {
        let separated = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
        return bytes(&path.iter().map(separated).collect::<Vec<_>>());
    }
    bytes(path)
}

/// A path as bytes, escaped as by [`path`].
pub fn bytes(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.extend(chunk.valid().escape_debug());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// A line of text from the other end, escaped as by [`bytes`]; its quotes stay.
pub fn line(line: &[u8]) -> String {
    let mut text = String::new();
    for chunk in line.utf8_chunks() {
        text.push_str(&escaped(chunk.valid()));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// The reason why an entry was not transferred. `detail`: the message of the operating system or of
/// the other end, or empty; it is escaped here. `at_peer`: the other end reported the failure.
pub fn failure(reason: Reason, detail: &str, at_peer: bool) -> String {
    let detail = escaped(detail);
    if reason == Reason::Cancelled && !at_peer {
        return "the transfer was interrupted".to_owned();
    }
    // These reasons have several causes: the detail says which one. A detail of the other end is always
    // marked as such, whatever its first words are.
    let has_several = matches!(
        reason,
        Reason::ReadOnly
            | Reason::BadPath
            | Reason::TooLarge
            | Reason::TooDeep
            | Reason::NotDirectory
            | Reason::NotRegular
            | Reason::NotAllowed
            | Reason::SymbolicLink
    );
    if has_several && !detail.is_empty() {
        return if at_peer { format!("{OTHER_END}: {detail}") } else { detail };
    }
    let clause = reason.to_string();
    let names_its_subject = [OTHER_END, "the server"].iter().any(|s| clause.starts_with(s));
    let whose = if at_peer && !names_its_subject { "the other end: " } else { "" };
    match detail.as_str() {
        "" => format!("{whose}{clause}"),
        detail => format!("{whose}{clause} ({detail})"),
    }
}

/// The reason why an entry whose name is not UTF-8 was not transferred.
pub fn not_utf8(reason: Reason) -> String {
    match reason {
        Reason::BadPath => "its name is not UTF-8".to_owned(),
        reason => failure(reason, "", false),
    }
}

/// The predicate for an entry on a file system that cannot make files durable, for the reason `detail`.
pub fn refused_sync(detail: &str) -> String {
    format!(
        "is in place, but a power failure may destroy it: its file system cannot make files durable ({})",
        escaped(detail)
    )
}

/// The units of sizes: each is 1024 of the one before, the first one 1024 bytes.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A number of bytes, with the largest unit that it is a multiple of: "1 MiB", "1537 bytes".
pub(crate) fn size(bytes: u64) -> String {
    let power = if bytes == 0 { 0 } else { bytes.trailing_zeros() / 10 };
    match (power as usize).checked_sub(1).and_then(|index| UNITS.get(index)) {
        Some(unit) => format!("{} {unit}", bytes >> (10 * power)),
        None => count(bytes, "byte", "bytes"),
    }
}

/// A number of bytes with three digits or more, rounded: "374 B", "2.86 MiB".
pub fn rounded_size(bytes: u64) -> String {
    let power = bytes.checked_ilog2().unwrap_or(0) / 10;
    match (power as usize).checked_sub(1).and_then(|index| UNITS.get(index)) {
        None => format!("{bytes} B"),
        Some(unit) => format!("{:.2} {unit}", bytes as f64 / 1024_f64.powi(power as i32)),
    }
}

/// A number with its noun: "1 byte", "2 bytes".
pub fn count(number: u64, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Escapes a clause for a person; its quotes stay.
fn escaped(clause: &str) -> String {
    let mut shown = String::with_capacity(clause.len());
    for letter in clause.chars() {
        match letter {
            '"' | '\'' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_is_shown_without_its_number() {
        #[cfg(unix)]
        assert_eq!(os_error(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(os_error(&io::Error::other("The Ü of it.")), "the Ü of it");
        assert_eq!(os_error(&io::Error::other("OS Error 317")), "OS Error 317");
    }

    #[cfg(unix)]
    #[test]
    fn names_are_escaped() {
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"a\x1b\xff\xc3\xa9/b"));
        assert_eq!(super::path(path), "a\\u{1b}\\xff\u{e9}/b");
    }

    #[test]
    fn sizes_have_the_largest_exact_unit() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1537, "1537 bytes"),
            (1536 << 10, "1536 KiB"),
            (1 << 40, "1 TiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn rounded_sizes_have_the_largest_unit() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (3_000_000, "2.86 MiB"),
            (100 << 20, "100.00 MiB"),
            (5 << 30, "5.00 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(rounded_size(bytes), shown);
        }
    }

    #[test]
    fn a_failure_names_its_subject_once() {
        for code in 1..40 {
            let told = failure(Reason::from_code(code), "", true);
            let subjects =
                told.matches("the other end").count() + told.matches("the server").count();
            assert_eq!(subjects, 1, "{told}");
        }
        assert_eq!(failure(Reason::ReadOnly, "", true), "the other end takes no files");
        let detail = "read-only file system";
        assert_eq!(failure(Reason::ReadOnly, detail, false), detail);
        assert_eq!(failure(Reason::ReadOnly, detail, true), format!("the other end: {detail}"));
        let detail = "it is larger than is allowed: the limit is 1 MiB";
        assert_eq!(failure(Reason::TooLarge, detail, true), format!("the other end: {detail}"));
        assert_eq!(failure(Reason::TooLarge, detail, false), detail);
        for detail in ["the server is out of order", "the other end takes no files"] {
            let told = format!("the other end: {detail}");
            assert_eq!(failure(Reason::TooLarge, detail, true), told);
        }
        assert_eq!(failure(Reason::Storage, "\u{1b}", false), "storage failed (\\u{1b})");
        assert_eq!(failure(Reason::Storage, "", true), "the other end: storage failed");
        let detail = "the directory's name \"a\u{7}\" is taken";
        let told = "storage failed (the directory's name \"a\\u{7}\" is taken)";
        assert_eq!(failure(Reason::Storage, detail, false), told);
    }
}
