//! The CMSDK UART and a clock of milliseconds, for async. An interrupt moves received bytes to a
//! queue, so that nothing is lost while a chunk is checked and stored. Reads and writes may be
//! dropped: they move a byte at the moment when they end.

use core::convert::Infallible;
use core::future::poll_fn;
use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;

use cortex_m::peripheral::{NVIC, SYST};
use cortex_m_rt::exception;
use embassy_sync::waitqueue::AtomicWaker;
use embedded_io_async::{ErrorType, Read, Write};
use heapless::spsc::{Consumer, Producer, Queue};
use tinyferry_core::Millis;
use tinyferry_core::driver::async_io::Clock;

/// Bytes that the receive queue holds: sixteen full frames, and the signals between them.
pub const RECV_BUFFER: usize = 16 * (1036 + 36) + 64;

const UART: usize = 0x4000_4000;
const STATE: usize = UART + 4;
/// Of the processor, in kHz.
const CLOCK: u32 = 25_000;

static mut QUEUE: Queue<u8, { RECV_BUFFER + 1 }> = Queue::new();
static mut RECEIVED: Option<Producer<'static, u8>> = None;
static CAME: AtomicWaker = AtomicWaker::new();
static MILLIS: AtomicU32 = AtomicU32::new(0);
static TICKED: AtomicWaker = AtomicWaker::new();

fn write(register: usize, value: u32) {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { write_volatile(register as *mut u32, value) };
}

fn read(register: usize) -> u32 {
    // SAFETY: only called with addresses of this chip's registers.
    unsafe { read_volatile(register as *const u32) }
}

pub struct Reader(Consumer<'static, u8>);
#[cfg(feature = "usb")]
pub struct Endpoint;
pub struct Writer;
pub struct Ticks;

/// Starts the UART and the clock; to be called once.
pub fn start() -> (Reader, Writer, Ticks) {
    // SAFETY: before the interrupts are on, nobody else knows these.
    let received = unsafe {
        let (producer, consumer) = (*(&raw mut QUEUE)).split();
        RECEIVED = Some(producer);
        consumer
    };
    start_line(8); // RX interrupt
    // SAFETY: nobody else uses it, and its handler is below.
    unsafe { (*NVIC::PTR).iser[0].write(1) };
    (Reader(received), Writer, Ticks)
}

/// The line without a queue: a byte that is not read stays in the chip. To be called once.
#[cfg(feature = "usb")]
pub fn start_endpoint() -> (Endpoint, Writer, Ticks) {
    start_line(0);
    (Endpoint, Writer, Ticks)
}

/// Starts both directions of the line, and the clock.
fn start_line(interrupts: u32) {
    write(UART + 0x10, CLOCK * 1000 / 115_200);
    write(UART + 0x08, 1 | 2 | interrupts); // TX on, RX on
    // SAFETY: nobody else uses it, and its handler is below.
    unsafe {
        let syst = &*SYST::PTR;
        syst.rvr.write(CLOCK - 1);
        syst.cvr.write(0);
        syst.csr.write(1 | 2 | 4); // on, interrupt, the processor's clock
    }
}

#[exception]
fn SysTick() {
    let now = MILLIS.load(Ordering::Relaxed).wrapping_add(1);
    MILLIS.store(now, Ordering::Relaxed);
    #[cfg(feature = "console")]
    crate::console::tick(now);
    TICKED.wake();
}

#[exception]
unsafe fn DefaultHandler(_: i16) {
    write(UART + 0x0C, 2); // the RX interrupt
    // SAFETY: the only one that uses it, and nothing interrupts it.
    let Some(received) = (unsafe { (*(&raw mut RECEIVED)).as_mut() }) else { return };
    while read(STATE) & 2 != 0 {
        // Bytes that do not fit are lost, and are sent again.
        let _ = received.enqueue(read(UART) as u8);
    }
    CAME.wake();
}

impl ErrorType for Reader {
    type Error = Infallible;
}

impl Read for Reader {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|context| {
            CAME.register(context.waker());
            let mut count = 0;
            for byte in into.iter_mut() {
                let Some(received) = self.0.dequeue() else { break };
                *byte = received;
                count += 1;
            }
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
        })
        .await
    }
}

#[cfg(feature = "usb")]
impl ErrorType for Endpoint {
    type Error = Infallible;
}

#[cfg(feature = "usb")]
impl Read for Endpoint {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = into.first_mut() else { return Ok(0) };
        poll_fn(|context| {
            if read(STATE) & 2 != 0 {
                *first = read(UART) as u8;
                return Poll::Ready(Ok(1));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

impl ErrorType for Writer {
    type Error = Infallible;
}

impl Write for Writer {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let Some(byte) = bytes.first() else { return Ok(0) };
        poll_fn(|context| {
            if read(STATE) & 1 != 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            write(UART, (*byte).into());
            Poll::Ready(Ok(1))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        // The last byte has left the buffer. The chip does not tell when it has left the shift register.
        poll_fn(|context| {
            if read(STATE) & 1 == 0 {
                return Poll::Ready(Ok(()));
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

impl Clock for Ticks {
    fn now(&mut self) -> Option<Millis> {
        Some(MILLIS.load(Ordering::Relaxed))
    }

    async fn wait_until(&mut self, deadline: Millis) {
        poll_fn(|context| {
            TICKED.register(context.waker());
            match MILLIS.load(Ordering::Relaxed).wrapping_sub(deadline) < 1 << 31 {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}
