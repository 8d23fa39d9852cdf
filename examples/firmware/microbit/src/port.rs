//! The UART as `tinyferry-tiny` reads it.

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use tinyferry_core::driver::blocking::Link;

use crate::uart::Uart;

/// The UART, whose reads time out after 20 ms.
pub struct Port(pub Uart);

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let deadline = self.0.now().map(|now| now.wrapping_add(20));
        self.0.set_read_deadline(deadline, false);
        self.0.read(into)
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.flush()
    }
}
