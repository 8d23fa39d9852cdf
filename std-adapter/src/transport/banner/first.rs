//! How the first frame of a server begins.

use tinyferry_core::wire::{Code, SIGNAL_LEN, Signal};

use crate::checksum::Fast;

/// The first bytes of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// A hello reply, or the refusal of a session.
    Reply,
    /// The answer of a secure channel.
    Channel,
}

/// Whether a server's first frame begins at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    Yes,
    No,
    /// More bytes decide.
    Unknown,
}

impl First {
    pub(super) fn begins(self, bytes: &[u8]) -> Begins {
        match self {
            Self::Reply => begins_reply(bytes),
            Self::Channel => begins_channel(bytes),
        }
    }
}

/// A signal of the session itself, from a server.
fn begins_reply(bytes: &[u8]) -> Begins {
    if ![Code::Pon, Code::Err].into_iter().any(|code| Signal::may_begin(code, bytes)) {
        return Begins::No;
    }
    match bytes.first_chunk::<SIGNAL_LEN>().map(|bytes| Signal::parse::<Fast>(0, bytes)) {
        None => Begins::Unknown,
        Some(Some(Signal { code: Code::Pon | Code::Err, transfer: 0, .. })) => Begins::Yes,
        Some(_) => Begins::No,
    }
}

/// `TFS` and a code.
fn begins_channel(bytes: &[u8]) -> Begins {
    match bytes.get(3) {
        _ if !agree(bytes, b"TFS") => Begins::No,
        None => Begins::Unknown,
        Some(code) if code.is_ascii_graphic() || code.is_ascii_whitespace() => Begins::No,
        Some(_) => Begins::Yes,
    }
}

/// Whether one is a prefix of the other.
fn agree(bytes: &[u8], word: &[u8]) -> bool {
    bytes.iter().zip(word).all(|(one, other)| one == other)
}
