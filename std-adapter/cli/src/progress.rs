//! The progress of a transfer: a bar on a terminal, plain lines elsewhere.

mod measure;
mod observer;
mod rate;
mod sink;
mod ticker;
mod to_program;
mod to_terminal;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use indicatif::HumanBytes;
use tinyferry::client::Error;
use tinyferry::core::store::Kind;
use tinyferry::core::{Failure, Reason};
use tinyferry::fs::Direction;

use self::sink::{Begun, EntryResult, Outcome, Sink};
use self::to_program::ToProgram;
use self::to_terminal::ToTerminal;
use crate::exit::{CliError, Exit};
use crate::json;
use crate::names::Names;
use crate::reached::Reached;
use crate::retry::{Retry, Retrying};
use crate::rounds;
use crate::tally::Tally;

/// Why an entry of a tree was not transferred that its source had before.
const VANISHED: &str = "it vanished before it was sent";

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

struct View {
    sink: Box<dyn Sink>,
    verbosity: Verbosity,
    begin: Instant,
    names: Names,
    tally: Tally,
    /// `None`: the task is not repeated.
    reached: Option<Reached>,
    /// The path of the tree in the events, once it has begun.
    tree: Option<String>,
    /// The path of a file that keeps the one that was there, and the path that it is stored as.
    kept: Option<(String, String)>,
    /// The path and the failure of the entry that an attempt was interrupted in: the next one continues it.
    interrupted: Option<(Vec<u8>, String)>,
    /// The last failure is that of the whole task on this end, or of its only file: the exit code.
    failed: Option<Exit>,
    /// Standard output is a list for `sha256sum`, and for nothing else.
    has_digests: bool,
    /// Standard output is the content of a file.
    has_content: bool,
}

impl Progress {
    /// `has_digests`: standard output is a list of digests.
    pub(crate) fn new(names: Names, verbosity: Verbosity, has_digests: bool) -> Self {
        let sink: Box<dyn Sink> = match json::is_on() {
            true => Box::new(ToProgram::new()),
            false => Box::new(ToTerminal::new(verbosity)),
        };
        Self(Rc::new(RefCell::new(View {
            sink,
            verbosity,
            begin: Instant::now(),
            names,
            tally: Tally::default(),
            reached: None,
            tree: None,
            kept: None,
            interrupted: None,
            failed: None,
            has_digests,
            has_content: false,
        })))
    }

    /// Standard output is the content of a file: the summary and digests go to standard error.
    pub(crate) fn beside_content(self) -> Self {
        self.0.borrow_mut().has_content = true;
        self
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

    /// Clears the bar. A further attempt shows none.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().sink.clear();
    }

    /// Clears the bar and prints the summary, the failures last; `crossed` is the number of bytes on the wire.
    /// Returns the exit code of a complete session; `itself` as in [`Tally::exit`].
    pub(crate) fn finish(&self, crossed: u64, itself: bool) -> Exit {
        let mut view = self.0.borrow_mut();
        view.end();
        let is_news = !rounds::is_further() || view.tally.has_transferred();
        if view.verbosity != Verbosity::Quiet && is_news {
            let verb = match view.names.direction() {
                Direction::Sending => "sent",
                Direction::Receiving | Direction::Listing => "received",
            };
            let done = format!(
                "{verb} {}: {}, {} over the wire",
                view.names.title,
                view.tally.summary(view.begin.elapsed()),
                HumanBytes(crossed),
            );
            if view.has_digests || view.has_content || json::is_on() {
                print_error!("{done}");
            } else {
                print_line!("{done}");
            }
        }
        for line in view.failure_lines() {
            print_failure!("{line}");
        }
        view.tally.exit((itself || view.tally.leaves_out()) && view.tree.is_some())
    }

    /// A task begins that may be repeated.
    pub(crate) fn track(&self) {
        self.0.borrow_mut().reached = Some(Reached::default());
    }

    /// A number that rises with each progress of the tracked task.
    pub(crate) fn steps(&self) -> u64 {
        self.0.borrow().reached.as_ref().map_or(0, Reached::steps)
    }

    /// The connection is made again after a pause.
    pub(crate) fn retry(&self, retry: &Retry) {
        self.0.borrow_mut().sink.retry(retry);
    }

    /// The task failed: clears the bar, and returns the error, followed by the failures of single entries. A
    /// refusal of the whole task is not followed by them.
    pub(crate) fn fail(&self, error: &Error, retrying: &Retrying<'_>) -> CliError {
        let mut view = self.0.borrow_mut();
        view.end();
        let is_refused = matches!(error, Error::Session(Failure::Refused(_), _));
        let own = view.failed.filter(|_| is_refused);
        // The store has more details of a refusal than the session.
        let problem = match own.and_then(|exit| Some((exit, view.tally.take_last()?))) {
            Some((exit, sentence)) => CliError::of(error, sentence).with_exit(exit),
            None => {
                let problem = retrying.error(error, &view.names.title);
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

impl View {
    /// An attempt of the task begins.
    fn begin(&mut self) {
        self.tally.begin();
        (self.failed, self.interrupted) = (None, None);
        if let Some(reached) = &mut self.reached {
            reached.attempt();
        }
    }

    /// The task has ended.
    fn end(&mut self) {
        if let Some((path, message)) = self.interrupted.take() {
            let (reason, detail, message) = (Reason::Cancelled, "", message.as_str());
            let (has_vanished, at_peer) = (false, false);
            let failed = Outcome::Failed { reason, has_vanished, detail, at_peer, message };
            self.result(&path, failed);
        }
        self.sink.clear();
        json::count(self.tally.totals());
        json::complete();
    }

    /// A file or a directory begins.
    fn show(&mut self, path: &str, kind: Kind, size: Option<u64>, held: u64) {
        let (names, is_lone) = (&self.names, self.tree.is_none());
        self.sink.begin(&Begun { names, path, kind, size, held, is_lone });
    }

    /// A file resumes at `held`.
    fn resume(&mut self, held: u64) {
        if let Some(reached) = &mut self.reached {
            reached.resume(held);
        }
        self.sink.resume(held, self.tree.is_none());
    }

    fn moved(&mut self, bytes: u64) {
        self.tally.moved(bytes);
        if let Some(reached) = &mut self.reached {
            reached.moved(bytes);
        }
        self.sink.moved(bytes);
    }

    fn done(&mut self, path: &str, size: u64, held: u64, sha256: Option<[u8; 32]>) {
        let is_same = self.tally.file(size, held);
        let kept = self.kept.take_if(|(_, stored)| stored == path);
        let (path, stored) = match &kept {
            Some((path, stored)) => (path.as_str(), Some(stored.as_str())),
            None => (path, None),
        };
        self.result(path.as_bytes(), Outcome::File { size, held, is_same, sha256, stored });
    }

    fn linked(&mut self, path: &str, target: &str, is_hard: bool) {
        self.tally.link();
        if let Some(reached) = &mut self.reached {
            reached.begin(path, 0);
        }
        self.result(path.as_bytes(), Outcome::Link { target, is_hard });
    }

    /// The entry at `path` of the events has a result.
    fn result(&mut self, path: &[u8], outcome: Outcome<'_>) {
        let (names, has_content) = (&self.names, self.has_content);
        let result = EntryResult { names, path, outcome, has_content };
        self.sink.result(&result, self.tally.totals());
    }

    /// An entry has failed; `why`: the reason as a clause, and the message of the system or of the other end.
    fn fail(&mut self, path: &[u8], reason: Reason, why: (&str, &str), at_peer: bool) {
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
        self.tally.fail(path, at_peer, reason, sentence, exit);
        if has_vanished || is_at_source && !is_whole && reason == Reason::SourceChanged {
            self.tally.vanish();
        }
        let conflicts = [Reason::IsDirectory, Reason::NotDirectory, Reason::SymbolicLink];
        if !is_at_source && conflicts.contains(&reason) {
            self.tally.kind_conflict();
        }
        if reason == Reason::Cancelled && !at_peer {
            self.interrupted = Some((path.to_owned(), message));
            return;
        }
        let message = message.as_str();
        self.result(path, Outcome::Failed { reason, has_vanished, detail, at_peer, message });
    }

    fn failure_lines(&self) -> Vec<String> {
        self.tally.failure_lines(self.tree.is_some(), self.verbosity >= Verbosity::Files)
    }
}
