//! A thread that does something again and again until it is stopped.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The thread. It is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Ticker {
    /// `None`: it is to stop.
    running: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Calls `tick` every `period`; `None` if the system has no thread left.
    pub(super) fn start(period: Duration, mut tick: impl FnMut() + Send + 'static) -> Option<Self> {
        let (running, is_running) = channel::<()>();
        let work = move || {
            while let Err(RecvTimeoutError::Timeout) = is_running.recv_timeout(period) {
                tick();
            }
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(work).ok()?;
        Some(Self { running: Some(running), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.running = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
