//! The terminal that this program was started on, as a link: a serial console, or a chain of terminals such as a
//! login over a serial line. It passes every byte while it is served, and has its earlier settings afterwards.
//!
//! Knows how a person leaves; knows nothing of frames. A client is at the other end of the line: it cannot close the
//! line, so it leaves in the same way ([`LEAVE`](super::leave::LEAVE)).

use std::io::{self, ErrorKind, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use embedded_io::Write;
use rustix::fs::fstat;
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

use crate::transport::banner::READY;
use crate::transport::leave::Leave;
use crate::transport::limit::Pausable;
use crate::transport::serial::SerialLink;
use crate::transport::stream::Shutdown;

/// The rest of the line that begins with [`READY`].
const HOW_TO_LEAVE: &str =
    "; start a client at the other end of the line, or leave: press Ctrl-C three times";
/// The input is dropped at the end until the line is idle for this time. A client that has not left may still send:
/// a shell would take that for commands.
const IDLE_INTERVAL: Duration = Duration::from_millis(300);
/// The longest time for that.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// A link over the terminal.
pub(crate) struct TerminalLink {
    link: SerialLink,
    deadline: Option<Millis>,
    is_idle: bool,
    leave: Leave,
}

impl TerminalLink {
    /// Takes the terminal of this program, and says on it how to leave.
    ///
    /// # Errors
    /// Those of the system; standard input and output are not the same terminal.
    pub(crate) fn open(shutdown: Arc<Shutdown>) -> io::Result<Self> {
        if !is_one_terminal()? {
            let sentence = "standard input is a terminal, and standard output is not the same one";
            return Err(io::Error::new(ErrorKind::InvalidInput, sentence));
        }
        let mut link = SerialLink::open_terminal(&path()?, shutdown)?;
        link.write_all(format!("{READY}{HOW_TO_LEAVE}\r\n").as_bytes())?;
        Ok(Self { link, deadline: None, is_idle: true, leave: Leave::default() })
    }

    fn now(&mut self) -> Millis {
        Link::now(&mut self.link).unwrap_or_default()
    }
}

/// Whether standard input and output are one terminal.
fn is_one_terminal() -> io::Result<bool> {
    let [input, output] = [fstat(io::stdin())?, fstat(io::stdout())?];
    Ok(io::stdout().is_terminal() && input.st_rdev == output.st_rdev)
}

/// The path of the terminal. It is opened anew: the shell shares the modes of the open file, as the non-blocking one.
fn path() -> io::Result<String> {
    let name = rustix::termios::ttyname(io::stdin(), Vec::new());
    // In a container the name may be that of the system outside.
    let name = name.ok().and_then(|name| name.into_string().ok());
    let name = name.filter(|name| std::fs::metadata(name).is_ok());
    match name {
        Some(name) => Ok(name),
        None if cfg!(target_os = "linux") => Ok("/proc/self/fd/0".to_owned()),
        None => Ok("/dev/tty".to_owned()),
    }
}

impl Drop for TerminalLink {
    fn drop(&mut self) {
        self.link.drain(IDLE_INTERVAL, DRAIN_TIMEOUT);
    }
}

impl embedded_io::ErrorType for TerminalLink {
    type Error = io::Error;
}

impl embedded_io::Read for TerminalLink {
    /// 0: the client or a person has left.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let now = self.now();
            if self.leave.is_due(now, self.is_idle) {
                return Ok(0);
            }
            let deadline = self.leave.sooner_than(self.deadline, now, self.is_idle);
            self.link.set_read_deadline(deadline, self.is_idle);
            match self.link.read(into) {
                Ok(count) => {
                    let now = self.now();
                    self.leave.take(into.get(..count).unwrap_or_default(), now);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::TimedOut && deadline != self.deadline => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl embedded_io::Write for TerminalLink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.link.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }
}

impl Pausable for TerminalLink {
    const LOSES_UNREAD: bool = SerialLink::LOSES_UNREAD;
}

impl Link for TerminalLink {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Link::now(&mut self.link)
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        (self.deadline, self.is_idle) = (deadline, is_idle);
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        self.link.is_ready()
    }
}
