//! Endpoints: the URLs that a server listens at and a client connects to, and their short forms.

mod host;
mod repl;
mod rfc2217;
mod serial;
mod settings;
mod short;
mod ssh;
mod tcp;

use std::fmt;
use std::io::{IsTerminal, stdin};
use std::str::FromStr;

use tinyferry_core::Config;

pub use self::repl::{Repl, ReplLine};
pub use self::rfc2217::Rfc2217;
pub use self::serial::{Flow, Port, Reset, Serial, SerialSettings};
pub use self::ssh::Ssh;
pub use self::tcp::Tcp;

/// The address of the other end.
///
/// Besides URLs, [`str::parse`] takes the short forms that other programs use: `HOST` and `HOST:PORT` for TCP,
/// `USER@HOST:DIR` for SSH, `/dev/ttyUSB0` and `COM3` for a serial port. A text that may mean two of them is
/// an error.
///
/// ```
/// use tinyferry::Endpoint;
///
/// let endpoint: Endpoint = "box".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://box:8080");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tcp://HOST:PORT?lossy=true|false&gap=100ms`
    Tcp(Tcp),
    /// `unix:///PATH`: a socket in the file system.
    Unix(String),
    /// `serial://PORT?baud=N&flow=none|hardware&lossy=true|false&gap=100ms&dtr=on|off&rts=on|off&reset=none|dtr|esp`;
    /// `PORT` is a name, `usb:VENDOR:PRODUCT` or `sn:NUMBER`. `serial:?baud=N` is the only port.
    Serial(Serial),
    /// `rfc2217://HOST:PORT?baud=N&…`: a serial port of another machine, with the settings of [`Endpoint::Serial`].
    /// For clients.
    Rfc2217(Rfc2217),
    /// `repl://PORT?…`, `repl+exec:COMMAND`: a board with MicroPython or CircuitPython, where the client starts a server by
    /// the prompt. `PORT` and its settings are as in [`Endpoint::Serial`], besides `dir=DIR` and `restart=true|false`;
    /// `repl:?baud=N` is the only port. For clients.
    Repl(Box<Repl>),
    /// `exec:COMMAND`: the standard streams of a command that the shell starts. For clients.
    Exec(String),
    /// `USER@HOST:DIR`: a directory of another machine, served by a program that SSH starts there. For
    /// clients.
    Ssh(Ssh),
    /// `stdio:`: this program's own standard streams. For servers.
    Stdio,
}

impl Endpoint {
    /// Whether the link can lose or change bytes. Of a board (`repl:`) the connection decides it, when it has found the
    /// port.
    pub fn is_lossy(&self) -> bool {
        match self {
            Self::Serial(Serial { settings, .. }) | Self::Rfc2217(Rfc2217 { settings, .. }) => {
                settings.lossy
            }
            Self::Tcp(tcp) => tcp.lossy,
            Self::Repl(_) | Self::Unix(_) | Self::Exec(_) | Self::Ssh(_) | Self::Stdio => false,
        }
    }

    /// Whether it is a serial line, here or behind a TCP port: it has one client at a time.
    pub fn is_line(&self) -> bool {
        match self {
            Self::Repl(repl) => repl.serial().is_some(),
            _ => matches!(
                self,
                Self::Serial(_) | Self::Rfc2217(_) | Self::Tcp(Tcp { lossy: true, .. })
            ),
        }
    }

    /// The longest pause inside a frame, in ms.
    fn gap(&self) -> Option<u16> {
        match self {
            Self::Serial(Serial { settings, .. }) | Self::Rfc2217(Rfc2217 { settings, .. }) => {
                settings.gap
            }
            Self::Repl(repl) => repl.serial()?.settings.gap,
            Self::Tcp(tcp) => tcp.gap,
            Self::Unix(_) | Self::Exec(_) | Self::Ssh(_) | Self::Stdio => None,
        }
    }

    /// Checks whether a session over this endpoint can be encrypted.
    ///
    /// # Errors
    /// The reason why not, as a clause.
    pub fn check_encryption(&self) -> Result<(), &'static str> {
        match self {
            Self::Repl(_) => Err("a session with the prompt of a board cannot be encrypted"),
            _ if self.is_line() && !self.is_lossy() => {
                Err("a serial line with lossy=false cannot be encrypted")
            }
            _ => Ok(()),
        }
    }

    /// Whether a server there serves the terminal that it was started on, on Unix.
    pub fn is_terminal(&self) -> bool {
        cfg!(unix) && *self == Self::Stdio && stdin().is_terminal()
    }

    /// Whether a text begins like the URL of an endpoint, and not like a path or a short form.
    pub fn has_scheme(text: &str) -> bool {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        matches!(scheme, Some("tcp" | "unix" | "serial" | "repl" | "rfc2217"))
            || ["exec:", "repl:", "repl+exec"].iter().any(|begin| text.starts_with(begin))
    }

    /// The configuration of a session over this endpoint.
    pub fn config(&self) -> Config {
        let config = if self.is_lossy() { Config::LOSSY } else { Config::RELIABLE };
        match self.gap() {
            Some(gap) => config.silence(gap),
            None => config,
        }
    }
}

impl Default for Endpoint {
    /// `tcp://127.0.0.1:8080`
    fn default() -> Self {
        Self::Tcp(Tcp::new("127.0.0.1:8080"))
    }
}

/// The reason why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    text: String,
    why: String,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no endpoint: {}", self.text.escape_debug(), self.why)
    }
}

impl std::error::Error for EndpointError {}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let no = |why: String| EndpointError { text: text.to_owned(), why };
        if let Some(command) = text.strip_prefix("exec:") {
            let is_empty = command.trim().is_empty();
            let command = (!is_empty).then(|| Self::Exec(command.to_owned()));
            return command.ok_or_else(|| no("it names no command".into()));
        }
        if let Some(rest) = text.strip_prefix("repl").filter(|rest| rest.starts_with([':', '+'])) {
            return Repl::parse(rest).map(Box::new).map(Self::Repl).map_err(no);
        }
        if let Some(rest) = text.strip_prefix("serial:")
            && !rest.starts_with("//")
        {
            return Serial::parse_only(rest).map(Self::Serial).map_err(no);
        }
        match text.split_once("://") {
            Some(("tcp", rest)) => Tcp::parse(rest).map(Self::Tcp),
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.to_owned())),
            Some(("unix", _)) => Err("a path begins with /, as in unix:///run/ferry.sock".into()),
            Some(("serial", rest)) => Serial::parse(rest).map(Self::Serial),
            Some(("rfc2217", rest)) => Rfc2217::parse(rest).map(Self::Rfc2217),
            Some(_) => Err(FORMS.into()),
            None if text == "stdio:" => Ok(Self::Stdio),
            None => short::parse(text),
        }
        .map_err(no)
    }
}

/// The forms of an endpoint, for a text that is none of them.
const FORMS: &str = "one looks like box, box:8080, tcp://127.0.0.1:8080, unix:///run/ferry.sock, \
                     serial:///dev/ttyUSB0?baud=921600, repl:///dev/ttyACM0, user@box:DIR or \"exec:ssh box tinyferry serve \
                     --stdio DIR\"";

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            Self::Unix(path) => write!(f, "unix://{}", path.escape_debug()),
            Self::Exec(command) => write!(f, "exec:{}", command.escape_debug()),
            Self::Ssh(Ssh { host, directory }) => {
                write!(f, "{host}:{}", directory.escape_debug())
            }
            Self::Stdio => f.write_str("stdio:"),
            Self::Serial(serial) => serial.fmt(f),
            Self::Repl(repl) => repl.fmt(f),
            Self::Rfc2217(remote) => remote.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
