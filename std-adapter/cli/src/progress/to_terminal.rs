//! The events of a transfer for a person: a bar on a terminal, and lines on standard error.

use std::io::{IsTerminal, stdout};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tinyferry::auth::hex;
use tinyferry::core::store::Kind;

use super::Verbosity;
use super::sink::{Begun, EntryResult, Outcome, Sink};
use crate::json::Totals;
use crate::names::Names;
use crate::retry::Retry;
use crate::terminal::draw_target;

/// The bar of a lone file whose content is transferred.
const MOVING: &str = "{msg:20!} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
/// The same before content is transferred.
const COMPARING: &str = "{msg:20!} {wide_bar} {bytes}/{total_bytes}";

/// The bar and the lines.
pub(super) struct ToTerminal {
    bar: ProgressBar,
    /// Whether there is a terminal to draw on.
    is_seen: bool,
    /// Whether the next byte is the first that the rate is measured by.
    is_resumed: bool,
    verbosity: Verbosity,
}

impl ToTerminal {
    pub(super) fn new(verbosity: Verbosity) -> Self {
        let bar = match verbosity {
            Verbosity::Quiet => ProgressBar::hidden(),
            _ => ProgressBar::with_draw_target(None, draw_target()),
        };
        bar.set_style(style("{spinner} {msg:40!} {bytes} {bytes_per_sec}"));
        let is_seen = !bar.is_hidden();
        if is_seen {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, is_seen, is_resumed: false, verbosity }
    }

    fn print(&self, line: &str) {
        self.bar.suspend(|| print_error!("{line}"));
    }

    fn file(
        &self,
        names: &Names,
        path: &str,
        (size, held, is_same): (u64, u64, bool),
        (sha256, has_content): (Option<[u8; 32]>, bool),
    ) {
        if let Some(digest) = sha256 {
            let line = digest_line(digest, path, stdout().is_terminal() || has_content);
            self.bar.suspend(|| match has_content {
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
            self.print(&format!("{}: {what}", names.of(path)));
        }
    }
}

impl Sink for ToTerminal {
    fn begin(&mut self, begun: &Begun<'_>) {
        let Begun { names, path, kind, size, held, is_lone } = *begun;
        if self.verbosity == Verbosity::Steps {
            let size = size.map_or_else(String::new, |size| format!(", {size} bytes"));
            self.print(&format!("{} starts at {held}{size}", names.of(path)));
        }
        if !self.is_seen {
            return;
        }
        if let Some(size) = size
            && kind == Kind::File
            && is_lone
        {
            self.bar.set_length(size);
            self.resume(held, is_lone);
        }
        self.bar.set_message(path.escape_debug().to_string());
    }

    /// Of a lone file, the content before does not count for the rate.
    fn resume(&mut self, held: u64, is_lone: bool) {
        if is_lone {
            // While the prefix is verified, there is no rate.
            self.bar.set_style(style(COMPARING));
            self.bar.set_position(held.max(self.bar.position()));
            self.is_resumed = true;
        }
    }

    fn moved(&mut self, bytes: u64) {
        // It reads the clock, even if hidden.
        if self.is_seen {
            if std::mem::take(&mut self.is_resumed) {
                self.bar.reset_eta();
                self.bar.set_style(style(MOVING));
            }
            self.bar.inc(bytes);
        }
    }

    fn result(&mut self, result: &EntryResult<'_>, _: Totals) {
        let EntryResult { names, path, ref outcome, has_content } = *result;
        let Ok(path) = std::str::from_utf8(path) else { return };
        match *outcome {
            Outcome::File { size, held, is_same, sha256, stored } => {
                let digest = (sha256, has_content);
                self.file(names, stored.unwrap_or(path), (size, held, is_same), digest);
            }
            Outcome::Link { target, is_hard } if self.verbosity >= Verbosity::Files => {
                let arrow = if is_hard { "hard link to" } else { "->" };
                self.print(&format!("{}: {arrow} \"{}\"", names.of(path), target.escape_debug()));
            }
            // Failures are listed at the end.
            Outcome::Link { .. } | Outcome::Directory | Outcome::Failed { .. } => {}
        }
    }

    fn retry(&mut self, retry: &Retry) {
        self.print(&retry.to_string());
    }

    fn clear(&mut self) {
        self.bar.finish_and_clear();
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
