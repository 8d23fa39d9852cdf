//! A second thread that works on small files, a batch at a time, while the first goes on with the
//! next. Knows nothing of offers or reports.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fs::recv::batch::Batch;
use crate::fs::recv::batch::Outcome;
use crate::fs::recv::staged::Written;
use crate::fs::recv::staged::name_all;
use crate::fs::recv::tmpfile::Nameless;
use crate::fs::sys::volumes::Volume;

/// Work for the thread.
#[derive(Debug)]
pub(crate) enum Job {
    /// Puts the files of a batch in place.
    Put(Arc<Batch>),
    /// Writes the files of a batch.
    Write(Arc<Batch>),
    /// Gives files their names when their content is durable.
    Name(Vec<Written>, Vec<Arc<Volume>>),
}

/// The result of a job.
#[derive(Debug)]
pub(crate) enum Done {
    Batch(Arc<Batch>, Outcome),
    Named(Vec<Written>),
    /// The thread has ended unexpectedly: the state of these files is unknown.
    Lost(Vec<Arc<Batch>>),
}

#[derive(Debug)]
enum Answer {
    Batch(Outcome),
    Named(Vec<Written>),
}

/// The thread and its current job, if any.
#[derive(Debug)]
pub(crate) struct Second {
    /// `None`: it is to end.
    todo: Option<SyncSender<Job>>,
    done: Receiver<Answer>,
    in_hand: Vec<Arc<Batch>>,
    is_naming: bool,
    thread: Option<JoinHandle<()>>,
}

impl Second {
    /// `None` where there can be none.
    pub(crate) fn start() -> Option<Self> {
        let (todo, jobs) = sync_channel::<Job>(1);
        let (answers, done) = sync_channel(1);
        let work = move || {
            let mut nameless = Nameless::default();
            while let Ok(job) = jobs.recv() {
                let answer = job.run(&mut nameless);
                if answers.send(answer).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("small files".to_owned()).spawn(work).ok()?;
        let (todo, thread) = (Some(todo), Some(thread));
        Some(Self { todo, done, in_hand: Vec::new(), is_naming: false, thread })
    }

    /// Whether a second thread gains time.
    pub(crate) fn is_of_use() -> bool {
        thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
    }

    /// The batches of the current job.
    pub(crate) fn in_hand(&self) -> impl Iterator<Item = &Batch> {
        self.in_hand.iter().map(|batch| &**batch)
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.in_hand.is_empty()
    }

    /// Whether it gives files their names.
    pub(crate) fn is_naming(&self) -> bool {
        self.is_naming
    }

    /// Gives it work, when it has nothing in hand.
    pub(crate) fn give(&mut self, job: Job) {
        (self.in_hand, self.is_naming) = match &job {
            Job::Put(batch) | Job::Write(batch) => (vec![Arc::clone(batch)], false),
            Job::Name(written, _) => {
                (written.iter().map(|written| Arc::clone(&written.batch)).collect(), true)
            }
        };
        if let Some(todo) = &self.todo
            && todo.send(job).is_err()
        {
            self.todo = None;
        }
    }

    /// Takes the result of the current job, or waits for it.
    /// `wait`: for so long, or for as long as it takes.
    pub(crate) fn take_back(&mut self, wait: Option<Duration>) -> Option<Done> {
        if self.in_hand.is_empty() {
            return None;
        }
        let answer = match wait.map(|wait| self.done.recv_timeout(wait)) {
            Some(Ok(answer)) => Some(answer),
            Some(Err(RecvTimeoutError::Timeout)) => return None,
            Some(Err(RecvTimeoutError::Disconnected)) => None,
            None => self.done.recv().ok(),
        };
        self.is_naming = false;
        let mut in_hand = std::mem::take(&mut self.in_hand);
        Some(match answer {
            Some(Answer::Batch(outcome)) => match in_hand.pop() {
                Some(batch) => Done::Batch(batch, outcome),
                None => return None,
            },
            Some(Answer::Named(written)) => Done::Named(written),
            None => Done::Lost(in_hand),
        })
    }
}

impl Job {
    fn run(self, nameless: &mut Nameless) -> Answer {
        match self {
            // The job is dropped before the answer is sent: the batch is not shared any more then.
            Self::Put(batch) => Answer::Batch(batch.put(nameless)),
            Self::Write(batch) => Answer::Batch(batch.write(nameless)),
            Self::Name(mut written, volumes) => {
                name_all(&mut written, &volumes);
                Answer::Named(written)
            }
        }
    }
}

impl Drop for Second {
    /// Waits until the current job is done.
    fn drop(&mut self) {
        self.todo = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
