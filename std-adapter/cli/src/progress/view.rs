//! The state and the numbers of one task.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tinyferry::core::Reason;
use tinyferry::core::store::Kind;
use tinyferry::fs::Direction;

use super::Verbosity;
use super::postponed::Postponed;
use super::sink::{Begun, EntryResult, Outcome, Sink};
use super::state::Counting;
use super::ticker::Ticker;
use super::tracker::Tracker;
use crate::exit::Exit;
use crate::json;
use crate::names::Names;
use crate::reached::{EntryKind, Reached};
use crate::tally::Tally;

/// Why an entry of a tree was not transferred that its source had before.
const VANISHED: &str = "it vanished before it was sent";

/// The state and the numbers.
pub(super) struct View {
    pub(super) sink: Box<dyn Sink>,
    pub(super) tracker: Tracker,
    /// How the source is counted.
    pub(super) counting: Arc<Mutex<Option<Counting>>>,
    /// Shows the state, as long as it is there.
    pub(super) ticker: Option<Ticker>,
    pub(super) verbosity: Verbosity,
    pub(super) begin: Instant,
    pub(super) names: Names,
    pub(super) tally: Tally,
    /// `None`: the task is not repeated.
    pub(super) reached: Option<Reached>,
    /// The path of the tree in the events, once it has begun.
    pub(super) tree: Option<String>,
    /// The path of a file that keeps the one that was there, and the path that it is stored as.
    pub(super) kept: Option<(String, String)>,
    /// Failures of this attempt that are none if another one follows.
    pub(super) postponed: Vec<Postponed>,
    /// The last failure is that of the whole task on this end, or of its only file: the exit code.
    pub(super) failed: Option<Exit>,
}

impl View {
    /// An attempt of the task begins, of a tree or of a lone file; `bytes`: the size of all content, if it is known.
    pub(super) fn begin(&mut self, is_tree: bool, bytes: Option<u64>) {
        self.tracker.attempt(is_tree, bytes);
        self.tally.begin();
        self.failed = None;
        self.postponed.clear();
        if let Some(reached) = &mut self.reached {
            reached.attempt();
        }
    }

    /// The task has ended.
    pub(super) fn end(&mut self) {
        for failed in std::mem::take(&mut self.postponed) {
            self.result(&failed.path, failed.outcome());
        }
        self.hide();
        if let Some(reached) = &self.reached {
            self.tally.settle(reached.left_out(self.tally.is_complete()));
        }
        json::count(self.tally.totals());
        json::complete();
    }

    /// The state is no longer shown.
    pub(super) fn hide(&mut self) {
        self.ticker = None;
        self.sink.hide();
    }

    /// A file or a directory begins.
    pub(super) fn start(&mut self, path: &str, kind: Kind, size: Option<u64>, prefix: u64) {
        if let Some(reached) = &mut self.reached {
            reached.begin(path, kind.into(), size, prefix);
        }
        if self.ticker.is_some() {
            let shown = json::text(&self.names.source(path.as_bytes())).into_owned();
            self.tracker.begin(path, shown, kind, prefix);
        }
        self.sink.begin(&Begun { names: &self.names, path, size, prefix });
    }

    /// The receiver has `prefix` bytes of the current file.
    pub(super) fn resume(&mut self, prefix: u64) {
        if let Some(reached) = &mut self.reached {
            reached.resume(prefix);
        }
        self.tracker.resume(prefix);
    }

    pub(super) fn moved(&mut self, bytes: u64) {
        self.tally.moved(bytes);
        if let Some(reached) = &mut self.reached {
            reached.moved(bytes);
        }
        self.tracker.moved(bytes);
    }

    pub(super) fn hole(&mut self, bytes: u64) {
        self.tally.hole(bytes);
        if let Some(reached) = &mut self.reached {
            reached.moved(bytes);
        }
        self.tracker.advance(bytes);
    }

    pub(super) fn done(&mut self, path: &str, size: u64, prefix: u64, sha256: Option<[u8; 32]>) {
        let earlier = self.reached.as_mut().map(|reached| reached.placed(path));
        let is_same = self.tally.file(size, prefix, earlier);
        if earlier.is_some_and(|earlier| earlier.was_placed) {
            // An earlier attempt had this result.
            return;
        }
        let kept = self.kept.take_if(|(_, stored)| stored == path);
        let (path, stored) = match &kept {
            Some((path, stored)) => (path.as_str(), Some(stored.as_str())),
            None => (path, None),
        };
        self.result(path.as_bytes(), Outcome::File { size, prefix, is_same, sha256, stored });
    }

    pub(super) fn directory(&mut self, path: &str) {
        self.tally.directory();
        let earlier = self.reached.as_mut().map(|reached| reached.placed(path));
        // An earlier attempt may have had this result.
        if !earlier.is_some_and(|earlier| earlier.was_placed) {
            self.result(path.as_bytes(), Outcome::Directory);
        }
    }

    pub(super) fn linked(&mut self, path: &str, target: &str, is_hard: bool) {
        self.tally.link();
        self.tracker.linked();
        if let Some(reached) = &mut self.reached {
            reached.begin(path, EntryKind::Link, Some(0), 0);
            if reached.placed(path).was_placed {
                return;
            }
        }
        self.result(path.as_bytes(), Outcome::Link { target, is_hard });
    }

    /// The entry at `path` of the events has a result.
    pub(super) fn result(&mut self, path: &[u8], outcome: Outcome<'_>) {
        let result = EntryResult { names: &self.names, path, outcome };
        self.sink.result(&result, self.tally.totals());
    }

    /// An entry has failed; `why`: the reason as a clause, and the message of the system or of the other end.
    pub(super) fn fail(&mut self, path: &[u8], reason: Reason, why: (&str, &str), at_peer: bool) {
        let (why, detail) = why;
        let exit = if at_peer { Exit::for_refusal(reason) } else { Exit::Local };
        let is_whole = match &self.tree {
            Some(tree) => path == tree.as_bytes(),
            None => true,
        };
        self.failed = is_whole.then_some(exit);
        let is_at_source = at_peer == (self.names.direction() == Direction::Receiving);
        let has_vanished = is_at_source && !is_whole && reason == Reason::NotFound;
        let why = if has_vanished { VANISHED } else { why };
        let here = if at_peer { "" } else { &self.names.here };
        let sentence = format!("{}: {why}{here}", self.names.of_failed(path, at_peer));
        let message = sentence.clone();
        if let Some(reached) = &mut self.reached {
            reached.failed(path);
        }
        self.tally.fail(path, at_peer, reason, sentence, exit);
        if has_vanished || is_at_source && !is_whole && reason == Reason::SourceChanged {
            self.tally.vanish();
        }
        let conflicts = [Reason::IsDirectory, Reason::NotDirectory, Reason::SymbolicLink];
        if !is_at_source && conflicts.contains(&reason) {
            self.tally.kind_conflict();
        }
        if Postponed::is_for(reason, at_peer) {
            let (path, detail) = (path.to_owned(), detail.to_owned());
            self.postponed.push(Postponed { path, reason, detail, at_peer, message });
            return;
        }
        let message = message.as_str();
        self.result(path, Outcome::Failed { reason, has_vanished, detail, at_peer, message });
    }

    pub(super) fn failure_lines(&self) -> Vec<String> {
        self.tally.failure_lines(self.tree.is_some(), self.verbosity >= Verbosity::Files)
    }
}
