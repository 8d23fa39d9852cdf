//! The log on standard error, which holds up nobody: lines go into a bounded queue, and a thread writes
//! them. Where nobody reads them, they are dropped and counted.

use std::collections::VecDeque;
use std::io::{self, Write, stderr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// So many bytes of lines may wait.
const QUEUE: usize = 256 * 1024;
/// How long the program's end waits for the last lines to be written.
const FLUSH: Duration = Duration::from_millis(500);

/// Where log lines go.
#[derive(Debug, Clone)]
pub(crate) struct LogQueue {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    is_writing: bool,
}

impl LogQueue {
    /// A queue whose lines a thread writes to standard error.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with(stderr())
    }

    fn start_with(mut to: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let queue = Self { shared: Arc::clone(&shared) };
        let write = move || {
            loop {
                let line = shared.next();
                // That nobody reads it ends nothing.
                let _ = to.write_all(&line);
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(write)?;
        Ok(queue)
    }

    /// Appends a line, or counts it as dropped.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut lines = self.shared.lock();
        if lines.bytes + line.len() > QUEUE {
            lines.dropped += 1;
            return;
        }
        lines.bytes += line.len();
        lines.waiting.push_back(line.to_vec());
        self.shared.changed.notify_all();
    }

    /// Waits until all lines are written, for a moment at most.
    pub(crate) fn flush(&self) {
        let end = Instant::now() + FLUSH;
        let mut lines = self.shared.lock();
        while lines.is_writing || !lines.waiting.is_empty() || lines.dropped > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.changed.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next line. When all that waited are written, says how many were dropped.
    fn next(&self) -> Vec<u8> {
        let mut lines = self.lock();
        loop {
            if let Some(line) = lines.waiting.pop_front() {
                lines.bytes -= line.len();
                lines.is_writing = true;
                return line;
            }
            if lines.dropped > 0 {
                lines.is_writing = true;
                let dropped = std::mem::take(&mut lines.dropped);
                return format!("{dropped} lines of the log were dropped: nobody read them\n")
                    .into();
            }
            lines.is_writing = false;
            self.changed.notify_all();
            lines = self.changed.wait(lines).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes a line when it is told to.
    struct Slow(Receiver<()>, Sender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            let _ = self.1.send(line.to_vec());
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_nobody_reads_are_dropped_and_counted() {
        let (go, goes) = channel();
        let (lines, written) = channel();
        let queue = LogQueue::start_with(Slow(goes, lines)).expect("a thread");
        let line = [b'x'; 1024];
        let count = 3 * QUEUE / line.len();
        for _ in 0..count {
            queue.push(&line);
        }
        queue.flush();
        drop(go);
        let mut whole = 0;
        let last = loop {
            let line = written.recv().expect("a line");
            if line.len() < 1024 {
                break String::from_utf8(line).expect("a sentence");
            }
            whole += 1;
        };
        assert!(last.starts_with(&format!("{} lines", count - whole)), "{last}");
        assert!((QUEUE / 1024..=QUEUE / 1024 + 1).contains(&whole), "{whole}");
        queue.flush();
    }
}
