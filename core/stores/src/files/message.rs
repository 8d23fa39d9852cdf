//! The message about a refusal: a number between two texts.

use heapless::String;

#[derive(Debug, Default)]
pub(super) struct Message(String<48>);

impl Message {
    /// Both texts have at most 28 bytes together.
    pub(super) fn new(before: &str, number: impl TryInto<u64>, after: &str) -> Self {
        let mut rest = number.try_into().unwrap_or(u64::MAX);
        let (mut digits, mut used) = ([0; 20], 0);
        for digit in digits.iter_mut().rev() {
            *digit = b'0'.saturating_add(u8::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
            used = 20_usize.min(used).saturating_add(1);
            if rest == 0 {
                break;
            }
        }
        let digits = digits.get(20_usize.saturating_sub(used)..).unwrap_or_default();
        let mut text = String::new();
        // There is room for all parts.
        for part in [before, core::str::from_utf8(digits).unwrap_or(""), after] {
            let _ = text.push_str(part);
        }
        Self(text)
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_number_in_digits() {
        let cases =
            [(0, "0"), (9, "9"), (10, "10"), (128, "128"), (u64::MAX, "18446744073709551615")];
        for (number, digits) in cases {
            let message = Message::new("at most ", number, " of it");
            let rest =
                message.text().strip_prefix("at most ").and_then(|it| it.strip_suffix(" of it"));
            assert_eq!(rest, Some(digits));
        }
    }
}
