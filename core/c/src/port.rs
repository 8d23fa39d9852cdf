//! The stream and the clock of the caller.

use core::ffi::c_void;

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

/// `tinyferry_port.read`: the stream has ended.
pub const TINYFERRY_END: i32 = -1;

/// `tinyferry_port.read`: wait without a limit.
pub const TINYFERRY_FOR_EVER: u32 = u32::MAX;

/// The silence after which an incomplete frame of a lossy link is damaged, in ms.
const SILENCE: u32 = 20;

/// A stream of bytes, and a clock if there is one. Null is allowed where that is said. Each function gets `context`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct tinyferry_port {
    /// The first argument of each function.
    pub context: *mut c_void,
    /// Reads at least one byte and at most `length` bytes. Waits `wait` ms for the first one, less than 2^31, or without a
    /// limit if that is `TINYFERRY_FOR_EVER`. Returns the number of bytes; 0: none came; `TINYFERRY_END`: the stream has ended; another
    /// negative number: it failed.
    pub read: Option<
        unsafe extern "C" fn(context: *mut c_void, into: *mut u8, length: usize, wait: u32) -> i32,
    >,
    /// Writes at least one byte and at most `length` bytes; may wait. Returns the number of bytes; 0 or a negative number:
    /// the stream failed.
    pub write:
        Option<unsafe extern "C" fn(context: *mut c_void, bytes: *const u8, length: usize) -> i32>,
    /// Waits until all bytes are on the wire. Returns 0, or a negative number if the stream failed. Null: they always are.
    pub flush: Option<unsafe extern "C" fn(context: *mut c_void) -> i32>,
    /// Returns 1 if a read would not wait, 0 if it would, and a negative number if the stream failed. Null: this end does
    /// not receive while it sends (half-duplex).
    pub is_ready: Option<unsafe extern "C" fn(context: *mut c_void) -> i32>,
    /// Milliseconds from any origin; they wrap around. Null: there is no clock; then reads wait 20 ms at most.
    pub now: Option<unsafe extern "C" fn(context: *mut c_void) -> u32>,
}

/// A port as a link of the drivers.
pub(crate) struct Port {
    calls: tinyferry_port,
    /// When the next read ends.
    deadline: Option<Millis>,
}

impl Port {
    /// A port of these functions.
    ///
    /// # Safety
    /// Each function that is not null may be called with its `context`, from the thread that calls this library, as long
    /// as the port is in use; `read` writes no more than `length` bytes.
    pub(crate) const unsafe fn new(calls: tinyferry_port) -> Self {
        Self { calls, deadline: None }
    }

    /// Whether this end cannot receive while it sends.
    pub(crate) fn is_half_duplex(&self) -> bool {
        self.calls.is_ready.is_none()
    }

    fn wait(&mut self) -> u32 {
        match (self.now(), self.deadline) {
            (None, _) => SILENCE,
            (Some(_), None) => TINYFERRY_FOR_EVER,
            (Some(now), Some(deadline)) => {
                let left = deadline.wrapping_sub(now);
                // From half the range on it has passed.
                if left < 1 << 31 { left } else { 0 }
            }
        }
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl Read for Port {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let wait = self.wait();
        let Some(read) = self.calls.read else { return Err(ErrorKind::Unsupported) };
        // SAFETY: `new` demands it; the slice can be written.
        let count = unsafe { read(self.calls.context, into.as_mut_ptr(), into.len(), wait) };
        match usize::try_from(count) {
            Ok(0) => Err(ErrorKind::TimedOut),
            Ok(count) => Ok(count.min(into.len())),
            Err(_) if count == TINYFERRY_END => Ok(0),
            Err(_) => Err(ErrorKind::Other),
        }
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let Some(write) = self.calls.write else { return Err(ErrorKind::Unsupported) };
        if bytes.is_empty() {
            return Ok(0);
        }
        // SAFETY: `new` demands it; the slice can be read.
        let count = unsafe { write(self.calls.context, bytes.as_ptr(), bytes.len()) };
        match usize::try_from(count) {
            Ok(count) if count > 0 => Ok(count.min(bytes.len())),
            _ => Err(ErrorKind::WriteZero),
        }
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        // SAFETY: `new` demands it.
        let result = self.calls.flush.map_or(0, |flush| unsafe { flush(self.calls.context) });
        if result < 0 { Err(ErrorKind::Other) } else { Ok(()) }
    }
}

impl Link for Port {
    // The session of a port without `is_ready` is half-duplex by its configuration.
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        // SAFETY: `new` demands it.
        self.calls.now.map(|now| unsafe { now(self.calls.context) })
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
        self.deadline = deadline;
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        // SAFETY: `new` demands it.
        match self.calls.is_ready.map_or(0, |is_ready| unsafe { is_ready(self.calls.context) }) {
            result if result < 0 => Err(ErrorKind::Other),
            result => Ok(result > 0),
        }
    }
}
