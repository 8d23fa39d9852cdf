//! An error of the program.

use std::fmt;
use std::io;

use tinyferry::auth::KeyFileError;
use tinyferry::client::Error;
use tinyferry::core::Reason;
use tinyferry::describe;

use super::Exit;
use crate::json::{self, File};

/// An error in one sentence, with its exit code.
#[derive(Debug)]
pub(crate) struct CliError {
    pub(crate) exit: Exit,
    sentence: String,
    /// The reason of the refusal, if an end has refused the request.
    reason: Option<Reason>,
    /// Lines about parts of the request, after the sentence.
    lines: Vec<String>,
}

impl CliError {
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self { exit, sentence: sentence.into(), reason: None, lines: Vec::new() }
    }

    /// The error of a client, in a sentence.
    pub(crate) fn of(error: &Error, sentence: String) -> Self {
        let reason = error.refusal();
        Self { reason, ..Self::new(Exit::for_error(error), sentence) }
    }

    /// The same with another exit code.
    pub(crate) fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// The same with a reason.
    pub(crate) fn with_reason(self, reason: Option<Reason>) -> Self {
        Self { reason, ..self }
    }

    /// The reason of the refusal, if an end has refused the request.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.reason
    }

    /// The same, followed by these lines.
    pub(crate) fn with_lines(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    /// Adds advice to the sentence.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.sentence.push_str(advice);
        self
    }

    /// Tells a program that the entry at `path` has failed for it.
    pub(crate) fn report(&self, path: &(impl AsRef<[u8]> + ?Sized)) {
        let reason = self.reason.unwrap_or(Reason::Storage);
        let at_peer = !matches!(self.exit, Exit::Local | Exit::Usage);
        json::change(File::failed(path, reason, "", at_peer, self.sentence.clone()));
    }

    /// Prints it on standard error.
    pub(crate) fn print(&self) {
        let lines: String = self.lines.iter().map(|line| format!("\n{line}")).collect();
        print_failure!("tinyferry: {self}{lines}");
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let is_key_file = error.get_ref().is_some_and(|inner| inner.is::<KeyFileError>());
        let exit = if is_key_file { Exit::Trust } else { Exit::Local };
        Self::new(exit, describe::os_error(&error))
    }
}
