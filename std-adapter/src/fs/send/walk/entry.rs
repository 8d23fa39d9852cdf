//! What stands under a name, as an entry: it is sent, or named, or only counted.

use super::*;
use crate::fs::names::UNFINISHED;

/// Something to be sent; its path is the walk's.
#[derive(Debug)]
pub(crate) enum Item {
    Directory(Facts),
    File(Facts, File),
    /// A file of which only the offer is wanted; it need not be readable.
    Named(Option<Facts>),
    /// It cannot be sent.
    Broken(Kind, Option<Facts>, Trouble),
}

impl Item {
    /// What was found to be a file.
    pub(crate) fn open(dir: &Dir, name: &OsStr, found: &Metadata) -> Self {
        match open_file(dir, name) {
            Ok((file, metadata)) => Self::File(Facts::of(&metadata), file),
            Err(trouble) => Self::Broken(Kind::File, Some(Facts::of(found)), trouble),
        }
    }
}

impl Walk {
    /// What stands under the path's last name, from `start` on; `None`: nothing that can be named.
    pub(crate) fn item(
        &mut self,
        dir: &Dir,
        start: usize,
        hint: Hint,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        let name = self.path.get(start..).unwrap_or_default();
        let in_tree = self.path_in_tree();
        let kind = if hint == Hint::Directory { Kind::Directory } else { Kind::File };
        if !is_sound(in_tree) {
            let is_long = in_tree.len() > PATH_MAX || name.len() > NAME_MAX;
            let reason = if is_long { Reason::NameTooLong } else { Reason::BadPath };
            return self.broken(kind, None, reason.into(), observer);
        }
        if partial::is_name(name) {
            if self.is_served
                && let Ok(Found::File(metadata)) = look(dir, name)
                && partial::Lock::is_held_here(&metadata)
            {
                return None;
            }
            return self.broken(kind, None, unfinished(), observer);
        }
        // Where the hint is wrong, or it cannot be opened, one has to look.
        if hint == Hint::File
            && !self.names_only
            && let Ok((file, metadata)) = open_file(dir, name)
        {
            return Some(Item::File(Facts::of(&metadata), file));
        }
        if hint == Hint::Directory
            && let Ok(facts) = self.enter(observer)
        {
            return Some(Item::Directory(facts));
        }
        let name = self.path.get(start..).unwrap_or_default();
        match look(dir, name) {
            Ok(Found::File(metadata)) if self.names_only => {
                Some(Item::Named(Some(Facts::of(&metadata))))
            }
            Ok(Found::File(metadata)) => Some(Item::open(dir, name.as_ref(), &metadata)),
            Ok(Found::Directory(metadata)) => match self.enter(observer) {
                Ok(facts) => Some(Item::Directory(facts)),
                Err(trouble) if self.names_only => {
                    // Its name is all that is given of it.
                    self.omit(trouble, observer);
                    Some(Item::Directory(Facts::of(&metadata)))
                }
                Err(trouble) => {
                    Some(Item::Broken(Kind::Directory, Some(Facts::of(&metadata)), trouble))
                }
            },
            Ok(Found::Other(what)) => {
                let trouble = Trouble::new(Reason::NotRegular, what);
                self.broken(Kind::File, None, trouble, observer)
            }
            // Its directory was read a while ago.
            Ok(Found::Missing) => self.broken(kind, None, Reason::NotFound.into(), observer),
            Err(_) if self.names_only && hint == Hint::File => Some(Item::Named(None)),
            Err(error) => self.broken(kind, None, error.into(), observer),
        }
    }

    /// What stands at the path cannot be sent. It is named where an offer can do that.
    pub(crate) fn broken(
        &mut self,
        kind: Kind,
        facts: Option<Facts>,
        trouble: Trouble,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        let path = self.path_in_tree();
        let has_name = !path.is_empty() && is_sound(path) && !path.ends_with('/');
        if self.names_only || !has_name {
            return self.omit(trouble, observer);
        }
        Some(Item::Broken(kind, facts, trouble))
    }

    /// What stands at the path is counted, and not given.
    pub(crate) fn omit(&mut self, trouble: Trouble, observer: &mut impl Observer) -> Option<Item> {
        self.omitted = self.omitted.saturating_add(1);
        // Whoever only asks for names must not fill a log.
        if !self.names_only {
            trouble.tell(&self.path, observer);
        }
        None
    }
}

/// Why a file of the form that unfinished ones have is not given.
pub(crate) fn unfinished() -> Trouble {
    Trouble::new(Reason::BadPath, UNFINISHED)
}
