//! A BBC micro:bit that sends its log and its program, in 2.8 kB for the protocol:
//! `tinyferry get log.txt -e serial:///dev/ttyACM0`.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
#[path = "../console.rs"]
#[allow(dead_code, reason = "this image prints nothing")]
mod console;
#[path = "../port.rs"]
mod port;
#[path = "../uart.rs"]
mod uart;

use core::arch::asm;

use cortex_m_rt::entry;
use tinyferry_tiny::{Lossy, Reason, Sender, Source, serve};

use port::Port;
use uart::Uart;

/// A chunk of 256 bytes and its header.
const FRAME: usize = 268;
/// Signals that the queue holds.
const CREDIT: u8 = (uart::RECV_BUFFER / 36) as u8;
/// Bytes of the flash that are sent, from its beginning: the program.
const PROGRAM: u32 = 16 << 10;
/// A product has a log of its own. Each line of this one has its number, and 16 bytes.
const LINE: &[u8; 16] = b"tick 00000: 21C\n";
/// Lines of the log so far.
const LINES: u32 = 1000;

/// The files that the board sends.
enum Files {
    Program,
    Log,
}

impl Files {
    /// The byte at `position`, if the file is that long.
    fn byte(&self, position: u32) -> Option<u8> {
        match self {
            Self::Program => (position < PROGRAM).then(|| flash_byte(position)),
            Self::Log => {
                let (line, column) = (position / 16, position % 16);
                (line < LINES).then(|| log_byte(line, column))
            }
        }
    }
}

/// A byte of the flash. Its first address is 0, which a pointer of Rust cannot be.
fn flash_byte(address: u32) -> u8 {
    let byte: u32;
    // SAFETY: the flash is read only.
    unsafe {
        asm!("ldrb {byte}, [{address}]", byte = out(reg) byte, address = in(reg) address,
            options(readonly, nostack, preserves_flags));
    }
    byte as u8
}

/// A byte of a line of the log.
fn log_byte(line: u32, column: u32) -> u8 {
    match column {
        5..=9 => {
            let digits = (0..9 - column).fold(line, |left, _| left / 10);
            b'0' + (digits % 10) as u8
        }
        _ => LINE.get(column as usize).copied().unwrap_or(b' '),
    }
}

impl Source for Files {
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
        match path {
            b"program.bin" => {
                *self = Self::Program;
                Ok(Some(PROGRAM))
            }
            // It may grow while it is sent.
            b"log.txt" => {
                *self = Self::Log;
                Ok(None)
            }
            _ => Err(Reason::NotFound),
        }
    }

    fn path(&self) -> &[u8] {
        match self {
            Self::Program => b"program.bin",
            Self::Log => b"log.txt",
        }
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        let mut count = 0;
        for (to, position) in into.iter_mut().zip(position..) {
            let Some(byte) = self.byte(position) else { break };
            *to = byte;
            count += 1;
        }
        Ok(count)
    }
}

#[entry]
fn main() -> ! {
    static mut BUFFER: [u8; FRAME] = [0; FRAME];
    let mut port = Port(Uart::start());
    let mut sender: Sender<'_, Lossy> = Sender::new(BUFFER, CREDIT);
    loop {
        // It returns only if the line fails.
        let _ = serve(&mut sender, &mut port, &mut Files::Log);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

#[cfg(feature = "defmt")]
use {defmt_semihosting as _, portable_atomic as _};
