//! Opens an offer: its path, and the part of it that is here already.

use std::sync::Arc;

use tinyferry_core::store::{Kind, Offer};

use super::Inbox;
use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::is_allowed;
use crate::fs::names::join;
use crate::fs::names::split;
use crate::fs::recv::file::Incoming;
use crate::fs::recv::file::Wanted;
use crate::fs::recv::tree::Bits;
use crate::fs::recv::tree::Tree;
use crate::fs::sys::sync::Sync;

impl Inbox {
    /// Where an offer goes, below the root; `None` if it may not.
    pub(crate) fn path_of(&self, offer: &Offer<'_>) -> Option<String> {
        let is_named = offer.kind == Kind::Tree || !offer.path.is_empty();
        let path = match (&self.tree, &self.target) {
            (Some(_), _) | (None, None) => offer.path,
            (None, Some(target)) => target,
        };
        let tree = self.tree.as_ref().map_or("", |tree| &tree.path);
        (is_named && is_allowed(path)).then(|| join(tree, path))
    }

    /// Opens an offer; returns how many bytes of it are here already.
    pub(crate) fn prepare(
        &mut self,
        offer: &Offer<'_>,
        path: &str,
        observer: &mut impl Observer,
    ) -> Result<u64, Trouble> {
        self.entries = if offer.kind == Kind::Tree { 0 } else { self.entries.saturating_add(1) };
        let entry = if self.tree.is_some() { self.entries } else { 0 };
        self.limits.check(path, offer.size, entry)?;
        if offer.names_only {
            return Ok(0);
        }
        let Offer { kind, size, modified, mode, resume, later, .. } = *offer;
        let (access, durable) = (&self.access, self.sync != Sync::Never);
        let wanted = || Wanted {
            path: path.to_owned(),
            kind,
            size,
            modified,
            mode,
            resume,
            access: Arc::clone(access),
            later,
            durable,
        };
        // A pending file may have the path of a parent directory.
        let directory = if kind == Kind::File { split(path).0 } else { path };
        if self.later.is_in_the_way_to(directory) {
            self.later.finish(&mut self.place, observer);
        }
        let incoming = match kind {
            Kind::Tree => {
                if self.sync.gathers() {
                    self.place.open_volumes();
                    self.later.begin_durable(&self.limits.descriptors);
                }
                self.tree = Some(Tree::begin(
                    &mut self.place,
                    path,
                    Bits { mode, modified },
                    self.access.is_blind,
                )?);
                return Ok(0);
            }
            Kind::Directory => Incoming::directory(&mut self.place, wanted())?,
            Kind::File => {
                let incoming = Incoming::file(&mut self.place, wanted(), self.holes)?;
                if !incoming.is_kept() && self.later.has(path) {
                    // The file of that name is not yet the one that was sent last.
                    drop(incoming);
                    self.later.finish(&mut self.place, observer);
                    Incoming::file(&mut self.place, wanted(), self.holes)?
                } else {
                    incoming
                }
            }
        };
        Ok(self.open.insert(incoming).held)
    }
}
