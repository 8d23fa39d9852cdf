//! The removal of one entry: the end that has it, and the sentence if it was not removed.

use tinyferry::client::{Change, Refused};
use tinyferry::describe;

use crate::json::{self, File};

/// The end whose entries are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The server's, of a put.
    Server,
    /// This one's, of a get.
    Here,
}

impl Target {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "on the server",
            Self::Here => "on this end",
        }
    }

    pub(crate) fn removed_from(self) -> &'static str {
        match self {
            Self::Server => "from the server",
            Self::Here => "from this end",
        }
    }

    /// The verb of a transfer to this end.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Server => "send",
            Self::Here => "receive",
        }
    }

    /// Its participle.
    pub(crate) fn transferred(self) -> &'static str {
        match self {
            Self::Server => "sent",
            Self::Here => "received",
        }
    }
}

/// Prints why an entry was not removed.
pub(crate) fn print_refused(refused: &Refused, target: Target) {
    if let Some(sentence) = not_removed(refused, target) {
        print_failure!("tinyferry: {sentence}");
    }
}

/// Tells a program why an entry was not removed.
pub(crate) fn report_refused(refused: &Refused, target: Target) {
    let Refused { change, reason, message, .. } = refused;
    if let (Some(path), Some(sentence)) = (removed_path(change), not_removed(refused, target)) {
        let at_peer = target == Target::Server;
        json::change(File::failed(path, *reason, message, at_peer, sentence));
    }
}

/// Why an entry was not removed.
fn not_removed(refused: &Refused, target: Target) -> Option<String> {
    let Refused { change, reason, message, .. } = refused;
    let path = removed_path(change)?.escape_debug();
    let why = describe::failure(*reason, message, target == Target::Server);
    Some(format!("\"{path}\" was not removed: {why}"))
}

/// The path of an entry that a change removes.
pub(crate) fn removed_path(change: &Change) -> Option<&str> {
    match change {
        Change::RemoveFile(path) | Change::RemoveDirectory(path) => Some(path),
        _ => None,
    }
}
