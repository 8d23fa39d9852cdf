//! What a server's store reports, as log lines. Names are escaped.

use tinyferry_core::store::Kind;
use tracing::{debug, info, warn};

use crate::directory::{Direction, Event, Observer};
use crate::words::of_failure;

/// Logs what one client does.
#[derive(Debug)]
pub(crate) struct Log {
    peer: String,
    in_tree: bool,
}

impl Log {
    /// Lines begin with `peer`.
    pub(crate) fn new(peer: String) -> Self {
        Self { peer, in_tree: false }
    }
}

impl Observer for Log {
    fn event(&mut self, event: Event<'_>) {
        let peer = &self.peer;
        match event {
            Event::Begin { path, kind: Kind::Tree, direction, .. } => {
                self.in_tree = true;
                info!("{peer}: {} the tree \"{}\"", verb(direction), path.escape_debug());
            }
            Event::Begin { path, held, direction, .. } => {
                debug!("{peer}: {} \"{}\" from {held}", verb(direction), path.escape_debug());
            }
            Event::Moved { .. } | Event::Resumed { .. } => {}
            Event::Done { path, kind: Kind::Tree, .. } => {
                self.in_tree = false;
                info!("{peer}: the tree \"{}\" is through", path.escape_debug());
            }
            Event::Done { path, .. } if self.in_tree => {
                debug!("{peer}: \"{}\" is through", path.escape_debug());
            }
            Event::Done { path, .. } => info!("{peer}: \"{}\" is through", path.escape_debug()),
            Event::Failed { path, reason, detail, .. } => {
                let why = of_failure(reason, detail, false);
                warn!("{peer}: \"{}\" failed: {why}", path.escape_debug());
            }
            Event::Unset { path, detail } => {
                let path = path.escape_debug();
                info!("{peer}: the time or the bits of \"{path}\" could not be set: {detail}");
            }
        }
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Receiving => "receives",
        Direction::Sending => "gets",
    }
}
