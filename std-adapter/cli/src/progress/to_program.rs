//! The events of a transfer for a program: one JSON object on each line of standard output.

use std::time::Duration;

use tinyferry::auth::hex;
use tinyferry::describe;

use super::measure::Phase;
use super::sink::{Begun, EntryResult, Outcome, Show, Sink};
use super::state::State;
use crate::json::{self, Event, File, Status, Totals};

/// The time between two objects of progress.
const PERIOD: Duration = Duration::from_millis(200);

/// The objects of a task.
pub(super) struct ToProgram;

fn show(state: &State) {
    json::emit(&Event::Progress(json::Progress {
        seconds: json::seconds(),
        phase: match state.phase {
            Phase::Transfer => "transfer",
            Phase::Verify => "verify",
            Phase::Sync => "sync",
            Phase::Wait => "wait",
        },
        path: &state.path,
        files_done: state.files,
        files_total: state.files_total,
        files_unchanged: state.files_unchanged,
        bytes_done: state.bytes,
        bytes_total: state.bytes_total,
        bytes_resumed: state.bytes_resumed,
        bytes_resent: state.bytes_resent,
        bytes_per_second: state.bytes_per_second,
        seconds_left: state.seconds_left,
    }));
}

impl Sink for ToProgram {
    fn show(&self) -> Option<(Duration, Show)> {
        Some((PERIOD, Box::new(show)))
    }

    fn begin(&mut self, _: &Begun<'_>) {}

    fn result(&mut self, result: &EntryResult<'_>, totals: Totals) {
        let EntryResult { names, path, ref outcome, .. } = *result;
        json::count(totals);
        let source = names.source(path);
        let to = std::str::from_utf8(path).ok();
        let at = |status| File { to, ..File::new(&source, status) };
        let file = match *outcome {
            Outcome::File { size, prefix, is_same, sha256, stored } => {
                let status = match (stored, is_same, prefix) {
                    (Some(_), ..) => Status::KeptBoth,
                    (None, true, _) => Status::Unchanged,
                    (None, false, 0) => Status::Sent,
                    (None, false, _) => Status::Resumed,
                };
                File {
                    to: stored.or(to),
                    kind: Some("file"),
                    size: Some(size),
                    bytes_resumed: (status == Status::Resumed).then_some(prefix),
                    sha256: sha256.map(|digest| hex(&digest)),
                    ..at(status)
                }
            }
            Outcome::Directory => File { kind: Some("directory"), ..at(Status::Sent) },
            Outcome::Link { target, is_hard } => File {
                kind: Some(if is_hard { "file" } else { "link" }),
                target: Some(target),
                is_hard: Some(is_hard),
                ..at(Status::Linked)
            },
            Outcome::Failed { reason, has_vanished, detail, at_peer, message } => {
                let shown = describe::bytes(path);
                let file = File::failed(&source, reason, detail, at_peer, message.to_owned());
                let file = if has_vanished { file.vanished() } else { file };
                let to = Some(to.unwrap_or(&shown));
                json::result(File { to, ..file });
                return;
            }
        };
        json::result(file);
    }

    fn hide(&mut self) {}
}
