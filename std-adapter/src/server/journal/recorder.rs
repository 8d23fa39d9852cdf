//! Records the files of one session.

use std::collections::VecDeque;
use std::sync::Arc;

use tinyferry_core::store::Kind;
use tracing::error;

use super::entry::Entry;
use super::shared::Shared;
use crate::describe;
use crate::fs::names::join;
use crate::fs::{Direction, Event, Observer};

/// Records the files of one session, as an observer of its store.
#[derive(Debug)]
pub(crate) struct Recorder {
    journal: Arc<Shared>,
    below: String,
    client: String,
    key: Option<String>,
    /// Files that are about to be in place: their paths and entries, in the order of their commits.
    open: VecDeque<(String, u64)>,
}

impl Recorder {
    pub(super) fn new(journal: Arc<Shared>, below: &str, client: &str, key: Option<&str>) -> Self {
        let key = key.map(str::to_owned);
        let (below, client) = (below.to_owned(), client.to_owned());
        Self { journal, below, client, key, open: VecDeque::new() }
    }

    fn committing(&mut self, path: &str, size: u64) {
        let full = join(&self.below, path);
        let key = self.key.as_deref();
        let entry = Entry { path: &full, client: &self.client, key, size };
        match self.journal.offered(&entry) {
            Ok(number) => self.open.push_back((path.to_owned(), number)),
            Err(error) => {
                let (path, why) = (path.escape_debug(), describe::os_error(&error));
                error!(
                    "the journal of received files cannot be written, and the command of \"{path}\" will not run: {why}"
                );
            }
        }
    }

    /// The entry of a path.
    fn close(&mut self, path: &str) -> Option<u64> {
        let at = self.open.iter().position(|(open, _)| open == path)?;
        self.open.remove(at).map(|(_, number)| number)
    }
}

impl Observer for Recorder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Committing { path, size } => self.committing(path, size),
            Event::Done { path, kind: Kind::File, .. } => {
                if let Some(number) = self.close(path) {
                    self.journal.placed(number);
                }
            }
            Event::Failed { path, direction: Direction::Receiving, .. } => {
                if let Some(number) = self.close(path) {
                    self.journal.failed(number);
                }
            }
            _ => {}
        }
    }
}

impl Drop for Recorder {
    /// A commit goes on after its session.
    fn drop(&mut self) {
        for (_, number) in self.open.drain(..) {
            self.journal.abandoned(number);
        }
    }
}
