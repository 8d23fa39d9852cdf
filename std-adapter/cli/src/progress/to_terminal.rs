//! The events of a transfer for a person: the state on a terminal, and lines on standard error.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use tinyferry::auth::hex;

use super::Verbosity;
use super::line::line;
use super::sink::{Begun, EntryResult, Outcome, Show, Sink};
use super::state::State;
use crate::human::bytes;
use crate::json::Totals;
use crate::names::Names;
use crate::output::{self, StandardOutput};
use crate::terminal;

/// The time between two states.
const PERIOD: Duration = Duration::from_millis(100);

/// The state and the lines.
pub(super) struct ToTerminal {
    verbosity: Verbosity,
}

impl ToTerminal {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        Self { verbosity }
    }

    fn file(
        &self,
        names: &Names,
        path: &str,
        (size, prefix, is_same): (u64, u64, bool),
        sha256: Option<[u8; 32]>,
    ) {
        if let Some(digest) = sha256 {
            let has_content = output::standard_output() == StandardOutput::Content;
            let line = digest_line(digest, path, stdout().is_terminal() || has_content);
            match has_content {
                true => print_error!("{line}"),
                false => print_line!("{line}"),
            }
        }
        if self.verbosity >= Verbosity::Files {
            let what = match (is_same, prefix) {
                (true, _) => "the same".to_owned(),
                (false, 0) => bytes(size),
                (false, prefix) => format!("{}, resumed at {}", bytes(size), bytes(prefix)),
            };
            print_error!("{}: {what}", names.of(path));
        }
    }
}

impl Sink for ToTerminal {
    fn show(&self) -> Option<(Duration, Show)> {
        if self.verbosity == Verbosity::Quiet || !terminal::has_escapes() {
            return None;
        }
        let show = |state: &State| terminal::show_state(line(state, terminal::columns()));
        Some((PERIOD, Box::new(show)))
    }

    fn begin(&mut self, begun: &Begun<'_>) {
        if self.verbosity == Verbosity::Steps {
            let Begun { names, path, size, prefix } = *begun;
            let size = size.map_or_else(String::new, |size| format!(", {size} bytes"));
            print_error!("{} starts at {prefix}{size}", names.of(path));
        }
    }

    fn result(&mut self, result: &EntryResult<'_>, _: Totals) {
        let EntryResult { names, path, ref outcome } = *result;
        let Ok(path) = std::str::from_utf8(path) else { return };
        match *outcome {
            Outcome::File { size, prefix, is_same, sha256, stored } => {
                self.file(names, stored.unwrap_or(path), (size, prefix, is_same), sha256);
            }
            Outcome::Link { target, is_hard } if self.verbosity >= Verbosity::Files => {
                let arrow = if is_hard { "hard link to" } else { "->" };
                print_error!("{}: {arrow} \"{}\"", names.of(path), target.escape_debug());
            }
            // Failures are listed at the end.
            Outcome::Link { .. } | Outcome::Directory | Outcome::Failed { .. } => {}
        }
    }

    fn hide(&mut self) {
        terminal::hide_state();
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
