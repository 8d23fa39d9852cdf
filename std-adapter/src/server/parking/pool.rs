//! The threads that carry out work: as many as are needed, up to a limit for each kind of work. A thread without work
//! ends after a while.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Lane, Threads, Work};

/// The time after which a thread without work ends.
const KEEP: Duration = Duration::from_secs(2);

/// Work that waits for a thread, and the numbers of threads.
pub(super) struct Pool {
    state: Mutex<State>,
    /// Notified when a waiting thread is called.
    called: Condvar,
    threads: Threads,
}

#[derive(Default)]
struct State {
    handshakes: Queue,
    sessions: Queue,
    /// All threads.
    threads: usize,
    /// Threads that wait and are not called.
    waiting: usize,
    /// Threads that are called and have not come yet; started ones are called too.
    called: usize,
    /// Calls that no waiting thread has taken yet.
    calls: usize,
}

/// The work of one lane, in the order in which it came.
#[derive(Default)]
struct Queue {
    work: VecDeque<Box<dyn Work>>,
    /// Threads that carry out work of this lane.
    running: usize,
}

impl Queue {
    /// The number of threads that it needs more.
    fn demand(&self, limit: usize) -> usize {
        self.work.len().min(limit.saturating_sub(self.running))
    }

    fn take(&mut self, limit: usize) -> Option<Box<dyn Work>> {
        if self.running >= limit {
            return None;
        }
        let work = self.work.pop_front()?;
        self.running += 1;
        Some(work)
    }
}

impl State {
    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Handshake => &mut self.handshakes,
            Lane::Session => &mut self.sessions,
        }
    }
}

impl Threads {
    fn limit(self, lane: Lane) -> usize {
        match lane {
            Lane::Handshake => self.handshakes,
            Lane::Session => self.sessions,
        }
    }
}

/// Starts a thread, which calls [`Pool::arrive`].
pub(super) type Start<'a> = &'a dyn Fn() -> io::Result<()>;

impl Pool {
    /// At least one thread of each kind.
    pub(super) fn new(threads: Threads) -> Self {
        let Threads { handshakes, sessions } = threads;
        let threads = Threads { handshakes: handshakes.max(1), sessions: sessions.max(1) };
        Self { state: Mutex::default(), called: Condvar::new(), threads }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether work of a lane waits for a thread.
    pub(super) fn is_full(&self, lane: Lane) -> bool {
        !self.state().queue(lane).work.is_empty()
    }

    /// Adds some work behind the earlier one.
    ///
    /// # Errors
    /// There is no thread, and none can be started. The work is dropped.
    pub(super) fn submit(&self, work: Box<dyn Work>, start: Start<'_>) -> io::Result<()> {
        let lane = work.lane();
        let mut state = self.state();
        state.queue(lane).work.push_back(work);
        let started = self.call(&mut state, start);
        // One of the other threads comes to it otherwise.
        let refused = (state.threads == 0).then(|| state.queue(lane).work.pop_back());
        drop(state);
        if refused.is_some() { started } else { Ok(()) }
    }

    /// Calls threads for the work that may run.
    fn call(&self, state: &mut State, start: Start<'_>) -> io::Result<()> {
        let Threads { handshakes, sessions } = self.threads;
        let demand = state.handshakes.demand(handshakes) + state.sessions.demand(sessions);
        while state.called < demand {
            if state.waiting > 0 {
                state.waiting -= 1;
                state.calls += 1;
                self.called.notify_one();
            } else {
                start()?;
                state.threads += 1;
            }
            state.called += 1;
        }
        Ok(())
    }

    /// A started thread has come. Returns its first work.
    pub(super) fn arrive(&self, start: Start<'_>) -> Option<Box<dyn Work>> {
        let mut state = self.state();
        state.called -= 1;
        self.await_work(state, start)
    }

    /// Work of `lane` is done. Returns the next work, after a wait; `None`: the thread ends.
    pub(super) fn next(&self, lane: Lane, start: Start<'_>) -> Option<Box<dyn Work>> {
        let mut state = self.state();
        state.queue(lane).running -= 1;
        self.await_work(state, start)
    }

    /// Work of the lane `before` goes on as `work`. Returns the work that its thread does next.
    pub(super) fn go_on(
        &self,
        before: Lane,
        work: Box<dyn Work>,
        start: Start<'_>,
    ) -> Option<Box<dyn Work>> {
        let lane = work.lane();
        if lane == before {
            return Some(work);
        }
        let mut state = self.state();
        state.queue(before).running -= 1;
        let limit = self.threads.limit(lane);
        let queue = state.queue(lane);
        if queue.work.is_empty() && queue.running < limit {
            queue.running += 1;
            // Its lane may have work for another thread.
            let _ = self.call(&mut state, start);
            return Some(work);
        }
        queue.work.push_back(work);
        self.await_work(state, start)
    }

    fn await_work(
        &self,
        mut state: MutexGuard<'_, State>,
        start: Start<'_>,
    ) -> Option<Box<dyn Work>> {
        loop {
            let Threads { handshakes, sessions } = self.threads;
            let work = state.sessions.take(sessions).or_else(|| state.handshakes.take(handshakes));
            // One may have been free for longer than this thread needs.
            let _ = self.call(&mut state, start);
            if work.is_some() {
                return work;
            }
            state.waiting += 1;
            let waited = self.called.wait_timeout_while(state, KEEP, |state| state.calls == 0);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.calls == 0 {
                state.waiting -= 1;
                state.threads -= 1;
                return None;
            }
            state.calls -= 1;
            state.called -= 1;
        }
    }
}
