//! The signals that ask a program to end, and its end by them.

use std::fs::File;
use std::io::{self, Read};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::service;

/// The requests to end. Until the first one is answered by [`end`], the program goes on.
pub(super) struct EndRequests(Signals);

/// One of them.
pub(super) type EndRequest = i32;

impl EndRequests {
    /// Those of a server.
    pub(super) fn to_server() -> io::Result<Self> {
        let ignored = Ignored::read();
        let is_handled = |signal: &i32| {
            ignored.may_handle(*signal) && !(*signal == SIGHUP && service::is_managed())
        };
        let others = [SIGHUP, SIGQUIT].into_iter().filter(is_handled);
        Signals::new([SIGINT, SIGTERM].into_iter().chain(others)).map(Self)
    }

    /// Those of a client; `None`: it gets none. `has_resources`: an ignored signal is handled too.
    pub(super) fn to_client(has_resources: bool) -> io::Result<Option<Self>> {
        let ignored = Ignored::read();
        let is_handled = |signal: &i32| {
            has_resources && [SIGINT, SIGTERM].contains(signal) || ignored.may_handle(*signal)
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

/// The requests to read settings again: of a service manager, since to others SIGHUP says that the terminal has gone.
pub(super) struct Reloads(Signals);

impl Reloads {
    /// `None`: no service manager has started this program.
    pub(super) fn of_service() -> io::Result<Option<Self>> {
        match service::is_managed() {
            true => Signals::new([SIGHUP]).map(Self).map(Some),
            false => Ok(None),
        }
    }

    /// Waits for the next one; false: there is none.
    pub(super) fn wait(&mut self) -> bool {
        self.0.forever().next().is_some()
    }
}

/// The signals that stop the program until it is continued.
pub(super) struct Stops(Signals);

impl Stops {
    /// `None`: they are ignored on behalf of this program.
    pub(super) fn of_program() -> io::Result<Option<Self>> {
        match Ignored::read().may_handle(SIGTSTP) {
            true => Signals::new([SIGTSTP]).map(Self).map(Some),
            false => Ok(None),
        }
    }

    /// Waits for the next one; false: there is none.
    pub(super) fn wait(&mut self) -> bool {
        self.0.forever().next().is_some()
    }
}

/// Stops the program until it is continued.
pub(super) fn stop() {
    let _ = emulate_default_handler(SIGTSTP);
}

/// The signals that are ignored on behalf of this program, as `nohup` does; bit 0 is that of signal 1. If they are
/// not known, all are.
struct Ignored(u64);

impl Ignored {
    fn read() -> Self {
        // The system makes the whole text for each read.
        let mut status = [0; 4096];
        let length = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
        let status = String::from_utf8_lossy(status.get(..length.unwrap_or(0)).unwrap_or_default());
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        Self(mask.unwrap_or(u64::MAX))
    }

    fn may_handle(&self, signal: i32) -> bool {
        self.0 & (1 << (signal - 1)) == 0
    }
}
