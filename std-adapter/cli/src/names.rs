//! The names of entries as the user wrote them: below the path that was requested.

use std::path::Path;

use tinyferry::describe;
use tinyferry::fs::Direction;

/// One requested path of a transfer.
#[derive(Debug, Clone)]
struct Requested {
    /// Its path in the events.
    event: String,
    /// The path that the user wrote, escaped.
    shown: String,
    /// The bytes of the same.
    path: Vec<u8>,
}

/// Converts the paths of events to the names that a message shows.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    direction: Direction,
    requested: Vec<Requested>,
    /// The clause of the summary: the requested paths, quoted.
    pub(crate) title: String,
    /// Of a `get`: the local directory, if the user named one, as a clause in parentheses.
    pub(crate) here: String,
}

impl Names {
    /// Of a `put` of these local paths, each with its path on the other end, below `to`. `is_renamed`: the only path
    /// gets a name of its own there.
    pub(crate) fn sending(paths: &[(&Path, String)], to: &str, is_renamed: bool) -> Self {
        let requested = paths.iter().map(|(path, remote)| Requested {
            event: remote.clone(),
            shown: describe::path(path),
            path: path.as_os_str().as_encoded_bytes().to_owned(),
        });
        let requested: Vec<_> = requested.collect();
        let mut title = quoted(requested.iter().map(|path| path.shown.as_str()));
        match paths {
            [(_, remote)] if is_renamed => title.push_str(&renamed(remote)),
            _ if !to.is_empty() => title.push_str(&format!(" to \"{}\"", to.escape_debug())),
            _ => {}
        }
        Self { direction: Direction::Sending, requested, title, here: String::new() }
    }

    /// Of a `get` of `remote`, which is stored as `target` in the directory `into`. `name`: a name of its own that
    /// the user has given it.
    pub(crate) fn receiving(remote: &str, target: &str, into: &Path, name: Option<&str>) -> Self {
        let shown = remote.escape_debug().to_string();
        let mut title = quoted([if remote.is_empty() { "." } else { &shown }].into_iter());
        if let Some(name) = name {
            title.push_str(&renamed(name));
        }
        let requested =
            vec![Requested { event: target.to_owned(), shown, path: remote.as_bytes().to_owned() }];
        let here = match describe::path(into).as_str() {
            "." => String::new(),
            into => format!(" (in \"{into}\" on this end)"),
        };
        Self { direction: Direction::Receiving, requested, title, here }
    }

    /// The name of the entry at `path` of an event, quoted; where the other end calls it otherwise and has
    /// refused it (`at_peer`), that name too.
    pub(crate) fn of_failed(&self, path: &[u8], at_peer: bool) -> String {
        let (name, remote) = (self.of_bytes(path), format!("\"{}\"", describe::bytes(path)));
        let is_other = name != remote && name.replacen("\"./", "\"", 1) != remote;
        if at_peer && is_other && self.direction == Direction::Sending && !path.is_empty() {
            format!("{name} as {remote}")
        } else {
            name
        }
    }

    /// The name of the entry at `path` of an event, quoted.
    pub(crate) fn of(&self, path: &str) -> String {
        self.of_bytes(path.as_bytes())
    }

    fn of_bytes(&self, path: &[u8]) -> String {
        let shown = match self.find(path) {
            Some((requested, rest)) => {
                below(requested.shown.as_bytes(), describe::bytes(rest).as_bytes())
            }
            None => return format!("\"{}\"", describe::bytes(path)),
        };
        let shown = String::from_utf8_lossy(&shown);
        format!("\"{}\"", if shown.is_empty() { "." } else { &shown })
    }

    /// The bytes of the path of the entry at `path` of an event, as the user wrote it.
    pub(crate) fn source(&self, path: &[u8]) -> Vec<u8> {
        let source = match self.find(path) {
            Some((requested, rest)) => below(&requested.path, rest),
            None => path.to_owned(),
        };
        if source.is_empty() { b".".to_vec() } else { source }
    }

    /// The requested path that the entry at `path` of an event is below, and the rest.
    fn find<'a>(&self, path: &'a [u8]) -> Option<(&Requested, &'a [u8])> {
        let found = self.requested.iter().filter_map(|requested| {
            let rest = rest_below(path, requested.event.as_bytes())?;
            Some((requested, rest))
        });
        found.max_by_key(|(requested, _)| requested.event.len())
    }

    /// The bytes of the first requested path.
    pub(crate) fn first(&self) -> Vec<u8> {
        let first = self.requested.first().map(|requested| requested.path.as_slice());
        first.filter(|path| !path.is_empty()).unwrap_or(b".").to_owned()
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }
}

/// The name that an entry gets, as a clause.
fn renamed(name: &str) -> String {
    format!(" as \"{}\"", name.escape_debug())
}

/// Whether `path` is below the directory `above`.
pub(crate) fn is_below(path: &[u8], above: &[u8]) -> bool {
    rest_below(path, above).is_some_and(|rest| !rest.is_empty())
}

/// The rest of `path` below `above`.
fn rest_below<'a>(path: &'a [u8], above: &[u8]) -> Option<&'a [u8]> {
    match path.strip_prefix(above)? {
        rest if rest.is_empty() || above.is_empty() => Some(rest),
        rest => rest.strip_prefix(b"/"),
    }
}

/// The path of an entry in a directory, without a `.` at the end of the directory.
fn below(above: &[u8], rest: &[u8]) -> Vec<u8> {
    let above = match above {
        b"." => b"",
        _ => above.strip_suffix(b"/.").unwrap_or(above),
    };
    match (above, rest) {
        (b"", _) => rest.to_owned(),
        (_, b"") => above.to_owned(),
        _ if above.ends_with(b"/") => [above, rest].concat(),
        _ => [above, b"/", rest].concat(),
    }
}

/// At most three names, quoted, and the number of the others.
fn quoted<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    let names: Vec<_> = names.take(SHOWN).map(|name| format!("\"{name}\"")).collect();
    match more {
        0 => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sent_entry_has_its_local_name() {
        let paths = [(Path::new("../a"), "to/a".to_owned()), (Path::new("b/."), "to".to_owned())];
        let names = Names::sending(&paths, "to", false);
        assert_eq!(names.title, "\"../a\", \"b/.\" to \"to\"");
        for (path, shown) in
            [("to/a", "../a"), ("to/a/x", "../a/x"), ("to/ab", "b/ab"), ("to", "b")]
        {
            assert_eq!(names.of(path), format!("\"{shown}\""));
        }
        assert_eq!(names.of_failed(b"to/a/x\xff\n", false), "\"../a/x\\xff\\n\"");
        let here = Names::sending(&[(Path::new("."), String::new())], "", false);
        assert_eq!((here.of("x\n").as_str(), here.of("").as_str()), ("\"x\\n\"", "\".\""));
    }

    #[test]
    fn a_received_entry_has_its_remote_name_and_the_local_directory() {
        let names = Names::receiving("d/t", "t", Path::new("out"), None);
        assert_eq!(names.of("t/x"), "\"d/t/x\"");
        assert_eq!(names.here, " (in \"out\" on this end)");
        let whole = Names::receiving("", "", Path::new("."), None);
        assert_eq!((whole.of("x").as_str(), whole.of("").as_str()), ("\"x\"", "\".\""));
    }

    #[test]
    fn many_paths_are_counted() {
        let paths: Vec<_> = (0..5).map(|_| (Path::new("a"), "a".to_owned())).collect();
        assert_eq!(Names::sending(&paths, "", false).title, "\"a\", \"a\", \"a\" and 2 more");
    }
}
