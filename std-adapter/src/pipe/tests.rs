mod reading;
mod writing;

use std::io::{self, ErrorKind, Read, Write};

use super::{ReaderStore, WriterStore};

fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 11) as u8).collect()
}

/// Has content or room at every third call.
struct Slow<T>(T, u32);

impl<T> Slow<T> {
    fn wait(&mut self) -> io::Result<()> {
        self.1 += 1;
        if self.1.is_multiple_of(3) { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

impl<T: Read> Read for Slow<T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.wait()?;
        self.0.read(into)
    }
}

impl<T: Write> Write for Slow<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait()?;
        self.0.write(&bytes[..bytes.len().min(40_000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wait()
    }
}
