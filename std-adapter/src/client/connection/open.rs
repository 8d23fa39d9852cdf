//! Opens the connection to an endpoint.

use std::io;
use std::net::TcpStream;
use std::num::NonZeroU64;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

use tracing::debug;

use super::link::{link, over_line};
use super::paced::over;
#[cfg(unix)]
use super::started::start;
use super::{Banners, Connection, board};
use crate::auth::{AuthError, Protection};
use crate::client::Error;
use crate::client::timeouts::Timeouts;
use crate::endpoint::{Endpoint, Rfc2217, Tcp};
#[cfg(not(unix))]
use crate::transport::only_on_unix;
use crate::transport::serial::SerialLink;
use crate::transport::{tcp, telnet};

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
