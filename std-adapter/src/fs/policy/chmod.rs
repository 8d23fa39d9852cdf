//! Changes of permission bits, as `chmod`, `install` and `rsync` write them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The nine permission bits.
const ALL: u32 = 0o777;
/// The bits that a new entry lacks if no mask is given.
const USUAL_UMASK: u32 = 0o022;

/// Changes of the permission bits of received entries. The mask is applied first, then the changes in order.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tinyferry::fs::Chmod;
///
/// let directories_and_files: Chmod = "D755,F644".parse()?;
/// let all: Chmod = "640".parse()?;
/// let some = "go-w,a+X".parse::<Chmod>()?.with_umask(0o007);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chmod {
    umask: Option<u32>,
    changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// Directories only, or files only; `None`: both.
    directories: Option<bool>,
    /// The bits of the users that it is about.
    who: u32,
    operator: Operator,
    bits: u32,
    /// `X`: those to execute too, of directories and of files that somebody may execute.
    executes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Remove,
    Set,
}

/// A text that is no change of permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidChmod(String);

impl fmt::Display for InvalidChmod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_debug();
        write!(
            f,
            "\"{text}\" is neither an octal number up to 777 nor a change such as go-w or F644"
        )
    }
}

impl Error for InvalidChmod {}

impl Chmod {
    /// Removes these bits from all entries first, as a process's umask does.
    #[must_use]
    pub fn with_umask(mut self, umask: u32) -> Self {
        self.umask = Some(umask & ALL);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.umask.is_none() && self.changes.is_empty()
    }

    /// The bits of an entry that was offered with these; `None`: the system chooses.
    pub(super) fn apply(&self, is_directory: bool, offered: Option<u32>) -> Option<u32> {
        let concerns = |change: &&Change| change.directories.is_none_or(|it| it == is_directory);
        if self.umask.is_none() && !self.changes.iter().any(|change| concerns(&change)) {
            return offered;
        }
        let new = || {
            let all = if is_directory { ALL } else { 0o666 };
            all & !self.umask.unwrap_or(USUAL_UMASK)
        };
        let begin = offered.map_or_else(new, |mode| mode & ALL & !self.umask.unwrap_or(0));
        let changes = self.changes.iter().filter(concerns);
        Some(changes.fold(begin, |mode, change| change.apply(is_directory, mode)))
    }
}

impl Change {
    fn apply(self, is_directory: bool, mode: u32) -> u32 {
        let execute = self.executes && (is_directory || mode & 0o111 != 0);
        let bits = (self.bits | if execute { 0o111 } else { 0 }) & self.who;
        match self.operator {
            Operator::Add => mode | bits,
            Operator::Remove => mode & !bits,
            Operator::Set => mode & !self.who | bits,
        }
    }
}

impl FromStr for Chmod {
    type Err = InvalidChmod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let changes =
            text.split(',').map(|item| change(item).ok_or_else(|| InvalidChmod(item.to_owned())));
        Ok(Self { umask: None, changes: changes.collect::<Result<_, _>>()? })
    }
}

fn change(item: &str) -> Option<Change> {
    let (directories, rest) = match item.split_at_checked(1) {
        Some(("D", rest)) => (Some(true), rest),
        Some(("F", rest)) => (Some(false), rest),
        _ => (None, item),
    };
    if rest.starts_with(|letter: char| letter.is_ascii_digit()) {
        let bits = u32::from_str_radix(rest, 8).ok().filter(|bits| *bits <= ALL)?;
        return Some(Change {
            directories,
            who: ALL,
            operator: Operator::Set,
            bits,
            executes: false,
        });
    }
    let at = rest.find(['+', '-', '='])?;
    let (users, rest) = rest.split_at(at);
    let mut who = 0;
    for user in users.chars() {
        who |= match user {
            'u' => 0o700,
            'g' => 0o070,
            'o' => 0o007,
            'a' => ALL,
            _ => return None,
        };
    }
    let who = if users.is_empty() { ALL } else { who };
    let (operator, rest) = rest.split_at(1);
    let operator = match operator {
        "+" => Operator::Add,
        "-" => Operator::Remove,
        _ => Operator::Set,
    };
    let (mut bits, mut executes) = (0, false);
    for letter in rest.chars() {
        match letter {
            'r' => bits |= 0o444,
            'w' => bits |= 0o222,
            'x' => bits |= 0o111,
            'X' => executes = true,
            _ => return None,
        }
    }
    Some(Change { directories, who, operator, bits, executes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, is_directory: bool, offered: Option<u32>) -> Option<u32> {
        text.parse::<Chmod>().unwrap().apply(is_directory, offered)
    }

    #[test]
    fn bits_are_set_added_and_removed_for_files_and_directories() {
        for (text, file, directory) in [
            ("600", 0o600, 0o600),
            ("D755,F644", 0o644, 0o755),
            ("Fgo-rwx", 0o700, 0o775),
            ("go-w", 0o755, 0o755),
            ("u=rw,g=,o+x", 0o605, 0o605),
            ("a-x,u+X", 0o664, 0o764),
            ("=rX", 0o555, 0o555),
            ("D700,Dg+rx", 0o775, 0o750),
        ] {
            assert_eq!(applied(text, false, Some(0o775)), Some(file), "{text}");
            assert_eq!(applied(text, true, Some(0o775)), Some(directory), "{text}");
        }
        assert_eq!(applied("a+X", false, Some(0o644)), Some(0o644));
    }

    #[test]
    fn an_offer_without_bits_begins_with_those_of_a_new_entry() {
        assert_eq!(applied("o-r", false, None), Some(0o640));
        assert_eq!(applied("D750", true, None), Some(0o750));
        // No change concerns it: the system chooses.
        assert_eq!(applied("D750", false, None), None);
        assert_eq!(applied("D750", false, Some(0o640)), Some(0o640));
        assert_eq!(Chmod::default().apply(true, None), None);
        let masked = Chmod::default().with_umask(0o027);
        assert_eq!(masked.apply(false, None), Some(0o640));
        assert_eq!(masked.apply(true, Some(0o777)), Some(0o750));
        assert_eq!(
            "F666".parse::<Chmod>().unwrap().with_umask(0o077).apply(false, None),
            Some(0o666)
        );
    }

    #[test]
    fn a_text_that_is_no_change_is_refused_with_the_part_that_is_none() {
        for (text, part) in [
            ("", ""),
            ("888", "888"),
            ("1777", "1777"),
            ("644,", ""),
            ("F", "F"),
            ("D+z", "D+z"),
            ("b+x", "b+x"),
            ("rw", "rw"),
            ("é+x", "é+x"),
        ] {
            assert_eq!(text.parse::<Chmod>(), Err(InvalidChmod(part.to_owned())), "{text}");
        }
    }
}
