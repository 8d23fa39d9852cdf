//! Names that are not possible on Windows: it takes them for devices, for other names or for paths.

/// The characters that no name has, in words.
const RESERVED: [(char, &str); 8] = [
    ('<', "\"<\""),
    ('>', "\">\""),
    (':', "a colon"),
    ('"', "a quotation mark"),
    ('\\', "a backslash"),
    ('|', "a vertical bar"),
    ('?', "a question mark"),
    ('*', "an asterisk"),
];

const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Why a name of an entry is not possible on Windows, as a clause; `None`: it is.
pub(super) fn objection(name: &str) -> Option<String> {
    if let Some((_, character)) = RESERVED.iter().find(|(character, _)| name.contains(*character)) {
        return Some(format!("it contains {character}"));
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    if is_device(stem) {
        return Some(format!("{stem} is a device"));
    }
    match name.chars().next_back()? {
        '.' => Some("it ends with a dot".to_owned()),
        ' ' => Some("it ends with a space".to_owned()),
        _ => None,
    }
}

/// Whether Windows takes a name for a device, whatever extension it has.
fn is_device(stem: &str) -> bool {
    let stem = stem.to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = port.unwrap_or_default().chars();
    let is_port =
        matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None));
    is_port || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_windows_cannot_store_has_a_reason() {
        for (name, reason) in [
            ("a:b", "it contains a colon"),
            ("back\\slash", "it contains a backslash"),
            ("star*", "it contains an asterisk"),
            ("what?", "it contains a question mark"),
            ("<a", "it contains \"<\""),
            ("CON", "CON is a device"),
            ("aux.txt", "aux is a device"),
            ("Com1.tar.gz", "Com1 is a device"),
            ("LPT³", "LPT³ is a device"),
            ("con .x", "con is a device"),
            ("a.", "it ends with a dot"),
            ("...", "it ends with a dot"),
            ("a ", "it ends with a space"),
        ] {
            assert_eq!(objection(name).as_deref(), Some(reason), "{name}");
        }
    }

    #[test]
    fn windows_can_store_other_names() {
        for name in [
            "a", "console", "com", "comb.txt", "com10", "com1x", ".hidden", " a b", "é", "nul-1",
            "a.con", "~",
        ] {
            assert_eq!(objection(name), None, "{name}");
        }
    }
}
