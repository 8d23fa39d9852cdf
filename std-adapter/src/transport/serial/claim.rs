//! Exclusive use of a port, and its earlier settings. They are restored when the use ends, also if opening
//! the port fails half-way or a signal ends the program.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serial2::SerialPort;

/// The longest wait for the last bytes before the port is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Ports in use, for the signals that end this program.
static CLAIMED: Mutex<Vec<Arc<SavedPort>>> = Mutex::new(Vec::new());

fn claimed() -> MutexGuard<'static, Vec<Arc<SavedPort>>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port and its earlier settings.
#[derive(Debug)]
struct SavedPort {
    port: OwnedFd,
    settings: Termios,
}

/// Exclusive use of a port.
#[derive(Debug)]
pub(super) struct Claim(Arc<SavedPort>);

impl Claim {
    /// Claims the port for this program, with or without a carrier.
    ///
    /// # Errors
    /// Another program uses it, or those of the system.
    pub(super) fn new(port: &SerialPort) -> io::Result<Self> {
        let mut settings = tcgetattr(port)?;
        flock(port, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            Errno::WOULDBLOCK => io::Error::new(ErrorKind::ResourceBusy, "another program uses it"),
            errno => errno.into(),
        })?;
        let port = port.as_fd().try_clone_to_owned()?;
        let found = Arc::new(SavedPort { port, settings: settings.clone() });
        claimed().push(Arc::clone(&found));
        let claim = Self(found);
        settings.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        tcsetattr(&claim.0.port, OptionalActions::Now, &settings)?;
        Ok(claim)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.restore();
        claimed().retain(|found| !Arc::ptr_eq(found, &self.0));
    }
}

impl SavedPort {
    /// Restores the settings when all bytes are sent, or after a timeout.
    fn restore(&self) {
        let Ok(port) = self.port.try_clone() else { return };
        let settings = self.settings.clone();
        let (sender, done) = std::sync::mpsc::channel();
        let restore = move || {
            let _ = sender.send(tcsetattr(&port, OptionalActions::Drain, &settings));
        };
        let is_started = std::thread::Builder::new().name("port".into()).spawn(restore).is_ok();
        if !is_started || done.recv_timeout(DRAIN_TIMEOUT).is_err() {
            // The remaining bytes are lost; the settings are not.
            let _ = tcsetattr(&self.port, OptionalActions::Now, &self.settings);
        }
    }
}

/// Restores the settings of all ports in use, before a signal ends this program.
pub(crate) fn restore_all() {
    let all: Vec<_> = claimed().iter().map(Arc::clone).collect();
    all.iter().for_each(|found| found.restore());
}
