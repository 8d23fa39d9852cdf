//! Processes that a test started: how it waits for their end.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The status of `child`, if it ends within `most`. Else it is killed.
pub(crate) fn ended_within(child: &mut Child, most: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + most;
    loop {
        match child.try_wait().expect("it can be waited for") {
            None if Instant::now() < end => thread::sleep(Duration::from_millis(1)),
            Some(status) => return Some(status),
            None => {
                // Only the child itself is killed, while it exists: its number may soon be that of
                // another process.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}
