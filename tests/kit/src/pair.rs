//! A client and a server against each other, step by step, in virtual time.

use tinyferry_core::error::Failure;
use tinyferry_core::{Config, Outcome, Profile, Session, Store, Task};

use self::end::State;
use crate::{Line, session_number};

pub use self::end::End;

mod end;
mod wire;

/// The pair did not come to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Both wait for ever.
    Deadlock,
    /// More steps or more time than is bearable.
    TooLong,
}

/// A client and a server, each with any store and any profile.
#[derive(Debug, Clone)]
pub struct Pair<C = End, S = End> {
    /// The client.
    pub client: C,
    /// The server.
    pub server: S,
    /// From the client to the server.
    pub up: Line,
    /// From the server to the client.
    pub down: Line,
    /// Virtual time in nanoseconds.
    pub now: u64,
    /// Virtual time after which a run is stuck.
    pub limit: u64,
}

const MILLISECOND: u64 = 1_000_000;

fn earliest(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

impl<C: Store, S: Store> Pair<End<C>, End<S>> {
    /// Two ends on perfect lines.
    pub fn new(config: Config, client: C, server: S) -> Self {
        let client = End::new(Session::client(session_number(0xC0FF_EE01), config), client);
        Self::of(client, End::new(Session::server(config), server))
    }

    /// The session has this number.
    ///
    /// # Panics
    /// Where it is 0.
    pub fn numbered(mut self, number: u32, config: Config) -> Self {
        self.client.session = Session::client(session_number(number), config);
        self
    }
}

impl<C: Store, P: Profile, S: Store, Q: Profile> Pair<End<C, P>, End<S, Q>> {
    /// These ends on perfect lines.
    pub fn of(client: End<C, P>, server: End<S, Q>) -> Self {
        Self {
            client,
            server,
            up: Line::perfect(1),
            down: Line::perfect(2),
            now: 0,
            limit: 3_600_000 * MILLISECOND,
        }
    }

    /// Both lines are serial ones of `baud` baud.
    pub fn serial(mut self, baud: u64, seed: u64) -> Self {
        self.up = Line::serial(baud, seed.wrapping_mul(2));
        self.down = Line::serial(baud, seed.wrapping_mul(2).wrapping_add(1));
        self
    }

    /// Both lines have this delay.
    pub fn delayed(mut self, milliseconds: u64) -> Self {
        self.up.delay = milliseconds * MILLISECOND;
        self.down.delay = milliseconds * MILLISECOND;
        self
    }

    /// Gives the client a task and runs until it is over for the client.
    ///
    /// # Errors
    /// [`Stuck`] where it never is.
    pub fn run(&mut self, task: Task<'_>) -> Result<Result<Outcome, Failure>, Stuck> {
        if let Err(failure) = self.client.session.begin(task) {
            return Ok(Err(failure));
        }
        let now = Some((self.now / MILLISECOND) as u32);
        self.client.session.resume(now.filter(|_| self.client.has_clock));
        self.server.session.resume(now.filter(|_| self.server.has_clock));
        self.go_on()
    }

    /// Runs until the client's task is over.
    ///
    /// # Errors
    /// [`Stuck`] where it never is.
    pub fn go_on(&mut self) -> Result<Result<Outcome, Failure>, Stuck> {
        let mut steps = 0u64;
        loop {
            steps += 1;
            if steps > 200_000_000 || self.now > self.limit {
                return Err(Stuck::TooLong);
            }
            let client = self.client.step(self.now, &mut self.down, &mut self.up);
            let server = self.server.step(self.now, &mut self.up, &mut self.down);
            let (client, server) = match (client, server) {
                (State::Over(result), _) => {
                    self.drain();
                    return Ok(result);
                }
                (State::Moved, _) | (_, State::Moved) => continue,
                (State::Waits { until: client }, State::Waits { until: server }) => {
                    (client, server)
                }
                (State::Waits { until: client }, State::Over(_)) => (client, None),
            };
            let Some(next) = earliest(client, server) else { return Err(Stuck::Deadlock) };
            self.now = self.now.max(next);
            self.client.timeout_if_due_at(next, client, &self.down);
            self.server.timeout_if_due_at(next, server, &self.up);
        }
    }

    /// Lets the server and time go on by one step, no further than `until`, for a client that a
    /// driver runs over these lines.
    ///
    /// # Errors
    /// [`Stuck`] where nothing will ever happen.
    pub fn serve(&mut self, until: Option<u64>) -> Result<(), Stuck> {
        let server = match self.server.step(self.now, &mut self.up, &mut self.down) {
            State::Moved => return Ok(()),
            State::Waits { until } => until,
            State::Over(_) => None,
        };
        let next = earliest(earliest(until, self.down.readable_at()), server);
        let next = next.ok_or(Stuck::Deadlock)?;
        if next > self.limit {
            return Err(Stuck::TooLong);
        }
        self.now = self.now.max(next);
        self.server.timeout_if_due_at(next, server, &self.up);
        Ok(())
    }

    /// Runs the server alone until it waits for input.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            if self.server.step(self.now, &mut self.up, &mut self.down) != State::Moved {
                return;
            }
        }
    }
}
