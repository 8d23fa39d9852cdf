//! The queue as a writer: each line goes above the state on the terminal.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::LogQueue;
use crate::terminal;

impl Write for LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        terminal::print(|erase| match erase {
            "" => self.push(line),
            erase => self.push(&[erase.as_bytes(), line].concat()),
        });
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
