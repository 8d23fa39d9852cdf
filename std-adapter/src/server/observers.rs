//! The observers of one session of a server: its log, its numbers, and the journal of received files if there is one.

use super::counters::Count;
use super::log::Log;
use crate::fs::{Event, Observer};
#[cfg(unix)]
use crate::server::journal::Recorder;

/// The observers of one session.
#[derive(Debug)]
pub(crate) struct Observers {
    pub(crate) log: Log,
    pub(crate) count: Count,
    #[cfg(unix)]
    pub(crate) recorder: Option<Recorder>,
}

impl Observer for Observers {
    fn event(&mut self, event: Event<'_>) {
        // The journal first: the log states a fact.
        #[cfg(unix)]
        if let Some(recorder) = &mut self.recorder {
            recorder.event(event);
        }
        self.count.event(event);
        self.log.event(event);
    }
}
