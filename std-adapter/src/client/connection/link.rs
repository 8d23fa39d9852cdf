//! The connection over a socket that is open: encrypted if there is a key, and with a limit of the bandwidth.

use std::num::NonZeroU64;

use tracing::debug;

use super::paced::over;
use super::{Connection, Direct};
use crate::auth::{ClientKey, Protection, hex};
use crate::client::Error;
use crate::client::timeouts::Timeouts;
use crate::endpoint::Endpoint;
use crate::transport::stream::{Socket, StreamLink};

/// A connection over `socket`; with a key, completes the handshake of the secure channel.
pub(super) fn link<S: Socket + 'static>(
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
pub(super) fn over_line<L: Direct + 'static>(
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
