//! The events of a device.

use super::Error;
use crate::error::Reason;
use crate::profile::Profile;
use crate::session::Session;
use crate::store::Kind;
use crate::transfer::Outcome;

/// An event of a device, for the callback of [`Device::serve`](super::Device::serve).
///
/// A path is relative to the root of the device. It is cut at the end of the device's path buffer.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a, E> {
    /// A client has completed the handshake: see [`Session::negotiated`] and [`Session::number`].
    Connected,
    /// The store has accepted the offer of a client. [`Event::Stored`] or [`Event::Refused`] follows.
    Offered {
        /// The path of the destination.
        path: &'a str,
        /// A file, a directory or a tree.
        kind: Kind,
        /// The size in bytes, if it is known.
        size: Option<u64>,
        /// The bytes of it that are stored already.
        prefix: u64,
    },
    /// Content of the open file was received or sent.
    Progress {
        /// The path of the file.
        path: &'a str,
        /// The bytes before this position were received or sent.
        position: u64,
        /// The size in bytes, if it is known.
        size: Option<u64>,
    },
    /// It is in place, and the answer to the client is on the wire. In a tree on a reliable link only the
    /// tree is answered.
    Stored {
        /// The path.
        path: &'a str,
        /// A file, a directory or a tree.
        kind: Kind,
        /// The bytes of a file.
        size: u64,
    },
    /// A file was sent. The client has it in place; in a tree on a reliable link the client may still
    /// refuse it.
    Sent {
        /// The path.
        path: &'a str,
        /// The bytes.
        size: u64,
    },
    /// A client has removed a file or a directory, and has the answer.
    Removed {
        /// The path.
        path: &'a str,
    },
    /// A client has renamed a file or a directory, and has the answer.
    Renamed {
        /// The path before; cut first if the buffer has no room for both.
        from: &'a str,
        /// The path now.
        path: &'a str,
    },
    /// A file was offered or requested, and is not in place or not sent: this end or the client has refused
    /// it, has given it up or has gone. It is not always a failure: a client that puts a tree first requests the
    /// directory there, and gets [`Reason::NotFound`] for a new one; one that gets a path requests a file first, and
    /// then a tree after [`Reason::IsDirectory`].
    Refused {
        /// The path.
        path: &'a str,
        /// Why.
        reason: Reason,
    },
    /// The request is over, and the client has its answer: on a reliable link at once, on a lossy one after
    /// three seconds of silence, as a client that lacks the answer asks again. A reset may follow.
    Idle,
    /// The session is over: the client has closed the device, the stream has ended or failed, or the session
    /// has failed. The next one begins, unless `serve` returns this result. On a serial line a client that
    /// leaves is no event.
    Closed(&'a Result<Outcome, Error<E>>),
}

/// The control of a device in its callback.
#[derive(Debug)]
pub struct Control<'a, P: Profile> {
    pub(super) session: &'a Session<P>,
    pub(super) wish: &'a mut Option<Wish>,
}

/// The request is to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) reason: Reason,
    pub(super) message: &'static str,
}

impl<P: Profile> Control<'_, P> {
    /// The session.
    pub fn session(&self) -> &Session<P> {
        self.session
    }

    /// Ends the request under way, if there is one: see [`Device::cancel`](super::Device::cancel).
    pub fn cancel(&mut self, reason: Reason, message: &'static str) {
        *self.wish = Some(Wish { reason, message });
    }
}
