//! The entries that only the target of a mirror has, and their removal on this end.

mod listed;
mod plan;
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tinyferry_core::store::{Kind, Operation, Store};
use tinyferry_core::{Failure, Reason};

use self::listed::{Listed, Missing, kind_of};
pub use self::plan::{Action, Plan, Planned};
use self::source::SourceDirectory;
use super::{Change, Client, Error, Refused, Selection};
use crate::fs::names::{ancestors, join};
use crate::fs::{
    Directory, Exclusion, Filter, LinkKinds, Links, Observer, Policy, Root, Source, SourceRoot,
    Sync,
};

/// The entries of a directory, the target of a mirror, that its source does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Extras {
    /// Paths of files, from the root of the end that has them.
    pub files: Vec<String>,
    /// Paths of directories, those deepest first.
    pub directories: Vec<String>,
    /// The number of all entries of the directory.
    pub of: u64,
    /// The entries of which the source has one of another kind. The entries below them are among `files` and
    /// `directories`, and none of those is excluded.
    pub kind_conflicts: Vec<KindConflict>,
}

/// An entry of the target that is a directory where the source has a file, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindConflict {
    /// Its path, from the root of the end that has it.
    pub path: String,
    /// Whether it is a directory at the target; else a file.
    pub is_directory: bool,
}

impl Extras {
    /// The number of entries, with those of another kind.
    pub fn count(&self) -> u64 {
        (self.files.len() + self.directories.len() + self.kind_conflicts.len()) as u64
    }

    /// Of a directory with the path `above`.
    fn of(listed: &Listed, above: &str, missing: &Missing<'_>) -> Self {
        let mut found = Self { of: listed.entries.len() as u64, ..Self::default() };
        let whole = |path: &str| join(above, path);
        for (path, kind) in &missing.gone {
            match kind {
                Kind::Directory => found.directories.push(whole(path)),
                _ => found.files.push(whole(path)),
            }
        }
        found.directories.reverse();
        let conflicts = missing.kind_conflicts.iter();
        found.kind_conflicts = conflicts
            .map(|(path, kind)| KindConflict {
                path: whole(path),
                is_directory: *kind == Kind::Directory,
            })
            .collect();
        found
    }

    /// The changes that remove the entries of another kind and all entries below them, in this order.
    pub fn kind_conflict_removals(&self) -> Vec<Change> {
        let entries: BTreeSet<_> =
            self.kind_conflicts.iter().map(|entry| entry.path.as_str()).collect();
        let is_below =
            |path: &&String| ancestors(path).any(|directory| entries.contains(directory));
        let files = self.files.iter().filter(is_below).cloned().map(Change::RemoveFile);
        let below = self.directories.iter().filter(is_below).cloned();
        let entries = self.kind_conflicts.iter().map(|entry| match entry.is_directory {
            true => Change::RemoveDirectory(entry.path.clone()),
            false => Change::RemoveFile(entry.path.clone()),
        });
        files.chain(below.map(Change::RemoveDirectory)).chain(entries).collect()
    }

    /// The changes that remove `files` and then `directories`, but not the entries of another kind.
    pub fn removals(&self) -> Vec<Change> {
        let files = self.files.iter().cloned().map(Change::RemoveFile);
        files.chain(self.directories.iter().cloned().map(Change::RemoveDirectory)).collect()
    }
}

impl Client {
    /// The entries of the server's directory `remote` that the directory `local` does not have, without those
    /// that the filter of `selection` excludes; none if the server has no such directory. Symbolic links are among them
    /// if the selection has them.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Local`] if `local` is no directory, or is removed or replaced meanwhile, or if the system
    /// cannot tell whether it has an entry.
    pub fn extras(
        &mut self,
        remote: &str,
        local: &Path,
        selection: &Selection,
    ) -> Result<Extras, Error> {
        let mut there = self.list_target(remote, selection.links)?;
        if !missing_here(&there, local, selection)?.gone.is_empty() {
            self.adopt_paths(&mut there, remote, local, selection)?;
        }
        Ok(Extras::of(&there, remote, &missing_here(&there, local, selection)?))
    }

    /// Gives entries of the server's directory `remote` the paths of the directory `local`: [`Listed::adopt_paths`].
    fn adopt_paths(
        &mut self,
        there: &mut Listed,
        remote: &str,
        local: &Path,
        selection: &Selection,
    ) -> Result<(), Error> {
        let here = Listed::of_local(local, &Filter::default(), selection.links)?;
        let exclusion = exclusion(local, &selection.filter);
        there.adopt_paths(&here, &exclusion, |path| match self.kind_of(&join(remote, path)) {
            Ok(found) => Ok(found.is_some()),
            // A link that the list lacks, and a path through a link or a file, lead to another entry.
            Err(Error::Session(
                Failure::Refused(Reason::SymbolicLink | Reason::NotDirectory),
                _,
            )) => Ok(false),
            // A server that cannot tell may have it.
            Err(Error::Session(Failure::Refused(_), _)) => Ok(true),
            Err(error) => Err(error),
        })
    }

    /// The entries of the directory `target` below the directory `root` of this end that the server's
    /// directory `remote` does not have, without those that the filter of `selection` excludes by its patterns or by
    /// the `.gitignore` files of this end. Symbolic links are among them if the selection has them. `None` if the
    /// server cannot list all of its entries.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Local`] if the local directory cannot be read.
    pub fn local_extras(
        &mut self,
        remote: &str,
        root: &Path,
        target: &str,
        selection: &Selection,
    ) -> Result<Option<Extras>, Error> {
        let Selection { ref filter, links, .. } = *selection;
        let there = self.list_source(remote, &filter.without_ignore_files(), links)?;
        let local = target_path(root, target);
        let here = local_target(&local, &there, selection)?;
        let missing = missing_there(&here, &there, &local, filter)?;
        Ok((!there.is_incomplete).then(|| Extras::of(&here, target, &missing)))
    }

    /// The entries of the target of a put; none if the server has no entry at `remote`.
    fn list_target(&mut self, remote: &str, links: LinkKinds) -> Result<Listed, Error> {
        let mut there = Listed::default();
        let selection = Selection::default().linking(links);
        match self.list_store_selecting(remote, &selection, &mut there) {
            Ok(_) => {}
            Err(error) if error.refusal() == Some(Reason::NotFound) => {}
            Err(error) => return Err(error),
        }
        Ok(there)
    }

    /// The entries of the source of a get that `filter` does not exclude.
    fn list_source(
        &mut self,
        remote: &str,
        filter: &Filter,
        links: LinkKinds,
    ) -> Result<Listed, Error> {
        let mut there = Listed::default();
        let selection = Selection::default().filtered(filter).linking(links);
        let outcome = self.list_store_selecting(remote, &selection, &mut there)?;
        there.is_incomplete |= outcome.omitted > 0;
        // A server that does not know the patterns lists all.
        let patterns = Exclusion::of_patterns(filter);
        there.entries.retain(|path, facts| !patterns.excludes(path, facts.kind == Kind::Directory));
        Ok(there)
    }
}

/// The local path of the entry `target` below the directory `root`.
fn target_path(root: &Path, target: &str) -> PathBuf {
    if target.is_empty() { root.to_owned() } else { root.join(target) }
}

/// The entries of the target of a get, with the paths of its source `there`: [`Listed::adopt_paths`].
fn local_target(local: &Path, there: &Listed, selection: &Selection) -> Result<Listed, Error> {
    let links = selection.links;
    let mut here = Listed::of_local(local, &Filter::default(), links)?;
    let exclusion = exclusion(local, &selection.filter);
    here.adopt_paths(there, &exclusion, |path| {
        let is_listed = matches!(kind_of(&local.join(path), links)?, Some(Some(_)));
        Ok(is_listed && !is_below_link(local, path))
    })?;
    Ok(here)
}

/// Whether a directory above `path` is a link: then the entry is one of another directory.
fn is_below_link(local: &Path, path: &str) -> bool {
    ancestors(path).any(|above| local.join(above).is_symlink())
}

/// The entries of the server's directory that the local directory does not have.
fn missing_here<'a>(
    there: &'a Listed,
    local: &Path,
    selection: &Selection,
) -> Result<Missing<'a>, Error> {
    let source = SourceDirectory::find(local)?;
    let exclusion = exclusion(local, &selection.filter);
    let missing = there.missing(&exclusion, |path| {
        if is_below_link(local, path) {
            Ok(None)
        } else {
            kind_of(&local.join(path), selection.links)
        }
    })?;
    source.check()?;
    Ok(missing)
}

/// The entries of the local directory that the server's directory does not have.
fn missing_there<'a>(
    here: &'a Listed,
    there: &Listed,
    local: &Path,
    filter: &Filter,
) -> Result<Missing<'a>, Error> {
    let kind = |path: &str| Ok(there.entries.get(path).map(|found| Some(found.kind)));
    here.missing(&exclusion(local, filter), kind)
}

/// Removes entries of the directory that is open as `root` on this end, in this order. Nothing outside the
/// directory is removed, and no link is followed. Returns the removals that failed, and the changes that are no
/// removals.
pub fn remove_local(root: Root, removals: Vec<Change>, observer: impl Observer) -> Vec<Refused> {
    let store = Directory::receiving(root, String::new(), Sync::Never, observer);
    // The links among the entries were listed as such.
    let policy = Policy { links: Links::Any, ..Policy::default() };
    let mut store = store.removing().governed(&policy);
    let refused = removals.into_iter().filter_map(|change| {
        let removed = match &change {
            Change::RemoveDirectory(path) => {
                store.operate(path, Kind::Directory, &Operation::Remove)
            }
            Change::RemoveFile(path) => store.operate(path, Kind::File, &Operation::Remove),
            _ => {
                let (reason, message) = (Reason::Unsupported, String::new());
                return Some(Refused { change, reason, message });
            }
        };
        let reason = removed.err()?;
        let message = store.refusal_message().to_owned();
        Some(Refused { change, reason, message })
    });
    refused.collect()
}

/// The entries of a mirror that are left out; `.gitignore` files are those of `local`.
fn exclusion(local: &Path, filter: &Filter) -> Exclusion {
    let source = Source { local: PathBuf::from(local), remote: String::new() };
    Exclusion::of_sources(filter, &[SourceRoot::from(source)])
}
