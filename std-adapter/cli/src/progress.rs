//! The progress of a transfer: a bar on a terminal, plain lines elsewhere.

mod observer;

use std::cell::RefCell;
use std::io::{IsTerminal, stdout};
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tinyferry::auth::hex;
use tinyferry::client::Error;
use tinyferry::core::{Failure, Reason};
use tinyferry::fs::Direction;

use crate::exit::{CliError, Exit};
use crate::names::Names;
use crate::reached::Reached;
use crate::retry::Retrying;
use crate::tally::Tally;
use crate::terminal::draw_target;

/// The bar of a lone file whose content is transferred.
const MOVING: &str = "{msg:20!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// The same before content is transferred.
const COMPARING: &str = "{msg:20!} {wide_bar} {bytes}/{total_bytes}";

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
    bar: ProgressBar,
    /// Whether there is a terminal to draw on.
    is_seen: bool,
    /// Whether the next byte is the first that the rate is measured by.
    is_resumed: bool,
    verbosity: Verbosity,
    begin: Instant,
    names: Names,
    tally: Tally,
    /// `None`: the task is not repeated.
    reached: Option<Reached>,
    /// The path of the tree in the events, once it has begun.
    tree: Option<String>,
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
        let bar = match verbosity {
            Verbosity::Quiet => ProgressBar::hidden(),
            _ => ProgressBar::with_draw_target(None, draw_target()),
        };
        bar.set_style(style("{spinner} {msg:40!} {bytes} {bytes_per_sec}"));
        let is_seen = !bar.is_hidden();
        if is_seen {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(Rc::new(RefCell::new(View {
            bar,
            is_seen,
            is_resumed: false,
            verbosity,
            begin: Instant::now(),
            names,
            tally: Tally::default(),
            reached: None,
            tree: None,
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
        self.0.borrow().bar.finish_and_clear();
    }

    /// Clears the bar and prints the summary, the failures last; `crossed` is the number of bytes on the wire.
    /// Returns the exit code of a complete session; `itself` as in [`Tally::exit`].
    pub(crate) fn finish(&self, crossed: u64, itself: bool) -> Exit {
        let view = self.0.borrow();
        view.bar.finish_and_clear();
        if view.verbosity != Verbosity::Quiet {
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
            if view.has_digests || view.has_content {
                print_error!("{done}");
            } else {
                print_line!("{done}");
            }
        }
        for line in view.failure_lines() {
            print_error!("{line}");
        }
        view.tally.exit(itself && view.tree.is_some())
    }

    /// A task begins that may be repeated.
    pub(crate) fn track(&self) {
        self.0.borrow_mut().reached = Some(Reached::default());
    }

    /// A number that rises with each progress of the tracked task.
    pub(crate) fn steps(&self) -> u64 {
        self.0.borrow().reached.as_ref().map_or(0, Reached::steps)
    }

    /// Prints a line on standard error, above the bar.
    pub(crate) fn print(&self, line: &str) {
        self.0.borrow().bar.suspend(|| print_error!("{line}"));
    }

    /// The task failed: clears the bar, and returns the error, followed by the failures of single entries. A
    /// refusal of the whole task is not followed by them.
    pub(crate) fn fail(&self, error: &Error, retrying: &Retrying<'_>) -> CliError {
        let mut view = self.0.borrow_mut();
        view.bar.finish_and_clear();
        let is_refused = matches!(error, Error::Session(Failure::Refused(_), _));
        let own = view.failed.filter(|_| is_refused);
        // The store has more details of a refusal than the session.
        let problem = match own.and_then(|exit| Some((exit, view.tally.take_last()?))) {
            Some((exit, sentence)) => CliError::new(exit, sentence),
            None => retrying.error(error, &view.names.title),
        };
        let has_parts = !is_refused || !view.tally.is_empty();
        problem.with_lines(if has_parts { view.failure_lines() } else { Vec::new() })
    }
}

impl View {
    /// An attempt of the task begins.
    fn begin(&mut self) {
        self.tally.begin();
        self.failed = None;
        if let Some(reached) = &mut self.reached {
            reached.attempt();
        }
    }

    /// A file or a directory begins; of a lone file the size is known.
    fn show(&mut self, path: &str, size: Option<u64>, held: u64) {
        if let Some(size) = size
            && self.tree.is_none()
        {
            self.bar.set_length(size);
            self.resume(held);
        }
        self.bar.set_message(path.escape_debug().to_string());
    }

    /// A file resumes at `held`: of a lone file, the content before does not count for the rate.
    fn resume(&mut self, held: u64) {
        if let Some(reached) = &mut self.reached {
            reached.resume(held);
        }
        if self.tree.is_none() {
            // While the prefix is verified, there is no rate.
            self.bar.set_style(style(COMPARING));
            self.bar.set_position(held.max(self.bar.position()));
            self.is_resumed = true;
        }
    }

    fn moved(&mut self, bytes: u64) {
        self.tally.moved(bytes);
        if let Some(reached) = &mut self.reached {
            reached.moved(bytes);
        }
        // It reads the clock, even if hidden.
        if self.is_seen {
            if std::mem::take(&mut self.is_resumed) {
                self.bar.reset_eta();
                self.bar.set_style(style(MOVING));
            }
            self.bar.inc(bytes);
        }
    }

    fn done(&mut self, path: &str, size: u64, held: u64, sha256: Option<[u8; 32]>) {
        let is_same = self.tally.file(size, held);
        if let Some(digest) = sha256 {
            let is_for_a_person = stdout().is_terminal() || self.has_content;
            let line = digest_line(digest, path, is_for_a_person);
            self.bar.suspend(|| match self.has_content {
                true => print_error!("{line}"),
                false => print_line!("{line}"),
            });
        }
        if self.verbosity >= Verbosity::Files {
            let what = match (is_same, held) {
                (true, _) => "the same".to_owned(),
                (false, 0) => HumanBytes(size).to_string(),
                (false, held) => format!("{}, resumed at {}", HumanBytes(size), HumanBytes(held)),
            };
            let name = self.names.of(path);
            self.bar.suspend(|| print_error!("{name}: {what}"));
        }
    }

    fn linked(&mut self, path: &str, target: &str, is_hard: bool) {
        self.tally.link();
        if let Some(reached) = &mut self.reached {
            reached.begin(path, 0);
        }
        if self.verbosity >= Verbosity::Files {
            let (name, target) = (self.names.of(path), target.escape_debug());
            let arrow = if is_hard { "hard link to" } else { "->" };
            self.bar.suspend(|| print_error!("{name}: {arrow} \"{target}\""));
        }
    }

    fn fail(&mut self, path: &[u8], reason: Reason, why: &str, at_peer: bool) {
        let exit = if at_peer { Exit::for_refusal(reason) } else { Exit::Local };
        let is_whole = match &self.tree {
            Some(tree) => path == tree.as_bytes(),
            None => true,
        };
        self.failed = is_whole.then_some(exit);
        let here = if at_peer { "" } else { &self.names.here };
        let sentence = format!("{}: {why}{here}", self.names.of_failed(path, at_peer));
        self.tally.fail(path, at_peer, reason, sentence, exit);
        let is_of_receiver = at_peer == (self.names.direction() == Direction::Sending);
        let conflicts = [Reason::IsDirectory, Reason::NotDirectory, Reason::SymbolicLink];
        if is_of_receiver && conflicts.contains(&reason) {
            self.tally.kind_conflict();
        }
    }

    fn failure_lines(&self) -> Vec<String> {
        self.tally.failure_lines(self.tree.is_some(), self.verbosity >= Verbosity::Files)
    }
}

/// The line in the format of `sha256sum`; for a terminal, with escapes.
fn digest_line(digest: [u8; 32], path: &str, is_for_a_person: bool) -> String {
    let digest = hex(&digest);
    if is_for_a_person {
        format!("{digest}  {}", path.escape_debug())
    } else if path.contains('\\') {
        format!("\\{digest}  {}", path.replace('\\', "\\\\"))
    } else {
        format!("{digest}  {path}")
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
