//! A link whose driver prints the text of a console.

use embedded_io::{ErrorType, Read, Write};

use super::{LONGEST, PART, Text, sooner};
use crate::driver::link::Link;
use crate::time::Millis;

/// A link with a console: the driver prints its text between two frames.
///
/// ```no_run
/// # use tinyferry_core::Store;
/// # use tinyferry_core::device::Device;
/// # use tinyferry_core::driver::Console;
/// # use tinyferry_core::driver::blocking::{Link, WithConsole};
/// static CONSOLE: Console<256, 32> = Console::new();
///
/// fn run_board(uart: impl Link, device: &mut Device, store: &mut impl Store) {
///     let mut link = WithConsole(uart, &CONSOLE);
///     let _ = device.serve(&mut link, store, |_, _| {});
/// }
/// ```
#[derive(Debug)]
pub struct WithConsole<L, T>(
    /// The link.
    pub L,
    /// The console, or a reference to it.
    pub T,
);

impl<L: ErrorType, T> ErrorType for WithConsole<L, T> {
    type Error = L::Error;
}

impl<L: Read, T> Read for WithConsole<L, T> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        self.0.read(into)
    }
}

impl<L: Write, T> Write for WithConsole<L, T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush()
    }
}

impl<L: Link, T: Text> Link for WithConsole<L, T> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;
    const PRINTS: bool = true;

    fn now(&mut self) -> Option<Millis> {
        self.0.now()
    }

    /// The read ends sooner where text may have to go out.
    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        let soon = self.0.now().map(|now| sooner(deadline, now));
        self.0.set_read_deadline(soon.or(deadline), is_idle);
    }

    fn print(&mut self) -> Result<(), Self::Error> {
        let mut printed = 0;
        let mut part = [0; PART];
        while printed < LONGEST {
            let count = self.1.peek(&mut part);
            let bytes = part.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
            let count = self.0.write(bytes)?;
            self.1.sent(count);
            printed = printed.saturating_add(count);
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8]) {
        self.1.received(bytes);
    }

    fn is_ready(&mut self) -> Result<bool, Self::Error> {
        self.0.is_ready()
    }

    fn check(&mut self) -> Result<(), Self::Error> {
        self.0.check()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        self.0.take_buffered(take);
    }
}
