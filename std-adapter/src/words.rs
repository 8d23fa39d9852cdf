//! What the system says of an error, as a clause for a person.

use std::io;

/// The system's words in lower case, without its number.
pub fn of_system(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let clause = text.get(..end).unwrap_or_default();
    let mut letters = clause.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_shown() {
        assert_eq!(of_system(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(of_system(&io::Error::other("The Ü of it")), "the Ü of it");
    }
}
