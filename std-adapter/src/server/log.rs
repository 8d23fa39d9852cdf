//! Log lines for the events of a server's store. Names are escaped. A tree causes a few lines, whatever its
//! number of entries: failures are counted, and the first one is named.

use std::fmt::Display;

use tinyferry_core::Reason;
use tinyferry_core::store::Kind;
use tracing::{debug, info, warn};

use crate::describe;
use crate::describe::OTHER_END;
use crate::fs::Direction;
use crate::fs::Event;
use crate::fs::Observer;
use crate::server::throttle::Throttle;

/// Log lines that any client can cause.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Rejected clients, because the server is busy.
    pub(crate) busy: Throttle,
    /// Handshakes that fail.
    pub(crate) handshakes: Throttle,
    /// The root cannot be served.
    pub(crate) root: Throttle,
    /// Sessions that fail.
    pub(crate) sessions: Throttle,
}

impl Logs {
    pub(crate) fn new() -> Self {
        let [busy, handshakes, root, sessions] = [20; 4].map(Throttle::new);
        Self { busy, handshakes, root, sessions }
    }
}

/// Logs the requests of one client.
#[derive(Debug)]
pub(crate) struct Log {
    peer: String,
    /// The name of the last request.
    request: &'static str,
    tree: Option<Tree>,
    failures: Throttle,
}

/// The counts of a tree.
#[derive(Debug, Default)]
struct Tree {
    failed: Several,
    unset: Several,
}

/// Lines of one kind: the first, and their number.
#[derive(Debug, Default)]
struct Several {
    first: String,
    count: u64,
}

impl Several {
    fn add(&mut self, line: &impl Display) {
        self.count += 1;
        if self.count == 1 {
            self.first = line.to_string();
        }
        debug!("{line}");
    }

    /// One line for all; `None`: there are none.
    fn summary(&self, what: &str) -> Option<String> {
        let Self { first, count } = self;
        match count {
            0 => None,
            1 => Some(first.clone()),
            _ => Some(format!("{count} entries {what}, the first: {first}")),
        }
    }
}

impl Log {
    /// `peer` begins each line.
    pub(crate) fn new(peer: String) -> Self {
        Self { peer, request: "", tree: None, failures: Throttle::new(20) }
    }

    fn tree_ends(&mut self) {
        let peer = &self.peer;
        let Some(Tree { failed, unset }) = self.tree.take() else { return };
        if let Some(line) = failed.summary("failed") {
            warn!("{peer}: {line}");
        }
        if let Some(line) = unset.summary("are complete, but without their time or permission bits")
        {
            info!("{peer}: {line}");
        }
    }
}

impl Observer for Log {
    fn event(&mut self, event: Event<'_>) {
        let failures = self.tree.as_ref().map_or(0, |tree| tree.failed.count);
        if let Event::Begin { kind: Kind::Tree, .. } | Event::Done { kind: Kind::Tree, .. } = event
        {
            self.tree_ends();
        }
        let peer = &self.peer;
        match event {
            Event::Begin { path, kind: Kind::Tree, direction, .. } => {
                self.request = request(direction);
                info!("{peer}: {} tree \"{}\": started", self.request, path.escape_debug());
                self.tree = Some(Tree::default());
            }
            Event::Begin { path, held, direction, .. } => {
                self.request = request(direction);
                let path = path.escape_debug();
                debug!("{peer}: {} \"{path}\": started at {held}", self.request);
            }
            Event::Moved { .. } | Event::Resumed { .. } => {}
            Event::Done { path, kind: Kind::Tree, .. } => {
                let failed = match failures {
                    0 => String::new(),
                    count => {
                        format!(
                            ", without the {} that failed",
                            describe::count(count, "entry", "entries")
                        )
                    }
                };
                let path = path.escape_debug();
                info!("{peer}: {} tree \"{path}\": complete{failed}", self.request);
            }
            Event::Done { path, .. } => {
                let line = format!("{} \"{}\": complete", self.request, path.escape_debug());
                match self.tree {
                    Some(_) => debug!("{peer}: {line}"),
                    None => info!("{peer}: {line}"),
                }
            }
            Event::Failed { path, reason, detail, at_peer } => {
                let who = if at_peer { "the client" } else { "this server" };
                let why = describe::failure(reason, detail, at_peer).replace(OTHER_END, who);
                let line = match reason {
                    Reason::ReadOnly if !at_peer && detail.is_empty() => {
                        format!("put \"{}\" refused: {why}", path.escape_debug())
                    }
                    Reason::WriteOnly if !at_peer => {
                        format!("get or ls \"{}\" refused: {why}", path.escape_debug())
                    }
                    _ => format!("\"{}\" failed: {why}", path.escape_debug()),
                };
                match &mut self.tree {
                    Some(tree) => tree.failed.add(&line),
                    None => self.failures.write(&line, |line| warn!("{peer}: {line}")),
                }
            }
            Event::NotDurable { path, detail } => {
                warn!("{peer}: \"{}\" {}", path.escape_debug(), describe::refused_sync(detail));
            }
            Event::Unset { path, detail } => {
                let path = path.escape_debug();
                let line = format!(
                    "the time or the permission bits of \"{path}\" could not be set: {detail}"
                );
                match &mut self.tree {
                    Some(tree) => tree.unset.add(&line),
                    None => info!("{peer}: {line}"),
                }
            }
        }
    }
}

impl Drop for Log {
    /// The transfer of a tree may be interrupted.
    fn drop(&mut self) {
        self.tree_ends();
    }
}

/// The request of the client, by its name on the command line.
fn request(direction: Direction) -> &'static str {
    match direction {
        Direction::Receiving => "put",
        Direction::Sending => "get",
        Direction::Listing => "ls",
    }
}
