//! Exclusive use of a port, and its settings as they were found. They are put back when the use ends, also
//! where opening the port fails half-way or a signal ends the program.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serial2::SerialPort;

/// How long the last bytes may take to go out before the port is left.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Ports in use, for the signals that end this program.
static CLAIMED: Mutex<Vec<Arc<SavedPort>>> = Mutex::new(Vec::new());

fn claimed() -> MutexGuard<'static, Vec<Arc<SavedPort>>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port and how it was set.
#[derive(Debug)]
struct SavedPort {
    port: OwnedFd,
    settings: Termios,
}

/// Exclusive use of a port.
#[derive(Debug)]
pub(super) struct Claim(Arc<SavedPort>);

impl Claim {
    /// Makes the port this program's own, whatever the line's carrier says.
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
    /// Sets the port as it was found, once all is out. A line that takes nothing is not waited for
    /// beyond a moment.
    fn restore(&self) {
        let Ok(port) = self.port.try_clone() else { return };
        let settings = self.settings.clone();
        let (sender, done) = std::sync::mpsc::channel();
        let restore = move || {
            let _ = sender.send(tcsetattr(&port, OptionalActions::Drain, &settings));
        };
        let is_started = std::thread::Builder::new().name("port".into()).spawn(restore).is_ok();
        if !is_started || done.recv_timeout(DRAIN_TIMEOUT).is_err() {
            // What is not out by now is lost with the program; the settings are not.
            let _ = tcsetattr(&self.port, OptionalActions::Now, &self.settings);
        }
    }
}

/// Puts all ports in use back, before a signal ends this program.
pub(crate) fn restore_all() {
    let all: Vec<_> = claimed().iter().map(Arc::clone).collect();
    all.iter().for_each(|found| found.restore());
}
