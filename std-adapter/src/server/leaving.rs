//! A client that is disconnected in good order: it is awaited for a moment, so that it gets the last output.

use std::time::Instant;

use crate::server::connection::Connection;
use crate::server::parking::{Lane, Turn, Work};
use crate::transport::stream::{DISCONNECT_TIMEOUT, Socket, StreamLink};

/// A connection without further output.
struct Leaving<S> {
    link: StreamLink<S>,
    end: Instant,
    connection: Connection,
}

/// Ends the output of a connection, and waits for the client to disconnect.
pub(super) fn leave<S: Socket + 'static>(connection: Connection, mut link: StreamLink<S>) -> Turn {
    link.end_writing();
    let end = Instant::now() + DISCONNECT_TIMEOUT;
    Turn::Next(Box::new(Leaving { link, end, connection }))
}

impl<S: Socket + 'static> Work for Leaving<S> {
    fn lane(&self) -> Lane {
        Lane::Session
    }

    fn run(mut self: Box<Self>) -> Turn {
        let can_park = self.connection.service.parking.can_park();
        if self.link.has_ended(!can_park) || Instant::now() >= self.end || !can_park {
            return Turn::Over;
        }
        let place = self.connection.place(Some(self.end));
        Turn::Park(place.of(self))
    }
}
