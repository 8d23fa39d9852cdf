//! The plan of a transfer: what it would do with each entry.

use std::path::Path;

use tinyferry_core::Reason;
use tinyferry_core::store::{Kind, Skip};

use super::listed::{Facts, Listed, Missing, kind_of};
use super::{Client, Error, Selection, exclusion, is_refused};
use crate::fs::Filter;

/// The action of a transfer for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The receiver does not have it.
    Send,
    /// The receiver has another one of that name.
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
    /// It is left out: the receiver has the same, or `skip` says so.
    Keep,
    /// Both have the same size; the content is compared when it is sent.
    Compare,
    /// The sender cannot send it.
    Fail(Reason),
    /// The sender does not have it.
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
        let here = Listed::of_local(local, filter)?;
        let extras =
            there.extras(&exclusion(local, filter), |path| match here.entries.get(path) {
                Some(found) => Ok(Some(Some(found.kind))),
                None => kind_of(&local.join(path)),
            })?;
        Ok(plan(&here, &there, extras, skip))
    }

    /// What a get of `remote`, a directory or a file, as `local` would do with each entry: as
    /// [`Client::plan_put`].
    ///
    /// # Errors
    /// [`Error`].
    pub fn plan_get(
        &mut self,
        remote: &str,
        local: &Path,
        filter: &Filter,
        skip: Skip,
    ) -> Result<Vec<Planned>, Error> {
        let (mut there, mut all) = (Listed::default(), Listed::default());
        self.list_store_selecting(remote, &Selection::default().filtered(filter), &mut there)?;
        // A server that does not know the patterns lists all.
        let patterns = crate::fs::Exclusion::of_patterns(filter);
        there.entries.retain(|path, facts| !patterns.excludes(path, facts.kind == Kind::Directory));
        if filter.reads_ignore_files() {
            self.list_store(remote, &mut all)?;
        }
        let here = Listed::of_local(local, &Filter::default())?;
        let extras = here.extras(&exclusion(local, filter), |path| {
            let found = there.entries.get(path).or_else(|| all.entries.get(path));
            Ok(found.map(|found| Some(found.kind)))
        })?;
        Ok(plan(&there, &here, extras, skip))
    }
}

/// The plan of a transfer from `source` to `target`, which has some `extras`.
fn plan(source: &Listed, target: &Listed, extras: Missing<'_>, skip: Skip) -> Vec<Planned> {
    // A file system whose times have fractions of seconds keeps them.
    let is_precise = target
        .entries
        .values()
        .any(|entry| entry.modified.is_some_and(|time| time % 1_000_000_000 != 0));
    let sent = source.entries.iter().map(|(path, ours)| {
        let action = match (ours.broken, target.entries.get(path)) {
            (Some(reason), _) => Action::Fail(reason),
            (None, None) if skip == Skip::Missing => Action::Keep,
            (None, None) => Action::Send,
            (None, Some(theirs)) => decide(ours, theirs, skip, is_precise),
        };
        Planned { path: path.clone(), is_directory: ours.kind == Kind::Directory, action }
    });
    let removed = extras.gone.into_iter().map(|(path, kind)| Planned {
        path: path.to_owned(),
        is_directory: kind == Kind::Directory,
        action: Action::Remove,
    });
    let mut planned: Vec<_> = sent.chain(removed).collect();
    planned.sort_by(|one, other| one.path.cmp(&other.path));
    planned
}

/// The action for an entry that the receiver has.
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
