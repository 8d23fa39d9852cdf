//! Commits of received entries and trees.

use tinyferry_core::store::Kind;

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::recv::batch::Ticket;
use crate::fs::recv::deferred::Put;
use crate::fs::recv::file::{ExpectedFile, RecvFile};
use crate::fs::recv::tree::{Tree, set_directory_metadata};
use crate::fs::sys::sync::Durable;

impl RecvStore {
    /// Commits an entry. Returns whether it is in place; if not, its commit is deferred.
    pub(crate) fn commit_entry(
        &mut self,
        incoming: &mut RecvFile,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<bool, StoreError> {
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.cursor, self.sync)?;
        }
        // The content of a file that is the same must be durable at the end of the tree and not before: it gets
        // no name. One sync at the end is enough for all of them.
        let waits = incoming.device_if_same().is_some_and(|device| self.cursor.is_covered(device));
        let durable =
            if waits { Durable::default() } else { self.sync.durable(self.tree.is_some()) };
        let may_stage = incoming.expected.commit_id.is_some() && self.deferred.may_stage();
        if let Some(complete) =
            incoming.complete(&self.buffer).filter(|_| !durable.content || may_stage)
        {
            let ExpectedFile { path, commit_id, .. } = &incoming.expected;
            let size = complete.bytes.len() as u64;
            let ticket = commit_id.map(|commit_id| Ticket { commit_id, size, prefix: 0, sha256 });
            let share = &mut incoming.share;
            match self.deferred.put(&mut self.cursor, path, &complete, ticket, share, observer)? {
                Put::InPlace => return Ok(true),
                Put::Deferred => return Ok(false),
                Put::Unsupported => {}
            }
        }
        if incoming.expected.kind == Kind::File {
            // Where others wait for a sync, a file that is the same joins them: it causes none of its own.
            let joins = !waits || self.deferred.has_pending();
            if let Some(commit_id) = incoming.expected.commit_id.filter(|_| joins)
                && self.deferred.may_stage_as(&mut self.cursor, &incoming.expected.path)?
            {
                let prefix = incoming.prefix;
                let size = incoming.size();
                let staged = incoming.stage(&mut self.cursor, &mut self.buffer, false);
                self.register_partial(incoming.left.take());
                let (path, ticket) =
                    (&incoming.expected.path, Ticket { commit_id, size, prefix, sha256 });
                let share = incoming.share.take();
                self.deferred.stage(&mut self.cursor, path, staged?, ticket, share, observer)?;
                return Ok(false);
            }
            self.deferred.finish(&mut self.cursor, observer);
        }
        let result = incoming.commit(&mut self.cursor, &mut self.buffer, durable, observer);
        self.register_partial(incoming.left.take());
        let bits = result?;
        let path = &incoming.expected.path;
        match (bits, &mut self.tree) {
            (Some(bits), Some(tree)) => {
                tree.remember(&mut self.cursor, path, bits);
                if tree.has_many() {
                    // Pending files go into these directories.
                    self.deferred.finish(&mut self.cursor, observer);
                    tree.set_complete_metadata(path, &mut self.cursor, observer)?;
                }
            }
            (Some(bits), None) => set_directory_metadata(&mut self.cursor, path, bits, observer)?,
            (None, _) => {}
        }
        Ok(true)
    }

    pub(crate) fn commit_tree(
        &mut self,
        tree: &mut Tree,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let ended = self.deferred.end(&mut self.cursor, observer);
        let result = ended.and_then(|()| tree.commit(&mut self.cursor, self.sync, observer));
        // If that fails, the directories still get their times and permission bits.
        result.inspect_err(|_| {
            let _ = tree.set_metadata(&mut self.cursor, observer);
        })
    }

    /// Closes a tree that is not completed. Its committed files are put in place.
    pub(crate) fn close_tree(&mut self, observer: &mut impl Observer) {
        // The peer expects no answer for these files.
        let _ = self.deferred.end(&mut self.cursor, observer);
        if let Some(mut tree) = self.tree.take() {
            let _ = tree.set_metadata(&mut self.cursor, observer);
        }
        self.cursor.report_unset(observer);
    }
}
