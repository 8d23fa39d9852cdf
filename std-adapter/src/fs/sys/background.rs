//! Work on storage that may take minutes, on a thread of its own. The caller polls for the result and
//! does other work meanwhile.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// The timeout of one poll: the result of short work is returned without delay.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Calls until the result is there. Each call waits a moment.
pub(crate) fn wait_for<T>(mut poll: impl FnMut() -> Poll<T>) -> T {
    loop {
        if let Poll::Ready(result) = poll() {
            return result;
        }
    }
}

/// Pending work. It is completed even if this is dropped.
#[derive(Debug)]
pub(crate) struct Background<T> {
    done: Receiver<T>,
}

impl<T: Send + 'static> Background<T> {
    /// Begins some work; does it on this thread if no other can be started.
    pub(crate) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, done) = sync_channel(1);
        let work = Arc::new(Mutex::new(Some(work)));
        let theirs = (Arc::clone(&work), sender.clone());
        let thread = thread::Builder::new().name("storage".to_owned());
        let is_started = thread.spawn(move || run(&theirs.0, &theirs.1)).is_ok();
        if !is_started {
            run(&work, &sender);
        }
        Self { done }
    }

    /// The result, if the work is done; `None` if its thread has ended unexpectedly.
    pub(crate) fn poll(&self) -> Poll<Option<T>> {
        self.wait_for(POLL_INTERVAL).map_or(Poll::Pending, Poll::Ready)
    }

    /// The result, as from [`Background::poll`]; `None` if the work is not done within `limit`.
    pub(crate) fn wait_for(&self, limit: Duration) -> Option<Option<T>> {
        match self.done.recv_timeout(limit) {
            Ok(result) => Some(Some(result)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(None),
        }
    }
}

fn run<T>(work: &Mutex<Option<impl FnOnce() -> T>>, done: &std::sync::mpsc::SyncSender<T>) {
    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        // The receiver may have been dropped.
        let _ = done.send(work());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_continues_while_its_result_is_polled() {
        let (go, wait) = sync_channel::<u8>(0);
        let work = Background::start(move || wait.recv().unwrap());
        assert!(work.poll().is_pending());
        go.send(7).unwrap();
        let result = loop {
            if let Poll::Ready(result) = work.poll() {
                break result;
            }
        };
        assert_eq!(result, Some(7));
    }
}
