//! What a client talks over, whatever it is: each kind of link runs a session by itself, so that
//! none pays for the others.

use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use tinyferry_core::blocking::{self, run};
use tinyferry_core::{Outcome, Profile, Session, Store};

use crate::endpoint::Endpoint;
use crate::serial::SerialLink;
use crate::stream::{StreamLink, Traffic};
use crate::tcp;

pub(crate) enum Connection {
    Tcp(StreamLink<TcpStream>),
    #[cfg(unix)]
    Unix(StreamLink<UnixStream>),
    Serial(Box<SerialLink>),
}

impl Connection {
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Self> {
        Ok(match endpoint {
            Endpoint::Tcp(address) => {
                Self::Tcp(StreamLink::new(tcp::connect(address)?, Default::default()))
            }
            #[cfg(unix)]
            Endpoint::Unix(path) => {
                Self::Unix(StreamLink::new(UnixStream::connect(path)?, Default::default()))
            }
            #[cfg(not(unix))]
            Endpoint::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
            Endpoint::Serial(serial) => {
                Self::Serial(Box::new(SerialLink::open(serial, Default::default())?))
            }
        })
    }

    /// Runs a client's session to the end of its task.
    pub(crate) fn run<P: Profile>(
        &mut self,
        session: &mut Session<P>,
        store: &mut dyn Store,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        match self {
            Self::Tcp(link) => {
                link.look_at_clock();
                run(session, link, store)
            }
            #[cfg(unix)]
            Self::Unix(link) => {
                link.look_at_clock();
                run(session, link, store)
            }
            Self::Serial(link) => run(session, &mut **link, store),
        }
    }

    /// What has crossed it so far.
    pub(crate) fn traffic(&self) -> Traffic {
        match self {
            Self::Tcp(link) => link.traffic(),
            #[cfg(unix)]
            Self::Unix(link) => link.traffic(),
            Self::Serial(link) => link.traffic(),
        }
    }

    /// Leaves in good order.
    pub(crate) fn leave(&mut self) {
        match self {
            Self::Tcp(link) => link.leave(),
            #[cfg(unix)]
            Self::Unix(link) => link.leave(),
            // The system sends what is written, and nobody sees a port being closed.
            Self::Serial(_) => {}
        }
    }
}
