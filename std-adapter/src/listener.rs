//! Where clients come in: sockets that are listened at, and serial ports, which have one client
//! at a time and no end.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::{Endpoint, Serial};
use crate::serial::SerialLink;
#[cfg(unix)]
use crate::stdio::{self, Output};
use crate::stream::Leave;

pub(crate) enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixDoor),
    Serial(Box<Line>),
    /// The one client that has this program's standard streams.
    #[cfg(unix)]
    Stdio(UnixStream, Output),
}

/// A serial port that is served.
pub(crate) struct Line {
    pub(crate) serial: Serial,
    pub(crate) link: SerialLink,
    pub(crate) leave: Arc<Leave>,
}

/// Lets the one who waits for clients look around; it may be called from any thread.
pub(crate) type Wake = Box<dyn Fn() + Send + Sync>;

impl Listener {
    /// Listens at `endpoint`.
    pub(crate) fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        Ok(match endpoint {
            Endpoint::Tcp(address) => {
                Self::Tcp(TcpListener::bind(&crate::tcp::look_up(address)?[..])?)
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => Self::Unix(UnixDoor::open(path)?),
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(ErrorKind::Unsupported.into()),
            Endpoint::Serial(serial) => {
                let leave = Arc::new(Leave::default());
                let link = SerialLink::open(serial, Arc::clone(&leave))?;
                Self::Serial(Box::new(Line { serial: serial.clone(), link, leave }))
            }
            #[cfg(unix)]
            Endpoint::Stdio => {
                let (socket, output) = stdio::own()?;
                Self::Stdio(socket, output)
            }
            Endpoint::Exec(_) => {
                let sentence = "a command is for clients to start";
                return Err(io::Error::new(ErrorKind::Unsupported, sentence));
            }
            #[cfg(not(unix))]
            Endpoint::Stdio => return Err(ErrorKind::Unsupported.into()),
        })
    }

    /// Where it listens, now that it does.
    pub(crate) fn endpoint(&self) -> io::Result<Endpoint> {
        Ok(match self {
            Self::Tcp(listener) => Endpoint::Tcp(listener.local_addr()?.to_string()),
            #[cfg(unix)]
            Self::Unix(door) => Endpoint::Unix(door.path.clone()),
            Self::Serial(line) => Endpoint::Serial(line.serial.clone()),
            #[cfg(unix)]
            Self::Stdio(..) => Endpoint::Stdio,
        })
    }

    /// What ends a wait for clients: here is one.
    pub(crate) fn wake(&self) -> io::Result<Wake> {
        Ok(match self {
            Self::Tcp(listener) => {
                let mut address = listener.local_addr()?;
                if address.ip().is_unspecified() {
                    match address {
                        SocketAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                        SocketAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
                    }
                }
                Box::new(move || {
                    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
                })
            }
            #[cfg(unix)]
            Self::Unix(door) => {
                let path = door.path.clone();
                Box::new(move || drop(UnixStream::connect(&path)))
            }
            Self::Serial(_) => Box::new(|| ()),
            #[cfg(unix)]
            Self::Stdio(..) => Box::new(|| ()),
        })
    }
}

/// A socket in the file system, which goes with the server.
#[cfg(unix)]
pub(crate) struct UnixDoor {
    pub(crate) listener: UnixListener,
    path: String,
}

#[cfg(unix)]
impl UnixDoor {
    fn open(path: &str) -> io::Result<Self> {
        let listener = match UnixListener::bind(path) {
            // A server that was killed has left it behind.
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_deserted(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            result => result?,
        };
        Ok(Self { listener, path: path.to_owned() })
    }
}

#[cfg(unix)]
impl Drop for UnixDoor {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether there is a socket at which nobody listens.
#[cfg(unix)]
fn is_deserted(path: &str) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}
