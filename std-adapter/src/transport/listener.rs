//! The listeners of a server: sockets, and serial ports, which have one client at a time and no end.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
#[cfg(unix)]
use std::os::fd::{AsFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::fs::{FileTypeExt, MetadataExt};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::{Endpoint, Serial, Tcp};
#[cfg(not(unix))]
use crate::transport::only_on_unix;
use crate::transport::serial::SerialLink;
#[cfg(unix)]
use crate::transport::stdio;
#[cfg(unix)]
use crate::transport::stdio::Output;
use crate::transport::stream::Shutdown;
#[cfg(unix)]
use crate::transport::terminal::TerminalLink;

pub(crate) enum Listener {
    Tcp {
        listener: TcpListener,
        /// Whether its clients are serial lines, and their pauses.
        settings: Tcp,
    },
    #[cfg(unix)]
    Unix(UnixSocket),
    Serial(Box<Line>),
    /// The one client that has this program's standard streams.
    #[cfg(unix)]
    Stdio(UnixStream, Output),
    /// The terminal of this program.
    #[cfg(unix)]
    Terminal(Box<Terminal>),
}

/// A terminal that is served.
#[cfg(unix)]
pub(crate) struct Terminal {
    pub(crate) link: TerminalLink,
    pub(crate) shutdown: Arc<Shutdown>,
}

/// A serial port that is served.
pub(crate) struct Line {
    pub(crate) serial: Serial,
    pub(crate) link: SerialLink,
    pub(crate) shutdown: Arc<Shutdown>,
}

/// Ends a wait for clients; it may be called from any thread.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

/// A socket that listens already, as a service manager passes it to the program that it starts.
#[derive(Debug)]
pub enum BoundSocket {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listener {
    /// Listens at `endpoint`.
    pub(crate) fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        Ok(match endpoint {
            Endpoint::Tcp(tcp) => {
                let addresses = crate::transport::tcp::look_up(&tcp.address)?;
                Self::Tcp { listener: TcpListener::bind(&addresses[..])?, settings: tcp.clone() }
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => Self::Unix(UnixSocket::bind(path)?),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(only_on_unix("Unix sockets")),
            Endpoint::Serial(serial) => {
                let shutdown = Arc::new(Shutdown::default());
                let link = SerialLink::open(serial, Arc::clone(&shutdown))?;
                Self::Serial(Box::new(Line { serial: serial.clone(), link, shutdown }))
            }
            #[cfg(unix)]
            Endpoint::Stdio if endpoint.is_terminal() => {
                let shutdown = Arc::new(Shutdown::default());
                let link = TerminalLink::open(Arc::clone(&shutdown))?;
                Self::Terminal(Box::new(Terminal { link, shutdown }))
            }
            #[cfg(unix)]
            Endpoint::Stdio => {
                let (socket, output) = stdio::own()?;
                Self::Stdio(socket, output)
            }
            Endpoint::Exec(_) | Endpoint::Ssh(_) => {
                let sentence = "a command is for clients to start; it runs serve --stdio";
                return Err(io::Error::new(ErrorKind::Unsupported, sentence));
            }
            Endpoint::Repl(_) => {
                let sentence = "this is for clients, which start the server on the board";
                return Err(io::Error::new(ErrorKind::Unsupported, sentence));
            }
            Endpoint::Rfc2217(_) => {
                let sentence = "this is for clients; a server listens at the serial port itself";
                return Err(io::Error::new(ErrorKind::Unsupported, sentence));
            }
            #[cfg(not(unix))]
            Endpoint::Stdio => return Err(only_on_unix("standard streams")),
        })
    }

    /// Listens at a socket that another program has bound.
    pub(crate) fn inherit(socket: &BoundSocket) -> io::Result<Self> {
        Ok(match socket {
            BoundSocket::Tcp(listener) => {
                let listener = listener.try_clone()?;
                let address = listener.local_addr()?.to_string();
                Self::Tcp { listener, settings: Tcp::new(address) }
            }
            #[cfg(unix)]
            BoundSocket::Unix(listener) => {
                let listener = listener.try_clone()?;
                let address = listener.local_addr()?;
                let path = address.as_pathname().and_then(|path| path.to_str()).unwrap_or_default();
                // The path belongs to the program that has bound the socket.
                Self::Unix(UnixSocket { listener, path: path.to_owned(), bound: None })
            }
        })
    }

    /// The endpoint that it listens at, with the actual port.
    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        Ok(match self {
            Self::Tcp { listener, settings } => {
                let address = listener.local_addr()?.to_string();
                Endpoint::Tcp(Tcp { address, ..settings.clone() })
            }
            #[cfg(unix)]
            Self::Unix(socket) => Endpoint::Unix(socket.path.clone()),
            Self::Serial(line) => Endpoint::Serial(line.serial.clone()),
            #[cfg(unix)]
            Self::Stdio(..) | Self::Terminal(_) => Endpoint::Stdio,
        })
    }
}

/// The result of a wait for clients.
pub(crate) enum Incoming {
    /// There is a client to accept.
    Client,
    /// The server is stopped.
    #[cfg_attr(not(unix), expect(dead_code))]
    Stop,
}

/// Waits for clients, and for the server to be stopped.
#[cfg(unix)]
pub(crate) struct Waiter {
    listener: OwnedFd,
    stop: UnixStream,
}

#[cfg(unix)]
impl Waiter {
    /// A waiter for a listener, which does not block from now on; also returns the call that ends the wait.
    pub(crate) fn new(listener: &impl AsFd) -> io::Result<(Self, Wake)> {
        let listener = listener.as_fd().try_clone_to_owned()?;
        rustix::io::ioctl_fionbio(&listener, true)?;
        let (stop, waker) = UnixStream::pair()?;
        let wake = move || drop(waker.shutdown(std::net::Shutdown::Both));
        Ok((Self { listener, stop }, Box::new(wake)))
    }

    /// Waits until there is a client, or the server is stopped.
    pub(crate) fn wait(&self) -> io::Result<Incoming> {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut both =
            [PollFd::new(&self.listener, PollFlags::IN), PollFd::new(&self.stop, PollFlags::IN)];
        poll(&mut both, None)?;
        Ok(if both[1].revents().is_empty() { Incoming::Client } else { Incoming::Stop })
    }

    /// Waits until the server is stopped, or until the timeout.
    pub(crate) fn wait_for_stop(&self, timeout: Duration) {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let timeout = Timespec::try_from(timeout).ok();
        let _ = poll(&mut [PollFd::new(&self.stop, PollFlags::IN)], timeout.as_ref());
    }
}

/// Waits in the accept call itself.
#[cfg(not(unix))]
pub(crate) struct Waiter;

#[cfg(not(unix))]
impl Waiter {
    /// A connection to the server's own endpoint ends the wait.
    pub(crate) fn new(listener: &TcpListener) -> io::Result<(Self, Wake)> {
        use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
        let mut address = listener.local_addr()?;
        if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                SocketAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            }
        }
        let wake = move || {
            let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
        };
        Ok((Self, Box::new(wake)))
    }

    pub(crate) fn wait(&self) -> io::Result<Incoming> {
        Ok(Incoming::Client)
    }

    pub(crate) fn wait_for_stop(&self, timeout: Duration) {
        std::thread::sleep(timeout);
    }
}

/// A socket in the file system, which is removed with the server.
#[cfg(unix)]
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    path: String,
    /// The device and the inode of the bound socket.
    bound: Option<(u64, u64)>,
}

#[cfg(unix)]
impl UnixSocket {
    fn bind(path: &str) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            // A killed server has left it.
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_deserted(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            result => result?,
        };
        Ok(Self { listener, path: path.to_owned(), bound: identity(path) })
    }
}

#[cfg(unix)]
impl Drop for UnixSocket {
    /// Another server may have bound the path since.
    fn drop(&mut self) {
        if self.bound.is_some() && identity(&self.path) == self.bound {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn identity(path: &str) -> Option<(u64, u64)> {
    let found = std::fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Whether it is a socket without a listener.
#[cfg(unix)]
fn is_deserted(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
