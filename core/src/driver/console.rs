//! The console of a board: text that shares the line with the frames (`PROTOCOL.md`, R98).
//!
//! Knows bytes, queues and links; knows nothing of frames: a session says where text may go out, and which
//! bytes of the input are text.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use self::queue::Queue;
use crate::time::Millis;

pub(super) mod link;
mod queue;
#[cfg(test)]
mod tests;

/// The interval at which a driver that waits for input looks for output text, in ms.
pub(super) const INTERVAL: Millis = 20;
/// The maximum number of bytes of text between two frames: it limits the delay of an answer.
pub(super) const LONGEST: usize = 256;
/// The number of bytes that are copied at once.
pub(super) const PART: usize = 32;

/// The text beside the frames of a link: a driver takes the output from it, and gives the input to it.
/// [`Console`] is one.
pub trait Text {
    /// Copies the next bytes of the output to `into`, and returns their number; 0 if there are none. They stay
    /// until [`Text::sent`].
    fn peek(&self, into: &mut [u8]) -> usize;

    /// The next `count` bytes of the output were written.
    fn sent(&self, count: usize);

    /// Text of the other end came.
    fn received(&self, bytes: &[u8]);

    /// Whether there may be output at any time.
    fn prints(&self) -> bool {
        true
    }
}

impl<T: Text + ?Sized> Text for &T {
    fn peek(&self, into: &mut [u8]) -> usize {
        T::peek(self, into)
    }

    fn sent(&self, count: usize) {
        T::sent(self, count);
    }

    fn received(&self, bytes: &[u8]) {
        T::received(self, bytes);
    }

    fn prints(&self) -> bool {
        T::prints(self)
    }
}

/// No console.
#[cfg(feature = "async")]
pub(crate) struct NoText;

#[cfg(feature = "async")]
impl Text for NoText {
    fn peek(&self, _: &mut [u8]) -> usize {
        0
    }

    fn sent(&self, _: usize) {}

    fn received(&self, _: &[u8]) {}

    fn prints(&self) -> bool {
        false
    }
}

/// Text that a board prints and reads while its line carries frames: a queue of `OUT` bytes for the output
/// and one of `IN` bytes for the input. Each is a power of two, or 0: then there is none.
///
/// It is made to be a `static` that all parts of a program share. One of them prints at a time: text
/// of an interrupt is dropped while the text that it has interrupted is not complete. A message that finds no
/// room is dropped as a whole. [`Console::dropped`] counts both.
///
/// The driver writes the text between two frames, also while no client is there: for the blocking one by
/// [`WithConsole`](crate::driver::blocking::WithConsole). [`Profile::CONSOLE`](crate::Profile::CONSOLE) gives it the input.
///
/// ```
/// use tinyferry_core::driver::Console;
///
/// static CONSOLE: Console<256, 32> = Console::new();
///
/// fn on_timer_interrupt(celsius: i32) {
///     let _ = writeln!(CONSOLE, "temperature: {celsius}");
/// }
///
/// on_timer_interrupt(21);
/// // A key that a person has pressed, if one has.
/// let mut key = [0];
/// assert_eq!(CONSOLE.read(&mut key), 0);
/// ```
#[derive(Debug)]
pub struct Console<const OUT: usize, const IN: usize = 0> {
    output: Queue<OUT>,
    input: Queue<IN>,
    /// Whether a message is being printed.
    is_printing: AtomicBool,
    dropped: AtomicU32,
    overrun: AtomicU32,
}

impl<const OUT: usize, const IN: usize> Console<OUT, IN> {
    /// A console without text.
    pub const fn new() -> Self {
        Self {
            output: Queue::new(),
            input: Queue::new(),
            is_printing: AtomicBool::new(false),
            dropped: AtomicU32::new(0),
            overrun: AtomicU32::new(0),
        }
    }

    /// Prints bytes: all of them, or none if they find no room. Returns whether they go out.
    pub fn print(&self, bytes: &[u8]) -> bool {
        self.message(|message| message.append(bytes))
    }

    /// Prints a message, for `write!` and `writeln!`: all of it, or none if it finds no room.
    ///
    /// # Errors
    /// It is dropped.
    pub fn write_fmt(&self, message: fmt::Arguments<'_>) -> fmt::Result {
        let is_printed = self.message(|to| {
            // A part that does not fit drops the message.
            let _ = fmt::write(to, message);
        });
        if is_printed { Ok(()) } else { Err(fmt::Error) }
    }

    /// Reads bytes of the input, and returns their number; 0 if none has come.
    pub fn read(&self, into: &mut [u8]) -> usize {
        let count = self.input.peek(into);
        self.input.consume(count);
        count
    }

    /// The number of messages that were dropped since the start. It counts two that are dropped at one moment as
    /// one where the processor cannot add in one step, as a Cortex-M0.
    pub fn dropped(&self) -> u32 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The number of bytes of the input that found no room since the start.
    pub fn overrun(&self) -> u32 {
        self.overrun.load(Ordering::Relaxed)
    }

    fn message(&self, print: impl FnOnce(&mut queue::Message<'_, OUT>)) -> bool {
        if swap(&self.is_printing, true) {
            add(&self.dropped, 1);
            return false;
        }
        let mut message = self.output.message();
        print(&mut message);
        let is_printed = message.send();
        self.is_printing.store(false, Ordering::Release);
        if !is_printed {
            add(&self.dropped, 1);
        }
        is_printed
    }
}

impl<const OUT: usize, const IN: usize> Default for Console<OUT, IN> {
    fn default() -> Self {
        Self::new()
    }
}

/// For code that prints in parts. Each part is a message of its own: prefer `write!(console, …)`.
impl<const OUT: usize, const IN: usize> fmt::Write for &Console<OUT, IN> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.print(part.as_bytes()) { Ok(()) } else { Err(fmt::Error) }
    }
}

impl<const OUT: usize, const IN: usize> Text for Console<OUT, IN> {
    fn peek(&self, into: &mut [u8]) -> usize {
        self.output.peek(into)
    }

    fn sent(&self, count: usize) {
        self.output.consume(count);
    }

    fn received(&self, bytes: &[u8]) {
        let lost = self.input.append(bytes);
        if lost > 0 {
            add(&self.overrun, lost);
        }
    }
}

/// Sets a flag, and returns whether it was set. Where the processor cannot do that in one step, an interrupt in
/// between has completed its own message.
fn swap(flag: &AtomicBool, value: bool) -> bool {
    #[cfg(target_has_atomic = "8")]
    return flag.swap(value, Ordering::Acquire);
    #[cfg(not(target_has_atomic = "8"))]
    {
        let before = flag.load(Ordering::Acquire);
        flag.store(value, Ordering::Relaxed);
        before
    }
}

fn add(counter: &AtomicU32, count: u32) {
    #[cfg(target_has_atomic = "32")]
    counter.fetch_add(count, Ordering::Relaxed);
    #[cfg(not(target_has_atomic = "32"))]
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

/// The deadline, or the next look for text if that is sooner.
pub(super) fn sooner(deadline: Option<Millis>, now: Millis) -> Millis {
    let look = now.wrapping_add(INTERVAL);
    deadline.filter(|deadline| crate::time::reached(look, *deadline)).unwrap_or(look)
}
