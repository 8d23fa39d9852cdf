//! Exclusive use of a port, and its earlier settings. They are restored when the use ends, also if opening
//! the port fails half-way or a signal ends the program.
//!
//! One setting is not restored for a board that DTR resets: the system turns DTR on when the port is opened,
//! and with the usual settings off when it is closed (HUPCL). Each program that opens the port would then reset
//! the board. Without HUPCL DTR stays on, and only the first opening does.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr,
};
use serial2::SerialPort;

/// The longest wait for the last bytes before the port is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The ports of this program, for the signals that end it.
enum Ports {
    InUse(Vec<Arc<SavedPort>>),
    /// A signal ends this program: their settings are restored, and none is set again.
    Restored,
}

static PORTS: Mutex<Ports> = Mutex::new(Ports::InUse(Vec::new()));

fn ports() -> MutexGuard<'static, Ports> {
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ports {
    fn in_use(&mut self) -> io::Result<&mut Vec<Arc<SavedPort>>> {
        match self {
            Self::InUse(ports) => Ok(ports),
            Self::Restored => Err(io::Error::other("a signal ends this program")),
        }
    }
}

/// A port and its earlier settings.
#[derive(Debug)]
struct SavedPort {
    port: OwnedFd,
    /// The settings for the end of the use.
    settings: Termios,
}

/// Exclusive use of a port.
#[derive(Debug)]
pub(super) struct Claim(Arc<SavedPort>);

impl Claim {
    /// Claims the port for this program, with or without a carrier. `keeps_dtr`: DTR stays on when the port is
    /// closed.
    ///
    /// # Errors
    /// Another program uses it ([`ErrorKind::ResourceBusy`]), or those of the system.
    pub(super) fn new(port: &SerialPort, keeps_dtr: bool) -> io::Result<Self> {
        let found = tcgetattr(port)?;
        flock(port, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            Errno::WOULDBLOCK => ErrorKind::ResourceBusy.into(),
            errno => io::Error::from(errno),
        })?;
        let [used, settings] = settings(found, keeps_dtr);
        let saved = Arc::new(SavedPort { port: port.as_fd().try_clone_to_owned()?, settings });
        ports().in_use()?.push(Arc::clone(&saved));
        let claim = Self(saved);
        claim.set(|| Ok(tcsetattr(&claim.0.port, OptionalActions::Now, &used)?))?;
        Ok(claim)
    }

    /// Sets the port by `set`, not while a signal restores its settings, and not after a signal that ends this program
    /// has done so.
    ///
    /// # Errors
    /// Those of `set`, and one after such a signal.
    pub(super) fn set(&self, set: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut ports = ports();
        ports.in_use()?;
        set()
    }
}

/// The settings during the use and for its end, of a port with the settings `found`.
fn settings(mut found: Termios, keeps_dtr: bool) -> [Termios; 2] {
    if keeps_dtr {
        found.control_modes -= ControlModes::HUPCL;
    }
    let mut used = found.clone();
    used.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
    [used, found]
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.restore();
        if let Ok(ports) = ports().in_use() {
            ports.retain(|found| !Arc::ptr_eq(found, &self.0));
        }
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
            // The remaining bytes are lost; the settings are not. Without output the thread ends: later it could
            // overwrite other settings.
            let _ = tcflush(&self.port, QueueSelector::OFlush);
            let _ = done.recv_timeout(DRAIN_TIMEOUT);
            let _ = tcsetattr(&self.port, OptionalActions::Now, &self.settings);
        }
    }
}

/// Restores the settings of all ports in use, before a signal ends this program. From then on no port is set.
pub(crate) fn restore_all() {
    let mut ports = ports();
    if let Ports::InUse(all) = std::mem::replace(&mut *ports, Ports::Restored) {
        all.iter().for_each(|saved| saved.restore());
    }
}

/// Restores the settings of all ports in use while `stop` stops this program, and sets those of the use again after it.
pub(crate) fn restore_during(stop: impl FnOnce()) {
    let all = ports().in_use().map(|all| all.clone()).unwrap_or_default();
    let used: Vec<_> = all.iter().map(|saved| tcgetattr(&saved.port).ok()).collect();
    all.iter().for_each(|saved| saved.restore());
    stop();
    for (saved, used) in all.iter().zip(used) {
        // Locked until the settings are set: a claim that ends restores others.
        let mut ports = ports();
        let is_in_use =
            ports.in_use().is_ok_and(|all| all.iter().any(|port| Arc::ptr_eq(port, saved)));
        if let Some(used) = used.filter(|_| is_in_use) {
            let _ = tcsetattr(&saved.port, OptionalActions::Now, &used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dtr_of_a_board_that_it_resets_stays_on() {
        let pty = rustix::pty::openpt(rustix::pty::OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        let mut found = tcgetattr(&pty).expect("its settings");
        found.control_modes -= ControlModes::CLOCAL;
        found.control_modes |= ControlModes::HUPCL;
        let hangs_up = |settings: &Termios| settings.control_modes.contains(ControlModes::HUPCL);
        let [used, end] = settings(found.clone(), true);
        assert!(!hangs_up(&used) && !hangs_up(&end));
        assert_eq!(end.control_modes | ControlModes::HUPCL, found.control_modes);
        let [used, end] = settings(found.clone(), false);
        assert!(hangs_up(&used) && used.control_modes.contains(ControlModes::CLOCAL));
        assert_eq!(end.control_modes, found.control_modes);
    }
}
