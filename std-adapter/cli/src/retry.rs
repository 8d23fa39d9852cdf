//! Repeats a task over new connections where one fails. A transfer continues where it stopped.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{IsTerminal, stderr};
use std::num::NonZeroU64;
use std::thread;
use std::time::Duration;

use tinyferry::client::{Client, Error};
use tinyferry::transport::stream::Traffic;

use crate::args::{Connected, Peer, RetryArg, TransferArgs};
use crate::exit::CliError;
use crate::json;
use crate::message::{Context, Task};
use crate::output::remark;
use crate::progress::Progress;
use crate::{rounds, signals};

/// The tries on a terminal and on a serial line.
const TRIES: u32 = 8;
/// The pause before the first try at most; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A client that connects again where its connection fails.
pub(crate) struct Retrying<'a> {
    peer: &'a Peer,
    task: Task,
    sha256: bool,
    rate: Option<NonZeroU64>,
    client: Option<Connected>,
    /// The traffic of earlier connections.
    earlier: Traffic,
    /// Whether the server has answered on any connection.
    has_answered: bool,
    tries: Tries,
}

/// The tries since the last progress of a task.
#[derive(Debug, Clone, Copy)]
struct Tries {
    done: u32,
    most: u32,
    /// Whether the first connection is tried again too: the user has set the number of tries.
    from_start: bool,
    /// [`Progress::steps`] at the last failure.
    steps: u64,
}

impl<'a> Retrying<'a> {
    /// Connects for a transfer; `sha256`: content is verified by SHA-256 too.
    pub(crate) fn connect(
        peer: &'a Peer,
        TransferArgs { retry, rate }: &TransferArgs,
        task: Task,
        sha256: bool,
    ) -> Result<Self, CliError> {
        Self::begin(peer, retry, *rate, task, sha256)
    }

    /// Connects for requests without content.
    pub(crate) fn query(peer: &'a Peer, retry: &RetryArg) -> Result<Self, CliError> {
        Self::begin(peer, retry, None, Task::Query, false)
    }

    fn begin(
        peer: &'a Peer,
        retry: &RetryArg,
        rate: Option<NonZeroU64>,
        task: Task,
        sha256: bool,
    ) -> Result<Self, CliError> {
        signals::before_end(task, peer.has_resources())?;
        let is_seen = stderr().is_terminal() || peer.endpoint.is_line();
        let most = retry.tries.unwrap_or(if is_seen { TRIES } else { 0 });
        let tries = Tries { done: 0, most, from_start: retry.tries.is_some(), steps: 0 };
        let (earlier, has_answered) = (Traffic::default(), rounds::is_further());
        let client = None;
        let mut this = Self { peer, task, sha256, rate, client, earlier, has_answered, tries };
        loop {
            match peer.client(sha256, rate) {
                Ok(client) => {
                    this.client = Some(client);
                    return Ok(this);
                }
                Err(error) if this.may_retry(&error, 0) => this.wait(this.reason(&error, "")),
                Err(error) => return Err(this.context(task, "").error(&error)),
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
        self.tries = self.tries.all();
        if let Some(progress) = progress
            && self.tries.most > 0
        {
            progress.track();
        }
        loop {
            let result = match &mut self.client {
                Some(client) => task(client),
                None => self
                    .peer
                    .client(self.sha256, self.rate)
                    .and_then(|client| task(self.client.insert(client))),
            };
            self.has_answered |=
                self.client.as_ref().is_some_and(|client| client.traffic().received > 0);
            let steps = progress.map_or(0, Progress::steps);
            let in_use = progress.and_then(Progress::entry_in_use);
            let why = match &result {
                Err(error) if self.may_retry(error, steps) => self.reason(error, name),
                // Another transfer writes an entry, or the server has not noticed yet that its client is gone.
                Ok(_) if in_use.is_some() && self.tries.may_retry(true, true, steps) => {
                    in_use.unwrap_or_default()
                }
                _ => return result,
            };
            self.disconnect();
            if let Some(progress) = progress {
                progress.wait();
            }
            self.wait(why);
        }
    }

    /// Whether a task may run more than once.
    pub(crate) fn may_repeat(&self) -> bool {
        self.tries.most > 0
    }

    /// The traffic of all connections.
    pub(crate) fn traffic(&self) -> Traffic {
        let mut traffic = self.client.as_ref().map(|client| client.traffic()).unwrap_or_default();
        traffic.sent += self.earlier.sent;
        traffic.received += self.earlier.received;
        traffic
    }

    /// The error of the task in a sentence; `name`: the quoted name of the request.
    pub(crate) fn error(&self, error: &Error, name: &str) -> CliError {
        self.context(self.task, name).error(error)
    }

    /// Whether the server has answered on any connection.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// The circumstances of an error; `name`: the quoted name of the request, or empty.
    pub(crate) fn context(&self, task: Task, name: &str) -> Context {
        Context::new(task, &self.peer.endpoint, self.has_answered, name)
    }

    fn disconnect(&mut self) {
        self.earlier = self.traffic();
        self.client = None;
    }

    fn may_retry(&mut self, error: &Error, steps: u64) -> bool {
        self.tries.may_retry(error.is_transient(), self.has_answered, steps)
    }

    /// The reason of another try; `name`: the quoted name of the request, or empty.
    fn reason(&self, error: &Error, name: &str) -> String {
        self.context(Task::Query, name).reason(error)
    }

    /// Tells the reason of a failure, and waits for the next try.
    fn wait(&self, why: String) {
        let retry = Retry {
            why,
            continues: self.task == Task::Transfer && self.has_answered,
            pause: self.tries.pause(random()),
            done: self.tries.done,
            most: self.tries.most,
        };
        retry.tell();
        thread::sleep(retry.pause);
    }
}

/// A random number.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// A try after a failure.
#[derive(Debug)]
pub(crate) struct Retry {
    why: String,
    /// Whether a transfer continues.
    continues: bool,
    pause: Duration,
    done: u32,
    most: u32,
}

impl Retry {
    /// Tells a program and a person about it.
    pub(crate) fn tell(&self) {
        if json::is_on() {
            let Self { ref why, pause, done, most, .. } = *self;
            let (wait_seconds, message) = (pause.as_secs_f64(), why.clone());
            json::emit(&json::Event::Retry { r#try: done, tries: most, wait_seconds, message });
        }
        remark(format_args!("{self}"));
    }
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, continues, pause, done, most } = self;
        let verb = if *continues { "continuing" } else { "trying again" };
        let pause = pause.as_secs_f32();
        write!(f, "tinyferry: {why}; {verb} in {pause:.2} s (try {done} of {most})")
    }
}

impl Tries {
    /// The tries of another task.
    fn all(self) -> Self {
        Self { done: 0, steps: 0, ..self }
    }

    /// Whether a try is left; counts it. After progress the count begins again.
    fn may_retry(&mut self, is_transient: bool, has_answered: bool, steps: u64) -> bool {
        if steps > self.steps {
            self.done = 0;
            self.steps = steps;
        }
        let may = is_transient && (has_answered || self.from_start) && self.done < self.most;
        self.done += u32::from(may);
        may
    }

    /// The pause before the next try, of which a random part is left out: the clients of a server that restarts
    /// come back one after another.
    fn pause(&self, random: u64) -> Duration {
        let doublings = self.done.saturating_sub(1).min(16);
        let longest = FIRST_PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        longest - longest / 4 * (random % 256) as u32 / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(most: u32, from_start: bool) -> Tries {
        Tries { done: 0, most, from_start, steps: 0 }
    }

    #[test]
    fn tries_without_progress_are_used_up() {
        let mut tries = tries(3, false);
        let all: Vec<_> = (0..5).map(|_| tries.may_retry(true, true, 10)).collect();
        assert_eq!(all, [true, true, true, false, false]);
        assert!(tries.may_retry(true, true, 11), "the count did not begin again after progress");
    }

    #[test]
    fn each_task_has_all_tries() {
        let mut first = tries(1, false);
        assert!(first.may_retry(true, true, 10) && !first.may_retry(true, true, 10));
        let mut second = first.all();
        assert!(second.may_retry(true, true, 0) && !second.may_retry(true, true, 0));
        assert!(second.may_retry(true, true, 5), "the progress of the first task counted");
    }

    #[test]
    fn a_server_that_never_answered_is_tried_again_only_on_request() {
        assert!(!tries(8, false).may_retry(true, false, 0));
        assert!(tries(8, true).may_retry(true, false, 0));
        assert!(!tries(8, true).may_retry(false, true, 0), "not a transient error");
        assert!(!tries(0, true).may_retry(true, true, 0));
    }

    #[test]
    fn pauses_double_up_to_half_a_minute() {
        let mut tries = tries(12, true);
        let mut pauses = Vec::new();
        while tries.may_retry(true, true, 0) {
            pauses.push(tries.pause(0).as_millis());
            let shortest = tries.pause(255);
            assert!(shortest >= tries.pause(0) * 3 / 4 && shortest < tries.pause(0) * 4 / 5);
        }
        let expected = [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000, 30000];
        assert_eq!(pauses, expected);
    }
}
