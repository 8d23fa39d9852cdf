//! Paths of the other end, as a person writes them.

use tinyferry::client::Error;
use tinyferry::core::Reason;
use tinyferry::core::path::{NAME_MAX, PATH_MAX, is_sound};
use tinyferry::fs::is_partial_name;

use crate::args::check_no_server;
use crate::exit::{CliError, Exit};

/// Tidies a remote path of the command line: `.`, `./a`, `/a` and `a/` are understood.
pub(crate) fn remote_path(text: &str) -> String {
    let names = text.split('/').filter(|name| !name.is_empty() && *name != ".");
    names.collect::<Vec<_>>().join("/")
}

/// The same for a requested path. An empty text is none: only `.` is the whole directory.
pub(crate) fn asked_path(text: &str) -> Result<String, CliError> {
    check_no_server(text)?;
    let path = remote_path(text);
    let empty = "it is empty; \".\" is the whole directory".to_owned();
    match text.is_empty().then_some(empty).or_else(|| unfit(&path)) {
        None => Ok(path),
        Some(why) => {
            let text = text.escape_debug();
            let sentence = format!("\"{text}\" is not a valid path on the server: {why}");
            Err(CliError::new(Exit::Usage, sentence))
        }
    }
}

/// The path of an entry in a directory; either may be empty.
pub(crate) fn join(directory: &str, name: &str) -> String {
    match (directory, name) {
        ("", _) => name.to_owned(),
        (_, "") => directory.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}

/// The path that `--as` gives to an entry, below the directory of the option `directory`.
pub(crate) fn new_path(text: &str, directory: &str) -> Result<String, CliError> {
    let path = remote_path(text);
    let is_directory = text.ends_with('/') || matches!(text.rsplit('/').next(), Some("."));
    let why = if text.is_empty() || is_directory {
        Some(format!("it is not the name of the entry; its directory is given by {directory}"))
    } else {
        unfit(&path)
    };
    match why {
        None => Ok(path),
        Some(why) => {
            let sentence = format!("--as \"{}\": {why}", text.escape_debug());
            Err(CliError::new(Exit::Usage, sentence))
        }
    }
}

/// The error that `option` is given for several paths.
pub(crate) fn several(option: &str) -> CliError {
    let sentence = format!("{option} is for one path, and several are given");
    CliError::new(Exit::Usage, sentence)
}

/// A remote path in a message.
pub(crate) fn quoted(path: &str) -> String {
    format!("\"{}\"", path.escape_debug())
}

/// The advice about the path `text`, which the server has not found.
pub(crate) fn missing(text: &str) -> &'static str {
    if text.starts_with('/') { "; paths are relative to the server's directory" } else { "" }
}

/// The advice about a symbolic link that was requested.
pub(crate) fn link_advice(error: &Error) -> &'static str {
    match error.refusal() {
        Some(Reason::SymbolicLink) => {
            "; no link is followed; --links transfers those in a directory"
        }
        _ => "",
    }
}

/// Whether the server has nothing of the requested name.
pub(crate) fn is_missing(error: &Error) -> bool {
    error.refusal() == Some(Reason::NotFound)
}

/// The reason why a tidied path cannot exist at the other end.
pub(crate) fn unfit(path: &str) -> Option<String> {
    let mut names = path.split('/');
    if path.chars().any(char::is_control) {
        return Some("a path cannot contain control characters".to_owned());
    }
    if names.clone().any(|name| name == "..") {
        return Some("a path cannot contain \"..\"".to_owned());
    }
    if path.len() > PATH_MAX || names.clone().any(|name| name.len() > NAME_MAX) {
        return Some(format!(
            "it is too long: a name has at most {NAME_MAX} bytes, a path {PATH_MAX}"
        ));
    }
    if let Some(name) = names.find(|name| is_partial_name(name)) {
        let name = name.escape_debug();
        return Some(format!(
            "\"{name}\": names of the form .NAME.tinyferry-part are reserved for unfinished files"
        ));
    }
    (!is_sound(path)).then(|| "it is empty or has an empty name".to_owned())
}

/// The error that two paths have the same remote name.
pub(crate) fn clash(name: &str) -> CliError {
    let name = if name.is_empty() { "." } else { name }.escape_debug();
    let sentence =
        format!("two of the paths would both be \"{name}\"; transfer one of them separately");
    CliError::new(Exit::Usage, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_paths_are_tidied_but_never_resolved() {
        let cases = [(".", ""), ("/", ""), ("./a/", "a"), ("/a//b/.", "a/b"), ("a/../b", "a/../b")];
        for (text, path) in cases {
            assert_eq!(remote_path(text), path);
        }
    }

    #[test]
    fn an_invalid_remote_path_is_refused_with_the_reason() {
        for (path, why) in [
            ("a/../b", "contain \"..\""),
            ("a\u{7f}", "control characters"),
            (&"n".repeat(256), "at most 255 bytes"),
            (&vec!["n"; 481].join("/"), "a path 960"),
            ("d/.a.tinyferry-part", "\".a.tinyferry-part\": names of the form"),
            (".a.tinyferry-part/f", "are reserved for unfinished files"),
        ] {
            assert!(unfit(path).is_some_and(|told| told.contains(why)), "{path}");
        }
        assert_eq!(unfit("a/b"), None);
    }
}
