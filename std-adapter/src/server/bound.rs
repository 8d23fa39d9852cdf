//! An endpoint of a server: it accepts the clients there.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use super::accept::accept;
use super::connection::{Peer, Service};
use crate::auth::AccessPolicy;
use crate::describe;
use crate::endpoint::Endpoint;
use crate::transport::listener::{BoundSocket, Listener, Waiter};
use crate::transport::tcp;

/// An endpoint that the server listens at.
pub(super) struct Bound {
    listener: Listener,
    pub(super) endpoint: Endpoint,
}

impl Bound {
    pub(super) fn new(endpoint: &Endpoint) -> io::Result<Self> {
        let listener = Listener::bind(endpoint).map_err(|error| {
            let mut why = describe::os_error(&error);
            match (endpoint, error.kind()) {
                (Endpoint::Tcp(_), ErrorKind::AddrInUse) => {
                    why.push_str("; another program listens there");
                }
                (Endpoint::Unix(_), ErrorKind::AddrInUse) => {
                    why.push_str("; another program listens there, or the file is no socket");
                }
                _ => {}
            }
            let sentence = match endpoint {
                Endpoint::Stdio => format!("cannot serve standard input and output: {why}"),
                _ => format!("cannot listen at {endpoint}: {why}"),
            };
            io::Error::new(error.kind(), sentence)
        })?;
        let endpoint = listener.endpoint()?;
        Ok(Self { listener, endpoint })
    }

    pub(super) fn inherit(socket: &BoundSocket, access: &AccessPolicy) -> io::Result<Self> {
        let listener = Listener::inherit(socket)?;
        let endpoint = listener.endpoint()?;
        access.check(&endpoint)?;
        Ok(Self { listener, endpoint })
    }

    /// Serves the clients of this endpoint. When it ends, the server ends at all endpoints.
    pub(super) fn run(self, service: &Arc<Service>) -> io::Result<()> {
        let result = self.serve(service);
        service.registry.stop();
        service.drain();
        result
    }

    fn serve(self, service: &Arc<Service>) -> io::Result<()> {
        match self.listener {
            Listener::Tcp { listener, settings } => {
                let line = settings.lossy.then(|| Endpoint::Tcp(settings).config());
                let (waiter, wake) = Waiter::new(&listener)?;
                service.registry.wakes(wake);
                accept(service, &waiter, || {
                    let (stream, peer) = listener.accept()?;
                    stream.set_nonblocking(false)?;
                    let (name, address) = (peer.to_string(), Some(peer.ip()));
                    let peer = Peer { name, address, line };
                    Ok((tcp::prepare(stream)?, peer))
                });
            }
            #[cfg(unix)]
            Listener::Unix(socket) => {
                let mut number = 0;
                let (waiter, wake) = Waiter::new(&socket.listener)?;
                service.registry.wakes(wake);
                accept(service, &waiter, || {
                    let (stream, _) = socket.listener.accept()?;
                    stream.set_nonblocking(false)?;
                    number += 1;
                    let name = format!("local client {number}");
                    Ok((stream, Peer { name, address: None, line: None }))
                });
            }
            Listener::Serial(line) => service.serve_line(*line)?,
            #[cfg(unix)]
            Listener::Stdio(socket, output) => service.serve_one(socket, &output)?,
            #[cfg(unix)]
            Listener::Terminal(terminal) => service.serve_terminal(*terminal)?,
        }
        Ok(())
    }
}
