//! Opens an offer: its path, and the part of it that exists already.

use std::sync::Arc;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Offer};

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::names::{self, join, split};
use crate::fs::recv::file::{ExpectedFile, RecvFile};
use crate::fs::recv::tree::Tree;
use crate::fs::sys::buffer::CAPACITY;
use crate::fs::sys::metadata::Attributes;
use crate::fs::sys::sync::Sync;

impl RecvStore {
    /// Checks that a new tree of this size fits. An existing tree is not checked: its files may be the same.
    fn check_tree(&mut self, path: &str, bytes: Option<u64>) -> Result<(), StoreError> {
        if let Some(bytes) = bytes
            && self.cursor.existing(path)?.is_none()
        {
            let dir = self.cursor.nearest(path)?;
            self.limits.reservations.reserve(&dir, bytes, self.limits.reserve)?;
            if let Some(quota) = &self.limits.quota {
                quota.check(self.cursor.root(), bytes)?;
            }
        }
        Ok(())
    }

    /// The path of an offer below the root.
    ///
    /// # Errors
    /// It is not allowed.
    pub(crate) fn path_of(&self, offer: &Offer<'_>) -> Result<String, StoreError> {
        let is_named = offer.kind == Kind::Tree || !offer.path.is_empty();
        let path = match (&self.tree, &self.target) {
            (Some(_), _) | (None, None) => offer.path,
            (None, Some(target)) => target,
        };
        let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
        if !is_named {
            return Err(Reason::BadPath.into());
        }
        if path.is_empty() && offer.kind == Kind::File {
            let detail = "it is a file, and only a directory can be stored in the place of one";
            return Err(StoreError::new(Reason::NotDirectory, detail));
        }
        names::check(path).map(|()| join(tree, path))
    }

    /// Counts an entry, and checks its path, its number and the size of a file.
    pub(super) fn count_entry(&mut self, path: &str, size: Option<u64>) -> Result<(), StoreError> {
        let entry = self.tree.as_mut().map_or(0, Tree::count_entry);
        self.limits.check(path, size, entry)
    }

    /// Makes the directory of an entry writable. A client that may not read changes no directory that exists.
    pub(super) fn admit_files(&mut self, directory: &str) {
        if let Some(tree) = self.tree.as_mut().filter(|_| !self.access.is_blind()) {
            tree.admit_files(&mut self.cursor, directory);
        }
    }

    /// Puts files in place whose commits are deferred, if one may have the path of the directory or of one above.
    pub(super) fn clear_way_to(&mut self, directory: &str, observer: &mut impl Observer) {
        if self.deferred.is_in_the_way_to(directory) {
            self.finish_commits(observer);
        }
    }

    /// Opens an offer; returns the number of bytes that are here already.
    pub(crate) fn prepare(
        &mut self,
        offer: &Offer<'_>,
        path: &str,
        observer: &mut impl Observer,
    ) -> Result<u64, StoreError> {
        // The size of a tree is that of all of its files: the limit is for one file.
        let file_size = if offer.kind == Kind::Tree { None } else { offer.size };
        self.count_entry(path, file_size)?;
        if offer.names_only {
            return Ok(0);
        }
        match offer.kind {
            Kind::Tree => self.stats.begin_tree(),
            Kind::File | Kind::Directory => self.stats.forget_path(offer.path),
        }
        let Offer { kind, size, content, modified, resume, commit_id, .. } = *offer;
        // The end of a partial might be past that of the file.
        let resume = if size.is_some() { resume } else { 0 };
        let (above, _) = split(path);
        if kind == Kind::File {
            self.admit_files(above);
        }
        if kind != Kind::File && modified.is_some() {
            self.kept_times.add(path);
        }
        self.clear_way_to(if kind == Kind::File { above } else { path }, observer);
        let (mode, owner) = (self.access.policy.mode(kind, offer.mode), self.access.policy.owner);
        let attributes = Attributes { mode, modified, owner };
        let (access, durable) = (&self.access, self.sync != Sync::Never);
        let expected = || ExpectedFile {
            path: path.to_owned(),
            kind,
            size,
            content,
            attributes,
            resume,
            access: Arc::clone(access),
            commit_id,
            durable,
        };
        let incoming = match kind {
            Kind::Tree => {
                self.check_tree(path, size)?;
                if self.sync.gathers() {
                    self.cursor.open_volumes();
                    self.deferred.begin_durable(&self.limits.descriptors);
                }
                let (is_blind, open) = (self.access.is_blind(), self.limits.enter_tree(path));
                let tree = Tree::begin(&mut self.cursor, path, attributes, is_blind, open)?;
                self.tree = Some(tree);
                return Ok(0);
            }
            Kind::Directory => {
                // The directories of a tree that is sent have metadata.
                let is_alone = modified.is_none() && offer.mode.is_none();
                RecvFile::directory(&mut self.cursor, expected(), is_alone)?
            }
            Kind::File => {
                let incoming = RecvFile::file(&mut self.cursor, expected(), self.gaps.is_lossy())?;
                if !incoming.is_buffered() && self.deferred.has(path) {
                    // The file of that name is still the one before the deferred commit.
                    drop(incoming);
                    self.deferred.finish(&mut self.cursor, observer);
                    RecvFile::file(&mut self.cursor, expected(), self.gaps.is_lossy())?
                } else {
                    incoming
                }
            }
        };
        let incoming = self.open.insert(incoming);
        if kind == Kind::File
            && let Some(size) = size.filter(|size| *size > 0)
        {
            let reservations = &self.limits.reservations;
            let is_small = incoming.is_buffered() || size <= CAPACITY as u64;
            let reserved = self.cursor.nearest(above).and_then(|dir| {
                if incoming.expected.content() < size
                    && incoming.needed() > 0
                    && !self.hole_support.is_in(&dir)
                {
                    // The zeros take space too.
                    incoming.expected.content = None;
                }
                let needed = incoming.needed();
                let kept = self.limits.reserve;
                let quota = self.limits.quota.as_ref().filter(|_| needed > 0);
                let share = quota.map(|quota| quota.take(self.cursor.root(), needed));
                incoming.share = share.transpose()?;
                match is_small {
                    true => {
                        let sizes = (needed, kept);
                        self.small_files.add(reservations, &dir, above, sizes).map(|()| None)
                    }
                    false => reservations.reserve(&dir, needed, kept).map(Some),
                }
            });
            incoming.reservation = match reserved {
                Ok(reservation) => reservation,
                Err(error) => {
                    // A partial stays: with more space a later transfer resumes it.
                    self.close_open(true);
                    return Err(error);
                }
            };
        }
        Ok(incoming.prefix)
    }
}
