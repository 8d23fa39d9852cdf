//! The events of a command for programs: one JSON object on each line of standard output (`--json`). The schema is
//! `docs/events.schema.json`.

mod line;
mod reason;
mod totals;

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::transport::stream::Traffic;

use self::line::Line;
pub(crate) use self::line::{
    Entry, Error, Event, File, Finished, Partial, Planned, Pong, Port, Progress, Space, Status,
};
pub(crate) use self::reason::word as reason_word;
pub(crate) use self::totals::Totals;
use crate::exit::{CliError, Exit};
use crate::output;

/// The version of the objects.
const VERSION: u32 = 1;
/// The longest wait of an interrupted command for another thread that writes an object.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// The report of this command; empty: it reports nothing to programs.
static REPORT: OnceLock<Report> = OnceLock::new();

struct Report {
    begin: Instant,
    /// Whether the command transfers or changes entries.
    has_totals: bool,
    sums: Mutex<Sums>,
}

/// The sums of a command.
#[derive(Default)]
struct Sums {
    /// Of its tasks that are complete.
    done: Totals,
    /// Of the task at work.
    current: Totals,
    traffic: Traffic,
    error: Option<Error>,
    is_finished: bool,
}

/// Begins the report of `command`.
pub(crate) fn start(command: &'static str, endpoint: Option<String>) {
    let has_totals = !matches!(command, "ls" | "df" | "ping" | "ports");
    let report = Report { begin: Instant::now(), has_totals, sums: Mutex::default() };
    if REPORT.set(report).is_ok() {
        emit(&Event::Started { command, version: env!("CARGO_PKG_VERSION"), endpoint });
    }
}

/// Whether this command reports to programs.
pub(crate) fn is_on() -> bool {
    REPORT.get().is_some()
}

/// Writes an object. Returns whether it was written.
pub(crate) fn emit(event: &Event<'_>) -> bool {
    let line = serde_json::to_string(&Line { v: VERSION, event });
    line.is_ok_and(|line| output::text(&format!("{line}\n")))
}

/// The time since the command began, in seconds.
pub(crate) fn seconds() -> f64 {
    REPORT.get().map_or(0.0, |report| rounded(report.begin.elapsed().as_secs_f64()))
}

/// The sums of the task at work.
pub(crate) fn count(totals: Totals) {
    with_sums(|sums| sums.current = totals);
}

/// The task at work is complete.
pub(crate) fn complete() {
    with_sums(|sums| sums.done += std::mem::take(&mut sums.current));
}

/// A file of the server or of this end was removed, or was to be.
pub(crate) fn change(file: File<'_>) {
    with_sums(|sums| match file.status {
        Status::Failed => sums.done.failed += 1,
        Status::Removed => sums.done.removed += 1,
        _ => {}
    });
    if is_on() {
        emit(&Event::File(file));
    }
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

/// Writes the last object, with the exit code of the program.
pub(crate) fn finish(exit: Exit) {
    with_sums(|sums| end(sums, exit as u8));
}

/// A signal ends the program: writes the last object, unless another thread waits for the reader.
pub(crate) fn interrupt(exit: u8) {
    let Some(report) = REPORT.get() else { return };
    let begin = Instant::now();
    while begin.elapsed() < END_TIMEOUT {
        let mut sums = match report.sums.try_lock() {
            Ok(sums) => sums,
            Err(TryLockError::Poisoned(sums)) => sums.into_inner(),
            Err(TryLockError::WouldBlock) => {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        sums.error = Some(Error::interrupted());
        // Standard output may be stopped: the program ends nevertheless.
        let last = finished(&mut sums, exit);
        drop(sums);
        let Some(last) = last else { return };
        thread::spawn(move || {
            emit(&Event::Finished(last));
            IS_WRITTEN.set(()).unwrap_or_default();
        });
        while IS_WRITTEN.get().is_none() && begin.elapsed() < END_TIMEOUT {
            thread::sleep(Duration::from_millis(1));
        }
        return;
    }
}

/// The last object of an interrupted command is written.
static IS_WRITTEN: OnceLock<()> = OnceLock::new();

fn with_sums(change: impl FnOnce(&mut Sums)) {
    if let Some(report) = REPORT.get() {
        change(&mut lock(&report.sums));
    }
}

fn lock(sums: &Mutex<Sums>) -> MutexGuard<'_, Sums> {
    sums.lock().unwrap_or_else(PoisonError::into_inner)
}

fn end(sums: &mut Sums, exit: u8) {
    if let Some(last) = finished(sums, exit) {
        emit(&Event::Finished(last));
    }
}

/// The last object, once.
fn finished(sums: &mut Sums, exit: u8) -> Option<Finished> {
    if std::mem::replace(&mut sums.is_finished, true) {
        return None;
    }
    let mut totals = sums.done;
    totals += sums.current;
    let error = sums.error.take().filter(|_| exit != 0);
    let has_totals = REPORT.get().is_some_and(|report| report.has_totals);
    Some(Finished {
        exit,
        error,
        seconds: seconds(),
        totals: has_totals.then_some(totals),
        wire_sent: sums.traffic.sent,
        wire_received: sums.traffic.received,
    })
}

/// To the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
