//! The queue of standard error as a writer: each line goes above the state on the terminal.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::logging::LogQueue;
use crate::terminal;

/// Writes lines of the log into the queue.
#[derive(Clone)]
pub(crate) struct LogLines(pub(crate) LogQueue);

impl LogLines {
    /// Appends a line, or counts it as dropped. Never waits.
    pub(crate) fn push(&self, line: &[u8]) {
        terminal::print(|erase| match erase {
            "" => self.0.push(line),
            erase => self.0.push(&[erase.as_bytes(), line].concat()),
        });
    }
}

impl Write for LogLines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
