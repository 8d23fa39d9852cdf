//! The other end of a session that waits: any input, again and again.

use std::collections::VecDeque;

use tinyferry_core::Millis;
use tinyferry_core::store::{Reply, Request, Store, answer};
use tinyferry_kit::{Input, Port};

use super::HOUR;

/// The behaviour of the other end after its script.
#[derive(Debug, Clone)]
pub(super) enum Then {
    Silence,
    /// These bytes in one piece, with this interval in milliseconds. With 0 they come faster than they can
    /// be read, and each read takes [`READ`].
    Says(Millis, Vec<u8>),
    /// The same, one byte at a time.
    Drips(Millis, Vec<u8>),
}

impl Then {
    pub(super) fn every(&self) -> Millis {
        match self {
            Self::Silence => HOUR,
            Self::Says(every, _) | Self::Drips(every, _) => *every,
        }
    }
}

/// The other end: its script, and then the bytes that it goes on with.
pub(super) struct Other {
    pub(super) now: Millis,
    pub(super) coming: VecDeque<u8>,
    /// Since when the script is over.
    pub(super) begun: Option<Millis>,
    /// The time of a read after that.
    pub(super) read_time: Millis,
    /// Whether the store has abandoned its file after that.
    pub(super) is_abandoned: bool,
}

impl Port for Other {
    fn now(&self) -> Option<Millis> {
        Some(self.now)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let count = into.len().min(self.coming.len());
        if count == 0 {
            return Input::Nothing;
        }
        into.iter_mut().zip(self.coming.drain(..count)).for_each(|(to, byte)| *to = byte);
        self.now += self.begun.map_or(0, |_| self.read_time);
        Input::Bytes(count)
    }

    fn write(&mut self, out: &[u8]) -> usize {
        out.len()
    }

    fn storage<S: Store + ?Sized>(&mut self, store: &mut S, request: Request<'_>) -> Option<Reply> {
        self.is_abandoned |= self.begun.is_some() && matches!(request, Request::Abandon { .. });
        Some(answer(store, request))
    }
}
