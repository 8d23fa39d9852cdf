//! The plan of a transfer with `--delete`: the action for each entry.

use std::path::Path;

use tinyferry_core::Reason;
use tinyferry_core::store::{Kind, Skip, Stat};

use super::listed::{Facts, Listed, Missing};
use super::{
    Client, Error, Extras, Selection, local_target, missing_here, missing_there, target_path,
};
use crate::fs::digest::record::Granularity;
use crate::fs::skip::{SizeAndTime, leaves_out};

/// The action of a transfer for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The receiver does not have it.
    Send,
    /// The receiver has an entry of the name that differs.
    Replace {
        /// Their kinds differ.
        kind: bool,
        /// Their sizes differ.
        size: bool,
        /// Their times differ.
        time: bool,
        /// Their permission bits differ.
        mode: bool,
        /// They are symbolic links with different targets.
        target: bool,
    },
    /// It is left out: the receiver has the same entry, or the [`Skip`] leaves it out.
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
    /// The size of the file that the source has, in bytes; `None`: it has no file there, or its size is not known.
    pub size: Option<u64>,
    /// The action.
    pub action: Action,
}

/// The plan of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// The entries of both ends that the filter does not exclude, in the order of their paths.
    pub entries: Vec<Planned>,
    /// The entries of the target that the source does not have, as [`Client::extras`] and
    /// [`Client::local_extras`] return them. `None` if the server cannot list all of its entries.
    pub extras: Option<Extras>,
    /// Whether entries of the source are missing from the plan because no path can name them.
    pub is_incomplete: bool,
}

impl Client {
    /// The plan of a put of `local`, a directory or a file, as `remote`. Nothing is changed, and no content is
    /// compared.
    ///
    /// # Errors
    /// [`Error`].
    pub fn plan_put(
        &mut self,
        local: &Path,
        remote: &str,
        selection: &Selection,
    ) -> Result<Plan, Error> {
        let Selection { ref filter, skip, links, .. } = *selection;
        let mut there = self.list_target(remote, links)?;
        let here = Listed::of_local(local, filter, links)?;
        if here.is_tree {
            self.adopt_paths(&mut there, remote, local, selection)?;
        }
        // A lone file is no mirror.
        let missing = match here.is_tree {
            true => missing_here(&there, local, selection)?,
            false => Missing::default(),
        };
        let extras =
            if here.is_tree { Extras::of(&there, remote, &missing) } else { Extras::default() };
        let entries = plan(&here, &there, &missing, skip);
        Ok(Plan { entries, extras: Some(extras), is_incomplete: here.is_incomplete })
    }

    /// The plan of a get of `remote`, a directory or a file, as the entry `target` below the directory `root` of
    /// this end. Nothing is changed, and no content is compared.
    ///
    /// # Errors
    /// [`Error`].
    pub fn plan_get(
        &mut self,
        remote: &str,
        root: &Path,
        target: &str,
        selection: &Selection,
    ) -> Result<Plan, Error> {
        let Selection { ref filter, skip, links, .. } = *selection;
        let there = self.list_source(remote, &filter.without_ignore_files(), links)?;
        let local = target_path(root, target);
        let here = local_target(&local, &there, selection)?;
        // A lone file is no mirror.
        let missing = match there.is_tree {
            true => missing_there(&here, &there, &local, filter)?,
            false => Missing::default(),
        };
        let extras = match there.is_tree {
            true => (!there.is_incomplete).then(|| Extras::of(&here, target, &missing)),
            false => Some(Extras::default()),
        };
        let entries = match filter.reads_ignore_files() {
            true => plan(&self.list_source(remote, filter, links)?, &here, &missing, skip),
            false => plan(&there, &here, &missing, skip),
        };
        Ok(Plan { entries, extras, is_incomplete: there.is_incomplete })
    }
}

/// The plan of a transfer from `source` to `target`, of which the source does not have the `missing` entries.
fn plan(source: &Listed, target: &Listed, missing: &Missing<'_>, skip: Skip) -> Vec<Planned> {
    // A file system with one time that has a fraction of a second stores fractions.
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
        let is_file = ours.kind == Kind::File && ours.target.is_none();
        Planned {
            path: path.clone(),
            is_directory: ours.kind == Kind::Directory,
            size: ours.size.filter(|_| is_file),
            action,
        }
    });
    let removed = missing.gone.iter().map(|(path, kind)| Planned {
        path: (*path).to_owned(),
        is_directory: *kind == Kind::Directory,
        size: None,
        action: Action::Remove,
    });
    let mut planned: Vec<_> = sent.chain(removed).collect();
    planned.sort_by(|one, other| one.path.cmp(&other.path));
    planned
}

/// The action for an entry that the receiver has.
fn decide(ours: &Facts, theirs: &Facts, skip: Skip, is_precise: bool) -> Action {
    let action = compare(ours, theirs, is_precise);
    let is_file =
        [ours, theirs].iter().all(|facts| facts.kind == Kind::File && facts.target.is_none());
    if matches!(skip, Skip::SameContent | Skip::Nothing) && is_file && ours.size == theirs.size {
        return Action::Compare;
    }
    if skip == Skip::Existing && [ours, theirs].iter().all(|facts| facts.kind == Kind::File) {
        return Action::Keep;
    }
    let Action::Replace { kind: false, .. } = action else { return action };
    let facts = SizeAndTime { size: ours.size.unwrap_or_default(), modified: ours.modified };
    let granularity = if is_precise { Granularity::NANOSECOND } else { Granularity::TWO_SECONDS };
    let target = Stat {
        size: theirs.size.unwrap_or_default(),
        value: theirs.modified.unwrap_or(i64::MIN).cast_unsigned(),
        granularity: granularity.code(),
        ..Stat::default()
    };
    // The others compare permission bits too.
    let is_skipped = skip == Skip::NotOlder && is_file && leaves_out(skip, facts, &target);
    if is_skipped { Action::Keep } else { action }
}

fn compare(ours: &Facts, theirs: &Facts, is_precise: bool) -> Action {
    let is_file = ours.kind == Kind::File;
    let time = match (ours.modified, theirs.modified) {
        (Some(ours), Some(theirs)) if is_precise => is_file && ours != theirs,
        (Some(ours), Some(theirs)) => is_file && !crate::fs::sys::times::is_same(ours, theirs),
        _ => false,
    };
    let kind = ours.kind != theirs.kind || ours.target.is_some() != theirs.target.is_some();
    if ours.target.is_some() && !kind {
        let (size, time, mode, target) = (false, false, false, ours.target != theirs.target);
        return match target {
            true => Action::Replace { kind, size, time, mode, target },
            false => Action::Keep,
        };
    }
    let target = false;
    let size = is_file && ours.size != theirs.size;
    let mode = ours.mode.zip(theirs.mode).is_some_and(|(ours, theirs)| ours != theirs);
    if kind || size || time || mode {
        Action::Replace { kind, size, time, mode, target }
    } else {
        Action::Keep
    }
}
