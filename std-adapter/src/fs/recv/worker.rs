//! A second thread that works on small files, a batch at a time, while the first prepares the
//! next. Knows nothing of offers or reports.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fs::recv::batch::{Batch, Outcome};
use crate::fs::recv::tmpfile::TempFiles;
use crate::fs::recv::written::{Written, name_all};
use crate::fs::sys::volumes::Volume;

/// Work for the thread.
#[derive(Debug)]
pub(crate) enum WorkerTask {
    /// Puts the files of a batch in place.
    Put(Arc<Batch>),
    /// Writes the files of a batch.
    Write(Arc<Batch>),
    /// Gives files their names when their content is durable.
    Name(Vec<Written>, Vec<Arc<Volume>>),
}

/// The result of a task.
#[derive(Debug)]
pub(crate) enum TaskResult {
    Batch(Arc<Batch>, Outcome),
    Named(Vec<Written>),
    /// The thread has ended unexpectedly: the state of these files is unknown.
    Lost(Vec<Arc<Batch>>),
}

/// The thread and its current task, if any.
#[derive(Debug)]
pub(crate) struct Worker {
    /// `None`: the thread ends.
    tasks: Option<SyncSender<WorkerTask>>,
    done: Receiver<TaskResult>,
    current: Vec<Arc<Batch>>,
    is_naming: bool,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// `None` if no thread can be started.
    pub(crate) fn start() -> Option<Self> {
        let (tasks, received) = sync_channel::<WorkerTask>(1);
        let (results, done) = sync_channel(1);
        let work = move || {
            let mut temp_files = TempFiles::default();
            while let Ok(task) = received.recv() {
                if results.send(task.run(&mut temp_files)).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("small files".to_owned()).spawn(work).ok()?;
        let (tasks, thread) = (Some(tasks), Some(thread));
        Some(Self { tasks, done, current: Vec::new(), is_naming: false, thread })
    }

    /// Whether a second thread saves time.
    pub(crate) fn is_of_use() -> bool {
        thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
    }

    /// The batches of the current task.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Batch> {
        self.current.iter().map(|batch| &**batch)
    }

    pub(crate) fn is_busy(&self) -> bool {
        !self.current.is_empty()
    }

    /// Whether it gives files their names.
    pub(crate) fn is_naming(&self) -> bool {
        self.is_naming
    }

    /// Gives work to the idle thread.
    pub(crate) fn give(&mut self, task: WorkerTask) {
        (self.current, self.is_naming) = match &task {
            WorkerTask::Put(batch) | WorkerTask::Write(batch) => (vec![Arc::clone(batch)], false),
            WorkerTask::Name(written, _) => {
                (written.iter().map(|written| Arc::clone(&written.batch)).collect(), true)
            }
        };
        if let Some(tasks) = &self.tasks
            && tasks.send(task).is_err()
        {
            self.tasks = None;
        }
    }

    /// Takes the result of the current task, or waits for it.
    /// `wait`: the timeout; `None`: no timeout.
    pub(crate) fn take_back(&mut self, wait: Option<Duration>) -> Option<TaskResult> {
        if self.current.is_empty() {
            return None;
        }
        let result = match wait.map(|wait| self.done.recv_timeout(wait)) {
            Some(Ok(result)) => Some(result),
            Some(Err(RecvTimeoutError::Timeout)) => return None,
            Some(Err(RecvTimeoutError::Disconnected)) => None,
            None => self.done.recv().ok(),
        };
        self.is_naming = false;
        // Of a result the batch is not shared any more: its memory can be used again.
        let current = std::mem::take(&mut self.current);
        Some(result.unwrap_or(TaskResult::Lost(current)))
    }
}

impl WorkerTask {
    fn run(self, temp_files: &mut TempFiles) -> TaskResult {
        match self {
            Self::Put(batch) => {
                let outcome = batch.put(temp_files);
                TaskResult::Batch(batch, outcome)
            }
            Self::Write(batch) => {
                let outcome = batch.write(temp_files);
                TaskResult::Batch(batch, outcome)
            }
            Self::Name(mut written, volumes) => {
                name_all(&mut written, &volumes);
                TaskResult::Named(written)
            }
        }
    }
}

impl Drop for Worker {
    /// Waits until the current task is done.
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
