//! A client sends a file to a server, both in the memory of this board.
//!
//! Prints the ticks of the system timer that each end took, the bytes, and the deepest stack.
#![no_std]
#![no_main]

use core::num::NonZeroU32;
use core::panic::PanicInfo;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use heapless::Deque;
use tinyferry_core::buffer::Buffer1024;
use tinyferry_core::checksum::NoSha256;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer, answer};
use tinyferry_core::{Config, Profile, Reason, Session, Step, Store, Task};

const SIZE: u64 = 65_536;

struct Device;

impl Profile for Device {
    #[cfg(not(feature = "tables"))]
    type Checksums = tinyferry_core::checksum::Small;
    #[cfg(feature = "tables")]
    type Checksums = tinyferry_core::checksum::Tables;
    type Sha256 = NoSha256;
    type Buffer = Buffer1024;
    const RELIABLE: bool = false;
}

/// A file whose bytes follow from their position.
#[derive(Default)]
struct Pattern {
    given: bool,
    wrong: bool,
    stored: u64,
    committed: bool,
}

fn byte_at(position: u64) -> u8 {
    (position ^ (position >> 8)) as u8
}

impl Store for Pattern {
    fn offer(&mut self, _: &Offer<'_>) -> Result<Accepted, Reason> {
        Ok(Accepted { prefix: 0, in_order: false })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.wrong |= position != self.stored || bytes.first() != Some(&byte_at(position));
        self.stored += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        for (offset, byte) in into.iter_mut().enumerate() {
            *byte = byte_at(position + offset as u64);
        }
        Ok(into.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.committed = true;
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if core::mem::replace(&mut self.given, true) {
            return Ok(None);
        }
        path[0] = b'f';
        let (kind, size) = (Kind::File, Some(SIZE));
        let (modified, mode, broken) = (None, None, None);
        Ok(Some(Entry {
            kind,
            path: 1,
            size,
            modified,
            mode,
            resumable: true,
            broken,
            content: None,
            operation: None,
        }))
    }
}

type Pipe = Deque<u8, 1100>;

/// Carries out one step. `false`: nothing can be done now, or ever.
#[inline(never)]
fn turn(
    session: &mut Session<Device>,
    store: &mut Pattern,
    from: &mut Pipe,
    to: &mut Pipe,
    ticks: &mut u64,
) -> bool {
    let mut receive = |into: &mut [u8]| {
        into.iter_mut().map_while(|byte| from.pop_front().map(|came| *byte = came)).count()
    };
    let mut transmit =
        |out: &[u8]| out.iter().take_while(|byte| to.push_back(**byte).is_ok()).count();
    let start = SYST::get_current();
    let moved = match session.poll() {
        Step::Receive(into) => (receive(into), 0),
        Step::Transmit(out) => (0, transmit(out)),
        Step::Exchange { out, into } => match receive(into) {
            0 => (0, transmit(out)),
            came => (came, 0),
        },
        Step::Pause => (0, 0),
        Step::Text(_) => {
            session.text_taken();
            return true;
        }
        Step::Storage(request) => {
            let polled = SYST::get_current();
            let reply = answer(store, request);
            // The stack of the store does not count as the session's.
            let stored = SYST::get_current();
            session.answered(reply, None);
            let took = polled.wrapping_sub(stored) & 0xFF_FFFF;
            *ticks += u64::from((start.wrapping_sub(SYST::get_current()) & 0xFF_FFFF) - took);
            return true;
        }
        Step::Over(_) => return false,
    };
    let lent = SYST::get_current();
    match moved {
        (0, 0) => return false,
        (0, went) => session.transmitted(went, None),
        (came, _) => session.received(came, None),
    }
    *ticks += u64::from(lent.wrapping_sub(SYST::get_current()) & 0xFF_FFFF);
    true
}

unsafe extern "C" {
    static mut __sheap: u32;
}

const PAINT: u32 = 0xA5A5_5A5A;

/// Paints the part of the stack that is not in use yet.
fn paint() {
    let mut word = &raw mut __sheap;
    let end = (cortex_m::register::msp::read() - 64) as *mut u32;
    while word < end {
        // SAFETY: between the statics and the stack nothing is in use.
        unsafe { word.write_volatile(PAINT) };
        word = word.wrapping_add(1);
    }
}

/// The lowest address that the stack has reached since.
fn reached() -> usize {
    let mut word = (&raw mut __sheap).cast_const();
    // SAFETY: the paint ends where the stack begins.
    while unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    word as usize
}

const NUMBER: NonZeroU32 = NonZeroU32::new(0x1234_5678).unwrap();

static mut ENDS: (Session<Device>, Session<Device>) =
    (Session::client(NUMBER, Config::LOSSY), Session::server(Config::LOSSY));
static mut PIPES: (Pipe, Pipe) = (Pipe::new(), Pipe::new());

#[entry]
fn main() -> ! {
    let mut timer = cortex_m::Peripherals::take().unwrap().SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0xFF_FFFF);
    timer.clear_current();
    timer.enable_counter();
    // SAFETY: only this function uses them, and it runs once.
    let ((client, server), (there, back)) =
        unsafe { (&mut *(&raw mut ENDS), &mut *(&raw mut PIPES)) };
    let (mut source, mut target) = (Pattern::default(), Pattern::default());
    let (mut sending, mut receiving) = (0, 0);
    let top = cortex_m::register::msp::read() as usize;
    paint();
    client.begin(Task::Put).unwrap();
    loop {
        let mut moved = false;
        while turn(client, &mut source, back, there, &mut sending) {
            moved = true;
        }
        while turn(server, &mut target, there, back, &mut receiving) {
            moved = true;
        }
        if !moved {
            break;
        }
    }
    let stack = top - reached();
    let whole = target.committed && !target.wrong && target.stored == SIZE;
    hprintln!("{} bytes={} send={} receive={} stack={}", whole, SIZE, sending, receiving, stack);
    debug::exit(if whole { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {}
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
