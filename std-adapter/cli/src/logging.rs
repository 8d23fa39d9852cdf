//! Lines for standard error, in a bounded queue that a thread writes; the first line starts it. If nobody reads
//! them, they are dropped and counted.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::standard;

mod json;
#[cfg(test)]
mod tests;

pub(crate) use self::json::{JsonFormat, LogFormat};

/// The queue's capacity in bytes.
const QUEUE_BYTES: usize = 256 * 1024;
/// Frames of progress are appended while fewer bytes than these wait.
const MAX_FRAME_BACKLOG: usize = 8 * 1024;
/// The longest wait of an ending server for its last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);
/// The longest wait of a client for a reader that takes no line.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// The queue of lines.
#[derive(Clone)]
pub(crate) struct LogQueue {
    shared: Arc<Shared>,
}

struct Shared {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Default)]
struct Lines {
    /// Standard error, until the first line starts the thread that writes to it.
    idle: Option<Box<dyn Write + Send>>,
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    is_held: bool,
    format: LogFormat,
    is_writing: bool,
    /// Lines written so far.
    written: u64,
    /// The longest wait in vain since the last written line: no later wait is as long.
    waited: Duration,
}

impl Lines {
    fn has_room_for(&self, line: &[u8]) -> bool {
        self.bytes + line.len() <= QUEUE_BYTES
    }

    fn is_empty(&self) -> bool {
        !self.is_writing && self.waiting.is_empty() && self.dropped == 0
    }
}

impl LogQueue {
    /// A queue of lines for standard error.
    pub(crate) fn new() -> Self {
        Self::to(standard::error())
    }

    fn to(to: Box<dyn Write + Send>) -> Self {
        let lines = Lines { idle: Some(to), ..Lines::default() };
        Self { shared: Arc::new(Shared { lines: Mutex::new(lines), changed: Condvar::new() }) }
    }

    /// Sets the format of the lines of [`LogQueue::push_error`], and of the one about dropped lines.
    pub(crate) fn set_format(&self, format: LogFormat) {
        self.shared.lock().format = format;
    }

    /// Appends the error that ends the program.
    pub(crate) fn push_error(&self, error: &impl Display) {
        let line = match self.shared.lock().format {
            LogFormat::Text => format!("tinyferry: {error}\n"),
            LogFormat::Json => json::line("error", &error.to_string()),
        };
        self.push(line.as_bytes());
    }

    /// Appends a line, or counts it as dropped. Never waits.
    pub(crate) fn push(&self, line: &[u8]) {
        self.append(self.shared.lock(), line);
    }

    fn append(&self, mut lines: MutexGuard<'_, Lines>, line: &[u8]) {
        if let Some(to) = lines.idle.take() {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("log".to_owned());
            if thread.spawn(move || shared.write_all(to)).is_err() {
                let _ = lines.idle.insert(standard::error()).write_all(line);
                return;
            }
        }
        self.shared.append(lines, line);
    }

    /// Appends a line; waits for room as long as the reader takes lines.
    pub(crate) fn push_waiting(&self, line: &[u8]) {
        let lines = self.shared.wait(READER_TIMEOUT, |lines| lines.has_room_for(line));
        self.append(lines, line);
    }

    /// Appends a frame of progress, if few lines wait: it is worth nothing later.
    pub(crate) fn push_frame(&self, frame: &[u8]) {
        let lines = self.shared.lock();
        if lines.bytes < MAX_FRAME_BACKLOG {
            self.append(lines, frame);
        }
    }

    /// Writes no line until [`LogQueue::release`]: standard error is a terminal that is served.
    pub(crate) fn hold(&self) {
        self.catch_up();
        self.shared.lock().is_held = true;
    }

    /// Writes the buffered lines.
    pub(crate) fn release(&self) {
        self.shared.lock().is_held = false;
        self.shared.changed.notify_all();
    }

    /// Waits until all lines are written, or the reader takes none for a moment.
    pub(crate) fn catch_up(&self) {
        drop(self.shared.wait(FLUSH_TIMEOUT, Lines::is_empty));
    }

    /// The same, as long as a client waits at its end.
    pub(crate) fn finish(&self) {
        drop(self.shared.wait(READER_TIMEOUT, Lines::is_empty));
    }

    /// Waits until all lines are written, for a moment at most.
    pub(crate) fn flush(&self) {
        let end = Instant::now() + FLUSH_TIMEOUT;
        let mut lines = self.shared.lock();
        while !lines.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            lines = self.shared.wait_for_change(lines, left);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_change<'a>(
        &self,
        lines: MutexGuard<'a, Lines>,
        most: Duration,
    ) -> MutexGuard<'a, Lines> {
        let waited = self.changed.wait_timeout(lines, most);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn append(&self, mut lines: MutexGuard<'_, Lines>, line: &[u8]) {
        if !lines.has_room_for(line) {
            lines.dropped += 1;
            return;
        }
        lines.bytes += line.len();
        lines.waiting.push_back(line.to_vec());
        self.changed.notify_all();
    }

    /// Waits until `is_met`, or until no line was written for `timeout`.
    fn wait(&self, timeout: Duration, is_met: impl Fn(&Lines) -> bool) -> MutexGuard<'_, Lines> {
        let mut lines = self.lock();
        let (mut written, mut end) = (lines.written, Instant::now() + timeout);
        while !is_met(&lines) && lines.waited < timeout {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                lines.waited = timeout;
                break;
            }
            lines = self.wait_for_change(lines, left);
            if lines.written != written {
                (written, end) = (lines.written, Instant::now() + timeout);
            }
        }
        lines
    }

    /// Writes all lines that come, on a thread of its own.
    fn write_all(&self, mut to: Box<dyn Write + Send>) {
        loop {
            let line = self.next();
            // An error of standard error is ignored.
            let _ = to.write_all(&line);
        }
    }

    /// Waits for the next line. When all waiting lines are written, says how many were dropped.
    fn next(&self) -> Vec<u8> {
        let mut lines = self.lock();
        if std::mem::take(&mut lines.is_writing) {
            lines.written += 1;
            lines.waited = Duration::ZERO;
            self.changed.notify_all();
        }
        loop {
            if lines.is_held {
                lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if let Some(line) = lines.waiting.pop_front() {
                lines.bytes -= line.len();
                lines.is_writing = true;
                return line;
            }
            if lines.dropped > 0 {
                lines.is_writing = true;
                let dropped = std::mem::take(&mut lines.dropped);
                let message = format!("{dropped} lines were dropped: nobody read standard error");
                return match lines.format {
                    LogFormat::Text => format!("{message}\n").into(),
                    LogFormat::Json => json::line("warn", &message).into(),
                };
            }
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
