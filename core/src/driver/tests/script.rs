//! A stream of given input, and the frames of a client.

use core::num::NonZeroU32;

use embedded_io::{BufRead, ErrorKind, ErrorType, Read, ReadReady, Write};

use crate::Session;
use crate::wire::{Code, Hello, SIGNAL_LEN, Seeds, Signal, VERSION};

/// A stream whose input is given, and then ends, or fails.
pub(super) struct Script {
    pub(super) input: &'static [u8],
    pub(super) failure: Option<ErrorKind>,
    pub(super) output: [u8; 4 * SIGNAL_LEN],
    pub(super) written: usize,
}

impl Script {
    pub(super) const fn new(input: &'static [u8]) -> Self {
        Self { input, failure: None, output: [0; 4 * SIGNAL_LEN], written: 0 }
    }

    /// The signal that was written as the first one.
    pub(super) fn first(&self) -> Signal {
        let frame = self.output.first_chunk().expect("it has written");
        Signal::parse::<crate::checksum::Small>(0, frame).expect("a signal")
    }
}

impl ErrorType for Script {
    type Error = ErrorKind;
}

impl Read for Script {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        if let Some(failure) = self.failure.filter(|_| self.input.is_empty()) {
            return Err(failure);
        }
        self.input.read(into).map_err(|error| match error {})
    }
}

impl BufRead for Script {
    fn fill_buf(&mut self) -> Result<&[u8], ErrorKind> {
        Ok(self.input)
    }

    fn consume(&mut self, count: usize) {
        self.input = self.input.get(count..).unwrap_or_default();
    }
}

impl ReadReady for Script {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(!self.input.is_empty())
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!bytes.is_empty(), "nothing to write");
        for byte in bytes {
            if let Some(to) = self.output.get_mut(self.written) {
                *to = *byte;
                self.written += 1;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// The number of a session that has one.
pub(super) fn number_of(session: &Session) -> u32 {
    session.number().map_or(0, NonZeroU32::get)
}

pub(super) fn hello(number: u32) -> [u8; SIGNAL_LEN] {
    let hello = Hello {
        session: number,
        version: VERSION,
        lossy: false,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        block: 0,
        credit: 8,
    };
    let mut frame = [0; SIGNAL_LEN];
    Signal::hello(Code::Pin, &hello).emit::<crate::checksum::Small>(0, &mut frame);
    frame
}

/// The request of a client to close the server.
pub(super) fn close(number: u32) -> [u8; SIGNAL_LEN] {
    let mut frame = [0; SIGNAL_LEN];
    Signal::close(1).emit::<crate::checksum::Small>(Seeds::client(number).sending, &mut frame);
    frame
}

pub(super) fn leak<const N: usize>(frames: [[u8; SIGNAL_LEN]; N]) -> &'static [u8] {
    extern crate std;
    std::boxed::Box::leak(std::boxed::Box::new(frames)).as_flattened()
}
