//! The clients of a server, as its threads see them together: who is there, and how they are let
//! go.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::listener::Wake;
use crate::stream::Leave;

/// What the threads of one server share.
pub(super) struct Shared {
    stopping: AtomicBool,
    guests: Mutex<HashMap<u64, Guest>>,
    /// Notified when a guest has gone, and when the server is stopped.
    gone: Condvar,
    wake: Wake,
}

/// A client.
pub(super) struct Guest {
    pub(super) leave: Arc<Leave>,
    pub(super) is_served: bool,
    /// Where it comes from, if from a network.
    pub(super) address: Option<IpAddr>,
    /// Ends its socket.
    pub(super) cut: Box<dyn Fn() + Send>,
}

impl Guest {
    fn ask_to_leave(&self) {
        self.leave.leaving.store(true, Ordering::SeqCst);
        if self.leave.at_rest.load(Ordering::SeqCst) {
            (self.cut)();
        }
    }
}

impl Shared {
    pub(super) fn new(wake: Wake) -> Self {
        let guests = Mutex::new(HashMap::new());
        Self { stopping: AtomicBool::new(false), guests, gone: Condvar::new(), wake }
    }

    pub(super) fn guests(&self) -> MutexGuard<'_, HashMap<u64, Guest>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        let guests = self.guests();
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        drop(guests);
        self.gone.notify_all();
        self.ask_to_leave();
        (self.wake)();
    }

    pub(super) fn ask_to_leave(&self) {
        for guest in self.guests().values() {
            guest.ask_to_leave();
        }
    }

    /// Ends all that is under way.
    pub(super) fn cut(&self) {
        for guest in self.guests().values() {
            guest.leave.cut.store(true, Ordering::SeqCst);
            (guest.cut)();
        }
    }

    pub(super) fn has_gone(&self, number: u64) {
        self.guests().remove(&number);
        self.gone.notify_all();
    }

    /// Waits until the server is stopped.
    pub(super) fn wait_for_stop(&self) {
        let guests = self.guests();
        drop(self.gone.wait_while(guests, |_| !self.is_stopping()));
    }

    /// Waits until all have gone, or the server is stopped.
    pub(super) fn wait_for_all(&self) {
        let guests = self.guests();
        drop(self.gone.wait_while(guests, |guests| !guests.is_empty() && !self.is_stopping()));
    }

    /// Waits until all have gone, for so long at most.
    pub(super) fn wait(&self, patience: Duration) {
        let end = Instant::now() + patience;
        let mut guests = self.guests();
        while !guests.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.gone.wait_timeout(guests, left);
            guests = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
