//! Processes that a test started: how it waits for their effects and for their end.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Waits until `is_so`; `what`: the same as a clause.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it takes too long until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

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
