//! A serial port as a link: each frame is sent by itself, and input is visible at once.
//!
//! Knows the system's port, its clock and its removal; knows nothing of frames. It buffers no output, and
//! the system gets a frame only when it has sent nearly all earlier bytes, so that a session reacts to
//! input within about one frame.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serial2::SerialPort;
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

use crate::endpoint::Serial;
use crate::transport::clock::{Clock, time_until};
use crate::transport::limit::Pausable;
use crate::transport::stream::{Shutdown, Traffic};
use crate::transport::{NO_ROOM, WRITE_TIMEOUT};

mod boards;
#[cfg(unix)]
mod claim;
mod opening;
mod ports;
mod refusal;
mod select;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
use self::claim::Claim;
#[cfg(unix)]
pub(crate) use self::claim::{restore_all, restore_during};
use self::opening::Opened;
pub use self::ports::{PortInfo, UsbDevice, ports};

/// The longest wait between two checks for a shutdown.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// A line without input for this time is idle.
const QUIET_INTERVAL: Duration = Duration::from_millis(20);

/// A link over a serial port.
#[derive(Debug)]
pub struct SerialLink {
    port: SerialPort,
    path: String,
    /// Input that was read by a poll.
    input: [u8; 256],
    /// The bytes of `input` that are not yet read.
    buffered: Range<usize>,
    clock: Clock,
    deadline: Option<Millis>,
    traffic: Traffic,
    shutdown: Arc<Shutdown>,
    /// Restores the settings of the port.
    #[cfg(unix)]
    _claim: Claim,
}

impl SerialLink {
    /// Finds, opens and configures a port, resets the board if the endpoint says so, and drops earlier input;
    /// `shutdown` is shared with the server, which may end the link.
    ///
    /// # Errors
    /// There is no such port, another program uses it, this user may not, or those of the system.
    pub fn open(serial: &Serial, shutdown: Arc<Shutdown>) -> io::Result<Self> {
        Ok(Self::over(opening::open(serial)?, shutdown))
    }

    fn over(opened: Opened, shutdown: Arc<Shutdown>) -> Self {
        Self {
            port: opened.port,
            path: opened.path,
            input: [0; 256],
            buffered: 0..0,
            clock: Clock::start(),
            deadline: None,
            traffic: Traffic::default(),
            shutdown,
            #[cfg(unix)]
            _claim: opened.claim,
        }
    }

    /// The name of the port in the system: `/dev/ttyUSB0`. A selector may find another one each time.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A second handle of the port.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn second_handle(&self) -> io::Result<SerialPort> {
        self.port.try_clone()
    }

    /// The traffic so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Drops input until the line is idle: the rest of a failed session.
    pub(crate) fn drop_input(&mut self) {
        self.drain(QUIET_INTERVAL, Duration::from_secs(1));
    }

    /// Drops input until the line is idle for `idle`, for `most` at most.
    pub(crate) fn drain(&mut self, idle: Duration, most: Duration) {
        self.buffered = 0..0;
        let end = Instant::now() + most;
        while Instant::now() < end && self.fill(idle).is_ok_and(|count| count > 0) {}
        self.buffered = 0..0;
    }

    /// Reads into the empty buffer; 0 if the port was removed.
    fn fill(&mut self, wait: Duration) -> io::Result<usize> {
        self.port.set_read_timeout(wait)?;
        let count = match self.port.read(&mut self.input) {
            Err(error) if is_gone(&error) => 0,
            // Another program has read the input, or a signal interrupted the call: not the end.
            Err(error) if is_passing(&error) => return Err(ErrorKind::Interrupted.into()),
            Ok(0) if !has_hung_up(&self.port) => return Err(ErrorKind::Interrupted.into()),
            result => result?,
        };
        self.buffered = 0..count;
        Ok(count)
    }

    /// The time until the deadline.
    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| time_until(deadline, self.clock.now()))
    }
}

/// Whether the error is transient.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Whether a port without input was removed.
#[cfg(unix)]
fn has_hung_up(port: &SerialPort) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut ports = [PollFd::new(port, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    poll(&mut ports, Some(&at_once)).is_err() || ports[0].revents().intersects(gone)
}

#[cfg(not(unix))]
fn has_hung_up(_: &SerialPort) -> bool {
    true
}

/// Whether the port was removed.
fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let errno = Errno::from_io_error(error);
        errno.is_some_and(|errno| matches!(errno, Errno::IO | Errno::NXIO | Errno::NODEV))
    }
    #[cfg(not(unix))]
    {
        matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::PermissionDenied)
    }
}

impl embedded_io::ErrorType for SerialLink {
    type Error = io::Error;
}

impl embedded_io::Read for SerialLink {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.buffered.is_empty() {
            if self.shutdown.is_due() {
                return Ok(0);
            }
            let left = self.left();
            let wait = left.map_or(POLL_INTERVAL, |left| left.min(POLL_INTERVAL));
            match self.fill(wait) {
                Ok(0) => return Ok(0),
                Err(error)
                    if error.kind() == ErrorKind::TimedOut
                        && left.is_none_or(|left| left > wait) => {}
                // The deadline stays.
                Err(error)
                    if error.kind() == ErrorKind::Interrupted
                        && left.is_none_or(|left| !left.is_zero()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    return Err(ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        let buffered = self.input.get(self.buffered.clone()).unwrap_or_default();
        let count = io::Read::read(&mut &*buffered, into)?;
        self.buffered.start += count;
        self.traffic.received += count as u64;
        Ok(count)
    }
}

impl embedded_io::Write for SerialLink {
    /// Waits until nearly all earlier bytes are sent. Bytes for a removed port are lost as on the line: the
    /// next read reports the removal.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let begin = Instant::now();
        loop {
            match self.port.write(bytes) {
                Ok(count) => {
                    self.traffic.sent += count as u64;
                    return Ok(count);
                }
                Err(error) if is_gone(&error) => return Ok(bytes.len()),
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => {}
                    _ => return Err(error),
                },
            }
            if self.shutdown.is_forced.load(Ordering::SeqCst) {
                return Ok(bytes.len());
            }
            if begin.elapsed() > WRITE_TIMEOUT {
                return Err(io::Error::new(ErrorKind::ConnectionAborted, NO_ROOM));
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link for SerialLink {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Some(self.clock.now())
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.deadline = deadline;
        self.shutdown.is_idle.store(is_idle, Ordering::SeqCst);
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        if self.buffered.is_empty() {
            return match self.fill(Duration::ZERO) {
                // The end of the input is an event too.
                Ok(_) => Ok(true),
                Err(error) => match error.kind() {
                    ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted => {
                        Ok(false)
                    }
                    _ => Err(error),
                },
            };
        }
        Ok(true)
    }
}

impl Pausable for SerialLink {
    const LOSES_UNREAD: bool = true;
}
