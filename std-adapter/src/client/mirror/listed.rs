//! The entries of one end's directory by path.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tinyferry_core::Reason;
use tinyferry_core::path::TARGET_MAX;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer, Operation, OperationEntry, Stat, Store};

use crate::client::{Error, local_error};
use crate::fs::names::ancestors;
use crate::fs::{Directory, Exclusion, Filter, LinkKinds, Source};

/// The facts of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<i64>,
    pub(super) mode: Option<u32>,
    /// The target of a symbolic link, whose kind is that of a file.
    pub(super) target: Option<String>,
    /// Why this end cannot send it.
    pub(super) broken: Option<Reason>,
}

impl Facts {
    fn of_link(target: &str) -> Self {
        Self { kind: Kind::File, target: Some(target.to_owned()), ..DIRECTORY }
    }
}

/// A directory that is known by an entry in it only.
const DIRECTORY: Facts = Facts {
    kind: Kind::Directory,
    size: None,
    modified: None,
    mode: None,
    target: None,
    broken: None,
};

/// The entries of a directory; one that is not offered by itself too. A file by itself has the empty path.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: BTreeMap<String, Facts>,
    /// Whether it is a directory, not a file.
    pub(super) is_tree: bool,
    /// Whether entries are missing because they cannot be sent.
    pub(super) is_incomplete: bool,
}

impl Store for Listed {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.is_tree |= offer.kind == Kind::Tree;
        if offer.kind != Kind::Tree {
            let Offer { path, kind, size, modified, mode, .. } = *offer;
            let path = if self.is_tree { path } else { "" };
            self.add(path, Facts { kind, size, modified, mode, target: None, broken: None });
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn operate(&mut self, path: &str, _: Kind, operation: &Operation<'_>) -> Result<Stat, Reason> {
        let Operation::Link { target } = operation else { return Err(Reason::Unsupported) };
        self.add(path, Facts::of_link(target));
        Ok(Stat::default())
    }

    fn rejected(&mut self, _: &[u8], _: Reason) {
        self.is_incomplete = true;
    }
}

/// The entries of the target of a mirror that its source does not have, with their kinds, in the order of their
/// paths.
#[derive(Debug, Default)]
pub(super) struct Missing<'a> {
    /// The source has no entry of the path.
    pub(super) gone: Vec<(&'a str, Kind)>,
    /// The source has an entry of another kind.
    pub(super) kind_conflicts: Vec<(&'a str, Kind)>,
}

impl Listed {
    /// The entries of a local directory that a filter does not exclude, or a local file; symbolic links are among
    /// them if `links` has them. There are none where nothing has the path.
    pub(super) fn of_local(local: &Path, filter: &Filter, links: LinkKinds) -> Result<Self, Error> {
        let mut listed = Self { is_tree: local.is_dir(), ..Self::default() };
        if kind_of(local, links)?.is_none() {
            return Ok(listed);
        }
        let source =
            |remote: &str| Source { local: PathBuf::from(local), remote: remote.to_owned() };
        let mut store = if listed.is_tree {
            let links = LinkKinds { hard: false, ..links };
            let store = Directory::sending_tree("-".to_owned(), vec![source("")], ());
            store.filtered(filter).linking(links)
        } else {
            Directory::sending_file(source("-"), ())
        };
        let mut buffer = [0; tinyferry_core::path::PATH_MAX + TARGET_MAX];
        loop {
            let entry = store
                .next(&mut buffer)
                .map_err(|reason| local_error(local, &std::io::Error::other(reason)))?;
            let Some(entry) = entry else {
                listed.is_incomplete = store.omitted() > 0;
                return Ok(listed);
            };
            let Entry { kind, size, modified, mode, broken, path, operation, .. } = entry;
            let (path, behind) = buffer.split_at(path.min(buffer.len()));
            let path = String::from_utf8_lossy(path);
            if let Some(OperationEntry::Link { target }) = operation {
                let target = behind.get(..target).unwrap_or_default();
                listed.add(&path, Facts::of_link(&String::from_utf8_lossy(target)));
            } else if kind != Kind::Tree {
                let path = if listed.is_tree { path.as_ref() } else { "" };
                listed.add(path, Facts { kind, size, modified, mode, target: None, broken });
            }
        }
    }

    fn add(&mut self, path: &str, facts: Facts) {
        self.entries.insert(path.to_owned(), facts);
        for directory in ancestors(path) {
            if self.entries.contains_key(directory) {
                break;
            }
            self.entries.insert(directory.to_owned(), DIRECTORY);
        }
    }

    /// The entries that the source of a mirror does not have: they are to be removed from this target.
    ///
    /// `source_kind` returns the kind of the source's entry at a path; `Some(None)` for a link or a special file.
    /// Excluded entries, the directories above them, special files, and links that are not listed are never among the
    /// missing ones.
    pub(super) fn missing(
        &self,
        exclusion: &Exclusion,
        mut source_kind: impl FnMut(&str) -> Result<Option<Option<Kind>>, Error>,
    ) -> Result<Missing<'_>, Error> {
        let mut missing = Missing::default();
        let kept = self.above_excluded(exclusion);
        for (path, facts) in &self.entries {
            let stays = facts.broken.is_some()
                || path.is_empty()
                || kept.contains(path.as_str())
                || exclusion.excludes(path, facts.kind == Kind::Directory);
            if stays {
                continue;
            }
            let is_directory = facts.kind == Kind::Directory;
            match source_kind(path)? {
                None => missing.gone.push((path.as_str(), facts.kind)),
                Some(Some(kind)) if (kind == Kind::Directory) != is_directory => {
                    // An excluded entry of another kind is not transferred.
                    let is_sent = !exclusion.excludes(path, !is_directory);
                    let list =
                        if is_sent { &mut missing.kind_conflicts } else { &mut missing.gone };
                    list.push((path.as_str(), facts.kind));
                }
                Some(_) => {}
            }
        }
        Ok(missing)
    }

    /// Gives entries of this target the path that `source` or the patterns of `exclusion` have for them, where both
    /// differ in case only: a file system such as FAT finds the entry by both paths, and lists one. `finds` tells
    /// whether the target finds an entry at a path that it does not list.
    pub(super) fn adopt_paths(
        &mut self,
        source: &Self,
        exclusion: &Exclusion,
        mut finds: impl FnMut(&str) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let unlisted = source.entries.iter().filter(|(path, _)| !self.entries.contains_key(*path));
        let by_folded: BTreeMap<_, _> =
            unlisted.map(|(path, facts)| (path.to_lowercase(), (path, facts.kind))).collect();
        let extra = self.entries.iter().filter(|(path, _)| !source.entries.contains_key(*path));
        let extra: Vec<_> = extra.map(|(path, facts)| (path.clone(), facts.kind)).collect();
        for (listed, kind) in extra {
            let folded = listed.to_lowercase();
            let path = match by_folded.get(&folded) {
                Some((path, of_source)) if *of_source == kind => (*path).clone(),
                Some(_) => continue,
                None if exclusion.excludes(&folded, kind == Kind::Directory) => folded,
                None => continue,
            };
            if !self.entries.contains_key(&path)
                && finds(&path)?
                && let Some(facts) = self.entries.remove(&listed)
            {
                self.entries.insert(path, facts);
            }
        }
        Ok(())
    }

    /// The directories with excluded entries below them: they stay.
    fn above_excluded(&self, exclusion: &Exclusion) -> BTreeSet<&str> {
        let mut kept = BTreeSet::new();
        for (path, entry) in &self.entries {
            if !exclusion.excludes(path, entry.kind == Kind::Directory) {
                continue;
            }
            for directory in ancestors(path) {
                if !kept.insert(directory) {
                    break;
                }
            }
        }
        kept
    }
}

/// The kind of a local entry; `None`: there is none; `Some(None)`: a link or a special file. A symbolic link is a file
/// if `links` has them.
///
/// # Errors
/// [`Error::Local`] if the system cannot tell whether the entry exists.
pub(super) fn kind_of(path: &Path, links: LinkKinds) -> Result<Option<Option<Kind>>, Error> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => Ok(Some(Some(Kind::Directory))),
        Ok(found) if found.is_symlink() && links.symbolic => Ok(Some(Some(Kind::File))),
        Ok(found) => Ok(Some(found.is_file().then_some(Kind::File))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(local_error(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(paths: &[&str]) -> Listed {
        let mut listed = Listed { is_tree: true, ..Listed::default() };
        for path in paths {
            listed.add(path, Facts { kind: Kind::File, ..DIRECTORY });
        }
        listed
    }

    fn paths(listed: &Listed) -> Vec<&str> {
        listed.entries.keys().map(String::as_str).collect()
    }

    #[test]
    fn entries_that_a_card_lists_in_capitals_have_the_paths_of_the_source() {
        let mut card = listed(&["A.TXT", "SUB/B.TXT", "OLD.TXT"]);
        let source = listed(&["a.txt", "sub/b.txt", "new.txt"]);
        card.adopt_paths(&source, &Exclusion::default(), |_| Ok(true)).unwrap();
        assert_eq!(paths(&card), ["OLD.TXT", "a.txt", "sub", "sub/b.txt"]);
    }

    #[test]
    fn excluded_entries_that_a_card_lists_in_capitals_are_excluded() {
        let mut card = listed(&["BOARD.CFG", "OLD.TXT"]);
        let filter = Filter::new(["*.cfg"]).unwrap();
        let exclusion = Exclusion::of_patterns(&filter);
        card.adopt_paths(&listed(&["a.txt"]), &exclusion, |_| Ok(true)).unwrap();
        assert_eq!(paths(&card), ["OLD.TXT", "board.cfg"]);
        let missing = card.missing(&exclusion, |_| Ok(None)).unwrap();
        assert_eq!(missing.gone, [("OLD.TXT", Kind::File)]);
    }

    #[test]
    fn entries_of_another_kind_have_their_own_paths() {
        let mut target = listed(&["Foo"]);
        target.adopt_paths(&listed(&["foo/x"]), &Exclusion::default(), |_| Ok(true)).unwrap();
        assert_eq!(paths(&target), ["Foo"]);
    }

    #[test]
    fn entries_whose_case_a_file_system_keeps_apart_have_their_own_paths() {
        let mut target = listed(&["A", "b", "B", "c"]);
        let mut asked = Vec::new();
        let source = listed(&["a", "b", "C"]);
        let finds = |path: &str| {
            asked.push(path.to_owned());
            Ok(false)
        };
        target.adopt_paths(&source, &Exclusion::default(), finds).unwrap();
        assert_eq!(paths(&target), ["A", "B", "b", "c"]);
        // The target lists `b`, so that `B` is another entry.
        assert_eq!(asked, ["a", "C"]);
    }
}
