//! Makes symbolic links, and gives files further names.

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::RecvStore;
use super::file::MAX_COMPARED;
use super::naming::{candidates, exists, rename};
use super::report::stored_as;
use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::names::partial_name::temporary;
use crate::fs::names::{join, split};
use crate::fs::policy::{Existing, Policy};
use crate::fs::sys::dir_cursor::{Found, id_of, look, open_below};
use crate::fs::sys::link;
use crate::fs::sys::metadata::report_unset;
use crate::fs::sys::moves::keep_paths;

impl RecvStore {
    /// Makes a symbolic link at `path` of the tree.
    pub(super) fn link(
        &mut self,
        path: &str,
        target: &str,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.access.policy.links.check(path, target)?;
        let paths = keep_paths();
        // The directories that are open may have been moved.
        self.cursor.forget();
        let (whole, dir) = self.prepare_link(path, observer)?;
        let name = split(&whole).1;
        let owner = self.access.policy.owner;
        let mut unset = None;
        let make = |name: &str| {
            unset = link::make(&dir, name, target, owner)?;
            Ok(())
        };
        let stored = match self.is_link_there(&dir, &whole, target)? {
            Some(stored) => stored,
            None => self.place(&dir, &whole, make)?,
        };
        drop(paths);
        self.make_durable(&[&dir])?;
        let other_name = (stored != name).then(|| stored.into());
        let path = &stored_as(&whole, other_name, observer);
        if let Some(error) = unset {
            report_unset(Err(error), path, observer)?;
        }
        observer.event(Event::Linked { path, target, is_hard: false });
        Ok(())
    }

    /// Makes `path` of the tree another name of the file at `from`. The content of the file is received if that fails:
    /// a failure is not reported.
    pub(super) fn hard_link(
        &mut self,
        path: &str,
        from: &str,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let policy = &self.access.policy;
        // A file that was kept is no name of the one that was sent.
        if !policy.hard_links || policy.existing == Existing::KeepBoth || self.access.is_blind() {
            return Err(Reason::NotAllowed.into());
        }
        if self.tree.is_some() && self.stats.excludes(from, false) {
            return Err(Reason::NotFound.into());
        }
        self.finish_commits(observer);
        let paths = keep_paths();
        self.cursor.forget();
        let (whole, dir) = self.prepare_link(path, observer)?;
        let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
        let first = join(tree, from);
        let (above, old) = split(&first);
        let first_dir = self.cursor.existing(above)?.ok_or(Reason::NotFound)?;
        let id = match self.cursor.look(&first)? {
            Found::File(metadata) => id_of(&metadata),
            Found::Missing => return Err(Reason::NotFound.into()),
            Found::Directory(_) => return Err(Reason::IsDirectory.into()),
            Found::Other(error) => return Err(error),
        };
        let is_there = match self.cursor.look(&whole)? {
            Found::File(metadata) => id.is_some() && id_of(&metadata) == id,
            _ => false,
        };
        if !is_there {
            self.place(&dir, &whole, |name| {
                first_dir.hard_link(old, &dir, name)?;
                // Another client may have put another entry in the place of the file since it was looked up.
                match look(&dir, name)? {
                    Found::File(linked) if id_of(&linked) == id => Ok(()),
                    Found::Other(error) => Err(error),
                    _ => Err(Reason::NotFound.into()),
                }
            })?;
        }
        drop(paths);
        self.make_durable(&[&dir])?;
        observer.event(Event::Linked { path: &whole, target: from, is_hard: true });
        Ok(())
    }

    /// Checks that no link in the directory `name` of `dir` leads out of the root after the directory `from` has become
    /// `path`: the same target leads further up from there.
    pub(super) fn check_moved_links(
        &self,
        dir: &Dir,
        (from, name): (&str, &str),
        path: &str,
    ) -> Result<(), StoreError> {
        let levels = |path: &str| path.matches('/').count();
        let links = self.access.policy.links;
        if !links.checks_moved() || levels(path) >= levels(from) {
            return Ok(());
        }
        let mut directories = vec![String::new()];
        while let Some(below) = directories.pop() {
            let directory = open_below(dir, &join(name, &below))?;
            for entry in directory.entries()? {
                let entry = entry?;
                let Ok(file) = entry.file_name().into_string() else { continue };
                let (kind, below) = (entry.file_type()?, join(&below, &file));
                if kind.is_dir() {
                    directories.push(below);
                } else if kind.is_symlink() {
                    // The lossy conversion keeps `/` and `..`.
                    let target = link::read(&directory, &file)?;
                    let target = String::from_utf8_lossy(&target);
                    links.check_moved(&join(path, &below), &target).map_err(|error| {
                        let detail = format!("\"{}\": {}", below.escape_debug(), error.detail);
                        StoreError::new(Reason::NotAllowed, &detail)
                    })?;
                }
            }
        }
        Ok(())
    }

    /// Checks the path of a link, and makes its directory. Returns the path below the root, and the directory.
    fn prepare_link(
        &mut self,
        path: &str,
        observer: &mut impl Observer,
    ) -> Result<(String, std::sync::Arc<Dir>), StoreError> {
        let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
        let whole = join(tree, path);
        self.count_entry(&whole, None)?;
        self.stats.forget_path(path);
        let (above, _) = split(&whole);
        if self.deferred.has(&whole) {
            self.finish_commits(observer);
        }
        self.clear_way_to(above, observer);
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.cursor, self.sync)?;
        }
        self.admit_files(above);
        let synced = self.sync.is_due(self.tree.is_some());
        let dir = self.cursor.made(above, None, synced)?;
        Ok((whole, dir))
    }

    /// The name of the symbolic link, if it exists already; `None` for a client that may not read.
    fn is_link_there(
        &mut self,
        dir: &Dir,
        path: &str,
        target: &str,
    ) -> Result<Option<String>, StoreError> {
        let (above, name) = split(path);
        let keeps_both = self.access.policy.existing == Existing::KeepBoth;
        if self.access.is_blind() {
            return Ok(None);
        }
        for candidate in candidates(name).take(if keeps_both { MAX_COMPARED } else { 1 }) {
            let path = join(above, &candidate);
            match self.cursor.look(&path)? {
                Found::Missing => break,
                Found::Other(_)
                    if link::target(dir, &candidate, "").is_ok_and(|found| found == target) =>
                {
                    return Ok(Some(candidate.into_owned()));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    /// Makes an entry under a temporary name, and gives it the name of `path` in `dir` by the policy for names that
    /// exist. Returns its name.
    fn place(
        &mut self,
        dir: &Dir,
        path: &str,
        make: impl FnOnce(&str) -> Result<(), StoreError>,
    ) -> Result<String, StoreError> {
        let (_, name) = split(path);
        let Policy { existing, links, .. } = self.access.policy;
        match self.cursor.look(path)? {
            Found::Missing => {}
            Found::Directory(_) => return Err(Reason::IsDirectory.into()),
            Found::Other(error) if !links.may_replace(&error) => return Err(error),
            Found::File(_) | Found::Other(_) if existing == Existing::Refuse => {
                return Err(exists());
            }
            Found::File(_) | Found::Other(_) => {}
        }
        let temporary = temporary(name)?;
        let placed = make(&temporary)
            .and_then(|()| Ok(rename(dir, &temporary, name, existing)?.into_owned()));
        // Two names of one file are not renamed, and a rename that failed leaves it.
        if let Ok(Found::File(_) | Found::Other(_)) = look(dir, &temporary) {
            let _ = dir.remove_file(&temporary);
        }
        placed
    }
}
