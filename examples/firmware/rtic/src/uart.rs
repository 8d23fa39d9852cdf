//! UART0 of the LM3S6965 (a PL011). It has no clock: a read that finds nothing for about 20 ms times out.

use core::ptr::{read_volatile, write_volatile};

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use heapless::spsc::Consumer;
use tinyferry_core::driver::blocking::Link;

/// Bytes that the receive queue holds.
pub const RECV_BUFFER: usize = 4352;

const UART: usize = 0x4000_C000;
const FLAGS: usize = UART + 0x18;
const IS_EMPTY: u32 = 1 << 4;
const IS_FULL: u32 = 1 << 5;
const IS_BUSY: u32 = 1 << 3;
/// Looks at an empty queue that take about 20 ms at 12 MHz.
const SILENCE: u32 = 24_000;

fn read(register: usize) -> u32 {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { read_volatile(register as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { write_volatile(register as *mut u32, value) };
}

/// The next byte that has come.
pub fn take_byte() -> Option<u8> {
    (read(FLAGS) & IS_EMPTY == 0).then(|| read(UART) as u8)
}

pub struct Uart(Consumer<'static, u8>);

impl Uart {
    /// Starts the UART; to be called once.
    pub fn start(received: Consumer<'static, u8>) -> Self {
        write(UART + 0x38, 1 << 4 | 1 << 6); // the interrupts of input and of its timeout
        write(UART + 0x30, 1 | 1 << 8 | 1 << 9); // on, TX, RX
        Self(received)
    }
}

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read for Uart {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut looks = 0;
        while !self.0.ready() {
            looks += 1;
            if looks > SILENCE {
                return Err(ErrorKind::TimedOut);
            }
        }
        let mut count = 0;
        for byte in into {
            let Some(received) = self.0.dequeue() else { break };
            *byte = received;
            count += 1;
        }
        Ok(count)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        while read(FLAGS) & IS_FULL != 0 {}
        write(UART, (*byte).into());
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        while read(FLAGS) & IS_BUSY != 0 {}
        Ok(())
    }
}

impl Link for Uart {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.0.ready())
    }
}
