//! Profiles: the capabilities of a build of the core, chosen by types and constants.

use crate::buffer::{ChunkBuffer, Limits};
use crate::checksum::{Checksums, Sha256};

mod ready;
#[cfg(test)]
mod tests;

pub use self::ready::{SerialDevice, SerialReceiver, Standard, UsbConsole, UsbDevice};

/// The capabilities of a build of the core; code for the others is not generated. Ready ones are
/// [`Standard`], [`SerialDevice`], [`SerialReceiver`], [`UsbDevice`] and [`UsbConsole`]; a profile of your own begins as
/// a copy of one.
pub trait Profile {
    /// How CRCs are computed.
    type Checksums: Checksums;
    /// How SHA-256 is computed, if at all.
    type Sha256: Sha256;
    /// The buffer of one chunk; it limits chunks, metadata and paths.
    type Buffer: ChunkBuffer;
    /// Whether this end can send.
    const SENDS: bool = true;
    /// Whether this end can receive.
    const RECEIVES: bool = true;
    /// Whether this end can be a client.
    const CLIENT: bool = true;
    /// Whether this end can be a server.
    const SERVER: bool = true;
    /// Whether trees can be sent and received; if not, files only.
    const TREES: bool = true;
    /// Whether a link may be lossy.
    const LOSSY: bool = true;
    /// Whether a link may be reliable; if not, each link is lossy.
    const RELIABLE: bool = true;
    /// Whether a store may be busy: [`Reply::Pending`](crate::store::Reply).
    const PENDS: bool = true;
    /// Whether a lossy link may have gaps inside frames, as a radio or a network has; if not, a silence
    /// of 20 ms always ends a frame.
    const STEPS: bool = true;
    /// Whether this end can receive while it sends; if not, each session is half-duplex,
    /// regardless of [`Config::half_duplex`](crate::Config).
    const DUPLEX: bool = true;
    /// Whether the driver passes the time; if not, no round trip is measured (a question
    /// is first repeated after 256 ms), and no keepalive is sent.
    const CLOCK: bool = true;
    /// Whether a transfer ends where frames come, but none that makes progress; if not, it ends where
    /// neither a signal nor new content comes.
    const STALLS: bool = true;
    /// Whether files are resumed. If not, each offer begins at 0, also that of a resumable
    /// [`Entry`](crate::store::Entry).
    const RESUMES: bool = true;
    /// Whether a store that sends receives reports of the receiver's progress: [`Store::resumed`],
    /// [`Store::completed`] and [`Store::tree_refused`].
    ///
    /// [`Store::tree_refused`]: crate::Store::tree_refused
    /// [`Store::resumed`]: crate::Store::resumed
    /// [`Store::completed`]: crate::Store::completed
    const REPORTS: bool = false;
    /// Whether a store is asked for the message of its refusals: [`Store::refusal_message`]. Without it a
    /// sender drops the message of a refused offer on a lossy link.
    ///
    /// [`Store::refusal_message`]: crate::Store::refusal_message
    const MESSAGES: bool = false;
    /// Whether offers may be operations: a receiver performs those of [`Store::operate`], a sender's store
    /// is told of the answers by [`Store::answered`].
    ///
    /// [`Store::operate`]: crate::Store::operate
    /// [`Store::answered`]: crate::Store::answered
    const OPERATIONS: bool = false;
    /// Whether holes of files are sent and received as such: [`Store::hole`] of a sender's store returns
    /// them, [`Store::store_zeros`] of a receiver's stores them. Both ends must have them.
    ///
    /// [`Store::hole`]: crate::Store::hole
    /// [`Store::store_zeros`]: crate::Store::store_zeros
    const HOLES: bool = false;
    /// Whether a store may be a pipe. It is asked before it loads or stores content: [`Store::is_ready`]. While it is
    /// not ready, the session answers queries, and sends keepalives. That needs the clock. A receiver's store is
    /// asked for the digest of a prefix that it cannot load back: [`Store::prefix_digest`].
    ///
    /// [`Store::is_ready`]: crate::Store::is_ready
    /// [`Store::prefix_digest`]: crate::Store::prefix_digest
    const PIPES: bool = false;
    /// Whether text that comes between the frames of a lossy link is passed to the driver:
    /// [`Step::Text`](crate::Step). If not, it is dropped.
    const CONSOLE: bool = false;
}

/// The constants of a profile as the core reads them. Code behind a capability that is missing
/// is unreachable, and the compiler drops it.
pub(crate) trait Capabilities: Profile {
    fn can_send() -> bool {
        Self::SENDS
    }

    fn can_receive() -> bool {
        Self::RECEIVES
    }

    fn can_be_client() -> bool {
        Self::CLIENT
    }

    fn can_be_server() -> bool {
        Self::SERVER
    }

    fn has_trees() -> bool {
        Self::TREES
    }

    /// Whether metadata or a chunk of `length` bytes is longer than the buffer.
    fn lacks_room(length: u16) -> bool {
        <Self::Buffer as Limits>::lacks_room(length)
    }

    fn has_sha256() -> bool {
        <Self::Sha256 as Sha256>::NEW.is_some()
    }

    /// Whether a receiver's store may be busy.
    fn may_defer() -> bool {
        Self::RECEIVES && Self::PENDS
    }

    /// Whether commits of a tree's files may be deferred until the tree is committed.
    fn defers_commits() -> bool {
        Self::RECEIVES && Self::TREES && Self::RELIABLE
    }

    /// Whether the store of a sender is told of the receiver's progress.
    fn reports() -> bool {
        Self::SENDS && Self::REPORTS
    }

    /// Whether the `ERR` of a refusal has the message of the store as its metadata. A sender then receives
    /// the message of a refused offer on a lossy link too.
    fn has_messages() -> bool {
        Self::MESSAGES
    }

    /// Whether offers may be operations.
    fn has_operations() -> bool {
        Self::OPERATIONS
    }

    /// Whether a request may have options.
    fn has_options() -> bool {
        Self::OPERATIONS || Self::PIPES
    }

    /// Whether chunks may be holes.
    fn has_holes() -> bool {
        Self::HOLES
    }

    /// Whether a store may be a pipe: not ready to load or to store content, or without its prefix.
    fn has_pipes() -> bool {
        Self::PIPES
    }

    /// Whether text between frames is passed to the driver.
    fn has_console() -> bool {
        Self::LOSSY && Self::CONSOLE
    }

    /// Whether a lossy link may have gaps inside frames.
    fn has_gaps() -> bool {
        Self::STEPS
    }

    /// Whether time passes while the store works.
    fn has_clock() -> bool {
        Self::CLOCK
    }

    /// Whether input can be read while this end sends.
    fn is_duplex() -> bool {
        Self::DUPLEX
    }

    /// Whether frames without progress are counted.
    fn detects_stalls() -> bool {
        Self::STALLS
    }

    /// Whether files are resumed.
    fn resumes() -> bool {
        Self::RESUMES
    }

    /// Whether queries in flight are tracked: to measure the round trip, or to read a prefix meanwhile.
    fn probes() -> bool {
        Self::SENDS && (Self::CLOCK || Self::RESUMES)
    }

    /// Whether input is read, or keepalives are sent, between two parts of long work.
    fn polls_input() -> bool {
        Self::DUPLEX || Self::CLOCK
    }

    /// Whether there is a step between two parts of long work.
    fn pauses() -> bool {
        Self::polls_input() || Self::may_defer() || Self::has_pipes()
    }

    /// Whether a session is half-duplex; `half_duplex` is the configured or negotiated value.
    fn is_half_duplex(half_duplex: bool) -> bool {
        !Self::DUPLEX || half_duplex
    }

    /// Whether a link is lossy; `lossy` is the configured or negotiated value. The only place of this
    /// decision.
    fn is_lossy(lossy: bool) -> bool {
        Self::LOSSY && (!Self::RELIABLE || lossy)
    }
}

impl<P: Profile> Capabilities for P {}
