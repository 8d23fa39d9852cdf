//! Removes and renames entries below the root for the other end.

use std::io::ErrorKind;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Operation, Stat};

use super::RecvStore;
use super::kept_times::{KeptTimes, restore};
use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::names::partial_name;
use crate::fs::names::{self, join, split};
use crate::fs::policy::Existing;
use crate::fs::recv::deferred::DeferredCommits;
use crate::fs::recv::naming::{exists, original, rename_new};
use crate::fs::sys::dir_cursor::{Found, look};
use crate::fs::sys::moves::change_paths;
use crate::fs::sys::sync::synchronise;

impl RecvStore {
    /// Allows the other end to remove and to rename entries.
    pub(crate) fn allow_remove(&mut self) {
        self.may_remove = true;
    }

    /// Keeps the times of the directories from which entries are removed.
    pub(crate) fn keep_times(&mut self) {
        self.kept_times = KeptTimes::All;
    }

    pub(crate) fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
        observer: &mut impl Observer,
    ) -> Result<Stat, StoreError> {
        let below = |path: &str| {
            let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
            names::check(path).map(|()| join(tree, path))
        };
        let is_excluded = self.tree.is_some() && self.stats.excludes(path, kind != Kind::File);
        let result = match (*operation, below(path)) {
            (_, Err(error)) => Err((error, path.to_owned())),
            (Operation::Link { .. } | Operation::HardLink { .. }, _)
                if kind != Kind::File || path.is_empty() =>
            {
                Err((Reason::BadPath.into(), path.to_owned()))
            }
            // The path of a lone file is that of the target.
            (Operation::Link { .. } | Operation::HardLink { .. }, Ok(path))
                if self.tree.is_none() && self.target.is_some() =>
            {
                Err((Reason::NotAllowed.into(), path))
            }
            (Operation::Link { .. } | Operation::HardLink { .. }, _) if is_excluded => {
                return Err(Reason::Excluded.into());
            }
            (Operation::Link { target }, Ok(whole)) => {
                self.link(path, target, observer).map_err(|error| (error, whole))
            }
            (Operation::HardLink { from }, _) => {
                names::check(from)?;
                let linked = self.hard_link(path, from, observer);
                return linked.map(|()| Stat::default()).inspect_err(|_| self.cursor.forget());
            }
            (Operation::Remove, Ok(path)) => match self.remove(&path, kind, observer) {
                Ok(()) => Ok(()),
                Err(error) => Err((error, path)),
            },
            (Operation::Rename { from }, Ok(path)) => match below(from) {
                Ok(from) => match self.rename(&from, &path, observer) {
                    Ok(()) => Ok(()),
                    Err(error) => Err((error, from)),
                },
                Err(error) => Err((error, from.to_owned())),
            },
            (_, Ok(path)) => Err((Reason::Unsupported.into(), path)),
        };
        match result {
            Ok(()) => Ok(Stat::default()),
            Err((error, path)) => {
                self.cursor.forget();
                let direction = match operation {
                    Operation::Remove => Direction::Removing,
                    Operation::Rename { .. } => Direction::Renaming,
                    _ => Direction::Receiving,
                };
                Err(error.report(&path, direction, observer))
            }
        }
    }

    fn remove(
        &mut self,
        path: &str,
        kind: Kind,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.check_may_remove()?;
        self.stats.forget();
        self.finish_commits(observer);
        let (above, name) = split(path);
        let Some(dir) = self.cursor.existing(above)? else { return Ok(()) };
        let time = self.kept_times.time_of(above, &dir);
        // A name that the file system takes for this one is another entry.
        match (self.cursor.look(path)?, kind) {
            (Found::Missing, _) => return Ok(()),
            (Found::File(_), Kind::File) => {
                self.check_is_not_kept(&dir, name)?;
                self.change(above, &dir, |dir| Ok(dir.remove_file(name)?))?;
            }
            (Found::Directory(_), Kind::Directory) => {
                // An open directory that is removed would be taken for the one that is made next.
                self.cursor.forget();
                self.change(above, &dir, |dir| remove_directory(dir, name))?;
            }
            (Found::File(_), _) => return Err(Reason::NotDirectory.into()),
            (Found::Directory(_), _) => return Err(Reason::IsDirectory.into()),
            (Found::Other(what), Kind::File) if self.access.policy.links.may_replace(&what) => {
                self.check_is_not_kept(&dir, name)?;
                self.change(above, &dir, |dir| Ok(dir.remove_file(name)?))?;
            }
            (Found::Other(what), _) => return Err(what),
        }
        self.cursor.forget_names();
        if let Some(time) = time {
            restore(&dir, above, time, observer);
        }
        self.make_durable(&[&dir])?;
        observer.event(Event::Removed { path });
        Ok(())
    }

    fn rename(
        &mut self,
        from: &str,
        path: &str,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.check_may_remove()?;
        self.stats.forget();
        self.finish_commits(observer);
        // The lock keeps the checked entry at its path until the rename. Open directories may have been moved
        // before: the cursor opens them again.
        let paths = change_paths();
        self.cursor.forget();
        let ((above, old), (new_above, new)) = (split(from), split(path));
        let found = match self.cursor.existing(above)? {
            Some(dir) => match self.cursor.look(from)? {
                Found::Missing => None,
                Found::Other(what) => return Err(what),
                found => Some((dir, matches!(found, Found::Directory(_)))),
            },
            None => None,
        };
        let target = self.cursor.existing(new_above)?;
        let at_target = match &target {
            Some(_) => self.cursor.look(path)?,
            None => Found::Missing,
        };
        let Some((dir, is_directory)) = found else {
            // It was renamed before, and the answer was lost.
            return match at_target {
                Found::File(_) | Found::Directory(_) => Ok(()),
                _ => Err(Reason::NotFound.into()),
            };
        };
        let below = path.strip_prefix(from).filter(|below| below.starts_with('/'));
        match (at_target, is_directory) {
            (_, true) if below.is_some() => {
                let detail = "a directory cannot be moved into itself";
                return Err(StoreError::new(Reason::BadPath, detail));
            }
            (Found::Missing, _) => {}
            (Found::File(_), false) if self.access.policy.existing == Existing::Replace => {}
            (Found::File(_), false) => return Err(exists()),
            (Found::Directory(_), _) => return Err(Reason::IsDirectory.into()),
            (Found::File(_), true) => return Err(Reason::NotDirectory.into()),
            (Found::Other(what), _) => return Err(what),
        }
        let Some(target) = target else {
            let detail = format!("the directory \"{}\" does not exist", new_above.escape_debug());
            return Err(StoreError::new(Reason::NotFound, &detail));
        };
        if is_directory {
            self.check_moved_links(&dir, (from, old), path)?;
        }
        // Another program may have taken the name since.
        let renamed = match (self.access.policy.existing, is_directory) {
            (Existing::Replace, false) => dir.rename(old, &target, new),
            _ => rename_new(&dir, old, &target, new),
        };
        renamed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(),
            _ => error.into(),
        })?;
        drop(paths);
        self.cursor.forget_names();
        if is_directory {
            self.cursor.forget();
        }
        self.make_durable(&[&target, &dir])?;
        observer.event(Event::Renamed { from, path });
        Ok(())
    }

    /// Checks that a file is not one that this store has kept beside another one. A mirror would remove it: its
    /// source has no file of such a name.
    fn check_is_not_kept(&self, dir: &Dir, name: &str) -> Result<(), StoreError> {
        if self.access.policy.existing == Existing::KeepBoth
            && let Some(original) = original(name)
            && let Found::File(_) = look(dir, original)?
        {
            let detail = format!("it is kept beside \"{}\"", original.escape_debug());
            return Err(StoreError::new(Reason::NotAllowed, &detail));
        }
        Ok(())
    }

    fn check_may_remove(&self) -> Result<(), StoreError> {
        if self.may_remove { Ok(()) } else { Err(Reason::NotAllowed.into()) }
    }

    /// Puts files in place whose commits are deferred: one of them may have the path.
    pub(super) fn finish_commits(&mut self, observer: &mut impl Observer) {
        let deferred: &mut DeferredCommits = &mut self.deferred;
        deferred.finish(&mut self.cursor, observer);
    }

    /// In a tree the synchronisation at its end covers these directories.
    pub(super) fn make_durable(&self, dirs: &[&Dir]) -> Result<(), StoreError> {
        if self.sync.is_due(self.tree.is_some()) {
            for dir in dirs {
                synchronise(dir)?;
            }
        }
        Ok(())
    }
}

/// Removes a directory that has no entries but partials.
fn remove_directory(above: &Dir, name: &str) -> Result<(), StoreError> {
    use cap_fs_ext::DirExt;

    let not_empty = |error: std::io::Error| match error.kind() {
        ErrorKind::DirectoryNotEmpty => Reason::NotEmpty.into(),
        _ => StoreError::from(error),
    };
    match above.remove_dir(name) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {}
        result => return result.map_err(not_empty),
    }
    let dir = above.open_dir_nofollow(name)?;
    let mut partials = Vec::new();
    for entry in dir.entries()? {
        let name = entry?.file_name();
        if !name.to_str().is_some_and(partial_name::is_name) {
            return Err(Reason::NotEmpty.into());
        }
        partials.push(name);
    }
    for partial in partials {
        dir.remove_file(partial)?;
    }
    above.remove_dir(name).map_err(not_empty)
}
