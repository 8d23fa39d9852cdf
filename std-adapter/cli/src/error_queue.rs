//! The queue of standard error: the lines, and the frames of the progress.

use std::sync::OnceLock;

use crate::logging::LogQueue;

static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Sends all further lines for standard error through `queue`.
pub(crate) fn set(queue: LogQueue) {
    let _ = QUEUE.set(queue);
}

/// The queue, once it is set.
pub(crate) fn queue() -> Option<&'static LogQueue> {
    QUEUE.get()
}

/// Draws a frame of progress on the terminal, unless its output is stopped.
pub(crate) fn frame(frame: &str) {
    if let Some(queue) = queue()
        && !frame.is_empty()
    {
        queue.push_frame(frame.as_bytes());
    }
}
