//! The names in a directory in order, a window at a time: memory is bounded. Knows nothing of the entries
//! themselves.
//!
//! A window holds the first names after the last one that was returned. For the next window the directory
//! is read again: neither a position in it nor a descriptor is kept.

use std::ffi::OsString;
use std::io;

use cap_std::fs::Dir;

/// The memory of a name besides its text, in bytes.
const NAME_BYTES: usize = size_of::<ListedName>();
/// The maximum memory for the names of all directories that are being read, in bytes; besides
/// [`MIN_DIRECTORY_MEMORY`] for each directory. A directory gets half of the remaining memory.
const MAX_NAME_MEMORY: usize = 2 << 20;
/// The memory for the names of a directory that is always available, in bytes.
const MIN_DIRECTORY_MEMORY: usize = 4096;

/// The kind of an entry according to its directory; `Other`: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hint {
    File,
    Directory,
    Other,
}

/// An entry of a directory that is being read.
#[derive(Debug)]
pub(crate) enum Seen<'a> {
    Name(&'a str, Hint),
    /// Its name is not UTF-8: it cannot be listed.
    NotUtf8(OsString),
}

/// The remaining names of one directory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    text: String,
    /// In reverse order.
    waiting: Vec<ListedName>,
    /// The last name of the window, if more names follow.
    continues_after: Option<String>,
    /// The reason why names may be missing.
    failure: Option<io::Error>,
}

#[derive(Debug, Clone, Copy)]
struct ListedName {
    start: u32,
    end: u32,
    hint: Hint,
}

impl Listing {
    /// Reads the first window of a directory, of at most `room` bytes, but at least two names. Calls `visit`
    /// for every entry, which returns whether it is to be listed.
    ///
    /// # Errors
    /// Nothing could be read.
    pub(crate) fn read(
        dir: &Dir,
        room: usize,
        visit: impl FnMut(Seen<'_>) -> bool,
    ) -> io::Result<Self> {
        let mut listing = Self::default();
        listing.fill(dir, room, None, visit)?;
        match listing.failure.take_if(|_| listing.waiting.is_empty()) {
            Some(error) => Err(error),
            None => Ok(listing),
        }
    }

    /// The next name and its kind.
    pub(crate) fn pop(&mut self) -> Option<(&str, Hint)> {
        let name = self.waiting.pop()?;
        Some((text_of(&self.text, name), name.hint))
    }

    /// Whether another window follows.
    pub(crate) fn continues(&self) -> bool {
        self.continues_after.is_some()
    }

    /// Reads the next window. `is_listed` decides about names of which none was listed before.
    ///
    /// # Errors
    /// The directory cannot be read any more. Its remaining names are missing.
    pub(crate) fn go_on(
        &mut self,
        dir: &Dir,
        room: usize,
        mut is_listed: impl FnMut(&str, Hint) -> bool,
    ) -> io::Result<()> {
        let after = self.continues_after.take();
        self.fill(dir, room, after.as_deref(), |seen| match seen {
            Seen::Name(name, hint) => is_listed(name, hint),
            Seen::NotUtf8(_) => false,
        })
    }

    /// The reason why names may be missing, after the last name.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Its memory in bytes.
    pub(crate) fn size(&self) -> usize {
        self.text.len() + self.waiting.len() * NAME_BYTES
    }

    fn fill(
        &mut self,
        dir: &Dir,
        room: usize,
        after: Option<&str>,
        mut visit: impl FnMut(Seen<'_>) -> bool,
    ) -> io::Result<()> {
        self.text.clear();
        self.waiting.clear();
        for entry in dir.entries()? {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            };
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    visit(Seen::NotUtf8(name));
                    continue;
                }
            };
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            let hint = match entry.file_type() {
                Ok(kind) if kind.is_file() => Hint::File,
                Ok(kind) if kind.is_dir() => Hint::Directory,
                _ => Hint::Other,
            };
            let is_later = self.continues_after.as_ref().is_some_and(|last| name > *last);
            if !visit(Seen::Name(&name, hint)) || is_later {
                continue;
            }
            if self.waiting.len() > 2 && self.size() + name.len() + NAME_BYTES > room {
                self.halve();
                if self.continues_after.as_ref().is_some_and(|last| name > *last) {
                    continue;
                }
            }
            self.push(&name, hint);
        }
        self.sort();
        Ok(())
    }

    fn push(&mut self, name: &str, hint: Hint) {
        let start = self.text.len() as u32;
        self.text.push_str(name);
        self.waiting.push(ListedName { start, end: self.text.len() as u32, hint });
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.waiting.sort_unstable_by(|one, other| text_of(text, *other).cmp(text_of(text, *one)));
    }

    /// Leaves the later half of the names to the next window.
    fn halve(&mut self) {
        let (text, mut names) = (std::mem::take(&mut self.text), std::mem::take(&mut self.waiting));
        let middle = names.len() / 2 - 1;
        let by_text =
            |one: &ListedName, other: &ListedName| text_of(&text, *one).cmp(text_of(&text, *other));
        let (_, last, _) = names.select_nth_unstable_by(middle, by_text);
        self.continues_after = Some(text_of(&text, *last).to_owned());
        names.truncate(middle + 1);
        self.text.reserve(text.len());
        for name in &names {
            self.push(text_of(&text, *name), name.hint);
        }
    }
}

/// How much memory the names of one more directory may take; `taken`: by those that are being read.
pub(crate) fn room(taken: usize) -> usize {
    (MAX_NAME_MEMORY.saturating_sub(taken) / 2).max(MIN_DIRECTORY_MEMORY)
}

fn text_of(text: &str, name: ListedName) -> &str {
    text.get(name.start as usize..name.end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use cap_std::ambient_authority;

    use super::*;

    fn names(listing: &mut Listing, dir: &Dir, room: usize) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            assert!(listing.size() <= room.max(3 * (NAME_BYTES + 8)));
            while let Some((name, _)) = listing.pop() {
                names.push(name.to_owned());
            }
            if !listing.continues() {
                return names;
            }
            listing.go_on(dir, room, |_, _| true).unwrap();
        }
    }

    #[test]
    fn windows_of_any_size_return_all_names_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let expected: Vec<_> = (0..100).map(|number| format!("{number:03}")).collect();
        for number in 0..100 {
            std::fs::write(directory.path().join(&expected[number * 37 % 100]), "").unwrap();
        }
        let dir = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
        for room in [0, 100, 101, 500, 1000, 10_000] {
            let mut listing = Listing::read(&dir, room, |_| true).unwrap();
            assert_eq!(listing.continues(), room < 10_000);
            assert_eq!(names(&mut listing, &dir, room), expected, "a room of {room}");
            assert!(listing.failure().is_none());
        }
    }

    #[test]
    fn a_name_created_between_two_windows_is_listed_if_it_sorts_later() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(directory.path().join(name), "").unwrap();
        for number in 0..50 {
            write(&format!("{number:03}"));
        }
        let dir = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
        let mut listing = Listing::read(&dir, 300, |_| true).unwrap();
        assert_eq!(listing.pop().unwrap().0, "000");
        write("000a");
        write("049a");
        let found = names(&mut listing, &dir, 300);
        assert!(!found.contains(&"000a".to_owned()));
        assert_eq!(found.last().unwrap(), "049a");
        assert_eq!(found.len(), 50);
    }
}
