//! Repeats a task over new connections where one fails. A transfer continues where it stopped.

use std::io::{IsTerminal, stderr};
use std::thread;
use std::time::Duration;

use tinyferry::Endpoint;
use tinyferry::client::{Client, Error};

use crate::args::Peer;
use crate::exit::CliError;
use crate::message::{Context, Task};
use crate::progress::Progress;
use crate::signals;

/// The tries on a terminal and on a serial line.
const TRIES: u32 = 8;
/// The pause before the first try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A client that connects again where its connection fails.
pub(crate) struct Retrying<'a> {
    peer: &'a Peer,
    task: Task,
    sha256: bool,
    client: Option<Client>,
    /// The traffic of earlier connections, in bytes: sent and received.
    earlier: (u64, u64),
    /// Whether the server has answered over any connection.
    has_answered: bool,
    tries: Tries,
}

/// The tries since the last progress.
#[derive(Debug)]
struct Tries {
    done: u32,
    most: u32,
    /// Whether the first connection may fail too: the user has asked for tries.
    from_start: bool,
    /// The content that was transferred before the last failure, in bytes.
    moved: u64,
}

impl<'a> Retrying<'a> {
    /// Connects for `task`; `sha256`: content is verified by SHA-256 too.
    pub(crate) fn connect(peer: &'a Peer, task: Task, sha256: bool) -> Result<Self, CliError> {
        signals::before_end(task, peer.has_resources())?;
        let is_seen = stderr().is_terminal() || matches!(peer.endpoint, Endpoint::Serial(_));
        let most = peer.retry.unwrap_or(if is_seen { TRIES } else { 0 });
        let tries = Tries { done: 0, most, from_start: peer.retry.is_some(), moved: 0 };
        let (earlier, has_answered) = ((0, 0), false);
        let mut this = Self { peer, task, sha256, client: None, earlier, has_answered, tries };
        loop {
            match peer.client(sha256) {
                Ok(client) => {
                    this.client = Some(client);
                    return Ok(this);
                }
                Err(error) if this.may_retry(&error, 0) => this.wait(&error, "", None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Runs `task` until it succeeds, fails for good, or the tries are used up; `name`: the quoted name of the
    /// request, or empty.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        progress: Option<&Progress>,
        mut task: impl FnMut(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            let result = match &mut self.client {
                Some(client) => task(client),
                None => self
                    .peer
                    .client(self.sha256)
                    .and_then(|client| task(self.client.insert(client))),
            };
            self.has_answered |=
                self.client.as_ref().is_some_and(|client| client.traffic().received > 0);
            let moved = progress.map_or(0, Progress::moved);
            match result {
                Err(error) if self.may_retry(&error, moved) => {
                    self.disconnect();
                    self.wait(&error, name, progress);
                }
                result => return result,
            }
        }
    }

    /// The traffic of all connections: bytes sent and received.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let now = self.client.as_ref().map_or((0, 0), |client| {
            let traffic = client.traffic();
            (traffic.sent, traffic.received)
        });
        (self.earlier.0 + now.0, self.earlier.1 + now.1)
    }

    /// The circumstances of an error; `name`: the quoted name of the request, or empty.
    pub(crate) fn context(&self, task: Task, name: &str) -> Context {
        Context::new(task, &self.peer.endpoint, self.has_answered, name)
    }

    fn disconnect(&mut self) {
        self.earlier = self.traffic();
        self.client = None;
    }

    fn may_retry(&mut self, error: &Error, moved: u64) -> bool {
        self.tries.may_retry(error.is_transient(), self.has_answered, moved)
    }

    /// Says why the task did not succeed, and waits.
    fn wait(&self, error: &Error, name: &str, progress: Option<&Progress>) {
        let pause = self.tries.pause();
        let why = self.context(Task::Query, name).error(error);
        let verb = if self.task == Task::Transfer && self.has_answered {
            "continuing"
        } else {
            "trying again"
        };
        let line = format!(
            "tinyferry: {why}; {verb} in {} s (try {} of {})",
            pause.as_secs_f32(),
            self.tries.done,
            self.tries.most
        );
        match progress {
            Some(progress) => progress.print(&line),
            None => print_error!("{line}"),
        }
        thread::sleep(pause);
    }
}

impl Tries {
    /// Whether there is a try left; counts it. Progress gives all tries back.
    fn may_retry(&mut self, is_transient: bool, has_answered: bool, moved: u64) -> bool {
        if moved > self.moved {
            self.done = 0;
            self.moved = moved;
        }
        let may = is_transient && (has_answered || self.from_start) && self.done < self.most;
        self.done += u32::from(may);
        may
    }

    fn pause(&self) -> Duration {
        let doublings = self.done.saturating_sub(1).min(16);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(most: u32, from_start: bool) -> Tries {
        Tries { done: 0, most, from_start, moved: 0 }
    }

    #[test]
    fn tries_without_progress_are_used_up() {
        let mut tries = tries(3, false);
        let all: Vec<_> = (0..5).map(|_| tries.may_retry(true, true, 10)).collect();
        assert_eq!(all, [true, true, true, false, false]);
        assert!(tries.may_retry(true, true, 11), "progress gives the tries back");
    }

    #[test]
    fn a_server_that_never_answered_is_tried_again_only_on_request() {
        assert!(!tries(8, false).may_retry(true, false, 0));
        assert!(tries(8, true).may_retry(true, false, 0));
        assert!(!tries(8, true).may_retry(false, true, 0), "not an error that passes");
        assert!(!tries(0, true).may_retry(true, true, 0));
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut tries = tries(12, true);
        let mut pauses = Vec::new();
        while tries.may_retry(true, true, 0) {
            pauses.push(tries.pause().as_millis());
        }
        let expected = [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000, 30000];
        assert_eq!(pauses, expected);
    }
}
