//! What a person sees of a transfer: a bar on a terminal, plain lines elsewhere.

use std::cell::RefCell;
use std::io::{IsTerminal, stdout};
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};
use tinyferry::client::Error;
use tinyferry::core::Failure;
use tinyferry::core::store::Kind;
use tinyferry::directory::{Direction, Event, Observer};

use super::exit::{Exit, Problem};

/// So many failures are listed at the end; the others are counted.
const LISTED: usize = 1000;

/// Draws one task; it is shared between the store, which reports, and who prints the end.
#[derive(Clone)]
pub(crate) struct Progress(Rc<RefCell<Tally>>);

struct Tally {
    bar: ProgressBar,
    /// Whether there is a terminal to draw on.
    is_seen: bool,
    quiet: bool,
    begin: Instant,
    direction: Direction,
    files: u64,
    bytes: u64,
    failures: Vec<String>,
    /// Failures past [`LISTED`].
    unlisted: u64,
    failed_here: bool,
    in_tree: bool,
    /// Standard output is a list for `sha256sum`, and for nothing else.
    has_digests: bool,
}

impl Progress {
    pub(crate) fn new(direction: Direction, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        bar.set_style(style("{spinner} {msg:40!} {bytes} {bytes_per_sec}"));
        let is_seen = !bar.is_hidden();
        if is_seen {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self(Rc::new(RefCell::new(Tally {
            bar,
            is_seen,
            quiet,
            begin: Instant::now(),
            direction,
            files: 0,
            bytes: 0,
            failures: Vec::new(),
            unlisted: 0,
            failed_here: false,
            in_tree: false,
            has_digests: false,
        })))
    }

    /// Clears the bar and says what was done, the failures last; `crossed` is what it took on the
    /// wire, in bytes. How the program ends if the session itself went well.
    pub(crate) fn finish(&self, name: &str, crossed: u64) -> Exit {
        let tally = self.0.borrow();
        tally.bar.finish_and_clear();
        let took = tally.begin.elapsed();
        if !tally.quiet {
            let rate = tally.bytes as f64 / took.as_secs_f64().max(1e-9);
            let verb = match tally.direction {
                Direction::Sending => "sent",
                Direction::Receiving => "received",
            };
            let done = format!(
                "{verb} \"{}\": {} {}, {} in {} ({}/s), {} over the wire",
                name.escape_debug(),
                tally.files,
                if tally.files == 1 { "file" } else { "files" },
                HumanBytes(tally.bytes),
                duration(took),
                HumanBytes(rate as u64),
                HumanBytes(crossed),
            );
            if tally.has_digests {
                complain!("{done}");
            } else {
                say!("{done}");
            }
        }
        tally.list_failures();
        if tally.failures.is_empty() { Exit::Done } else { Exit::Partly }
    }

    /// The task failed as a whole: clears the bar, lists what failed before, and says why it ended.
    pub(crate) fn give_up(&self, name: &str, error: Error) -> Problem {
        let mut tally = self.0.borrow_mut();
        tally.bar.finish_and_clear();
        // Where this end refused, its own store knows more than went over the wire.
        let refused = matches!(error, Error::Session(Failure::Refused(_), _));
        // Of a lone file the last failure is what the error says.
        let last = if tally.in_tree && !tally.failed_here { None } else { tally.failures.pop() };
        tally.list_failures();
        let problem = Problem::from(error);
        let exit = if refused && tally.failed_here { Exit::Local } else { problem.exit };
        let sentence = last.filter(|_| refused);
        let of_all = || format!("\"{}\": {problem}", name.escape_debug());
        Problem::new(exit, sentence.unwrap_or_else(of_all))
    }
}

impl Tally {
    /// The task begins, maybe not for the first time.
    fn begin_again(&mut self) {
        self.files = 0;
        self.failures.clear();
        self.unlisted = 0;
        self.failed_here = false;
    }

    /// A file or a directory begins; of a lone file the size is known.
    fn show(&self, path: &str, size: Option<u64>, held: u64) {
        if let Some(size) = size
            && !self.in_tree
        {
            self.bar.set_length(size);
            self.bar.set_position(held);
            let bar = "{msg:20!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            self.bar.set_style(style(bar));
        }
        self.bar.set_message(path.escape_debug().to_string());
    }

    fn list_failures(&self) {
        if self.in_tree && !self.failures.is_empty() {
            let failures = self.failures.len() as u64 + self.unlisted;
            complain!("tinyferry: {failures} did not go through:");
        }
        for failure in &self.failures {
            complain!("  {failure}");
        }
        if self.unlisted > 0 {
            complain!("  and {} more", self.unlisted);
        }
    }
}

/// As `sha256sum` writes it, except that a person sees no character that would not be shown.
fn digest_line(digest: [u8; 32], path: &str, is_for_a_person: bool) -> String {
    let digest = digest.map(|byte| format!("{byte:02x}")).concat();
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

fn duration(took: Duration) -> String {
    if took < Duration::from_secs(60) {
        format!("{:.2} s", took.as_secs_f64())
    } else {
        HumanDuration(took).to_string()
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        let mut tally = self.0.borrow_mut();
        match event {
            Event::Begin { kind: Kind::Tree, .. } => {
                tally.begin_again();
                tally.in_tree = true;
            }
            Event::Begin { path, kind, size, held, .. } => {
                if !tally.in_tree {
                    tally.begin_again();
                }
                if tally.is_seen {
                    tally.show(path, size.filter(|_| kind == Kind::File), held);
                }
            }
            Event::Moved { bytes } => {
                tally.bytes += bytes;
                // It looks at the clock, even where nobody sees it.
                if tally.is_seen {
                    tally.bar.inc(bytes);
                }
            }
            Event::Done { path, kind: Kind::File, sha256 } => {
                tally.files += 1;
                if let Some(digest) = sha256 {
                    tally.has_digests = true;
                    let line = digest_line(digest, path, stdout().is_terminal());
                    tally.bar.suspend(|| say!("{line}"));
                }
            }
            Event::Done { .. } => {}
            Event::Failed { path, reason, detail, at_peer } => {
                let whose = if at_peer { "the other end: " } else { "" };
                let detail = match detail {
                    "" => String::new(),
                    detail => format!(" ({})", detail.escape_debug()),
                };
                tally.failed_here = !at_peer;
                let failure = format!("\"{}\": {whose}{reason}{detail}", path.escape_debug());
                if tally.failures.len() < LISTED {
                    tally.failures.push(failure);
                } else {
                    tally.unlisted += 1;
                }
            }
            Event::Unset { path, detail } => {
                let path = path.escape_debug();
                let line = format!("the time or the bits of \"{path}\" could not be set: {detail}");
                tally.bar.suspend(|| complain!("tinyferry: {line}"));
            }
            Event::Skipped { path, detail } => {
                let line = format!("\"{}\" is left out: {detail}", path.escape_debug());
                tally.bar.suspend(|| complain!("tinyferry: {line}"));
            }
        }
    }
}
