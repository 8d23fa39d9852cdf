//! Log lines for the events of a server's store. Names are escaped. The transfer of a tree causes a few lines for
//! any number of entries: failures are counted, and the first one is named. Each removal, each rename and each
//! directory that a client makes by itself causes one line.

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
    /// The direction of the last request.
    direction: Direction,
    tree: Option<Tree>,
    failures: Throttle,
}

/// A tree that is open.
#[derive(Debug, Default)]
struct Tree {
    /// Whether its begin is logged. Questions and changes of a client come in a tree without a path and without
    /// files.
    is_logged: bool,
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
    fn add(&mut self, line: String, peer: &str) {
        self.count += 1;
        debug!("{peer}: {line}");
        if self.count == 1 {
            self.first = line;
        }
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
        let (direction, failures) = (Direction::Receiving, Throttle::new(20));
        Self { peer, direction, tree: None, failures }
    }

    fn tree_ends(&mut self) {
        let peer = &self.peer;
        let Some(Tree { failed, unset, .. }) = self.tree.take() else { return };
        if let Some(line) = failed.summary("failed") {
            warn!("{peer}: {line}");
        }
        if let Some(line) = unset.summary("are complete, but without their time or permission bits")
        {
            info!("{peer}: {line}");
        }
    }

    fn tree_begins(&mut self, path: &str) {
        info!("{}: {} has begun", self.peer, request(self.direction, "the tree ", path));
        if let Some(tree) = &mut self.tree {
            tree.is_logged = true;
        }
    }

    /// A file or a link begins: the tree that it is in is a transfer.
    fn entry_begins(&mut self) {
        if self.is_in_silent_tree() {
            self.tree_begins("");
        }
    }

    fn is_in_silent_tree(&self) -> bool {
        self.tree.as_ref().is_some_and(|tree| !tree.is_logged)
    }

    fn failed(&mut self, line: String) {
        let peer = &self.peer;
        match &mut self.tree {
            Some(tree) => tree.failed.add(line, peer),
            None => self.failures.write(&line, |line| warn!("{peer}: {line}")),
        }
    }

    /// A file or a directory is in place.
    fn done(&self, path: &str) {
        // Formatted where the line is written only: a tree has many files.
        let (peer, direction) = (&self.peer, self.direction);
        match self.tree {
            Some(_) => debug!("{peer}: {} is complete", request(direction, "", path)),
            None => info!("{peer}: {} is complete", request(direction, "", path)),
        }
    }

    fn unset(&mut self, path: &str, detail: &str) {
        let path = path.escape_debug();
        let line =
            format!("the time or the permission bits of \"{path}\" could not be set: {detail}");
        let peer = &self.peer;
        match &mut self.tree {
            Some(tree) => tree.unset.add(line, peer),
            None => info!("{peer}: {line}"),
        }
    }
}

impl Observer for Log {
    fn event(&mut self, event: Event<'_>) {
        let failures = self.tree.as_ref().map_or(0, |tree| tree.failed.count);
        let is_silent = self.is_in_silent_tree();
        if let Event::Begin { kind: Kind::Tree, .. } | Event::Done { kind: Kind::Tree, .. } = event
        {
            self.tree_ends();
        }
        match event {
            Event::Begin { path, kind: Kind::Tree, direction, .. } => {
                self.direction = direction;
                self.tree = Some(Tree::default());
                if direction != Direction::Receiving || !path.is_empty() {
                    self.tree_begins(path);
                }
            }
            Event::Begin { kind: Kind::Directory, .. } if is_silent => {}
            Event::Begin { path, prefix, direction, .. } => {
                self.direction = direction;
                self.entry_begins();
                let peer = &self.peer;
                debug!("{peer}: {} has begun at byte {prefix}", request(direction, "", path));
            }
            Event::Moved { .. }
            | Event::Hole { .. }
            | Event::Verified { .. }
            | Event::Resent { .. }
            | Event::Again { .. }
            | Event::Resumed { .. }
            | Event::Committing { .. }
            | Event::Completing
            | Event::Unchanged { .. }
            | Event::Compared { .. } => {}
            Event::Done { kind: Kind::Tree | Kind::Directory, .. } if is_silent => {}
            Event::Done { path, kind: Kind::Tree, .. } => {
                let failed = match failures {
                    0 => String::new(),
                    count => format!(", but {} failed", describe::count(count, "entry", "entries")),
                };
                let request = request(self.direction, "the tree ", path);
                info!("{}: {request} is complete{failed}", self.peer);
            }
            Event::Done { path, .. } => self.done(path),
            // The client changes something, or asks whether it can.
            Event::Failed {
                path: "",
                direction: Direction::Receiving,
                reason,
                at_peer: false,
                ..
            } if reason == Reason::ReadOnly => {
                let why = reason.to_string().replace(OTHER_END, "this server");
                info!("{}: a change of \".\" is refused: {why}", self.peer);
            }
            Event::Failed { path, direction, reason, detail, at_peer } => {
                let who = if at_peer { "the client" } else { "this server" };
                let why = describe::failure(reason, detail, at_peer).replace(OTHER_END, who);
                let line = format!("{} failed: {why}", request(direction, "", path));
                match is_answer(direction, reason) {
                    true => debug!("{}: {line}", self.peer),
                    false => self.failed(line),
                }
            }
            Event::NotUtf8 { path, direction, reason } => {
                let (verb, path) = (verb(direction), describe::bytes(path));
                let why = describe::not_utf8(reason);
                self.failed(format!("{verb} of \"{path}\" failed: {why}"));
            }
            Event::Linked { path, target, is_hard } => {
                self.entry_begins();
                let kind = if is_hard { "hard link to" } else { "symbolic link to" };
                let request = request(self.direction, "", path);
                debug!("{}: {request}: {kind} \"{}\"", self.peer, target.escape_debug());
            }
            Event::Removed { path } => {
                info!("{}: removed \"{}\"", self.peer, path.escape_debug());
            }
            Event::Renamed { from, path } => {
                let (from, path) = (from.escape_debug(), path.escape_debug());
                info!("{}: renamed \"{from}\" to \"{path}\"", self.peer);
            }
            Event::Made { path } => {
                info!("{}: made the directory \"{}\"", self.peer, path.escape_debug());
            }
            Event::KeptBoth { path, stored } => {
                let (path, stored) = (path.escape_debug(), stored.escape_debug());
                info!("{}: \"{path}\" exists; the new file is \"{stored}\"", self.peer);
            }
            Event::NotDurable { path, detail } => {
                let (path, why) = (path.escape_debug(), describe::refused_sync(detail));
                warn!("{}: \"{path}\" {why}", self.peer);
            }
            Event::Unset { path, detail } => self.unset(path, detail),
        }
    }
}

impl Drop for Log {
    /// The transfer of a tree may be interrupted.
    fn drop(&mut self) {
        self.tree_ends();
    }
}

/// The client's request by its name on the command line.
fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Receiving => "put",
        Direction::Sending => "get",
        Direction::Listing => "ls",
        Direction::Removing => "rm",
        Direction::Renaming => "mv",
    }
}

/// Whether a refusal answers a question: a client asks so whether there is an entry, and of which kind.
fn is_answer(direction: Direction, reason: Reason) -> bool {
    match direction {
        Direction::Listing => {
            matches!(reason, Reason::NotFound | Reason::IsDirectory | Reason::NotDirectory)
        }
        Direction::Removing => reason == Reason::IsDirectory,
        _ => false,
    }
}

/// The request as the subject of a sentence: `put of "x"`, `get of the tree "x"`.
fn request(direction: Direction, kind: &str, path: &str) -> String {
    let path = if path.is_empty() { "." } else { path };
    format!("{} of {kind}\"{}\"", verb(direction), path.escape_debug())
}
