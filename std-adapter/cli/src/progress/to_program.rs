//! The events of a transfer for a program: one JSON object on each line of standard output.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tinyferry::auth::hex;
use tinyferry::core::store::Kind;
use tinyferry::describe;

use super::measure::Measure;
use super::rate::Rate;
use super::sink::{Begun, EntryResult, Outcome, Sink};
use super::ticker::Ticker;
use crate::json::{self, Event, File, Status, Totals};
use crate::retry::Retry;

/// The time between two objects of progress.
const PERIOD: Duration = Duration::from_millis(200);

/// The objects of a task.
pub(super) struct ToProgram {
    measure: Arc<Measure>,
    ticker: Option<Ticker>,
    /// The position in the file at hand, in bytes.
    position: u64,
    /// Whether the entry at hand is a file.
    is_file: bool,
}

impl ToProgram {
    pub(super) fn new() -> Self {
        let measure = Arc::new(Measure::default());
        let (begin, mut rate, theirs) = (Instant::now(), Rate::default(), Arc::clone(&measure));
        rate.add(Duration::ZERO, 0);
        let tick = move || {
            let bytes_per_second = rate.add(begin.elapsed(), theirs.moved.get());
            json::emit(&Event::Progress(json::Progress {
                seconds: json::seconds(),
                path: &theirs.path(),
                files_done: theirs.files.get(),
                files_total: None,
                bytes_done: theirs.bytes.get(),
                bytes_total: None,
                bytes_resumed: theirs.resumed.get(),
                bytes_per_second,
                seconds_left: None,
            }));
        };
        let ticker = Ticker::start(PERIOD, tick);
        Self { measure, ticker, position: 0, is_file: false }
    }

    /// The entry at hand is complete.
    fn pass(&mut self) {
        self.measure.files.add(u64::from(std::mem::take(&mut self.is_file)));
    }
}

impl Sink for ToProgram {
    fn begin(&mut self, begun: &Begun<'_>) {
        let Begun { names, path, kind, held, is_lone, .. } = *begun;
        self.pass();
        (self.is_file, self.position) = (kind == Kind::File, 0);
        self.measure.set_path(names.source(path.as_bytes()));
        self.resume(held, is_lone);
    }

    fn resume(&mut self, held: u64, _: bool) {
        let more = held.saturating_sub(self.position);
        self.position += more;
        self.measure.bytes.add(more);
        self.measure.resumed.add(more);
    }

    fn moved(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        self.measure.bytes.add(bytes);
        self.measure.moved.add(bytes);
    }

    fn result(&mut self, result: &EntryResult<'_>, totals: Totals) {
        let EntryResult { names, path, ref outcome, .. } = *result;
        json::count(totals);
        let source = names.source(path);
        let to = std::str::from_utf8(path).ok();
        let at = |status| File { to, ..File::new(&source, status) };
        let file = match *outcome {
            Outcome::File { size, held, is_same, sha256, stored } => {
                let status = match (stored, is_same, held) {
                    (Some(_), ..) => Status::KeptBoth,
                    (None, true, _) => Status::Unchanged,
                    (None, false, 0) => Status::Sent,
                    (None, false, _) => Status::Resumed,
                };
                File {
                    to: stored.or(to),
                    kind: Some("file"),
                    size: Some(size),
                    bytes_resumed: (status == Status::Resumed).then_some(held),
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
                let path_hex = to.is_none().then(|| hex(path));
                let file = File::failed(&source, reason, detail, at_peer, message.to_owned());
                let file = if has_vanished { file.vanished() } else { file };
                let to = Some(to.unwrap_or(&shown));
                json::emit(&Event::File(File { to, path_hex, ..file }));
                return;
            }
        };
        json::emit(&Event::File(file));
    }

    fn retry(&mut self, retry: &Retry) {
        retry.tell();
    }

    fn clear(&mut self) {
        self.pass();
        self.ticker = None;
    }
}
