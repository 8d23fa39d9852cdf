//! The words for reasons.

use tinyferry::core::Reason;

/// The word for a reason: it stays the same in all versions of the objects.
pub(crate) fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::Busy => "busy",
        Reason::Version => "version",
        Reason::NotFound => "not-found",
        Reason::NoPermission => "no-permission",
        Reason::IsDirectory => "is-directory",
        Reason::NotDirectory => "not-directory",
        Reason::NotRegular => "not-regular",
        Reason::BadPath => "bad-path",
        Reason::NameTooLong => "name-too-long",
        Reason::NoSpace => "no-space",
        Reason::TooLarge => "too-large",
        Reason::Storage => "storage",
        Reason::SourceChanged => "source-changed",
        Reason::PrefixDiffers => "prefix-differs",
        Reason::DigestDiffers => "digest-differs",
        Reason::Incomplete => "incomplete",
        Reason::ReadOnly => "read-only",
        Reason::WriteOnly => "write-only",
        Reason::NotAllowed => "not-allowed",
        Reason::Unsupported => "unsupported",
        Reason::ShuttingDown => "shutting-down",
        Reason::Cancelled => "cancelled",
        Reason::KeyNeeded => "key-needed",
        Reason::InUse => "in-use",
        Reason::TooDeep => "too-deep",
        Reason::RootGone => "root-gone",
        Reason::SymbolicLink => "symbolic-link",
        Reason::NotEmpty => "not-empty",
        Reason::Exists => "exists",
        Reason::Excluded => "excluded",
        _ if reason.is_application() => "application",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_has_a_word_of_its_own() {
        let mut words = HashSet::new();
        for code in 1..200 {
            let found = Reason::from_code(code);
            let word = super::word(found);
            let is_unknown = found.to_string().contains("unknown reason");
            assert_eq!(word == "unknown", is_unknown, "{code}");
            assert!(is_unknown || words.insert(word), "{word} is there twice");
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{word}");
        }
    }

    /// R80.
    #[test]
    fn the_reasons_of_an_application_have_one_word() {
        for (code, expected) in [
            (0x7FFF, "unknown"),
            (0x8000, "application"),
            (0xFFFE, "application"),
            (0xFFFF, "unknown"),
        ] {
            assert_eq!(word(Reason::from_code(code)), expected, "{code}");
        }
    }
}
