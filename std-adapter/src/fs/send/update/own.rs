//! The sender's own entries, which are compared with the answers.

use super::*;
use crate::fs::sys::link::FileVersion;

/// A range of a directory of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) origins: &'a [SourceRoot],
    /// The index of the source.
    pub(super) origin: usize,
    /// The path of the directory in the tree.
    pub(super) path: &'a str,
    pub(super) range: Range,
}

impl Part<'_> {
    pub(super) fn directory(&self) -> Result<Arc<Dir>, StoreError> {
        match self.origins.get(self.origin).ok_or(Reason::NotFound)?.reach(self.path)? {
            SourceEntry::Directory(dir, _) => Ok(dir),
            SourceEntry::File(..) | SourceEntry::Link(..) => Err(Reason::NotDirectory.into()),
        }
    }

    pub(super) fn question(&self) -> Question {
        Question::Directory(self.origin, self.path.to_owned(), self.range)
    }

    pub(super) fn found(&self) -> Found {
        Found::Directory(self.origin, self.path.to_owned())
    }
}

/// The entries of one directory of a source.
#[derive(Debug)]
pub(super) struct OwnList {
    pub(super) origin: usize,
    pub(super) path: String,
    pub(super) entries: Entries,
}

impl OwnList {
    fn is_of(&self, part: Part<'_>) -> bool {
        self.origin == part.origin && self.path == part.path
    }
}

impl Update {
    /// The digests of the sources' directories, of which none is computed.
    pub(super) fn no_digests(&self) -> TreeDigests {
        let mut digests = TreeDigests::excluding(&self.exclusion);
        digests.note_left_out(self.is_served);
        if self.sends_hard_links {
            digests.note_first_names();
        }
        digests
    }

    /// Another name than `path` under which the receiver has the file, or is sent it. `None`: none is known.
    pub(crate) fn other_name(&self, path: &str, version: FileVersion) -> Option<&str> {
        // The others leave out files that differ.
        let finds_all = matches!(self.skip, Skip::SameTime | Skip::SameContent);
        self.digests.other_name(path, version).filter(|_| finds_all && self.parameters.is_some())
    }

    /// The total of the sender's own entries in a part.
    pub(super) fn own(&mut self, part: Part<'_>) -> Result<Total, StoreError> {
        self.await_ahead();
        let Part { path, range, .. } = part;
        if let Some(parameters) = self.parameters
            && !self.list.as_ref().is_some_and(|list| list.is_of(part))
            && let Some(known) = self.digests.known(path, Query { parameters, range })
        {
            return Ok(known.total);
        }
        let entries = self.listed(part)?;
        Ok(match entries.part(range) {
            Some(listed) => Total::of(listed.iter().map(|entry| entry.hash)),
            None => entries.total(),
        })
    }

    /// All entries of the directory of a part.
    ///
    /// # Errors
    /// It cannot be read, or its names take too much memory.
    pub(super) fn listed(&mut self, part: Part<'_>) -> Result<&Entries, StoreError> {
        self.await_ahead();
        if !self.list.as_ref().is_some_and(|list| list.is_of(part)) {
            let parameters = self.parameters.ok_or(Reason::Unsupported)?;
            let dir = part.directory()?;
            let query = Query { parameters, range: Range::ALL };
            // One cache for all sources: their paths differ.
            let entries = self.digests.entries(&dir, part.path, query, &Cancel::default())?;
            if entries.part(Range::ALL).is_none() {
                return Err(Reason::TooLarge.into());
            }
            let (origin, path) = (part.origin, part.path.to_owned());
            self.list = Some(OwnList { origin, path, entries });
        }
        let list = self.list.as_ref().ok_or(Reason::Storage)?;
        Ok(&list.entries)
    }
}
