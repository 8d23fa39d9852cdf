//! One end of a pair, step by step.

use std::collections::VecDeque;

use tinyferry_core::error::Failure;
use tinyferry_core::{Outcome, Profile, Session, Standard, Store};

use super::wire::Wire;
use super::{MILLISECOND, earliest};
use crate::{Line, Memory, Progress, perform};

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
pub(super) enum State {
    Moved,
    /// Waits for input, for room or for its store.
    Waits {
        until: Option<u64>,
    },
    Over(Result<Outcome, Failure>),
}

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

    pub(super) fn step(&mut self, now: u64, incoming: &mut Line, outgoing: &mut Line) -> State {
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

    /// Nothing else has come by `now`, until which it waited.
    pub(super) fn timeout_if_due_at(&mut self, now: u64, until: Option<u64>, incoming: &Line) {
        if until == Some(now) && incoming.readable_at().is_none_or(|at| at > now) {
            self.timeout_if_due(now);
        }
    }
}
