//! The entries of a server that this end does not have, and the plan of a put.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tinyferry_core::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer, Skip, Store};

use super::{Change, Client, Error, is_refused, local_error};
use crate::fs::{Directory, Filter, Source};

/// The entries of a server's directory that the local one does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Extras {
    /// Paths of files, from the server's root.
    pub files: Vec<String>,
    /// Paths of directories, those deepest first.
    pub directories: Vec<String>,
    /// The entries in whose place the local directory has an entry of another kind. What is below them counts
    /// as not there. None has an excluded entry below it.
    pub in_the_way: Vec<InTheWay>,
    /// The number of all entries that the server's directory has.
    pub of: u64,
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
        let directories = self.directories.iter().cloned().map(Change::RemoveDirectory);
        files.chain(directories).collect()
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
        let mut extras = Extras { of: found.entries.len() as u64, ..Extras::default() };
        let whole = |path: &str| match remote {
            "" => path.to_owned(),
            above => format!("{above}/{path}"),
        };
        let kept = found.above_excluded(filter);
        for (path, entry) in &found.entries {
            let is_directory = entry.kind == Kind::Directory;
            let stays = kept.contains(path.as_str()) || filter.excludes(path, is_directory);
            if stays {
                continue;
            }
            match kind_of(&local.join(path))? {
                None => {}
                Some(here) => {
                    // What cannot be sent is there too.
                    let is_other =
                        here.is_some_and(|here| (here == Kind::Directory) != is_directory);
                    if !is_other {
                        continue;
                    }
                    // An excluded entry of another kind does not take its place.
                    if !filter.excludes(path, !is_directory) {
                        extras.in_the_way.push(InTheWay { path: whole(path), is_directory });
                        continue;
                    }
                }
            }
            let extra = if is_directory { &mut extras.directories } else { &mut extras.files };
            extra.push(whole(path));
        }
        extras.directories.reverse();
        Ok(extras)
    }
}

/// The kind of an entry; `Some(None)`: neither a file nor a directory. If it cannot be known whether there is
/// one it is an error: nothing is removed then.
fn kind_of(path: &Path) -> Result<Option<Option<Kind>>, Error> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => Ok(Some(Some(Kind::Directory))),
        Ok(found) => Ok(Some(found.is_file().then_some(Kind::File))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(local_error(path, &error)),
    }
}

/// Stands for the path of a lone file, which is empty in a plan.
const LONE: &str = "-";

/// The facts of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    kind: Kind,
    size: Option<u64>,
    modified: Option<i64>,
    mode: Option<u32>,
    /// Why this end cannot send it.
    broken: Option<Reason>,
}

/// The entries of a directory by path; a directory that is not offered by itself too.
#[derive(Debug, Default)]
struct Listed {
    entries: BTreeMap<String, Facts>,
    is_tree: bool,
}

impl Store for Listed {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.is_tree |= offer.kind == Kind::Tree;
        if offer.kind != Kind::Tree {
            let Offer { path, kind, size, modified, mode, .. } = *offer;
            // A file by itself.
            let path = if self.is_tree { path } else { "" };
            self.entries
                .insert(path.to_owned(), Facts { kind, size, modified, mode, broken: None });
            let mut above = path;
            let directory = Facts {
                kind: Kind::Directory,
                size: None,
                modified: None,
                mode: None,
                broken: None,
            };
            while let Some((directory_path, _)) = above.rsplit_once('/') {
                if self.entries.contains_key(directory_path) {
                    break;
                }
                self.entries.insert(directory_path.to_owned(), directory);
                above = directory_path;
            }
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }
}

impl Listed {
    /// The directories that stay, since something below them is excluded.
    fn above_excluded(&self, filter: &Filter) -> BTreeSet<&str> {
        let mut kept = BTreeSet::new();
        for (path, entry) in &self.entries {
            if filter.is_empty() || !filter.excludes(path, entry.kind == Kind::Directory) {
                continue;
            }
            let mut above = path.as_str();
            while let Some((directory, _)) = above.rsplit_once('/') {
                if !kept.insert(directory) {
                    break;
                }
                above = directory;
            }
        }
        kept
    }
}

/// The action of a put for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The server does not have it.
    Send,
    /// The server has another one of that name.
    Replace {
        /// Their kinds differ.
        kind: bool,
        /// Their sizes differ.
        size: bool,
        /// Their times differ.
        time: bool,
        /// Their permission bits differ.
        mode: bool,
    },
    /// It is left out: the server has the same, or `skip` says so.
    Keep,
    /// Both have the same size; the content is compared when it is sent.
    Compare,
    /// This end cannot send it.
    Fail(Reason),
    /// This end does not have it.
    Remove,
}

/// An entry of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planned {
    /// Its path below the tree's root.
    pub path: String,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The action.
    pub action: Action,
}

impl Client {
    /// What a put of `local`, a directory or a file, as `remote` would do with each entry, in the order of their paths.
    /// Nothing is changed, and no content is compared. Entries that `filter` excludes are not in the plan.
    ///
    /// # Errors
    /// [`Error`].
    pub fn plan_put(
        &mut self,
        local: &Path,
        remote: &str,
        filter: &Filter,
        skip: Skip,
    ) -> Result<Vec<Planned>, Error> {
        let mut there = Listed::default();
        match self.list_store(remote, &mut there) {
            Ok(_) => {}
            Err(error) if is_refused(&error, Reason::NotFound) => {}
            Err(error) => return Err(error),
        }
        let here = walk(local, filter)?;
        // A server whose times have fractions of seconds keeps them.
        let is_precise = there
            .entries
            .values()
            .any(|entry| entry.modified.is_some_and(|time| time % 1_000_000_000 != 0));
        let mut planned = Vec::new();
        for (path, ours) in &here {
            let action = match (ours.broken, there.entries.get(path)) {
                (Some(reason), _) => Action::Fail(reason),
                (None, None) if skip == Skip::Missing => Action::Keep,
                (None, None) => Action::Send,
                (None, Some(theirs)) => decide(ours, theirs, skip, is_precise),
            };
            let is_directory = ours.kind == Kind::Directory;
            planned.push(Planned { path: path.clone(), is_directory, action });
        }
        let kept: BTreeSet<_> =
            there.above_excluded(filter).into_iter().map(str::to_owned).collect();
        for (path, theirs) in there.entries {
            let is_directory = theirs.kind == Kind::Directory;
            if !here.contains_key(&path)
                && !kept.contains(&path)
                && !filter.excludes(&path, is_directory)
                && kind_of(&local.join(&path))?.is_none()
            {
                planned.push(Planned { path, is_directory, action: Action::Remove });
            }
        }
        planned.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(planned)
    }
}

/// The action for an entry that the server has.
fn decide(ours: &Facts, theirs: &Facts, skip: Skip, is_precise: bool) -> Action {
    let action = compare(ours, theirs, is_precise);
    let is_file = ours.kind == Kind::File && theirs.kind == Kind::File;
    if skip == Skip::SameContent && is_file && ours.size == theirs.size {
        return Action::Compare;
    }
    let Action::Replace { kind: false, .. } = action else { return action };
    let is_newer = ours.modified.zip(theirs.modified).is_none_or(|(ours, theirs)| ours > theirs);
    match skip {
        _ if ours.kind != Kind::File => action,
        Skip::Existing => Action::Keep,
        Skip::NotOlder if !is_newer => Action::Keep,
        _ => action,
    }
}

fn compare(ours: &Facts, theirs: &Facts, is_precise: bool) -> Action {
    let is_file = ours.kind == Kind::File;
    let time = match (ours.modified, theirs.modified) {
        (Some(ours), Some(theirs)) if is_precise => is_file && ours != theirs,
        (Some(ours), Some(theirs)) => is_file && !crate::fs::sys::times::is_same(ours, theirs),
        _ => false,
    };
    let kind = ours.kind != theirs.kind;
    let size = is_file && ours.size != theirs.size;
    let mode = ours.mode.zip(theirs.mode).is_some_and(|(ours, theirs)| ours != theirs);
    if kind || size || time || mode {
        Action::Replace { kind, size, time, mode }
    } else {
        Action::Keep
    }
}

/// The entries that a put of a directory offers.
fn walk(local: &Path, filter: &Filter) -> Result<BTreeMap<String, Facts>, Error> {
    let source = |remote: &str| Source { local: PathBuf::from(local), remote: remote.to_owned() };
    let mut store = if local.is_dir() {
        Directory::sending_tree("-".to_owned(), vec![source("")], ()).filtered(filter)
    } else {
        Directory::sending_file(source(LONE), ())
    };
    let mut buffer = [0; tinyferry_core::path::PATH_MAX];
    let mut entries = BTreeMap::new();
    loop {
        let entry = store
            .next(&mut buffer)
            .map_err(|reason| local_error(local, &std::io::Error::other(reason)))?;
        let Some(entry) = entry else { return Ok(entries) };
        let path = buffer.get(..entry.path).unwrap_or_default();
        if entry.kind != Kind::Tree {
            let facts = Facts {
                kind: entry.kind,
                size: entry.size,
                modified: entry.modified,
                mode: entry.mode,
                broken: entry.broken,
            };
            let path = String::from_utf8_lossy(path).into_owned();
            entries.insert(if local.is_dir() { path } else { String::new() }, facts);
        }
    }
}
