//! The signals that ask a program to end, and its end by them.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// The requests to end. Until the first one is answered by [`end`], the program goes on.
pub(super) struct EndRequests(Signals);

/// One of them.
pub(super) type EndRequest = i32;

impl EndRequests {
    /// Those of a server.
    pub(super) fn to_server() -> io::Result<Self> {
        let mut signals = vec![SIGINT, SIGTERM];
        if may_handle(SIGHUP) {
            signals.push(SIGHUP);
        }
        Signals::new(signals).map(Self)
    }

    /// Those of a client; `None`: it gets none. `has_resources`: an ignored signal is handled too.
    pub(super) fn to_client(has_resources: bool) -> io::Result<Option<Self>> {
        let is_handled = |signal: &i32| {
            has_resources && [SIGINT, SIGTERM].contains(signal) || may_handle(*signal)
        };
        let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(is_handled);
        let signals: Vec<_> = signals.collect();
        match signals.is_empty() {
            true => Ok(None),
            false => Signals::new(signals).map(Self).map(Some),
        }
    }

    /// Waits for the next one.
    pub(super) fn wait(&mut self) -> Option<EndRequest> {
        self.0.forever().next()
    }
}

/// The exit code that a shell shows for the signal.
pub(super) fn exit_code(signal: &EndRequest) -> u8 {
    u8::try_from(*signal).unwrap_or_default().saturating_add(128)
}

/// Ends the program as the signal does by default.
pub(super) fn end(signal: EndRequest) {
    let _ = emulate_default_handler(signal);
}

/// Whether a signal was not ignored on behalf of this program, as `nohup` does. If that is not
/// known, it stays ignored.
fn may_handle(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) == 0)
}
