//! The entries that only the target of a mirror has, and their removal on this end.

mod listed;
mod plan;

use std::path::{Path, PathBuf};

use tinyferry_core::Reason;
use tinyferry_core::store::{Kind, Operation, Store};

use self::listed::{Listed, Missing, kind_of};
pub use self::plan::{Action, Planned};
use super::{Change, Client, Error, Refused, Selection, is_refused};
use crate::fs::{Directory, Exclusion, Filter, Observer, Root, Source, SourceRoot, Sync};

/// The entries of a directory that another one does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Extras {
    /// Paths of files, from the root of the end that has them.
    pub files: Vec<String>,
    /// Paths of directories, those deepest first.
    pub directories: Vec<String>,
    /// The number of all entries that the directory has.
    pub of: u64,
    /// The entries in whose place the other directory has an entry of another kind. What is below them counts
    /// as not there. None has an excluded entry below it.
    pub in_the_way: Vec<InTheWay>,
}

/// An entry of a server in whose place the local directory has an entry of another kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InTheWay {
    /// Its path, from the server's root.
    pub path: String,
    /// Whether it is a directory; else a file.
    pub is_directory: bool,
}

impl Extras {
    /// The number of entries.
    pub fn count(&self) -> u64 {
        (self.files.len() + self.directories.len() + self.in_the_way.len()) as u64
    }

    /// Of a directory with the path `above`.
    fn of(listed: &Listed, above: &str, extras: Missing<'_>) -> Self {
        let mut found = Self { of: listed.entries.len() as u64, ..Self::default() };
        let whole = |path: &str| match above {
            "" => path.to_owned(),
            above => format!("{above}/{path}"),
        };
        found.in_the_way = extras
            .in_the_way
            .into_iter()
            .map(|(path, kind)| InTheWay {
                path: whole(path),
                is_directory: kind == Kind::Directory,
            })
            .collect();
        for (path, kind) in extras.gone {
            let path = whole(path);
            match kind {
                Kind::Directory => found.directories.push(path),
                _ => found.files.push(path),
            }
        }
        found.directories.reverse();
        found
    }

    /// The changes that remove the entries in the way, and all below them.
    pub fn make_way(&self) -> Vec<Change> {
        let is_below = |path: &&String| {
            let is_above = |entry: &InTheWay| {
                path.strip_prefix(&entry.path).is_some_and(|rest| rest.starts_with('/'))
            };
            self.in_the_way.iter().any(is_above)
        };
        let files = self.files.iter().filter(is_below).cloned().map(Change::RemoveFile);
        let below = self.directories.iter().filter(is_below).cloned();
        let entries = self.in_the_way.iter().map(|entry| match entry.is_directory {
            true => Change::RemoveDirectory(entry.path.clone()),
            false => Change::RemoveFile(entry.path.clone()),
        });
        files.chain(below.map(Change::RemoveDirectory)).chain(entries).collect()
    }

    /// The changes that remove the other entries.
    pub fn removals(&self) -> Vec<Change> {
        let files = self.files.iter().cloned().map(Change::RemoveFile);
        files.chain(self.directories.iter().cloned().map(Change::RemoveDirectory)).collect()
    }
}

impl Client {
    /// The entries of the server's directory `remote` that the directory `local` does not have, but for those
    /// that `filter` excludes.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Local`] if it cannot be known whether `local` has an entry. None is an error
    /// if the server has no such directory.
    pub fn extras(&mut self, remote: &str, local: &Path, filter: &Filter) -> Result<Extras, Error> {
        let mut found = Listed::default();
        match self.list_store(remote, &mut found) {
            Ok(_) => {}
            Err(error) if is_refused(&error, Reason::NotFound) => return Ok(Extras::default()),
            Err(error) => return Err(error),
        }
        let extras = found.extras(&exclusion(local, filter), |path| kind_of(&local.join(path)))?;
        Ok(Extras::of(&found, remote, extras))
    }

    /// The entries of the directory `target` below the directory `root` of this end that the server's
    /// directory `remote` does not have, but for those that `filter` excludes: by its patterns, and by the
    /// `.gitignore` files of this end. `None` if the server cannot list its entries completely.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Local`] if the local directory cannot be read.
    pub fn local_extras(
        &mut self,
        remote: &str,
        root: &Path,
        target: &str,
        filter: &Filter,
    ) -> Result<Option<Extras>, Error> {
        let local = if target.is_empty() { root.to_owned() } else { root.join(target) };
        let here = Listed::of_local(&local, &Filter::default())?;
        let mut there = Listed::default();
        // What the `.gitignore` files there exclude counts as something that the server has.
        let selection = Selection::default().filtered(&filter.without_ignore_files());
        let outcome = self.list_store_selecting(remote, &selection, &mut there)?;
        if outcome.omitted > 0 || there.is_incomplete {
            return Ok(None);
        }
        let kind = |path: &str| Ok(there.entries.get(path).map(|found| Some(found.kind)));
        let extras = here.extras(&exclusion(&local, filter), kind)?;
        Ok(Some(Extras::of(&here, target, extras)))
    }
}

impl Extras {
    /// Removes the entries from the directory that is open as `root` on this end: nothing outside it, and no
    /// link is followed. Returns the removals that failed.
    pub fn remove(self, root: Root, observer: impl Observer) -> Vec<Refused> {
        let store = Directory::receiving(root, String::new(), Sync::Never, observer);
        let mut store = store.removing();
        let removals = self.removals().into_iter();
        let refused = removals.filter_map(|change| {
            let (path, kind) = match &change {
                Change::RemoveDirectory(path) => (path, Kind::Directory),
                Change::RemoveFile(path) => (path, Kind::File),
                _ => return None,
            };
            let reason = store.operate(path, kind, &Operation::Remove).err()?;
            let message = store.refusal_message().to_owned();
            Some(Refused { change, reason, message })
        });
        refused.collect()
    }
}

/// The entries of a mirror that are left out; `.gitignore` files are those of `local`.
fn exclusion(local: &Path, filter: &Filter) -> Exclusion {
    let source = Source { local: PathBuf::from(local), remote: String::new() };
    Exclusion::of_sources(filter, &[SourceRoot::from(source)])
}
