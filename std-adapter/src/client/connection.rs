//! The connection of a client. Each kind of link runs the session itself, so that there is no dynamic call
//! for each frame.

use std::io;
use std::net::TcpStream;
use std::num::NonZeroU64;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use embedded_io::Write;
use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Outcome, Session, Store};
use tracing::debug;

use crate::auth::AuthError;
use crate::auth::{ClientKey, LossyLink, Protection, hex};
use crate::checksum::Desktop;
use crate::client::Error;
use crate::client::builder::Timeouts;
use crate::endpoint::{Endpoint, Rfc2217, Tcp};
use crate::transport::banner::Listener;
use crate::transport::leave::LEAVE;
use crate::transport::limit::Pausable;
#[cfg(not(unix))]
use crate::transport::only_on_unix;
use crate::transport::serial::SerialLink;
use crate::transport::stream::{Socket, StreamLink, Traffic};
use crate::transport::{tcp, telnet};

mod board;
mod paced;
#[cfg(unix)]
mod started;
mod text;
mod watch;

use self::paced::over;
#[cfg(unix)]
use self::started::start;
pub(crate) use self::text::TextListener;
pub(crate) use self::watch::Watch;

/// The silence after which a reader on a lossy link is in step again (R71), and as much again for the line.
const SILENCE: Duration = Duration::from_millis(40);

/// The text that a command prints before the first frame of its server.
pub(crate) enum Banners {
    /// It is skipped, and a listener receives it. Elsewhere than on Unix no command is started.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only commands print banners"))]
    For(Listener),
    /// It is input: there is no server.
    ArePassed,
}

/// A link that a client's sessions run over.
pub(crate) trait Connection: Send {
    /// Runs a client's session to the end of its task, or until `watch` ends it. `text` receives the text of the
    /// other end.
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>>;

    /// Without a session: sends bytes, and reads until `is_enough` of the received ones or for `time`.
    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>>;

    /// The values for the handshake, where the connection restricts them.
    fn bound(&self, config: Config) -> Config {
        config
    }

    /// The traffic so far; of an encrypted connection, before encryption.
    fn traffic(&self) -> Traffic;

    /// The begin of the text that came before the first frame. It is hostile.
    fn banner(&self) -> String {
        String::new()
    }

    /// Whether the first bytes may come to a terminal that no server has set up yet.
    fn may_be_terminal(&self) -> bool {
        false
    }

    /// Disconnects in good order. `leaves`: the other end may be a terminal, which does not close; it receives a
    /// message that the client leaves.
    fn disconnect(&mut self, leaves: bool);
}

/// A link by itself: a socket or a serial port.
pub(crate) trait Direct: Pausable + Send {
    fn traffic(&self) -> Traffic;
    fn close(&mut self);
}

impl<S: Socket> Direct for StreamLink<S> {
    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    fn close(&mut self) {
        self.disconnect();
    }
}

impl Direct for SerialLink {
    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    /// The system sends the output, and the other end cannot see that a port is closed.
    fn close(&mut self) {}
}

impl<L: Direct> Direct for LossyLink<L> {
    fn traffic(&self) -> Traffic {
        self.inner().traffic()
    }

    fn close(&mut self) {}
}

impl<L: Direct> Connection for L {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        self.update_clock();
        watch::run(self, session, store, watch, text)
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        watch::exchange(self, bytes, time, is_enough)
    }

    fn traffic(&self) -> Traffic {
        Direct::traffic(self)
    }

    fn disconnect(&mut self, leaves: bool) {
        if leaves {
            leave(self);
        }
        self.close();
    }
}

/// Tells a server on a terminal that the client leaves. These bytes are no frame: the reader at the other end takes the
/// hello of the next client only after a silence.
fn leave(link: &mut impl Write) {
    // The connection or the port may have failed.
    if link.write_all(&LEAVE).and_then(|()| link.flush()).is_ok() {
        thread::sleep(SILENCE);
    }
}

/// Connects to `endpoint`; with a key, completes the handshake of the secure channel.
#[cfg_attr(not(unix), expect(unused_variables, reason = "only commands send banners"))]
pub(crate) fn open(
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
    banners: Banners,
) -> Result<Box<dyn Connection>, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    if let (Err(why), Protection::Key(_)) = (endpoint.check_encryption(), protection) {
        let sentence = format!("{why}; leave out --key");
        return Err(failed(io::Error::new(io::ErrorKind::Unsupported, sentence)));
    }
    match endpoint {
        Endpoint::Tcp(Tcp { address, .. }) => {
            let stream = connect(address, endpoint, protection, timeouts)?;
            link(stream, endpoint, protection, timeouts, rate)
        }
        Endpoint::Rfc2217(Rfc2217 { address, settings }) => {
            let stream = connect(address, endpoint, protection, timeouts)?;
            let port = telnet::open(stream, settings, timeouts.connect).map_err(failed)?;
            debug!("set the port of {endpoint}");
            link(port, endpoint, protection, timeouts, rate)
        }
        #[cfg(unix)]
        Endpoint::Unix(path) => {
            let stream = UnixStream::connect(path).map_err(failed)?;
            debug!("connected to {endpoint}");
            link(stream, endpoint, protection, timeouts, rate)
        }
        #[cfg(not(unix))]
        Endpoint::Unix(_) => Err(failed(only_on_unix("Unix sockets"))),
        #[cfg(unix)]
        Endpoint::Exec(command) => start(command, endpoint, protection, timeouts, rate, banners),
        #[cfg(unix)]
        Endpoint::Ssh(ssh) => start(&ssh.command(), endpoint, protection, timeouts, rate, banners),
        Endpoint::Stdio => {
            let sentence = "this is for serve; a client uses exec:COMMAND";
            Err(failed(io::Error::new(io::ErrorKind::Unsupported, sentence)))
        }
        #[cfg(not(unix))]
        Endpoint::Exec(_) | Endpoint::Ssh(_) => Err(failed(only_on_unix("commands"))),
        Endpoint::Repl(repl) => board::open(repl, endpoint, rate),
        Endpoint::Serial(serial) => {
            let link = SerialLink::open(serial, Default::default()).map_err(failed)?;
            debug!("opened {} for {endpoint}", link.path().escape_debug());
            match protection {
                Protection::Key(key) => over_line(link, endpoint, key, timeouts, rate),
                Protection::Local | Protection::Insecure => Ok(over(link, rate)),
            }
        }
    }
}

/// Connects over TCP.
fn connect(
    address: &str,
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
) -> Result<TcpStream, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    // Resolved once: the checked address is the dialed one.
    let addresses = tcp::look_up(address).map_err(failed)?;
    if matches!(protection, Protection::Local) && !tcp::are_here(&addresses) {
        return Err(Error::Secure(endpoint.clone(), AuthError::Unprotected));
    }
    let stream = tcp::connect(&addresses, timeouts.connect).map_err(failed)?;
    if let Ok(address) = stream.peer_addr() {
        debug!("connected to {address} for {endpoint}");
    }
    Ok(stream)
}

fn link<S: Socket + 'static>(
    socket: S,
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
) -> Result<Box<dyn Connection>, Error> {
    let leave = Default::default();
    match protection {
        Protection::Key(key) if endpoint.is_line() => {
            over_line(StreamLink::new(socket, leave).eager(), endpoint, key, timeouts, rate)
        }
        Protection::Key(key) => {
            let socket = key.protect(socket, &endpoint.to_string(), timeouts.handshake);
            let socket = socket.map_err(|problem| Error::Secure(endpoint.clone(), problem))?;
            match socket.peer() {
                Some(key) => {
                    debug!("encrypted with a key pair; the server has {}", hex(&key.0));
                }
                None => debug!("encrypted with a shared key"),
            }
            Ok(over(StreamLink::new(socket, leave), rate))
        }
        Protection::Local | Protection::Insecure => {
            let link = StreamLink::new(socket, leave);
            Ok(over(if endpoint.is_lossy() { link.eager() } else { link }, rate))
        }
    }
}

/// A connection over a line that loses bytes, encrypted.
fn over_line<L: Direct + 'static>(
    link: L,
    endpoint: &Endpoint,
    key: &ClientKey,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
) -> Result<Box<dyn Connection>, Error> {
    let link = key.protect_line(link, timeouts.handshake);
    let link = link.map_err(|problem| Error::Secure(endpoint.clone(), problem))?;
    debug!("encrypted with a shared key");
    Ok(over(link, rate))
}

/// Ends the servers on boards (`repl:`) and the commands that clients of this program have started (`exec:`), with
/// their processes, and restores the settings of serial ports; in bounded time. A handler of signals calls this before it ends the
/// program.
pub fn clean_up() {
    board::end_all();
    #[cfg(unix)]
    {
        crate::transport::command::end_all();
        crate::transport::serial::restore_all();
    }
}
