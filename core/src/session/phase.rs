//! What a session is in the middle of, and the one thing that its driver is doing.

use super::*;

/// A client's task, once its path stands in the chunk buffer.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Wanted {
    Put,
    Get {
        tree: bool,
        names_only: bool,
    },
    Close,
    /// Nothing but the answer; then this is the result.
    Answer(Result<Outcome, Failure>),
}

#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Phase<P> {
    /// A server, before the greeting.
    ExpectGreeting,
    /// A client, which has greeted.
    ExpectWelcome(Wanted),
    /// A server between requests.
    ExpectRequest,
    /// A server between requests that was asked to close: it only repeats its answer.
    Closing,
    /// A server asked for something: its store is to open it.
    Opening {
        number: u16,
        names_only: bool,
    },
    /// A client, which has asked.
    ExpectOffer {
        tree: bool,
        names_only: bool,
    },
    /// A client, which has asked the server to close.
    ExpectClose,
    Sending(Sender<P>),
    Receiving(Receiver<P>),
    /// Nothing is asked for; a client may ask again.
    Rest(Result<Outcome, Failure>),
    /// Nothing can be asked for any more.
    Dead(Failure),
}

/// What a store was asked for and has not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Busy {
    /// To take an offer, or to put in place what it has committed before.
    Before,
    /// To commit what is open.
    Commit,
}

/// The one thing that the driver is doing.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Action {
    Listen {
        wanted: usize,
    },
    Transmit {
        done: usize,
        description: u16,
    },
    /// The signal is out, its description is not.
    TransmitChunk {
        done: usize,
        length: usize,
    },
    Load {
        position: u64,
        length: u16,
        done: u16,
        /// Whether it goes out as a chunk; else it is only summed up.
        sends: bool,
    },
    /// Between two pieces of long work: so many bytes are read, if there are any and they may be.
    Pause {
        wanted: Option<usize>,
    },
    /// The payload at the reader's front goes to the store, but for what is to be skipped of it.
    Store {
        position: u64,
        skip: u16,
        length: u16,
        done: u16,
    },
    /// The store is asked about an offer, or told why it was refused without that.
    Offer(Result<(), Reason>),
    Open {
        tree: bool,
    },
    Next,
    Check,
    Commit,
    /// It was not done.
    CommitAgain,
    /// Before the answer that is to be sent, or else before the tree is committed.
    Settle,
    Abandon {
        reason: Reason,
        all: bool,
    },
    Refused {
        entry: u32,
        reason: Reason,
    },
    Resumed {
        entry: u32,
        position: u64,
    },
    Completed,
    Over,
}
