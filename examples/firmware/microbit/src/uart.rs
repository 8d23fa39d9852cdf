//! The nRF51's UART and a clock of milliseconds. An interrupt moves received bytes to a queue, so
//! that nothing is lost while a chunk is checked and stored.

use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::interrupt;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use heapless::spsc::{Consumer, Producer, Queue};
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

/// Bytes that the receive queue holds: eight full frames, and the signals between them.
pub const RECV_BUFFER: usize = 8 * (268 + 36) + 64;

const UART: usize = 0x4000_2000;
const TIMER: usize = 0x4000_8000;
/// TX on pin 24 and RX on pin 25, as the micro:bit has them.
const PINS: (u32, u32) = (24, 25);
const BAUD_115200: u32 = 0x01D7_E000;

static mut QUEUE: Queue<u8, { RECV_BUFFER + 1 }> = Queue::new();
static mut RECEIVED: Option<Producer<'static, u8>> = None;
static MILLIS: AtomicU32 = AtomicU32::new(0);

/// The time since the start of the clock.
pub fn millis() -> Millis {
    MILLIS.load(Ordering::Relaxed)
}

fn write(register: usize, value: u32) {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { write_volatile(register as *mut u32, value) };
}

fn read(register: usize) -> u32 {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { read_volatile(register as *const u32) }
}

pub struct Uart {
    received: Consumer<'static, u8>,
    deadline: Option<Millis>,
    has_sent: bool,
}

impl Uart {
    /// Starts the UART and the clock; to be called once.
    pub fn start() -> Self {
        // SAFETY: before the interrupts are on, nobody else knows these.
        let received = unsafe {
            let (producer, consumer) = (*(&raw mut QUEUE)).split();
            RECEIVED = Some(producer);
            consumer
        };
        write(UART + 0x50C, PINS.0);
        write(UART + 0x514, PINS.1);
        write(UART + 0x524, BAUD_115200);
        write(UART + 0x500, 4); // ENABLE
        write(UART, 1); // STARTRX
        write(UART + 0x008, 1); // STARTTX
        write(UART + 0x304, 1 << 2); // INTENSET: RXDRDY
        write(TIMER + 0x510, 4); // PRESCALER: 1 MHz
        write(TIMER + 0x540, 1000); // CC[0]
        write(TIMER + 0x200, 1); // SHORTS: COMPARE[0] clears
        write(TIMER + 0x304, 1 << 16); // INTENSET: COMPARE[0]
        write(TIMER, 1); // START
        // UART0 and TIMER0, without the names of a peripheral crate.
        // SAFETY: their handler is below.
        unsafe { (*NVIC::PTR).iser[0].write(1 << 2 | 1 << 8) };
        Self { received, deadline: None, has_sent: false }
    }
}

#[exception]
unsafe fn DefaultHandler(number: i16) {
    if number == 8 {
        write(TIMER + 0x140, 0); // COMPARE[0]
        let now = MILLIS.load(Ordering::Relaxed).wrapping_add(1);
        MILLIS.store(now, Ordering::Relaxed);
        #[cfg(feature = "console")]
        crate::console::tick(now);
        return;
    }
    // SAFETY: the only one that uses it, and nothing interrupts it.
    let Some(received) = (unsafe { (*(&raw mut RECEIVED)).as_mut() }) else { return };
    while read(UART + 0x108) != 0 {
        write(UART + 0x108, 0); // RXDRDY
        // Bytes that do not fit are lost, and are sent again.
        let _ = received.enqueue(read(UART + 0x518) as u8);
    }
}

impl Link for Uart {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Some(millis())
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
        self.deadline = deadline;
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.received.ready())
    }
}

impl ErrorType for Uart {
    type Error = ErrorKind;
}

impl Read for Uart {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        while !self.received.ready() {
            let now = millis();
            if self.deadline.is_some_and(|deadline| now.wrapping_sub(deadline) < 1 << 31) {
                return Err(ErrorKind::TimedOut);
            }
            // With interrupts off none can slip in between the look and the sleep; it wakes all the
            // same, at the latest with the clock.
            interrupt::disable();
            if !self.received.ready() {
                cortex_m::asm::wfi();
            }
            // SAFETY: they were on.
            unsafe { interrupt::enable() };
        }
        let mut count = 0;
        for byte in into {
            let Some(received) = self.received.dequeue() else { break };
            *byte = received;
            count += 1;
        }
        Ok(count)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        // There is no event before the first byte.
        while self.has_sent && read(UART + 0x11C) == 0 {}
        self.has_sent = true;
        write(UART + 0x11C, 0); // TXDRDY
        write(UART + 0x51C, (*byte).into());
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        // The event comes when the last byte is on the wire.
        while self.has_sent && read(UART + 0x11C) == 0 {}
        Ok(())
    }
}
