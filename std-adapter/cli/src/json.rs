//! The events of a command for programs: one JSON object on each line of standard output (`--json`). The schema is
//! `docs/events.schema.json`.

mod line;
mod reason;
mod totals;

use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::transport::stream::Traffic;

use self::line::Line;
pub(crate) use self::line::{
    Entry, Error, Event, File, Finished, Partial, Planned, Pong, Port, Progress, Space, Status,
    text,
};
pub(crate) use self::reason::word as reason_word;
pub(crate) use self::totals::Totals;
use crate::exit::{CliError, Exit};
use crate::output;

/// The version of the objects.
const VERSION: u32 = 1;
/// The longest wait of an interrupted command for the reader of its last object.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// The report of this command; empty: it reports nothing to programs.
static REPORT: OnceLock<Report> = OnceLock::new();

/// A command that reports to programs.
#[derive(Debug)]
pub(crate) struct Reporting {
    pub(crate) command: &'static str,
    /// Its server; `None`: it needs none.
    pub(crate) endpoint: Option<String>,
    /// Whether the command transfers or changes entries, or only asks.
    pub(crate) has_totals: bool,
}

struct Report {
    begin: Instant,
    has_totals: bool,
    sums: Mutex<Sums>,
    /// Whether the last object is written. It is locked while an object is written.
    is_finished: Mutex<bool>,
}

/// The sums of a command.
#[derive(Default)]
struct Sums {
    /// Of its tasks that are complete.
    done: Totals,
    /// Of the current task.
    current: Totals,
    traffic: Traffic,
    error: Option<Error>,
    /// The failure of the first entry that has failed.
    first_failure: Option<Error>,
}

/// Begins the report of a command.
pub(crate) fn start(reporting: Reporting) {
    let Reporting { command, endpoint, has_totals } = reporting;
    let (sums, is_finished) = (Mutex::default(), Mutex::default());
    let report = Report { begin: Instant::now(), has_totals, sums, is_finished };
    if REPORT.set(report).is_ok() {
        emit(&Event::Started { command, version: env!("CARGO_PKG_VERSION"), endpoint });
    }
}

/// Whether this command reports to programs.
pub(crate) fn is_on() -> bool {
    REPORT.get().is_some()
}

/// Writes an object, unless the last one is written. Returns whether it was written.
pub(crate) fn emit(event: &Event<'_>) -> bool {
    let Some(report) = REPORT.get() else { return false };
    let is_finished = lock(&report.is_finished);
    !*is_finished && write(event)
}

fn write(event: &Event<'_>) -> bool {
    let line = serde_json::to_string(&Line { v: VERSION, event });
    line.is_ok_and(|line| output::text(&format!("{line}\n")))
}

/// The time since the command began, in seconds.
pub(crate) fn seconds() -> f64 {
    REPORT.get().map_or(0.0, |report| rounded(report.begin.elapsed().as_secs_f64()))
}

/// The sums of the current task.
pub(crate) fn count(totals: Totals) {
    with_sums(|sums| sums.current = totals);
}

/// The current task is complete.
pub(crate) fn complete() {
    with_sums(|sums| sums.done += std::mem::take(&mut sums.current));
}

/// Writes the result of an entry, which [`count`] counts.
pub(crate) fn result(file: File<'_>) {
    with_sums(|sums| {
        if let Some(error) = file.error() {
            sums.first_failure.get_or_insert(error);
        }
    });
    if is_on() {
        emit(&Event::File(file));
    }
}

/// Counts and writes the result of an entry that no transfer has counted.
pub(crate) fn change(file: File<'_>) {
    with_sums(|sums| match file.status {
        Status::Failed => sums.done.failed += 1,
        Status::Removed => sums.done.removed += 1,
        _ => {}
    });
    result(file);
}

/// Entries were removed that have no objects of their own.
pub(crate) fn count_removed(entries: u64) {
    with_sums(|sums| sums.done.removed += entries);
}

/// Adds the traffic of a connection that has ended.
pub(crate) fn count_traffic(traffic: Traffic) {
    with_sums(|sums| {
        sums.traffic.sent += traffic.sent;
        sums.traffic.received += traffic.received;
    });
}

/// The command has an error; the first one counts.
pub(crate) fn fail(error: &CliError) {
    with_sums(|sums| {
        sums.error.get_or_insert_with(|| Error::from(error));
    });
}

/// No entry is removed, for the reason in the sentence `message`.
pub(crate) fn refuse_removals(message: &str) {
    with_sums(|sums| {
        sums.error.get_or_insert_with(|| Error::new(message.to_owned()));
    });
}

/// Writes the last object, with the exit code of the program.
pub(crate) fn finish(exit: Exit) {
    if let Some(report) = REPORT.get() {
        report.end(exit as u8, exit.is_whole());
    }
}

/// A signal ends the program: writes the last object, unless the reader does not take it, or the objects before it.
pub(crate) fn interrupt(exit: u8) {
    let Some(report) = REPORT.get() else { return };
    lock(&report.sums).error = Some(Error::new("interrupted".to_owned()));
    let (written, is_written) = sync_channel(1);
    thread::spawn(move || {
        report.end(exit, true);
        let _ = written.send(());
    });
    let _ = is_written.recv_timeout(END_TIMEOUT);
}

impl Report {
    /// Writes the last object, once. `is_whole`: the exit code is that of the whole command, not of parts of it.
    fn end(&self, exit: u8, is_whole: bool) {
        let mut is_finished = lock(&self.is_finished);
        if !std::mem::replace(&mut *is_finished, true) {
            let finished = self.finished(&mut lock(&self.sums), exit, is_whole);
            write(&Event::Finished(finished));
        }
    }

    fn finished(&self, sums: &mut Sums, exit: u8, is_whole: bool) -> Finished {
        let mut totals = sums.done;
        totals += sums.current;
        let failure = sums.first_failure.take().filter(|_| is_whole);
        Finished {
            exit,
            error: sums.error.take().or(failure).filter(|_| exit != 0),
            seconds: seconds(),
            totals: self.has_totals.then_some(totals),
            wire_sent: sums.traffic.sent,
            wire_received: sums.traffic.received,
        }
    }
}

fn with_sums(change: impl FnOnce(&mut Sums)) {
    if let Some(report) = REPORT.get() {
        change(&mut lock(&report.sums));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// To the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
