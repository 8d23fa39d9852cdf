//! The progress of one request, up to the time when the client has its answer.

use crate::time::{Millis, reached};

/// The silence after which a client has its answer, on a lossy link, in ms.
const SILENCE: Millis = 3_000;
/// The reads without input that make up this silence for a driver without a clock.
const SILENCES: u8 = 150;

/// Whether a request is under way.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    None,
    Begun,
    /// It is over, on a lossy link, and the client may lack the answer.
    Answered {
        since: Option<Millis>,
        silences: u8,
    },
}

impl Progress {
    /// The store is called for a request.
    pub(super) fn begins(&mut self) {
        *self = Self::Begun;
    }

    /// The session is idle, and its output is on the wire. Returns whether a request has ended by that.
    /// `is_lossy`: the client may lack its answer.
    pub(super) fn ends(&mut self, is_lossy: bool, now: Option<Millis>) -> bool {
        if !matches!(self, Self::Begun) {
            return false;
        }
        *self = if is_lossy { Self::Answered { since: now, silences: 0 } } else { Self::None };
        true
    }

    /// The time at which a client has its answer, if it asks for nothing until then.
    pub(super) fn answer_arrives(&self) -> Option<Millis> {
        match self {
            Self::Answered { since, .. } => since.map(|since| since.wrapping_add(SILENCE)),
            _ => None,
        }
    }

    /// A read has ended. Returns whether the silence has lasted that tells that a client has its answer.
    pub(super) fn is_silent(&mut self, has_bytes: bool, now: Option<Millis>) -> bool {
        let Self::Answered { since, silences } = self else { return false };
        if has_bytes {
            (*since, *silences) = (now, 0);
            return false;
        }
        *silences = silences.saturating_add(1);
        let is_silent = match (*since, now) {
            (Some(since), Some(now)) => reached(now, since.wrapping_add(SILENCE)),
            _ => *silences >= SILENCES,
        };
        if is_silent {
            *self = Self::None;
        }
        is_silent
    }
}
