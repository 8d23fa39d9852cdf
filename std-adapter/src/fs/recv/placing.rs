//! Commits of received entries and trees.

use tinyferry_core::store::Kind;

use super::Inbox;
use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::recv::batch::Ticket;
use crate::fs::recv::deferred::Put;
use crate::fs::recv::file::Incoming;
use crate::fs::recv::file::Wanted;
use crate::fs::recv::tree::Tree;
use crate::fs::recv::tree::settle_alone;

impl Inbox {
    /// Whether it is in place; if not, it will be.
    pub(crate) fn commit_entry(
        &mut self,
        incoming: &mut Incoming,
        sha256: Option<[u8; 32]>,
        observer: &mut impl Observer,
    ) -> Result<bool, Trouble> {
        if let Some(tree) = &mut self.tree {
            tree.make_root(&mut self.place, self.sync)?;
        }
        let durable = self.sync.durable(self.tree.is_some());
        let may_stage = incoming.wanted.later.is_some() && self.later.may_stage();
        if let Some(whole) = incoming.whole(&self.buffer).filter(|_| !durable.content || may_stage)
        {
            let Wanted { path, later, .. } = &incoming.wanted;
            let size = whole.bytes.len() as u64;
            let ticket = later.map(|later| Ticket { later, size, held: 0, sha256 });
            match self.later.put(&mut self.place, path, &whole, ticket, observer)? {
                Put::InPlace => return Ok(true),
                Put::Later => return Ok(false),
                Put::NotSo => {}
            }
        }
        if incoming.wanted.kind == Kind::File {
            if let Some(later) = incoming.wanted.later
                && self.later.may_stage_as(&mut self.place, &incoming.wanted.path)?
            {
                let held = incoming.held;
                let size = incoming.wanted.size.unwrap_or_else(|| incoming.unfinished());
                let staged = incoming.stage(&mut self.place, &mut self.buffer, false);
                self.leave(incoming.left.take());
                let (path, ticket) = (&incoming.wanted.path, Ticket { later, size, held, sha256 });
                self.later.stage(&mut self.place, path, staged?, ticket, observer)?;
                return Ok(false);
            }
            self.later.finish(&mut self.place, observer);
        }
        let result = incoming.commit(&mut self.place, &mut self.buffer, durable, observer);
        self.leave(incoming.left.take());
        let bits = result?;
        let path = &incoming.wanted.path;
        match (bits, &mut self.tree) {
            (Some(bits), Some(tree)) => {
                tree.remember(&mut self.place, path, bits);
                if tree.has_many() {
                    // Pending files go into these directories.
                    self.later.finish(&mut self.place, observer);
                    tree.settle_left(path, &mut self.place, observer)?;
                }
            }
            (Some(bits), None) => settle_alone(&mut self.place, path, bits, observer)?,
            (None, _) => {}
        }
        Ok(true)
    }

    pub(crate) fn commit_tree(
        &mut self,
        tree: &mut Tree,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let ended = self.later.end(&mut self.place, observer).map_err(Trouble::from);
        let result = ended.and_then(|()| tree.commit(&mut self.place, self.sync, observer));
        // If that fails, the directories still get their times and permission bits.
        result.inspect_err(|_| {
            let _ = tree.settle(&mut self.place, observer);
        })
    }

    /// Closes a tree that is not completed. Its committed files are put in place all the same.
    pub(crate) fn close_tree(&mut self, observer: &mut impl Observer) {
        // Nobody awaits an answer for any of it.
        let _ = self.later.end(&mut self.place, observer);
        if let Some(mut tree) = self.tree.take() {
            let _ = tree.settle(&mut self.place, observer);
        }
    }
}
