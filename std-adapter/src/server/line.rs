//! Serial lines behind a TCP port: the clients of each follow one after another. The first bytes of a client may be
//! lost, so that they decide nothing.

use std::sync::Arc;

use tinyferry_core::Config;
use tracing::{debug, info};

use crate::auth::{Accepted, KeyEntry, LossyLink};
use crate::describe;
use crate::server::connection::{Connection, LINE, Peer};
use crate::server::parking::{Lane, Parked, Turn, Work};
use crate::server::root::RootError;
use crate::server::served::{Host, Served};
use crate::server::session::{Ended, Serving};
use crate::transport::limit::Pausable;
use crate::transport::stream::{Shutdown, Socket, StreamLink};

/// Begins to serve the clients of a line. `None`: the line is refused.
pub(super) fn begin_line<S: Socket + 'static>(
    connection: Connection,
    socket: S,
    shutdown: Arc<Shutdown>,
    peer: &Peer,
    config: Config,
) -> Option<Parked> {
    let (service, name) = (Arc::clone(&connection.service), &peer.name);
    if let Err(busy) = service.registry.admit(connection.number) {
        connection.log_busy(busy);
        return None;
    }
    debug!("{name}: a serial line is connected");
    let link = StreamLink::new(socket, shutdown).eager();
    let place = connection.place(None);
    let work: Box<dyn Work> = match &service.keys {
        Some(keys) => {
            let link = LossyLink::accepting(link, keys);
            let link = link.inspect_err(|error| line_failed(&connection, error)).ok()?;
            Box::new(Accepting { link, config, connection })
        }
        None => {
            // A line that connects again has the address that it had.
            let id =
                peer.address.map_or_else(|| LINE.to_owned(), |address| format!("{LINE} {address}"));
            Plain { id, config }.next(connection, link)?
        }
    };
    Some(place.of(work))
}

fn line_failed(connection: &Connection, error: &std::io::Error) {
    let why = describe::os_error(error);
    connection
        .service
        .logs
        .handshakes
        .warn(&format!("{}: the line failed: {why}", connection.name));
}

/// The clients of a line without keys, which count as one.
struct Plain {
    /// Names the line of several: its clients continue its own transfers only.
    id: String,
    config: Config,
}

impl Plain {
    /// The next session; `None`: there is none.
    fn next<S: Socket + 'static>(
        self,
        connection: Connection,
        mut link: StreamLink<S>,
    ) -> Option<Box<dyn Work>> {
        let service = &connection.service;
        if service.registry.is_stopping() {
            return None;
        }
        let permissions = service.permissions_of_line(&connection.name, &self.id)?;
        let serving =
            Serving::begin(service, &mut link, &connection.name, self.config, permissions);
        Some(Box::new(Served { serving, link, host: self, connection }))
    }
}

impl<S: Socket + 'static> Host<StreamLink<S>> for Plain {
    fn ended(self, connection: Connection, link: StreamLink<S>, ended: Ended) -> Turn {
        let next = match ended {
            Ended::Session => self.next(connection, link),
            Ended::Link => None,
        };
        next.map_or(Turn::Over, Turn::Next)
    }
}

/// A line that waits for a client with a key.
struct Accepting<L> {
    link: LossyLink<L>,
    config: Config,
    connection: Connection,
}

impl<L: Pausable + Send + 'static> Work for Accepting<L> {
    fn lane(&self) -> Lane {
        Lane::Session
    }

    fn run(mut self: Box<Self>) -> Turn {
        let service = Arc::clone(&self.connection.service);
        loop {
            if service.registry.is_stopping() {
                return Turn::Over;
            }
            match self.link.accept(self.connection.linger()) {
                Ok(Accepted::Client(entry)) => {
                    let name = &self.connection.name;
                    info!("{name}: the client is authenticated as {}", entry.name.escape_debug());
                    let Self { link, config, connection } = *self;
                    return Keyed { entry, config }.next(connection, link);
                }
                Ok(Accepted::Nobody) if service.parking.can_park() => {
                    self.link.free_buffers();
                    let place = self.connection.place(None);
                    return Turn::Park(place.of(self));
                }
                Ok(Accepted::Nobody) => {}
                Ok(Accepted::Ended) => return Turn::Over,
                Err(error) => {
                    line_failed(&self.connection, &error);
                    return Turn::Over;
                }
            }
        }
    }
}

/// A client of a line with a key.
struct Keyed {
    entry: KeyEntry,
    config: Config,
}

impl Keyed {
    /// The next session of the client.
    fn next<L: Pausable + Send + 'static>(
        self,
        connection: Connection,
        mut link: LossyLink<L>,
    ) -> Turn {
        let (service, name) = (&connection.service, &connection.name);
        match service.permissions_of(&self.entry) {
            Ok(permissions) => {
                let serving = Serving::begin(service, &mut link, name, self.config, permissions);
                Turn::Next(Box::new(Served { serving, link, host: self, connection }))
            }
            Err(RootError { error, .. }) => {
                let why = describe::os_error(&error);
                service.logs.root.warn(&format!("{name}: the client is refused: {why}"));
                self.await_next(connection, link)
            }
        }
    }

    /// Another client follows.
    fn await_next<L: Pausable + Send + 'static>(
        self,
        connection: Connection,
        link: LossyLink<L>,
    ) -> Turn {
        match link.accept_next() {
            Ok(link) => Turn::Next(Box::new(Accepting { link, config: self.config, connection })),
            Err(error) => {
                line_failed(&connection, &error);
                Turn::Over
            }
        }
    }
}

impl<L: Pausable + Send + 'static> Host<LossyLink<L>> for Keyed {
    fn ended(self, connection: Connection, mut link: LossyLink<L>, ended: Ended) -> Turn {
        match ended {
            Ended::Session => self.next(connection, link),
            Ended::Link if link.is_followed() => self.await_next(connection, link),
            Ended::Link => Turn::Over,
        }
    }
}
