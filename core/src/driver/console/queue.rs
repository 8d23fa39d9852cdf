//! A queue of bytes between one writer and one reader, which may be an interrupt and the program that it
//! interrupts. Only loads and stores: it needs no lock, and works on processors without other atomic steps.

use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A queue of `N` bytes; `N` is a power of two, or 0.
#[derive(Debug)]
pub(super) struct Queue<const N: usize> {
    bytes: [AtomicU8; N],
    /// The number of bytes that were read since the start, modulo the size of the counter.
    read: AtomicUsize,
    /// The number of bytes that were written.
    written: AtomicUsize,
}

impl<const N: usize> Queue<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N == 0 || N.is_power_of_two(), "the size of a queue is a power of two") };
        Self {
            bytes: [const { AtomicU8::new(0) }; N],
            read: AtomicUsize::new(0),
            written: AtomicUsize::new(0),
        }
    }

    fn byte(&self, at: usize) -> Option<&AtomicU8> {
        self.bytes.get(at & N.wrapping_sub(1))
    }

    /// A message, which the reader sees when it is complete.
    pub(super) fn message(&self) -> Message<'_, N> {
        let end = self.written.load(Ordering::Relaxed);
        let used = end.wrapping_sub(self.read.load(Ordering::Acquire));
        Message { queue: self, end, room: N.saturating_sub(used), fits: true }
    }

    /// Appends the bytes that fit. Returns the number of the others.
    pub(super) fn append(&self, bytes: &[u8]) -> u32 {
        let mut message = self.message();
        let count = bytes.len().min(message.room);
        let (fitting, rest) = bytes.split_at_checked(count).unwrap_or_default();
        message.append(fitting);
        message.send();
        u32::try_from(rest.len()).unwrap_or(u32::MAX)
    }

    /// Copies the next bytes; they stay.
    pub(super) fn peek(&self, into: &mut [u8]) -> usize {
        let read = self.read.load(Ordering::Relaxed);
        let mut left = self.written.load(Ordering::Acquire).wrapping_sub(read);
        let mut at = read;
        for to in into.iter_mut() {
            let Some(byte) = self.byte(at).filter(|_| left > 0) else { break };
            *to = byte.load(Ordering::Relaxed);
            at = at.wrapping_add(1);
            left = left.wrapping_sub(1);
        }
        at.wrapping_sub(read)
    }

    /// Drops bytes that [`Queue::peek`] has copied.
    pub(super) fn consume(&self, count: usize) {
        let read = self.read.load(Ordering::Relaxed);
        let left = self.written.load(Ordering::Acquire).wrapping_sub(read);
        self.read.store(read.wrapping_add(count.min(left)), Ordering::Release);
    }
}

/// A message that is being written. There is one at a time.
pub(super) struct Message<'a, const N: usize> {
    queue: &'a Queue<N>,
    /// The position of its next byte.
    end: usize,
    /// The number of free bytes.
    room: usize,
    fits: bool,
}

impl<const N: usize> Message<'_, N> {
    pub(super) fn append(&mut self, bytes: &[u8]) {
        let Some(room) = self.room.checked_sub(bytes.len()).filter(|_| self.fits) else {
            self.fits = false;
            return;
        };
        self.room = room;
        for byte in bytes {
            if let Some(to) = self.queue.byte(self.end) {
                to.store(*byte, Ordering::Relaxed);
            }
            self.end = self.end.wrapping_add(1);
        }
    }

    /// Gives it to the reader, unless it did not fit. Returns whether it did.
    pub(super) fn send(self) -> bool {
        if self.fits {
            self.queue.written.store(self.end, Ordering::Release);
        }
        self.fits
    }
}

impl<const N: usize> fmt::Write for Message<'_, N> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.append(part.as_bytes());
        if self.fits { Ok(()) } else { Err(fmt::Error) }
    }
}
