//! A limit of the bandwidth of a link: a token bucket for each direction.
//!
//! Knows bytes and time; knows nothing of frames and of the layers below the link.

use std::io;
use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_core::driver::blocking::Link;
use tinyferry_core::wire::{CREDIT_MAX, FRAME_MAX};
use tinyferry_core::{Config, Millis};

use crate::loss::Loss;

#[cfg(test)]
mod tests;

/// The smallest limit of the bandwidth, in bytes a second: a frame then takes about a second, which is less than any usual timeout.
pub const MIN_RATE: NonZeroU64 = NonZeroU64::new(1024).unwrap();

/// The longest time without traffic that a later burst makes up for.
const BURST: Duration = Duration::from_millis(100);
/// The shortest pause: shorter ones would cost a call to the system for each frame.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
/// The number of frames that the buffer of a port holds: it has 4096 bytes.
const PORT_CREDIT: u16 = 3;

/// A link whose output and input can pause.
pub(crate) trait Pausable: Link<Error = io::Error> {
    /// Whether input that is not read soon is lost.
    const LOSES_UNREAD: bool;

    /// Updates the clock after a pause.
    fn update_clock(&mut self) {}

    /// Frees memory that is not needed until the next read. No input is buffered, and no output.
    fn free_buffers(&mut self) {}
}

/// A token bucket. It allows each piece, and tells how long to pause before the next one.
#[derive(Debug)]
struct Bucket {
    /// Bytes a second.
    rate: NonZeroU64,
    /// When all pieces so far are paid for.
    paid_at: Duration,
}

impl Bucket {
    fn new(rate: NonZeroU64) -> Self {
        Self { rate, paid_at: Duration::ZERO }
    }

    /// A piece of this number of bytes passes.
    fn take(&mut self, bytes: usize, now: Duration) {
        let cost = Duration::from_secs_f64(bytes as f64 / self.rate.get() as f64);
        self.paid_at = self.paid_at.max(now.saturating_sub(BURST)).saturating_add(cost);
    }

    /// The time until the next piece may pass.
    fn pause(&self, now: Duration) -> Duration {
        self.paid_at.saturating_sub(now)
    }
}

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Pacer {
    clock: Instant,
    sent: Bucket,
    received: Bucket,
    /// Whether the last write was incomplete: a pause inside a frame would damage it on a lossy link.
    is_mid_frame: bool,
}

impl Pacer {
    /// `rate`: bytes a second in each direction.
    pub(crate) fn new(rate: NonZeroU64) -> Self {
        let [sent, received] = [(); 2].map(|()| Bucket::new(rate.max(MIN_RATE)));
        Self { clock: Instant::now(), sent, received, is_mid_frame: false }
    }

    /// The values for the handshake of a session over `L`: the other end sends at most a second ahead, so that no
    /// buffer delays answers. Where unread input is lost, it sends no more than a serial port holds.
    pub(crate) fn bound<L: Pausable>(&self, config: Config) -> Config {
        let per_second = self.received.rate.get() / FRAME_MAX as u64;
        let most = if L::LOSES_UNREAD { PORT_CREDIT } else { CREDIT_MAX };
        let credit = u16::try_from(per_second).unwrap_or(CREDIT_MAX).clamp(1, most);
        config.credit(config.credit.min(credit))
    }

    /// The time that a frame takes.
    pub(crate) fn frame(&self) -> Duration {
        Duration::from_secs(FRAME_MAX as u64)
            / u32::try_from(self.received.rate.get()).unwrap_or(u32::MAX)
    }

    fn now(&self) -> Duration {
        self.clock.elapsed()
    }
}

/// A link with a limit. Writes pause, and reads of a reliable link. On a lossy link unread input may be lost, and the
/// other end repeats content that is not answered in time: there the answers to it pause instead. Without them it sends
/// no more than its credit.
pub(crate) struct Limited<'a, L> {
    link: &'a mut L,
    pacer: &'a mut Pacer,
    loss: Loss,
}

impl<'a, L: Pausable> Limited<'a, L> {
    pub(crate) fn new(link: &'a mut L, pacer: &'a mut Pacer, loss: Loss) -> Self {
        Self { link, pacer, loss }
    }

    fn pauses_answers(&self) -> bool {
        L::LOSES_UNREAD || self.loss.is_lossy()
    }

    fn pause(&mut self, pause: Duration) -> io::Result<()> {
        if !pause.is_zero() {
            self.link.flush()?;
            thread::sleep(pause.max(SHORTEST_PAUSE));
            self.link.update_clock();
        }
        Ok(())
    }
}

impl<L: Pausable> embedded_io::ErrorType for Limited<'_, L> {
    type Error = io::Error;
}

impl<L: Pausable> embedded_io::Read for Limited<'_, L> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.pauses_answers() {
            self.pause(self.pacer.received.pause(self.pacer.now()))?;
        }
        let count = self.link.read(into)?;
        self.pacer.received.take(count, self.pacer.now());
        Ok(count)
    }
}

impl<L: Pausable> embedded_io::Write for Limited<'_, L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.pacer.is_mid_frame {
            let now = self.pacer.now();
            let sent = self.pacer.sent.pause(now);
            let received = self.pacer.received.pause(now);
            self.pause(if self.pauses_answers() { sent.max(received) } else { sent })?;
        }
        let count = self.link.write(bytes)?;
        self.pacer.is_mid_frame = count < bytes.len();
        self.pacer.sent.take(count, self.pacer.now());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }
}

impl<L: Pausable> Link for Limited<'_, L> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;

    fn now(&mut self) -> Option<Millis> {
        self.link.now()
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.link.set_read_deadline(deadline, is_idle);
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        self.link.is_ready()
    }

    fn check(&mut self) -> io::Result<()> {
        self.link.check()
    }
}
