//! The beginning of a connection: its first message, its handshake, and its slot.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tinyferry_core::{Config, Reason};
use tracing::{debug, info};

use crate::auth::Authenticator;
use crate::auth::KeyEntry;
use crate::auth::Refusal;
use crate::auth::refuse;
use crate::auth::rejection;
use crate::describe;
use crate::server::connection::Connection;
use crate::server::leaving::leave;
use crate::server::parking::{Lane, Parked, Turn, Work};
use crate::server::preamble::Begin;
use crate::server::preamble::Preamble;
use crate::server::preamble::Wait;
use crate::server::refuse::refuse_session;
use crate::server::refuse::refuse_with;
use crate::server::refuse::reject;
use crate::server::refuse::unreachable_root;
use crate::server::root::RootError;
use crate::server::served::{Host, Served};
use crate::server::session::{Ended, Serving};
use crate::transport::clock::milliseconds;
use crate::transport::stream::Shutdown;
use crate::transport::stream::Socket;
use crate::transport::stream::StreamLink;

/// A connection without a complete handshake.
pub(super) struct Opening<S> {
    socket: S,
    shutdown: Arc<Shutdown>,
    preamble: Preamble,
    /// When its handshake must be complete.
    end: Instant,
    connection: Connection,
}

impl<S: Socket + 'static> Opening<S> {
    /// A connection that has sent nothing yet.
    pub(super) fn begin(connection: Connection, socket: S, shutdown: Arc<Shutdown>) -> Parked {
        debug!("{}: the client has connected", connection.name);
        let end = Instant::now() + connection.service.options.handshake_timeout;
        let place = connection.place(Some(end));
        let preamble = Preamble::new();
        place.of(Box::new(Self { socket, shutdown, preamble, end, connection }))
    }

    /// The client has sent its first message. It is served with the rights of its key.
    fn begun(self, begin: Begin) -> Turn {
        let Self { mut socket, shutdown, preamble, end, connection } = self;
        let (service, name) = (Arc::clone(&connection.service), &connection.name);
        let failed = |why: &dyn Display| reject_handshake(&connection, why);
        let input = preamble.input();
        match (begin, &service.keys) {
            (Begin::Nothing, _) => debug!("{name}: the client has disconnected without a request"),
            (Begin::SecureChannel, Some(keys)) => {
                if let Err(busy) = service.registry.check(connection.number) {
                    connection.log_busy(busy);
                    refuse(&mut socket, Refusal::Busy);
                    return Turn::Over;
                }
                service.registry.begin_handshake(connection.number);
                match Authenticator(keys).authenticate(socket, input, end) {
                    Err(problem) => failed(&rejection(&problem)),
                    Ok((socket, entry)) => {
                        let link = StreamLink::new(socket, service.unless_stopping(shutdown));
                        return admit(connection, link, Some(&entry));
                    }
                }
            }
            (Begin::Hello | Begin::Unknown, Some(_)) => {
                failed(&"the client has no key");
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                refuse_session(link, Reason::KeyNeeded);
            }
            (Begin::SecureChannel, _) => {
                failed(&"the client uses a key, and this server has none (--key)");
                refuse(&mut socket, Refusal::NoKeys);
            }
            // The session fails at once and reports the reason.
            (Begin::Unknown, _) => {
                let link = &mut StreamLink::with_input(socket, shutdown, input);
                if let Err(error) = reject(link) {
                    failed(&describe::for_server(&error));
                }
            }
            (Begin::Hello, _) => {
                let shutdown = service.unless_stopping(shutdown);
                let link = StreamLink::with_input(socket, shutdown, input);
                return admit(connection, link, None);
            }
        }
        Turn::Over
    }
}

impl<S: Socket + 'static> Work for Opening<S> {
    fn lane(&self) -> Lane {
        Lane::Handshake
    }

    fn run(mut self: Box<Self>) -> Turn {
        if self.shutdown.is_due() {
            return Turn::Over;
        }
        let can_park = self.connection.service.parking.can_park();
        let wait = if can_park { Wait::Not } else { Wait::ToTheEnd };
        match self.preamble.read(&mut self.socket, self.end, wait) {
            Ok(Some(begin)) => self.begun(begin),
            Ok(None) => {
                let place = self.connection.place(Some(self.end));
                Turn::Park(place.of(self))
            }
            Err(error) => {
                reject_handshake(&self.connection, &describe::os_error(&error));
                Turn::Over
            }
        }
    }
}

fn reject_handshake(connection: &Connection, why: &dyn Display) {
    let line = format!("{}: the client is rejected: {why}", connection.name);
    connection.service.counters.rejected.fetch_add(1, Ordering::Relaxed);
    connection.service.logs.handshakes.warn(&line);
}

/// Serves a client whose handshake is complete, if there is a slot for it.
fn admit<S: Socket + 'static>(
    connection: Connection,
    mut link: StreamLink<S>,
    entry: Option<&KeyEntry>,
) -> Turn {
    let (service, name) = (Arc::clone(&connection.service), &connection.name);
    if service.registry.is_stopping() {
        refuse_session(&mut link, Reason::ShuttingDown);
        return leave(connection, link);
    }
    if let Err(busy) = service.registry.admit(connection.number) {
        connection.log_busy(busy);
        refuse_session(&mut link, Reason::Busy);
        return Turn::Over;
    }
    if let Some(entry) = entry {
        info!("{name}: the client is authenticated as {}", entry.name.escape_debug());
    }
    let permissions = match entry {
        Some(entry) => service.permissions_of(entry),
        None => service.permissions_without_key().map_err(RootError::from),
    };
    match permissions {
        Ok(permissions) => {
            let [handshake, idle] =
                [service.options.handshake_timeout, service.options.idle].map(milliseconds);
            let config = Config::RELIABLE.handshake_timeout(handshake).idle_timeout(idle);
            let serving = Serving::begin(&service, &mut link, name, config, permissions);
            Turn::Next(Box::new(Served { serving, link, host: Single, connection }))
        }
        Err(RootError { error, message }) => {
            let why = describe::os_error(&error);
            service.logs.root.warn(&format!("{name}: the client is refused: {why}"));
            refuse_with(&mut link, unreachable_root(&error), message);
            Turn::Over
        }
    }
}

/// A connection has one session.
struct Single;

impl<S: Socket + 'static> Host<StreamLink<S>> for Single {
    fn ended(self, connection: Connection, link: StreamLink<S>, _: Ended) -> Turn {
        if connection.service.registry.is_stopping() { leave(connection, link) } else { Turn::Over }
    }
}
