//! A client and a server against each other, step by step, in virtual time.

use std::collections::VecDeque;

use tinyferry_core::error::Failure;
use tinyferry_core::{Config, Outcome, Profile, Session, Standard, Store, Task};

use self::wire::Wire;
use crate::{Line, Memory, Progress, perform, session_number};

mod wire;

/// One end: its session, its store, and how finely it reads and writes.
#[derive(Debug, Clone)]
pub struct End<S = Memory, P: Profile = Standard> {
    /// Its session.
    pub session: Session<P>,
    /// Its store.
    pub store: S,
    /// Bytes read at once, at most.
    pub read: usize,
    /// Bytes written at once, at most.
    pub write: usize,
    /// The size of its driver's own buffer, in bytes: chunks are taken from there.
    pub ahead: usize,
    /// Whether its driver hands in the time.
    pub has_clock: bool,
    /// Nanoseconds that its store takes to load or to store once.
    pub work: u64,
    /// Nanoseconds between two polls of its busy store.
    pub wait: u64,
    waits_until: u64,
    /// Until then its store works.
    works_until: Option<u64>,
    /// Steps taken.
    pub steps: u64,
    /// The text that it prints, each with its time in nanoseconds.
    pub prints: VecDeque<(u64, Vec<u8>)>,
    /// The text of the other end: its profile needs [`Profile::CONSOLE`].
    pub received: Vec<u8>,
    /// Whether its last wait ended without input.
    is_quiet: bool,
}

/// An end after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Moved,
    /// Waits for input, for room or for its store.
    Waits {
        until: Option<u64>,
    },
    Over(Result<Outcome, Failure>),
}

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

impl<S: Store> End<S> {
    /// An end that reads and writes as much as it may.
    pub fn new(session: Session, store: S) -> Self {
        Self::of(session, store)
    }
}

impl<S: Store, P: Profile> End<S, P> {
    /// An end with a session of any profile.
    pub fn of(session: Session<P>, store: S) -> Self {
        let (read, write) = (usize::MAX, usize::MAX);
        Self {
            session,
            store,
            read,
            write,
            ahead: 0,
            has_clock: true,
            work: 0,
            wait: 0,
            waits_until: 0,
            works_until: None,
            steps: 0,
            prints: VecDeque::new(),
            received: Vec::new(),
            is_quiet: false,
        }
    }

    fn step(&mut self, now: u64, incoming: &mut Line, outgoing: &mut Line) -> State {
        self.steps += 1;
        if now < self.waits_until {
            return State::Waits { until: Some(self.waits_until) };
        }
        let clock = self.has_clock.then_some((now / MILLISECOND) as u32);
        let deadline = self.session.deadline().map(|deadline| match clock {
            // The deadline is at most 2^31 ms off, on a clock that wraps around.
            Some(clock) => {
                let left = deadline.wrapping_sub(clock);
                let left = if left < 1 << 31 { u64::from(left) } else { 0 };
                (now / MILLISECOND + left.max(1)) * MILLISECOND
            }
            None => now + 20 * MILLISECOND,
        });
        let mut wire = Wire {
            now,
            clock,
            read: self.read,
            write: self.write,
            buffered: incoming.arrived(now, self.ahead),
            is_cut: incoming.is_cut(),
            work: self.work,
            works_until: self.works_until,
            is_pending: false,
            prints: &mut self.prints,
            received: &mut self.received,
            is_quiet: self.is_quiet,
            incoming,
            outgoing,
        };
        let progress = perform(&mut self.session, &mut self.store, &mut wire);
        self.works_until = wire.works_until;
        if wire.is_pending {
            self.waits_until = now + self.wait;
        }
        let next_text = self.prints.front().map(|(at, _)| (*at).max(now + 1));
        let room = Some(outgoing.writable_at().max(now + 1));
        let until = match progress {
            Progress::Moved => {
                self.is_quiet = false;
                return State::Moved;
            }
            Progress::Over(result) => return State::Over(result),
            Progress::AwaitsInput => {
                earliest(earliest(deadline, incoming.readable_at()), next_text)
            }
            Progress::AwaitsRoom { reads: false } => room,
            Progress::AwaitsRoom { reads: true } => earliest(room, incoming.readable_at()),
            Progress::AwaitsStore => self.works_until,
        };
        State::Waits { until }
    }

    fn timeout_if_due(&mut self, now: u64) {
        self.is_quiet = true;
        let Some(deadline) = self.session.deadline() else { return };
        if self.has_clock {
            let clock = (now / MILLISECOND) as u32;
            if clock.wrapping_sub(deadline) < 1 << 31 {
                self.session.timed_out(Some(clock));
            }
        } else {
            self.session.timed_out(None);
        }
    }
}

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

impl<S: Store, P: Profile> End<S, P> {
    /// Nothing else has come by `now`, until which it waited.
    fn timeout_if_due_at(&mut self, now: u64, until: Option<u64>, incoming: &Line) {
        if until == Some(now) && incoming.readable_at().is_none_or(|at| at > now) {
            self.timeout_if_due(now);
        }
    }
}
