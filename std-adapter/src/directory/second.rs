//! A second thread that puts small files in place, a batch at a time, while the first goes on with
//! the next. Knows nothing of offers, nor of what is told to whom.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::batch::{Batch, Outcome};
use super::nameless::Nameless;

/// The thread and what it has in hand: one batch at most.
#[derive(Debug)]
pub(super) struct Second {
    /// `None`: it is to end.
    todo: Option<SyncSender<Arc<Batch>>>,
    done: Receiver<Outcome>,
    in_hand: Option<Arc<Batch>>,
    thread: Option<JoinHandle<()>>,
}

impl Second {
    /// `None` where it would not help, or there can be none.
    pub(super) fn start() -> Option<Self> {
        if thread::available_parallelism().is_ok_and(|processors| processors.get() == 1) {
            return None;
        }
        let (todo, batches) = sync_channel::<Arc<Batch>>(1);
        let (outcomes, done) = sync_channel(1);
        let work = move || {
            let mut nameless = Nameless::default();
            while let Ok(batch) = batches.recv() {
                let outcome = batch.put(&mut nameless);
                // Whoever hears of it has the batch for himself.
                drop(batch);
                if outcomes.send(outcome).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("small files".to_owned()).spawn(work).ok()?;
        Some(Self { todo: Some(todo), done, in_hand: None, thread: Some(thread) })
    }

    /// What it has in hand.
    pub(super) fn in_hand(&self) -> Option<&Batch> {
        self.in_hand.as_deref()
    }

    /// Gives it a batch, when it has nothing in hand.
    pub(super) fn give(&mut self, batch: Arc<Batch>) {
        if let Some(todo) = &self.todo
            && todo.send(Arc::clone(&batch)).is_err()
        {
            self.todo = None;
        }
        self.in_hand = Some(batch);
    }

    /// Takes back the batch that it has in hand, if it is through with that, or else waits for it.
    pub(super) fn take_back(&mut self, waits: bool) -> Option<(Arc<Batch>, Outcome)> {
        let batch = self.in_hand.as_ref()?;
        let outcome = match self.done.try_recv() {
            Ok(outcome) => outcome,
            Err(_) if !waits => return None,
            // Where it has come to grief nothing is known of any.
            Err(_) => self.done.recv().unwrap_or_else(|_| Outcome::none_put(batch)),
        };
        self.in_hand.take().map(|batch| (batch, outcome))
    }
}

impl Drop for Second {
    /// What it has in hand comes to its place.
    fn drop(&mut self) {
        self.todo = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
