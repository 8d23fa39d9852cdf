//! The objects, as `docs/events.schema.json` describes them.

use std::borrow::Cow;

use serde::Serialize;
use tinyferry::auth::hex;
use tinyferry::core::Reason;
use tinyferry::describe;

use super::Totals;
use super::reason::word;
use crate::exit::CliError;

/// One line.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) v: u32,
    #[serde(flatten)]
    pub(super) event: &'a Event<'a>,
}

/// An event of a command.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event<'a> {
    /// The first object of each command.
    Started { command: &'static str, version: &'static str, endpoint: Option<String> },
    /// The state of a transfer, five times a second.
    Progress(Progress<'a>),
    /// The result of an entry.
    File(File<'a>),
    /// The action of a transfer for an entry: `--dry-run`.
    Planned(Planned<'a>),
    /// The connection failed, and is made again after a pause.
    Retry { r#try: u32, tries: u32, wait_seconds: f64, message: String },
    /// An entry of a list.
    Entry(Entry<'a>),
    /// A partial file.
    Partial(Partial<'a>),
    /// The space of a file system.
    Space(Space),
    /// A serial port of this machine.
    Port(Port<'a>),
    /// The answer of a ping.
    Ping(Pong),
    /// The last object of each command.
    Finished(Finished),
}

/// The state of a transfer.
#[derive(Serialize)]
pub(crate) struct Progress<'a> {
    pub(crate) seconds: f64,
    pub(crate) phase: &'static str,
    pub(crate) path: &'a str,
    pub(crate) files_done: u64,
    pub(crate) files_total: Option<u64>,
    pub(crate) files_unchanged: u64,
    pub(crate) bytes_done: u64,
    pub(crate) bytes_total: Option<u64>,
    pub(crate) bytes_resumed: u64,
    pub(crate) bytes_resent: u64,
    pub(crate) bytes_per_second: u64,
    pub(crate) seconds_left: Option<u64>,
}

/// The result of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Sent,
    Resumed,
    Unchanged,
    KeptBoth,
    Linked,
    Removed,
    Renamed,
    Made,
    Failed,
}

/// An entry with its result.
#[derive(Serialize)]
pub(crate) struct File<'a> {
    pub(crate) path: Cow<'a, str>,
    pub(crate) status: Status,
    /// The bytes of `path`, if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_hex: Option<String>,
    /// The path at the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_resumed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
    /// The target of a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_hard: Option<bool>,
    #[serde(flatten)]
    pub(crate) failure: Option<Failure<'a>>,
}

impl<'a> File<'a> {
    /// Of the entry at `path`, without its facts.
    pub(crate) fn new(path: &'a (impl AsRef<[u8]> + ?Sized), status: Status) -> Self {
        let bytes = path.as_ref();
        let path = text(bytes);
        let path_hex = matches!(path, Cow::Owned(_)).then(|| hex(bytes));
        Self {
            path,
            status,
            path_hex,
            to: None,
            kind: None,
            size: None,
            bytes_resumed: None,
            sha256: None,
            target: None,
            is_hard: None,
            failure: None,
        }
    }

    /// An entry that was not transferred, removed, renamed or made. `detail`: the message of the system or of the
    /// other end, or empty.
    pub(crate) fn failed(
        path: &'a (impl AsRef<[u8]> + ?Sized),
        reason: Reason,
        detail: &'a str,
        at_peer: bool,
        message: String,
    ) -> Self {
        let (reason, reason_code) = (word(reason), reason.code());
        let failure = Failure { reason, reason_code, at_peer, detail, message };
        Self { failure: Some(failure), ..Self::new(path, Status::Failed) }
    }

    /// Why it has failed, if it has.
    pub(super) fn error(&self) -> Option<Error> {
        self.failure.as_ref().map(|failure| Error {
            message: failure.message.clone(),
            reason: Some(failure.reason),
            reason_code: Some(failure.reason_code),
        })
    }

    /// The same of an entry that vanished.
    pub(crate) fn vanished(mut self) -> Self {
        if let Some(failure) = &mut self.failure {
            failure.reason = "vanished";
        }
        self
    }
}

/// A path as text: escaped if it is not UTF-8.
pub(crate) fn text(path: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(path) {
        Ok(path) => Cow::Borrowed(path),
        Err(_) => Cow::Owned(describe::bytes(path)),
    }
}

/// Why an entry has failed.
#[derive(Serialize)]
pub(crate) struct Failure<'a> {
    reason: &'static str,
    reason_code: u16,
    at_peer: bool,
    detail: &'a str,
    message: String,
}

/// The action of a transfer for an entry.
#[derive(Serialize)]
pub(crate) struct Planned<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) action: &'static str,
    /// The facts that differ.
    pub(crate) differs: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason_code: Option<u16>,
}

/// An entry of a server's directory; `None`: the server does not state the fact.
#[derive(Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) size: Option<u64>,
    pub(crate) modified: Option<String>,
    pub(crate) mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<&'a str>,
}

/// A partial file of an interrupted transfer.
#[derive(Serialize)]
pub(crate) struct Partial<'a> {
    pub(crate) path: &'a str,
    pub(crate) size: u64,
    pub(crate) age_seconds: u64,
    pub(crate) is_in_use: bool,
}

/// The space of a file system, in bytes.
#[derive(Serialize)]
pub(crate) struct Space {
    pub(crate) free: u64,
    pub(crate) total: u64,
    pub(crate) time_granularity_ns: u64,
}

/// A serial port; `None`: the fact is not known.
#[derive(Serialize)]
pub(crate) struct Port<'a> {
    pub(crate) path: &'a str,
    pub(crate) vid: Option<String>,
    pub(crate) pid: Option<String>,
    pub(crate) interface: Option<u8>,
    pub(crate) serial_number: Option<&'a str>,
    pub(crate) manufacturer: Option<&'a str>,
    pub(crate) product: Option<&'a str>,
    pub(crate) board: Option<&'static str>,
}

/// A server that answers; `None`: it does not state the fact.
#[derive(Serialize)]
pub(crate) struct Pong {
    pub(crate) protocol: u8,
    pub(crate) chunk: u16,
    pub(crate) sha256: bool,
    pub(crate) holes: bool,
    pub(crate) lossy: bool,
    pub(crate) half_duplex: bool,
    pub(crate) sends: Option<bool>,
    pub(crate) receives: Option<bool>,
    pub(crate) free: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) handshake_ms: f64,
    pub(crate) round_trips: usize,
    pub(crate) min_ms: f64,
    pub(crate) median_ms: f64,
    pub(crate) max_ms: f64,
}

/// The end of a command.
#[derive(Serialize)]
pub(crate) struct Finished {
    pub(crate) exit: u8,
    pub(crate) error: Option<Error>,
    pub(crate) seconds: f64,
    /// `None`: the command only asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) totals: Option<Totals>,
    pub(crate) wire_sent: u64,
    pub(crate) wire_received: u64,
}

/// The error of a command as a whole.
#[derive(Serialize)]
pub(crate) struct Error {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u16>,
}

impl Error {
    /// Without a reason of the protocol.
    pub(super) fn new(message: String) -> Self {
        Self { message, reason: None, reason_code: None }
    }
}

impl From<&CliError> for Error {
    fn from(error: &CliError) -> Self {
        let reason = error.reason();
        Self {
            message: error.to_string(),
            reason: reason.map(word),
            reason_code: reason.map(Reason::code),
        }
    }
}
