//! The parked connections: a thread waits for the input of all of them.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use polling::{Event, Events, Poller};

use super::Parked;

/// Parked connections by number.
pub(super) struct ParkedConnections {
    poller: Poller,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parked: HashMap<u64, Parked>,
    deadlines: BTreeSet<(Instant, u64)>,
    is_closed: bool,
}

impl State {
    /// Takes a connection out. Each that is taken out is deleted from the poller before it is dropped.
    fn take(&mut self, poller: &Poller, number: u64) -> Option<Parked> {
        let parked = self.parked.remove(&number)?;
        if let Some(deadline) = parked.deadline {
            self.deadlines.remove(&(deadline, number));
        }
        // It fails only where it is not there.
        let _ = poller.delete(&*parked.input);
        Some(parked)
    }
}

impl ParkedConnections {
    /// Those of this system.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn new() -> io::Result<Option<Self>> {
        Ok(Some(Self { poller: Poller::new()?, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of parked connections.
    pub(super) fn parked(&self) -> usize {
        self.state().parked.len()
    }

    /// Parks a connection.
    ///
    /// # Errors
    /// Those of the system. The connection is dropped.
    #[expect(unsafe_code, reason = "the poller does not own the descriptors")]
    pub(super) fn park(&self, parked: Parked) -> io::Result<()> {
        let mut state = self.state();
        if state.is_closed {
            // Its end takes other locks.
            drop(state);
            drop(parked);
            return Ok(());
        }
        let Parked { number, deadline, .. } = parked;
        let event = Event::readable(number as usize);
        // SAFETY: it stays open until `State::take` has deleted it, as `parked` owns a share of it.
        unsafe { self.poller.add(&parked.input.as_fd(), event) }?;
        state.parked.insert(number, parked);
        let is_first = deadline.is_some_and(|deadline| {
            state.deadlines.insert((deadline, number));
            state.deadlines.first() == Some(&(deadline, number))
        });
        drop(state);
        if is_first { self.poller.notify() } else { Ok(()) }
    }

    /// Waits until connections go on, and returns them in the order of their events; `None`: they are closed.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn wait(&self, events: &mut Events) -> io::Result<Option<Vec<Parked>>> {
        let first = self.state().deadlines.first().map(|(deadline, _)| *deadline);
        let timeout = first.map(|first| first.saturating_duration_since(Instant::now()));
        events.clear();
        match self.poller.wait(events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut state = self.state();
        if state.is_closed {
            return Ok(None);
        }
        let now = Instant::now();
        let mut numbers: Vec<_> = events.iter().map(|event| event.key as u64).collect();
        numbers.extend(state.deadlines.iter().take_while(|(at, _)| *at <= now).map(|due| due.1));
        Ok(Some(numbers.iter().filter_map(|number| state.take(&self.poller, *number)).collect()))
    }

    /// Ends the wait, and drops all parked connections. Later ones are dropped at once.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        let numbers: Vec<_> = state.parked.keys().copied().collect();
        let parked: Vec<_> =
            numbers.iter().filter_map(|number| state.take(&self.poller, *number)).collect();
        drop(state);
        drop(parked);
        let _ = self.poller.notify();
    }
}
