//! The progress of a transfer: a bar on a terminal, plain lines elsewhere.

mod line;
mod measure;
mod observer;
mod postponed;
mod rate;
mod sink;
mod state;
mod ticker;
mod to_program;
mod to_terminal;
mod tracker;
mod view;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tinyferry::client::Error;
use tinyferry::core::Reason;
use tinyferry::fs::{Count, Direction};

use self::measure::Phase;
use self::sink::Sink;
use self::state::Reader;
use self::ticker::Ticker;
use self::to_program::ToProgram;
use self::to_terminal::ToTerminal;
use self::tracker::Tracker;
use self::view::View;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json;
use crate::names::Names;
use crate::output;
use crate::reached::Reached;
use crate::rounds;
use crate::tally::Tally;

/// The verbosity of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Verbosity {
    /// Failures only.
    Quiet,
    /// The summary.
    Normal,
    /// Each file that is in place too.
    Files,
    /// Each file that begins too.
    Steps,
}

/// The progress of one task. The store, which reports events, and the command, which prints the summary, share it.
#[derive(Clone)]
pub(crate) struct Progress(Rc<RefCell<View>>);

impl Progress {
    pub(crate) fn new(names: Names, verbosity: Verbosity) -> Self {
        let sink: Box<dyn Sink> = match json::is_on() {
            true => Box::new(ToProgram),
            false => Box::new(ToTerminal::new(verbosity)),
        };
        let (tracker, begin) = (Tracker::default(), Instant::now());
        let counting = Arc::new(Mutex::default());
        let ticker = sink.show().and_then(|(period, mut show)| {
            let mut reader = Reader::new(Arc::clone(tracker.measure()), Arc::clone(&counting));
            Ticker::start(period, move || show(&reader.read(begin.elapsed())))
        });
        Self(Rc::new(RefCell::new(View {
            sink,
            tracker,
            counting,
            ticker,
            verbosity,
            begin,
            names,
            tally: Tally::default(),
            reached: None,
            tree: None,
            kept: None,
            postponed: Vec::new(),
            failed: None,
        })))
    }

    /// The source is counted by `count` while it is transferred, if that takes a while and the state is shown.
    pub(crate) fn count_by(&self, count: impl FnOnce() -> Count + Send + 'static) {
        let view = self.0.borrow();
        *view.counting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(count));
    }

    /// Whether the receiver has the same entries as this end, and no others.
    pub(crate) fn is_same(&self) -> bool {
        self.0.borrow().tally.is_same()
    }

    /// As [`Tally::has_only_kind_conflicts`].
    pub(crate) fn has_only_kind_conflicts(&self) -> bool {
        self.0.borrow().tally.has_only_kind_conflicts()
    }

    /// Whether a tree was transferred, not a file by itself.
    pub(crate) fn is_tree(&self) -> bool {
        self.0.borrow().tree.is_some()
    }

    /// Counts entries that the other end left out because no path can name them.
    pub(crate) fn omit(&self, entries: u32) {
        self.0.borrow_mut().tally.omit(entries);
    }

    /// The other end leaves out unchanged entries, and does not count them.
    pub(crate) fn leave_out(&self) {
        self.0.borrow_mut().tally.leave_out();
    }

    /// The clause of the summary: the requested paths, quoted.
    pub(crate) fn title(&self) -> String {
        self.0.borrow().names.title.clone()
    }

    /// Hides the state. A further attempt shows none.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().hide();
    }

    /// Hides the state and prints the summary, the failures last; `crossed` is the number of bytes on the wire.
    /// Returns the exit code of a complete session; `itself` as in [`Tally::exit`].
    pub(crate) fn finish(&self, crossed: u64, itself: bool) -> Exit {
        let mut view = self.0.borrow_mut();
        view.end();
        let is_new = !rounds::is_further() || view.tally.has_transferred();
        if is_new {
            let verb = match view.names.direction() {
                Direction::Sending => "sent",
                _ => "received",
            };
            output::summary(format_args!(
                "{verb} {}: {}, {} over the wire",
                view.names.title,
                view.tally.summary(view.begin.elapsed()),
                human::bytes(crossed),
            ));
        }
        let lines = view.failure_lines();
        if !lines.is_empty() {
            print_failure!("{}", lines.join("\n"));
        }
        view.tally.exit((itself || view.tally.leaves_out()) && view.tree.is_some())
    }

    /// A task begins that may be repeated.
    pub(crate) fn track(&self) {
        self.0.borrow_mut().reached = Some(Reached::default());
    }

    /// The connection failed, and is made again after a pause.
    pub(crate) fn wait(&self) {
        self.0.borrow_mut().tracker.enter(Phase::Wait);
    }

    /// A number that rises with each progress of the tracked task.
    pub(crate) fn steps(&self) -> u64 {
        self.0.borrow().reached.as_ref().map_or(0, Reached::steps)
    }

    /// Why an entry was not transferred that another transfer writes.
    pub(crate) fn entry_in_use(&self) -> Option<String> {
        let view = self.0.borrow();
        let in_use = view.postponed.iter().find(|failed| failed.reason == Reason::InUse);
        in_use.map(|failed| failed.message.clone())
    }

    /// The task failed: hides the state, and returns the error, followed by the failures of single entries. A
    /// refusal of the whole task is not followed by them. `explain` makes the sentence about the task of this title.
    pub(crate) fn fail(&self, error: &Error, explain: impl FnOnce(&str) -> CliError) -> CliError {
        let mut view = self.0.borrow_mut();
        view.end();
        let is_refused = error.refusal().is_some();
        let own = view.failed.filter(|_| is_refused);
        // The store has more details of a refusal than the session.
        let problem = match own.and_then(|exit| Some((exit, view.tally.take_last()?))) {
            Some((exit, sentence)) => CliError::of(error, sentence).with_exit(exit),
            None => {
                let problem = explain(&view.names.title);
                if is_refused {
                    problem.report(&view.names.first());
                }
                problem
            }
        };
        let has_parts = !is_refused || !view.tally.is_empty();
        problem.with_lines(if has_parts { view.failure_lines() } else { Vec::new() })
    }
}
