//! The progress of a transfer: a bar on a terminal, plain lines elsewhere.

use std::cell::RefCell;
use std::io::{IsTerminal, stdout};
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tinyferry::auth::hex;
use tinyferry::client::Error;
use tinyferry::core::Failure;
use tinyferry::core::store::Kind;
use tinyferry::describe;
use tinyferry::fs::{Direction, Event, Observer};

use crate::exit::{CliError, Exit};
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

/// Draws one task; it is shared between the store, which reports, and the command, which prints the summary.
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
    direction: Direction,
    tally: Tally,
    in_tree: bool,
    /// Standard output is a list for `sha256sum`, and for nothing else.
    has_digests: bool,
}

impl Progress {
    pub(crate) fn new(direction: Direction, verbosity: Verbosity) -> Self {
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
            direction,
            tally: Tally::default(),
            in_tree: false,
            has_digests: false,
        })))
    }

    /// Counts entries that the other end left out because no path can name them.
    pub(crate) fn omit(&self, entries: u32) {
        self.0.borrow_mut().tally.omit(entries);
    }

    /// Clears the bar and prints the summary, the failures last; `crossed` is the number of bytes on the wire.
    /// Returns the exit code of a complete session; `itself` as in [`Tally::exit`].
    pub(crate) fn finish(&self, name: &str, crossed: u64, itself: bool) -> Exit {
        let view = self.0.borrow();
        view.bar.finish_and_clear();
        if view.verbosity != Verbosity::Quiet {
            let verb = match view.direction {
                Direction::Sending => "sent",
                Direction::Receiving => "received",
            };
            let done = format!(
                "{verb} \"{}\": {}, {} over the wire",
                name.escape_debug(),
                view.tally.summary(view.begin.elapsed()),
                HumanBytes(crossed),
            );
            if view.has_digests {
                print_error!("{done}");
            } else {
                print_line!("{done}");
            }
        }
        view.print_failures();
        view.tally.exit(itself && view.in_tree)
    }

    /// The task failed: clears the bar, lists earlier failures, and returns the error.
    pub(crate) fn fail(&self, name: &str, error: Error) -> CliError {
        let mut view = self.0.borrow_mut();
        view.bar.finish_and_clear();
        // If this end refused, its own store knows more than the session.
        let refused = matches!(error, Error::Session(Failure::Refused(_), _));
        let failed_here = view.tally.failed() == Some(Exit::Local);
        // The last failure of a lone file is the error itself.
        let last = if view.in_tree && !failed_here { None } else { view.tally.take_last() };
        view.print_failures();
        let problem = CliError::from(error);
        let exit = if refused && failed_here { Exit::Local } else { problem.exit };
        let sentence = last.filter(|_| refused);
        let of_all = || format!("\"{}\": {problem}", name.escape_debug());
        CliError::new(exit, sentence.unwrap_or_else(of_all))
    }
}

impl View {
    /// A file or a directory begins; of a lone file the size is known.
    fn show(&mut self, path: &str, size: Option<u64>, held: u64) {
        if let Some(size) = size
            && !self.in_tree
        {
            self.bar.set_length(size);
            self.resume(held);
        }
        self.bar.set_message(path.escape_debug().to_string());
    }

    /// A lone file resumes at `held`: the content before does not count for the rate.
    fn resume(&mut self, held: u64) {
        if !self.in_tree {
            // While the prefix is verified, there is no rate.
            self.bar.set_style(style(COMPARING));
            self.bar.set_position(held.max(self.bar.position()));
            self.is_resumed = true;
        }
    }

    fn moved(&mut self, bytes: u64) {
        self.tally.moved(bytes);
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
            self.has_digests = true;
            let line = digest_line(digest, path, stdout().is_terminal());
            self.bar.suspend(|| print_line!("{line}"));
        }
        if self.verbosity >= Verbosity::Files {
            let what = match (is_same, held) {
                (true, _) => "the same".to_owned(),
                (false, 0) => HumanBytes(size).to_string(),
                (false, held) => format!("{}, resumed at {}", HumanBytes(size), HumanBytes(held)),
            };
            self.bar.suspend(|| print_error!("\"{}\": {what}", path.escape_debug()));
        }
    }

    fn print_failures(&self) {
        for line in self.tally.failure_lines(self.in_tree) {
            print_error!("{line}");
        }
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

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        let mut view = self.0.borrow_mut();
        match event {
            Event::Begin { kind: Kind::Tree, .. } => {
                view.tally.begin();
                view.in_tree = true;
            }
            Event::Begin { path, kind, size, held, .. } => {
                if !view.in_tree {
                    view.tally.begin();
                }
                if view.verbosity == Verbosity::Steps {
                    let size = size.map_or_else(String::new, |size| format!(", {size} bytes"));
                    let line = format!("\"{}\" starts at {held}{size}", path.escape_debug());
                    view.bar.suspend(|| print_error!("{line}"));
                }
                if view.is_seen {
                    view.show(path, size.filter(|_| kind == Kind::File), held);
                }
            }
            Event::Resumed { held } => view.resume(held),
            Event::Moved { bytes } => view.moved(bytes),
            Event::Done { path, kind: Kind::File, size, held, sha256 } => {
                view.done(path, size, held, sha256);
            }
            Event::Done { kind: Kind::Directory, .. } => view.tally.directory(),
            Event::Done { .. } => {}
            Event::Failed { path, reason, detail, at_peer } => {
                let why = describe::failure(reason, detail, at_peer);
                let exit = if at_peer { Exit::for_refusal(reason) } else { Exit::Local };
                view.tally.fail(format!("\"{}\": {why}", path.escape_debug()), exit);
            }
            Event::Unset { path, detail } => view.tally.unset(path, detail),
            Event::NotDurable { path, detail } => view.tally.not_durable(path, detail),
            _ => {}
        }
    }
}
