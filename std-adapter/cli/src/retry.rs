//! Repeats a task over new connections where one fails. A transfer continues where it stopped.

mod tries;

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::num::NonZeroU64;
use std::thread;
use std::time::Duration;

use tinyferry::client::{Client, Error};
use tinyferry::transport::stream::Traffic;

use self::tries::{Tries, random};
use crate::args::{Connected, Peer, RetryArg, TransferArgs};
use crate::exit::CliError;
use crate::json;
use crate::message::{Context, Task};
use crate::output::remark;
use crate::progress::Progress;
use crate::{rounds, signals};

/// The tries on a terminal and on a serial line.
const TRIES: u32 = 8;

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
        let tries = Tries::new(retry.tries, if is_seen { TRIES } else { 0 });
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

    /// The task failed: ends `progress`, and returns the error with the failures of single entries.
    pub(crate) fn failed(&self, progress: &Progress, error: &Error) -> CliError {
        progress.fail(error, |title| self.error(error, title))
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
