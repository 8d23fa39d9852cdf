//! Connections and threads: a connection that waits for its client holds no thread.
//!
//! [`Work`] is the task of a connection. A thread of the [`Pool`] carries it out until it is over, or waits for its
//! client: then it is one of the [`ParkedConnections`], which give it back to the pool when the client sends, or at a
//! deadline. A transfer stays on its thread.
//!
//! Knows descriptors, time and threads; knows nothing of sessions.

#[cfg(unix)]
mod connections;
#[cfg(not(unix))]
#[path = "unsupported.rs"]
mod connections;
mod pool;
#[cfg(all(test, unix))]
mod tests;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tracing::warn;

use self::connections::ParkedConnections;
use self::pool::Pool;
use crate::describe;
use crate::transport::socket::Pollable;

/// The stack of a thread: one session and little else.
pub(super) const STACK: usize = 256 * 1024;

/// The work of a connection. The connection ends when this is dropped.
pub(super) trait Work: Send {
    /// Which limit of threads counts for it.
    fn lane(&self) -> Lane;

    /// Goes on, until it is over or waits for its client.
    fn run(self: Box<Self>) -> Turn;
}

/// The kinds of work. Each has its own limit of threads: handshakes that take long do not keep out sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// A connection without a complete handshake.
    Handshake,
    /// A client that has a slot.
    Session,
}

/// What follows some work.
pub(super) enum Turn {
    Over,
    /// It goes on at once, as this work.
    Next(Box<dyn Work>),
    /// It goes on when its client sends, or at the deadline.
    Park(Parked),
}

/// Work that waits for its client.
#[cfg_attr(not(unix), expect(dead_code))]
pub(super) struct Parked {
    /// The number of its connection.
    pub(super) number: u64,
    pub(super) work: Box<dyn Work>,
    /// It goes on when this has input.
    pub(super) input: Arc<dyn Pollable>,
    pub(super) deadline: Option<Instant>,
}

/// The largest numbers of threads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threads {
    pub(super) handshakes: usize,
    pub(super) sessions: usize,
}

/// The threads of a server, and its parked connections.
pub(super) struct Parking {
    pool: Pool,
    /// `None`: this system parks nothing.
    connections: Option<ParkedConnections>,
}

impl Parking {
    /// # Errors
    /// Those of the system.
    pub(super) fn new(threads: Threads) -> io::Result<Self> {
        Ok(Self { pool: Pool::new(threads), connections: ParkedConnections::new()? })
    }

    /// Whether connections can be parked. Otherwise they wait on their threads.
    pub(super) fn can_park(&self) -> bool {
        self.connections.is_some()
    }

    /// The number of parked connections.
    pub(super) fn parked(&self) -> usize {
        self.connections.as_ref().map_or(0, ParkedConnections::parked)
    }

    /// Whether work of this kind waits for a thread.
    pub(super) fn is_full(&self, lane: Lane) -> bool {
        self.pool.is_full(lane)
    }

    /// Begins some work: when its client sends, or at once where nothing can be parked.
    ///
    /// # Errors
    /// Those of the system. The work is dropped.
    pub(super) fn begin(self: &Arc<Self>, parked: Parked) -> io::Result<()> {
        match &self.connections {
            Some(connections) => connections.park(parked),
            None => self.submit(parked.work),
        }
    }

    fn submit(self: &Arc<Self>, work: Box<dyn Work>) -> io::Result<()> {
        self.pool.submit(work, &|| self.start())
    }

    /// Starts a thread of the pool.
    fn start(self: &Arc<Self>) -> io::Result<()> {
        let parking = Arc::clone(self);
        let thread = thread::Builder::new().name("client".to_owned()).stack_size(STACK);
        thread.spawn(move || parking.carry_out()).map(drop)
    }

    /// A thread of the pool.
    fn carry_out(self: Arc<Self>) {
        let start = || self.start();
        let mut next = self.pool.arrive(&start);
        while let Some(work) = next {
            let lane = work.lane();
            // The hook has reported the panic, and the connection has ended.
            let turn = catch_unwind(AssertUnwindSafe(|| work.run())).unwrap_or(Turn::Over);
            next = match turn {
                Turn::Next(work) => self.pool.go_on(lane, work, &start),
                Turn::Over => self.pool.next(lane, &start),
                Turn::Park(parked) => {
                    if let Err(error) = self.begin(parked) {
                        let why = describe::os_error(&error);
                        warn!(
                            "a client is disconnected, because its connection cannot be watched: {why}"
                        );
                    }
                    self.pool.next(lane, &start)
                }
            };
        }
    }

    /// Starts the thread that waits for the input of parked connections, until the returned value is dropped.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn open(self: &Arc<Self>) -> io::Result<Opened> {
        #[cfg(unix)]
        {
            let parking = Arc::clone(self);
            let thread = thread::Builder::new().name("parked clients".to_owned());
            thread.stack_size(STACK).spawn(move || parking.attend())?;
        }
        Ok(Opened(Arc::clone(self)))
    }

    #[cfg(unix)]
    fn attend(self: Arc<Self>) {
        let Some(connections) = &self.connections else { return };
        let mut events = polling::Events::new();
        loop {
            let woken = match connections.wait(&mut events) {
                Ok(Some(woken)) => woken,
                Ok(None) => return,
                Err(error) => {
                    let why = describe::os_error(&error);
                    warn!("the connections of clients cannot be watched: {why}");
                    return connections.close();
                }
            };
            for parked in woken {
                if let Err(error) = self.submit(parked.work) {
                    let why = describe::os_error(&error);
                    warn!("a client is disconnected, because no thread can be started: {why}");
                }
            }
        }
    }
}

/// Parked connections are watched until this is dropped; then they end.
pub(super) struct Opened(Arc<Parking>);

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(connections) = &self.0.connections {
            connections.close();
        }
    }
}
