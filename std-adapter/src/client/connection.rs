//! The connection of a client. Each kind of link runs the session itself, so that there is no dynamic call
//! for each frame.

use std::io;
use std::num::NonZeroU64;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use embedded_io::Write;
#[cfg(unix)]
use tinyferry_core::Failure;
use tinyferry_core::driver::blocking::{self, drive};
use tinyferry_core::{Config, Outcome, Session, Store};
use tracing::debug;

use crate::auth::AuthError;
#[cfg(unix)]
use crate::auth::Error as Channel;
use crate::auth::{Protection, hex};
use crate::checksum::Desktop;
use crate::client::Error;
use crate::client::builder::Timeouts;
use crate::endpoint::{Endpoint, Tcp};
use crate::transport::banner::Listener;
#[cfg(unix)]
use crate::transport::banner::socket::{AfterBanner, Shared};
#[cfg(unix)]
use crate::transport::banner::{Banner, First};
#[cfg(unix)]
use crate::transport::command;
#[cfg(unix)]
use crate::transport::command::Program;
use crate::transport::leave::LEAVE;
use crate::transport::limit::Pausable;
#[cfg(not(unix))]
use crate::transport::only_on_unix;
use crate::transport::serial::SerialLink;
use crate::transport::stream::{Socket, StreamLink, Traffic};
use crate::transport::tcp;

mod paced;

use self::paced::over;

/// The silence after which a reader on a lossy link is in step again (R71), and as much again for the line.
const SILENCE: Duration = Duration::from_millis(40);

/// A link that a client's sessions run over.
pub(crate) trait Connection: Send {
    /// Runs a client's session to the end of its task.
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
    ) -> Result<Outcome, blocking::Error<io::Error>>;

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

    /// Disconnects in good order. `leaves`: the other end may be a terminal, which does not close; it is told that
    /// the client leaves.
    fn disconnect(&mut self, leaves: bool);
}

impl<S: Socket> Connection for StreamLink<S> {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        self.update_clock();
        drive(session, self, store)
    }

    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    fn disconnect(&mut self, leaves: bool) {
        if leaves {
            leave(self);
        }
        Self::disconnect(self);
    }
}

impl Connection for SerialLink {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        drive(session, self, store)
    }

    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    /// The system sends the output, and the other end cannot see that a port is closed.
    fn disconnect(&mut self, leaves: bool) {
        if leaves {
            leave(self);
        }
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

/// A command that was started to be the other end.
#[cfg(unix)]
struct Started {
    link: Box<dyn Connection>,
    program: Program,
    banner: Shared,
}

#[cfg(unix)]
impl Connection for Started {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        let result = self.link.run(session, store);
        let is_gone = matches!(
            result,
            Err(blocking::Error::Link(_) | blocking::Error::Session(Failure::UnexpectedEof))
        );
        if result.is_ok() {
            self.program.set_established();
        }
        if self.banner.lock().is_endless() {
            return Err(blocking::Error::Session(Failure::NotTinyferry));
        }
        let ended = if is_gone { ended(&mut self.program, &self.banner) } else { None };
        match ended {
            Some(error) => Err(blocking::Error::Link(error)),
            None => result,
        }
    }

    fn bound(&self, config: Config) -> Config {
        self.link.bound(config)
    }

    fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    fn banner(&self) -> String {
        self.banner.lock().begin()
    }

    fn may_be_terminal(&self) -> bool {
        true
    }

    /// The command is waited for when it is dropped.
    fn disconnect(&mut self, leaves: bool) {
        self.link.disconnect(leaves);
    }
}

/// The error that a command has ended, if so; with its text, unless a listener has heard that.
#[cfg(unix)]
fn ended(program: &mut Program, banner: &Shared) -> Option<io::Error> {
    let ended = program.ended()?;
    Some(match banner.lock().unheard() {
        Some(text) => io::Error::other(format!("{ended}; it printed {text}")),
        None => ended,
    })
}

/// Connects to `endpoint`; with a key, completes the handshake of the secure channel.
#[cfg_attr(not(unix), expect(unused_variables, reason = "only commands send banners"))]
pub(crate) fn open(
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
    banner: Listener,
) -> Result<Box<dyn Connection>, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    if endpoint.is_line() && matches!(protection, Protection::Key(_)) {
        let sentence = "a serial line cannot be encrypted; leave out --key";
        return Err(failed(io::Error::new(io::ErrorKind::Unsupported, sentence)));
    }
    match endpoint {
        Endpoint::Tcp(Tcp { address, .. }) => {
            // Resolved once: the checked address is the dialed one.
            let addresses = tcp::look_up(address).map_err(failed)?;
            if matches!(protection, Protection::Local) && !tcp::are_here(&addresses) {
                return Err(Error::Secure(endpoint.clone(), AuthError::Unprotected));
            }
            let stream = tcp::connect(&addresses, timeouts.connect).map_err(failed)?;
            if let Ok(address) = stream.peer_addr() {
                debug!("connected to {address} for {endpoint}");
            }
            link(stream, endpoint, protection, timeouts, rate)
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
        Endpoint::Exec(command) => start(command, endpoint, protection, timeouts, rate, banner),
        #[cfg(unix)]
        Endpoint::Ssh(ssh) => start(&ssh.command(), endpoint, protection, timeouts, rate, banner),
        Endpoint::Stdio => {
            let sentence = "this is for serve; a client uses exec:COMMAND";
            Err(failed(io::Error::new(io::ErrorKind::Unsupported, sentence)))
        }
        #[cfg(not(unix))]
        Endpoint::Exec(_) | Endpoint::Ssh(_) => Err(failed(only_on_unix("commands"))),
        Endpoint::Serial(serial) => {
            let link = SerialLink::open(serial, Default::default()).map_err(failed)?;
            debug!("opened {} for {endpoint}", link.path().escape_debug());
            Ok(over(link, rate))
        }
    }
}

/// Starts the command that is the other end.
#[cfg(unix)]
fn start(
    command: &str,
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
    listener: Listener,
) -> Result<Box<dyn Connection>, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    let (socket, mut program) = command::start(command).map_err(failed)?;
    debug!("started {endpoint}");
    let first = match protection {
        Protection::Key(_) => First::Channel,
        Protection::Local | Protection::Insecure => First::Reply,
    };
    let banner = Shared::new(Banner::new(first, listener));
    let socket = AfterBanner::new(socket, banner.clone());
    let link = link(socket, endpoint, protection, timeouts, rate).map_err(|error| match error {
        _ if banner.lock().is_endless() => {
            Error::Session(Failure::NotTinyferry, banner.lock().begin())
        }
        // If the command has ended, that is the cause.
        Error::Secure(_, AuthError::Socket(_) | AuthError::Channel(Channel::Truncated)) => {
            ended(&mut program, &banner).map_or(error, failed)
        }
        error => error,
    })?;
    Ok(Box::new(Started { link, program, banner }))
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

/// Ends the commands that clients of this program have started (`exec:`), with their processes, and
/// restores the settings of serial ports; in bounded time. A handler of signals calls this before it ends the
/// program.
pub fn clean_up() {
    #[cfg(unix)]
    {
        crate::transport::command::end_all();
        crate::transport::serial::restore_all();
    }
}
