//! The line to a board, which a session shares with the signals that end this program.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

use crate::client::connection::Direct;
use crate::transport::limit::Pausable;
use crate::transport::repl::{RESTART, Unescape, end_of_server, escaped, prompt_again};
use crate::transport::stream::Traffic;

/// How long a signal waits for the write of a session.
const LINE_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a signal gives the server of a board to end, and the board to read the last bytes.
const END_TIME: Duration = Duration::from_millis(300);

/// The boards whose servers run, for the signals that end this program.
static BOARDS: Mutex<Vec<Arc<Line>>> = Mutex::new(Vec::new());

/// The output of the line to a board, which a session shares with the signals.
pub(super) struct Line(Mutex<Output>);

struct Output {
    /// A second handle of the line.
    line: Box<dyn io::Write + Send>,
    restarts: bool,
    /// Whether the bytes of a session are escaped.
    is_escaped: bool,
    /// Whether a signal has ended the server: no session may write any more. A board would run its bytes as Python.
    is_ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    /// Registers the board for the signals.
    pub(super) fn new(line: impl io::Write + Send + 'static, restarts: bool) -> Arc<Self> {
        let line = Box::new(line);
        let output = Output { line, restarts, is_escaped: false, is_ended: false };
        let line = Arc::new(Self(Mutex::new(output)));
        lock(&BOARDS).push(Arc::clone(&line));
        line
    }

    /// The output for one write; never returns after a signal, which then ends the program.
    fn output(&self) -> MutexGuard<'_, Output> {
        loop {
            let output = lock(&self.0);
            if !output.is_ended {
                return output;
            }
            drop(output);
            thread::park();
        }
    }

    /// From now on the bytes of a session are escaped, or no more.
    pub(super) fn set_escaped(&self, is_escaped: bool) {
        self.output().is_escaped = is_escaped;
    }

    /// A signal ends the server of the board.
    fn end(&self) {
        let begin = Instant::now();
        let mut output = loop {
            match self.0.try_lock() {
                Ok(output) => break output,
                Err(TryLockError::Poisoned(output)) => break output.into_inner(),
                Err(TryLockError::WouldBlock) if begin.elapsed() < LINE_TIMEOUT => {
                    thread::sleep(Duration::from_millis(5));
                }
                // The board takes no bytes.
                Err(TryLockError::WouldBlock) => return,
            }
        };
        output.is_ended = true;
        let restart: &[u8] = if output.restarts { &RESTART } else { &[] };
        for bytes in [end_of_server(output.is_escaped), &prompt_again(), restart] {
            if bytes.is_empty() || output.line.write_all(bytes).is_err() {
                return;
            }
            let _ = output.line.flush();
            thread::sleep(END_TIME);
        }
    }
}

/// The board is no longer used.
pub(super) fn forget(line: &Arc<Line>) {
    lock(&BOARDS).retain(|found| !Arc::ptr_eq(found, line));
}

/// Ends the servers of all boards, before a signal ends this program.
pub(in super::super) fn end_all() {
    let all: Vec<_> = lock(&BOARDS).iter().map(Arc::clone).collect();
    all.iter().for_each(|line| line.end());
}

/// A link to a board, which no session uses after a signal.
pub(super) struct Shared<L> {
    link: L,
    line: Arc<Line>,
    unescape: Unescape,
}

impl<L> Shared<L> {
    pub(super) fn new(link: L, line: &Arc<Line>) -> Self {
        Self { link, line: Arc::clone(line), unescape: Unescape::default() }
    }
}

impl<L: Direct> embedded_io::ErrorType for Shared<L> {
    type Error = io::Error;
}

impl<L: Direct> embedded_io::Read for Shared<L> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.link.read(into);
            let is_escaped = self.line.output().is_escaped;
            let count = count?;
            if !is_escaped || count == 0 {
                return Ok(count);
            }
            let count = self.unescape.apply(into.get_mut(..count).unwrap_or_default());
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

impl<L: Direct> embedded_io::Write for Shared<L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let output = self.line.output();
        if !output.is_escaped {
            return self.link.write(bytes);
        }
        self.link.write_all(&escaped(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _output = self.line.output();
        self.link.flush()
    }
}

impl<L: Direct> Link for Shared<L> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;

    fn now(&mut self) -> Option<Millis> {
        self.link.now()
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.link.set_read_deadline(deadline, is_idle);
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        self.link.is_ready()
    }

    fn check(&mut self) -> io::Result<()> {
        self.link.check()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        if !self.line.output().is_escaped {
            self.link.take_buffered(take);
        }
    }
}

impl<L: Direct> Pausable for Shared<L> {
    const LOSES_UNREAD: bool = L::LOSES_UNREAD;

    fn update_clock(&mut self) {
        self.link.update_clock();
    }
}

impl<L: Direct> Direct for Shared<L> {
    fn traffic(&self) -> Traffic {
        Direct::traffic(&self.link)
    }

    fn close(&mut self) {
        self.link.close();
    }
}
