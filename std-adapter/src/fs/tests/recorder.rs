//! An observer for the tests.

use super::*;
use crate::describe;

/// An observer that records all events.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) begun: Vec<String>,
    pub(super) done: Vec<String>,
    pub(super) made: Vec<String>,
    pub(super) linked: Vec<(String, String, bool)>,
    pub(super) failed: Vec<(String, Reason, bool)>,
    pub(super) details: Vec<String>,
    pub(super) unset: Vec<String>,
    pub(super) kept: Vec<(String, String)>,
    pub(super) moved: u64,
    pub(super) holes: u64,
    pub(super) verified: u64,
    pub(super) resent: u64,
    pub(super) again: Vec<(String, u64)>,
    pub(super) completing: u32,
}

impl Observer for Recorder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { path, .. } => self.begun.push(path.to_owned()),
            Event::Done { path, .. } => self.done.push(path.to_owned()),
            Event::Moved { bytes } => self.moved += bytes,
            Event::Hole { bytes } => self.holes += bytes,
            Event::Verified { bytes } => self.verified += bytes,
            Event::Resent { bytes } => self.resent += bytes,
            Event::Again { path, size } => self.again.push((path.to_owned(), size)),
            Event::Completing => self.completing += 1,
            Event::Unset { path, .. } => self.unset.push(path.to_owned()),
            Event::KeptBoth { path, stored } => {
                self.kept.push((path.to_owned(), stored.to_owned()))
            }
            Event::Removed { path } | Event::Renamed { path, .. } => {
                self.done.push(path.to_owned());
            }
            Event::Linked { path, target, is_hard } => {
                self.linked.push((path.to_owned(), target.to_owned(), is_hard));
            }
            Event::Made { path } => self.made.push(path.to_owned()),
            Event::Resumed { .. }
            | Event::Unchanged { .. }
            | Event::Committing { .. }
            | Event::NotDurable { .. }
            | Event::Compared { .. } => {}
            Event::NotUtf8 { path, reason, .. } => {
                self.failed.push((describe::bytes(path), reason, false));
            }
            Event::Failed { path, reason, detail, at_peer, .. } => {
                self.failed.push((path.to_owned(), reason, at_peer));
                self.details.push(detail.to_owned());
            }
        }
    }
}
