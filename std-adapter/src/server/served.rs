//! A client that is served, or parked between two requests.

use std::sync::Arc;

use crate::server::connection::Connection;
use crate::server::parking::{Lane, Turn, Work};
use crate::server::session::{Ended, Serving};
use crate::transport::limit::Pausable;

/// A session on a link. It is parked while it is idle.
pub(super) struct Served<L, H> {
    pub(super) serving: Serving,
    pub(super) link: L,
    pub(super) host: H,
    pub(super) connection: Connection,
}

/// What follows a session on its link.
pub(super) trait Host<L>: Send {
    fn ended(self, connection: Connection, link: L, ended: Ended) -> Turn;
}

impl<L: Pausable + Send + 'static, H: Host<L> + 'static> Work for Served<L, H> {
    fn lane(&self) -> Lane {
        Lane::Session
    }

    fn run(mut self: Box<Self>) -> Turn {
        let service = Arc::clone(&self.connection.service);
        loop {
            let Self { serving, link, connection, .. } = &mut *self;
            match serving.go_on(&service, link, &connection.name, || connection.linger()) {
                Some(ended) => {
                    let Self { link, host, connection, .. } = *self;
                    return host.ended(connection, link, ended);
                }
                None if service.parking.can_park() => {
                    let place = connection.place(serving.deadline(link));
                    return Turn::Park(place.of(self));
                }
                None => {}
            }
        }
    }
}
