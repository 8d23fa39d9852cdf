//! Adds the files of a directory to its hashes.

use super::*;
use crate::fs::digest::record::Facts;
use crate::fs::sys::link;

/// Adds entries to the hashes of their directory.
#[derive(Debug)]
pub(super) struct Files<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) cancel: &'a Cancel,
    pub(super) content: ContentReader,
    /// From the tree's root to the current entry.
    pub(super) path: String,
    pub(super) exclusion: Exclusion,
    pub(super) left_out: &'a mut LeftOut,
    pub(super) first_names: &'a mut FirstNames,
}

impl Files<'_> {
    /// Adds a file to the hashes of its directory. Returns whether it is a directory instead.
    pub(super) fn is_directory(
        &mut self,
        dir: &Dir,
        name: &str,
        hint: Hint,
        (gather, amount): (&mut Gather, &mut Amount),
        (is_top, names): (bool, &mut Option<Entries>),
    ) -> bool {
        if self.cancel.is_cancelled() {
            return false;
        }
        if !self.can_be_sent(name) {
            self.left_out.add_name(dir, &self.path, name);
            return false;
        }
        if !self.exclusion.is_empty() && self.is_excluded(name, is_directory(dir, name, hint)) {
            return false;
        }
        if hint == Hint::Directory {
            return true;
        }
        let parameters = self.wanted.query.parameters;
        let mut size = 0;
        let hash = match look(dir, name) {
            Ok(Found::File(metadata)) => {
                self.first_names.add(&metadata, || join(&self.path, name));
                let (found, compared) = (FileMetadata::of(&metadata), parameters.facts);
                size = found.size;
                match self.content.facts(dir, name, found, compared, self.cancel) {
                    Ok(facts) => parameters.hash_of_file(name, &facts),
                    Err(_) => random(),
                }
            }
            Ok(Found::Directory(_)) => return true,
            Ok(Found::Missing) => return false,
            Ok(Found::Other(error)) => match self.hash_of_link(dir, name, error) {
                Ok(hash) => hash,
                Err(error) => {
                    self.left_out.add(&self.path, name.as_ref(), error);
                    return false;
                }
            },
            Err(_) => random(),
        };
        gather.add(hash);
        let file = Amount::file(size);
        *amount += file;
        if let Some(names) = names {
            names.add(hash, name, Kind::File, file);
        }
        if is_top {
            self.wanted.list(hash, name, Kind::File, file);
        }
        false
    }

    /// The hash of the entry `name` if links are entries and it is one; `error`: why it is no other entry.
    fn hash_of_link(&self, dir: &Dir, name: &str, error: StoreError) -> Result<u64, StoreError> {
        let parameters = self.wanted.query.parameters;
        if error.reason != Reason::SymbolicLink || !parameters.facts.contains(Facts::LINKS) {
            return Err(error);
        }
        let target = link::target(dir, name, &join(&self.path, name))?;
        Ok(parameters.hash_of_link(name, &target))
    }

    /// Whether it leaves out the entry `name` of the directory at the path.
    pub(super) fn is_excluded(&self, name: &str, is_directory: bool) -> bool {
        !self.exclusion.is_empty() && self.exclusion.excludes(&join(&self.path, name), is_directory)
    }

    /// Whether the entry `name` of the directory at the path is one that a walk sends.
    pub(super) fn can_be_sent(&mut self, name: &str) -> bool {
        let length = self.path.len();
        push(&mut self.path, name);
        let can_be_sent = can_be_sent(&self.path, name);
        self.path.truncate(length);
        can_be_sent
    }
}
