//! A BBC micro:bit whose log is received as it grows: `tinyferry get --follow log.txt -e serial:///dev/ttyACM0`.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
#[path = "../console.rs"]
#[allow(dead_code, reason = "this image prints nothing")]
mod console;
#[path = "../uart.rs"]
mod uart;

use cortex_m_rt::entry;
use tinyferry_core::checksum::{NoSha256, Small};
use tinyferry_core::driver::blocking::drive;
use tinyferry_core::store::{Entry, RequestOptions};
use tinyferry_core::{Config, Profile, Reason, SerialDevice, Session, Store};

use uart::Uart;

const CONFIG: Config = Config::UART.recv_buffer::<{ uart::RECV_BUFFER }>();
const NAME: &[u8] = b"log.txt";
/// A product has a log of its own. Each line of this one has its number, and 16 bytes.
const LINE: &[u8; 16] = b"tick 00000: 21C\n";
/// The time between two lines, in ms.
const INTERVAL: u32 = 500;

/// A sender for UARTs whose store may have to wait for content.
struct Live;

impl Profile for Live {
    type Checksums = Small;
    type Sha256 = NoSha256;
    type Buffer = <SerialDevice as Profile>::Buffer;
    const RECEIVES: bool = false;
    const CLIENT: bool = false;
    const TREES: bool = false;
    const RELIABLE: bool = false;
    const PENDS: bool = false;
    const STEPS: bool = false;
    const PIPES: bool = true;
}

/// The log since the start of the board.
struct Log {
    /// The end of the content, where that is not to grow while it is sent.
    end: Option<u64>,
    /// The end of the loaded content.
    loaded: u64,
    follows: bool,
    is_next: bool,
    /// Whether a client that has a part of the log may continue it.
    is_resumable: bool,
}

impl Log {
    /// The number of bytes of the log so far.
    fn length() -> u64 {
        let lines = uart::millis() / INTERVAL;
        u64::from(lines) * LINE.len() as u64
    }

    fn end(&self) -> u64 {
        self.end.unwrap_or_else(Self::length)
    }
}

/// A byte of the log.
fn byte(position: u64) -> u8 {
    let (line, column) = (position / 16, position % 16);
    match column {
        5..=9 => {
            let digits = (0..9 - column).fold(line as u32, |left, _| left / 10);
            b'0' + (digits % 10) as u8
        }
        _ => LINE.get(column as usize).copied().unwrap_or(b' '),
    }
}

impl Store for Log {
    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        self.follows = options.follow;
        if options.follow { Ok(()) } else { Err(Reason::Unsupported) }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let follows = core::mem::take(&mut self.follows);
        if tree || path.as_bytes() != NAME {
            return Err(Reason::NotFound);
        }
        self.end = if follows { None } else { Some(Self::length()) };
        (self.loaded, self.is_next, self.is_resumable) = (0, true, follows);
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if !core::mem::take(&mut self.is_next) {
            return Ok(None);
        }
        path.get_mut(..NAME.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(NAME);
        let file = Entry::file(NAME.len(), 0);
        Ok(Some(Entry { size: self.end, resumable: self.is_resumable, ..file }))
    }

    fn refused(&mut self, _: u32, reason: Reason, _: &str) -> bool {
        // The client has a part of another log: it decides about this one.
        self.is_next = reason.wants_reoffer() && self.is_resumable;
        (self.loaded, self.is_resumable) = (0, false);
        self.is_next
    }

    fn is_ready(&mut self) -> bool {
        self.has_more()
    }

    fn has_more(&mut self) -> bool {
        self.end.is_some() || self.loaded < Self::length()
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let mut count = 0;
        for (to, position) in into.iter_mut().zip(position..self.end()) {
            *to = byte(position);
            count += 1;
        }
        self.loaded = self.loaded.max(position + count as u64);
        Ok(count)
    }
}

#[entry]
fn main() -> ! {
    let mut link = Uart::start();
    let mut store = Log { end: None, loaded: 0, follows: false, is_next: false, is_resumable: false };
    let mut session: Session<Live> = Session::server(CONFIG);
    loop {
        // A session ends when a client is refused, is gone, or the line fails.
        let _ = drive(&mut session, &mut link, &mut store);
        session.restart();
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
