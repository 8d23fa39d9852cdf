//! The names of partial files, and the unit of their lengths.

use std::io;

use tinyferry_core::path::NAME_MAX;

/// A position to resume from is a multiple of this, in bytes.
pub(crate) const UNIT: u64 = 1024;

const SUFFIX: &str = ".tinyferry-part";

/// Whether `name` is that of a partial file, in any case.
pub(crate) fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let end = bytes.len().saturating_sub(SUFFIX.len());
    name.starts_with('.')
        && bytes.get(end..).is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX.as_bytes()))
}

/// The name of the partial of `target`: `.TARGET.tinyferry-part`, with `label` before the
/// suffix. If that is too long, a hash of the target replaces its end.
pub(crate) fn name_for(target: &str, label: &str) -> String {
    let taken = label.len() + SUFFIX.len();
    if target.len() + taken < NAME_MAX {
        return format!(".{target}{label}{SUFFIX}");
    }
    let hash = format!("-{:016x}", fnv(target.as_bytes()));
    let mut kept = NAME_MAX.saturating_sub(1 + hash.len() + taken);
    while !target.is_char_boundary(kept) {
        kept -= 1;
    }
    format!(".{}{hash}{label}{SUFFIX}", target.get(..kept).unwrap_or_default())
}

/// A random name, which no other user can predict.
pub(crate) fn temporary(target: &str) -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(name_for(target, &format!("~r{:016x}", u64::from_le_bytes(random))))
}

/// FNV-1a: the same in every version of the program, as the name of a partial must be.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_recognised() {
        let long = "é".repeat(127) + "x";
        assert_eq!(name_for("a.txt", ""), ".a.txt.tinyferry-part");
        assert_eq!(name_for("a.txt", "~u7"), ".a.txt~u7.tinyferry-part");
        for target in ["a", &"n".repeat(239), &"n".repeat(240), &"n".repeat(255), &long] {
            for label in ["", "~0123456789abcdef", "~0123456789abcdef~u4294967295"] {
                let name = name_for(target, label);
                assert!(name.len() <= NAME_MAX && is_name(&name), "{name}");
                assert!(name.ends_with(&format!("{label}{SUFFIX}")));
            }
        }
        assert_ne!(name_for(&"n".repeat(254), ""), name_for(&"n".repeat(255), ""));
        assert!(!is_name("a.tinyferry-part") && !is_name(".a") && is_name(".a.TinyFerry-Part"));
    }
}
