//! What a server's store reports, as log lines. Names are escaped. A tree makes a few lines, however many
//! entries it has: what fails in it is counted, and the first is named.

use std::fmt::Display;

use tinyferry_core::store::Kind;
use tracing::{debug, info, warn};

use crate::fs::Direction;
use crate::fs::Event;
use crate::fs::Observer;
use crate::server::throttle::Throttle;
use crate::words::{of_failure, of_refused_sync};

/// Logs what one client does.
#[derive(Debug)]
pub(crate) struct Log {
    peer: String,
    tree: Option<Tree>,
    failures: Throttle,
}

/// What is counted within a tree.
#[derive(Debug, Default)]
struct Tree {
    failed: Several,
    unset: Several,
}

/// Lines of one kind: the first, and how many there are.
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

    /// All of them in one line, if there is any.
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
    /// Lines begin with `peer`.
    pub(crate) fn new(peer: String) -> Self {
        Self { peer, tree: None, failures: Throttle::new(20) }
    }

    fn tree_ends(&mut self) {
        let peer = &self.peer;
        let Some(Tree { failed, unset }) = self.tree.take() else { return };
        if let Some(line) = failed.summary("failed") {
            warn!("{peer}: {line}");
        }
        if let Some(line) = unset.summary("are there without their time or their bits") {
            info!("{peer}: {line}");
        }
    }
}

impl Observer for Log {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Begin { kind: Kind::Tree, .. } | Event::Done { kind: Kind::Tree, .. } = event
        {
            self.tree_ends();
        }
        let peer = &self.peer;
        match event {
            Event::Begin { path, kind: Kind::Tree, direction, .. } => {
                info!("{peer}: {} the tree \"{}\"", verb(direction), path.escape_debug());
                self.tree = Some(Tree::default());
            }
            Event::Begin { path, held, direction, .. } => {
                debug!("{peer}: {} \"{}\" from {held}", verb(direction), path.escape_debug());
            }
            Event::Moved { .. } | Event::Resumed { .. } => {}
            Event::Done { path, kind: Kind::Tree, .. } => {
                info!("{peer}: the tree \"{}\" is through", path.escape_debug());
            }
            Event::Done { path, .. } if self.tree.is_some() => {
                debug!("{peer}: \"{}\" is through", path.escape_debug());
            }
            Event::Done { path, .. } => info!("{peer}: \"{}\" is through", path.escape_debug()),
            Event::Failed { path, reason, detail, .. } => {
                let why = of_failure(reason, detail, false);
                let line = format!("\"{}\" failed: {why}", path.escape_debug());
                match &mut self.tree {
                    Some(tree) => tree.failed.add(&line),
                    None => self.failures.write(&line, |line| warn!("{peer}: {line}")),
                }
            }
            Event::NotDurable { path, detail } => {
                warn!("{peer}: \"{}\" {}", path.escape_debug(), of_refused_sync(detail));
            }
            Event::Unset { path, detail } => {
                let path = path.escape_debug();
                let line = format!("the time or the bits of \"{path}\" could not be set: {detail}");
                match &mut self.tree {
                    Some(tree) => tree.unset.add(&line),
                    None => info!("{peer}: {line}"),
                }
            }
        }
    }
}

impl Drop for Log {
    /// A tree may have broken off.
    fn drop(&mut self) {
        self.tree_ends();
    }
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Receiving => "receives",
        Direction::Sending => "gets",
    }
}
