//! An executor in virtual time: a device over async streams, its client, and a second task.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use embedded_io::{ErrorKind, ErrorType};
use tinyferry_core::driver::async_io::Clock;
use tinyferry_core::{Millis, Profile};

use super::peer::Peer;

/// The time, the lines and the client.
pub(super) struct World<P: Profile> {
    pub(super) peer: RefCell<Peer<P>>,
    pub(super) now: Cell<Millis>,
    wakes_at: Cell<Option<Millis>>,
    /// Whether each read, write and flush is pending once before it ends.
    pub(super) hesitates: Cell<bool>,
}

impl<P: Profile> World<P> {
    pub(super) fn new(peer: Peer<P>) -> Self {
        Self {
            peer: RefCell::new(peer),
            now: Cell::new(0),
            wakes_at: Cell::new(None),
            hesitates: Cell::new(false),
        }
    }

    /// Ends at this time.
    pub(super) async fn until(&self, time: Millis) {
        poll_fn(|_| {
            if self.now.get() >= time {
                return Poll::Ready(());
            }
            let sooner = self.wakes_at.get().map_or(time, |other| other.min(time));
            self.wakes_at.set(Some(sooner));
            Poll::Pending
        })
        .await;
    }

    /// Is pending once, if the world hesitates.
    async fn hesitate(&self) {
        let mut is_pending = self.hesitates.get();
        poll_fn(|_| match std::mem::take(&mut is_pending) {
            true => {
                self.wakes_at.set(Some(self.now.get()));
                Poll::Pending
            }
            false => Poll::Ready(()),
        })
        .await;
    }

    /// Polls the tasks, and lets the client and the time go on, until the client has no more tasks or the first task
    /// ends. `between` is called before each round.
    pub(super) fn run(
        &self,
        tasks: &mut [Pin<&mut dyn Future<Output = ()>>],
        rounds: usize,
    ) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = 0;
        for _ in 0..rounds {
            self.wakes_at.set(None);
            let mut is_over = false;
            for (number, task) in tasks.iter_mut().enumerate() {
                is_over |= task.as_mut().poll(&mut context).is_ready() && number == 0;
            }
            if is_over {
                return true;
            }
            let mut peer = self.peer.borrow_mut();
            peer.now = self.now.get();
            let mut has_moved = false;
            while peer.run_client() {
                has_moved = true;
            }
            if peer.is_done() {
                return true;
            }
            // A device that is busy does not read.
            let is_read = std::mem::replace(&mut waiting, peer.waiting_output()) != waiting;
            if has_moved || is_read {
                continue;
            }
            let client = peer.client.deadline();
            let next = client.into_iter().chain(self.wakes_at.get()).min().expect("nobody waits");
            self.now.set(self.now.get().max(next));
            peer.now = self.now.get();
            if client.is_some_and(|at| at <= peer.now) {
                let now = peer.now;
                peer.client.timed_out(Some(now));
            }
        }
        false
    }
}

/// The streams and the clock of the device.
pub(super) struct End<'a, P: Profile>(pub(super) &'a World<P>);

impl<P: Profile> ErrorType for End<'_, P> {
    type Error = ErrorKind;
}

impl<P: Profile> embedded_io_async::Read for End<'_, P> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.hesitate().await;
        poll_fn(|_| match self.0.peer.borrow_mut().take_input(into) {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        })
        .await
    }
}

impl<P: Profile> embedded_io_async::Write for End<'_, P> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.hesitate().await;
        embedded_io::Write::write(&mut *self.0.peer.borrow_mut(), bytes)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.0.hesitate().await;
        embedded_io::Write::flush(&mut *self.0.peer.borrow_mut())
    }
}

impl<P: Profile> Clock for End<'_, P> {
    fn now(&mut self) -> Option<Millis> {
        Some(self.0.now.get())
    }

    async fn wait_until(&mut self, deadline: Millis) {
        self.0.until(deadline).await;
    }
}
