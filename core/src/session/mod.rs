//! One session with one peer: the machine that asks its driver for I/O.
//!
//! A session owns the buffers and the state, performs the output of its two halves (sender and
//! receiver), and knows the order of handshake, requests and transfers (`PROTOCOL.md`, section 6).
//! It does no I/O and reads no clock.
//!
//! | file | contents |
//! |---|---|
//! | `state` | the states and all transitions between them |
//! | `negotiate` | the handshake |
//! | `io`, `pending` | the steps of a driver, and its answers; the step that is waited for |
//! | `recv`, `input` | frames that come in; chunks in the driver's own buffer |
//! | `signal`, `dispatch` | a received signal and its metadata; its handler |
//! | `task` | the tasks of a client, and their start |
//! | `send` | the next output |
//! | `reply` | output signals and their metadata |
//! | `request`, `storage`, `chunk`, `holes` | requests to the store, and its replies |
//! | `cancel` | the end of a request that this end cancels |
//! | `inspect` | the state, for a driver and a device |
//! | `timeout` | deadlines, keepalives, and the end of a wait |

use core::num::NonZeroU32;

use crate::buffer::{Frame, Limits};
use crate::checksum::Sha256;
use crate::config::Config;
use crate::error::{Failure, Reason};
use crate::link::Negotiated;
use crate::profile::{Capabilities, Profile, Standard};
use crate::store::{
    Accepted, Digests, Entry, Index, Kind, Offer, Operation, OperationEntry, Reply, Request,
    RequestOptions, Stat, Store,
};
use crate::time::{Millis, Timer};
use crate::transfer::recv::{Placement, Receiver, RecvFile};
use crate::transfer::send::Sender;
use crate::transfer::{
    Abandon, Cancelled, Completed, Next, Outbox, Outcome, Slot, TransferId, next_id,
};
use crate::wire::metadata::{Malformed, Metadata, append_content, append_fields, read_text};
use crate::wire::operation::{INDEX_MAX, append_operation};
use crate::wire::path::is_sound;
use crate::wire::reader::{Expect, Parsed, Reader, parse_frame};
use crate::wire::{
    AckInfo, Code, HEADER_LEN, HOLE_LEN, HOLE_MAX, Header, Hello, Hole, SIGNAL_LEN, Seeds, Signal,
    UNKNOWN, UNKNOWN_TIME, VERSION, low_byte, low_half, payloads, seed_for,
};

use self::goal::{Get, Goal};
use self::pending::{Deferred, PendingIo};
use self::state::{CLOSED, Event, State};

mod busy;
mod cancel;
mod chunk;
mod dispatch;
mod goal;
mod holes;
#[cfg(feature = "model")]
mod identity;
mod input;
mod inspect;
mod io;
mod negotiate;
mod pending;
mod recv;
mod reply;
mod request;
mod send;
mod signal;
mod state;
mod storage;
mod task;
#[cfg(test)]
mod tests;
mod timeout;

pub use self::io::Step;
pub use self::task::{GetRequest, Task};

/// One end of one session.
///
/// It holds one chunk buffer and one signal buffer, about 1.4 kB in all, or 0.6 kB with
/// [`Buffer256`](crate::buffer::Buffer256), and can be made in place:
/// [`Session::client`] and [`Session::server`] are `const`.
///
/// On a microcontroller make it on the stack of `main`, in the state of a task, or in a cell that is filled when the
/// program runs, such as `static_cell::StaticCell`. A `static` that holds a session is not all zeros. It lies in
/// `.data`, and takes as many bytes of flash as of RAM.
///
/// # Which method to call when
/// - **Begin**: [`begin`](Self::begin) gives a client its next task;
///   [`resume`](Self::resume) tells the time to a session that was left alone.
/// - **Poll**: [`poll`](Self::poll) returns the next [`Step`], [`deadline`](Self::deadline) the time
///   at which a wait ends.
/// - **Answer** the step: [`received`](Self::received), [`transmitted`](Self::transmitted),
///   [`answered`](Self::answered), [`timed_out`](Self::timed_out) or
///   [`link_failed`](Self::link_failed). A driver that has input in a buffer may call
///   [`take_input`](Self::take_input) before it polls.
/// - **Cancel** the request under way: [`cancel`](Self::cancel).
/// - **Inspect**: [`negotiated`](Self::negotiated), [`is_idle`](Self::is_idle),
///   [`message`](Self::message), [`number`](Self::number).
///
/// The small fields come first, the halves and the buffers last: small processors reach near fields in one
/// instruction. The order leaves no padding between fields on a processor of 32 bits.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
#[repr(C)]
pub struct Session<P: Profile = Standard> {
    reader: Reader,
    is_client: bool,
    /// Whether input goes into the chunk buffer, else into the signal buffer.
    input_in_chunk: bool,
    /// Whether input was polled since the store has worked.
    has_polled_input: bool,
    /// Whether the link is lossy, as configured or negotiated last.
    lossy: bool,
    /// Whether the store has refused something in its last reply, and may have a message about it.
    has_message: bool,
    /// The call that a busy store has not completed.
    deferred: Option<Deferred>,
    negotiated: Option<Negotiated>,
    /// A client's transfer number used last; 0 before the first.
    last_id: u16,
    timer: Timer,
    /// The session number; `None` before a server's first handshake.
    id: Option<NonZeroU32>,
    io: PendingIo,
    /// Low half of the position in the last `PIN` or `PON`.
    peer_position: u32,
    config: Config,
    outbox: Outbox,
    state: State<P>,
    /// Computed along with the file's CRC-64, where it was negotiated.
    sha256: Option<P::Sha256>,
    /// Its chunk is the frame that comes in. Else it is the payload or metadata that goes out, and behind
    /// it, at the end, the signal that goes out.
    buffer: P::Buffer,
}

impl<P: Profile> Session<P> {
    /// A client. `number` is the session number: 32 unpredictable bits, not 0. Of a random number
    /// `random`, it is `NonZeroU32::new(random).unwrap_or(NonZeroU32::MIN)`.
    pub const fn client(number: NonZeroU32, config: Config) -> Self {
        const { assert!(P::CLIENT, "this profile is of servers only") };
        let mut session = Self::new(config, true);
        session.id = Some(number);
        session.state =
            State::Idle(Ok(Outcome { entries: 0, refused: 0, omitted: 0, closed: false }));
        session.io = PendingIo::Over;
        session
    }

    /// A server, which waits for a client.
    pub const fn server(config: Config) -> Self {
        const { assert!(P::SERVER, "this profile is of clients only") };
        Self::new(config, false)
    }

    const fn new(config: Config, is_client: bool) -> Self {
        Self {
            buffer: P::Buffer::EMPTY,
            reader: Reader::new(),
            timer: Timer::new(P::CLOCK, config.silence),
            is_client,
            lossy: config.lossy,
            config,
            state: State::AwaitClientHello,
            io: PendingIo::Receive { wanted: HEADER_LEN },
            outbox: Outbox::new(),
            input_in_chunk: false,
            has_polled_input: false,
            has_message: false,
            negotiated: None,
            deferred: None,
            id: None,
            peer_position: 0,
            last_id: 0,
            sha256: None,
        }
    }

    /// Makes this a server that waits for its first client, in place and with the same configuration.
    /// `serve` of the drivers does so after each session.
    pub fn restart(&mut self) {
        const { assert!(P::SERVER, "this profile is of clients only") };
        *self = Self::new(self.config, false);
    }

    /// Tells whether the driver cannot read while it writes.
    pub(crate) fn set_half_duplex(&mut self, half_duplex: bool) {
        self.config.half_duplex |= half_duplex;
    }

    const fn is_client(&self) -> bool {
        P::CLIENT && (!P::SERVER || self.is_client)
    }

    /// The message in the `ERR` that ended a get, a close or a handshake; often empty, always
    /// hostile. Messages about a put go to the store: [`crate::Store::refused`] and
    /// [`crate::Store::tree_refused`].
    pub fn message(&self) -> &str {
        self.text()
    }

    /// Whether a server has no request under way, and no part of one in its buffer.
    pub fn is_idle(&self) -> bool {
        let waits =
            matches!(self.state, State::AwaitClientHello | State::AwaitRequest | State::Closing);
        waits && self.reader.is_empty() && !self.outbox.is_awaiting_metadata()
    }

    /// Whether a server waits for a client, or for its next request. A part of it may be in the buffer.
    pub(crate) fn awaits_client(&self) -> bool {
        self.awaits_input()
            && matches!(self.state, State::AwaitClientHello | State::AwaitRequest | State::Closing)
    }

    /// Whether the handshake has negotiated that each file comes with its SHA-256.
    pub fn has_sha256(&self) -> bool {
        P::has_sha256() && self.negotiated.is_some_and(|link| link.sha256())
    }

    /// Whether chunks may be holes.
    fn has_holes(&self) -> bool {
        P::has_holes() && self.negotiated.is_some_and(|link| link.has_holes::<P>())
    }

    /// The negotiated parameters, after the handshake.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.negotiated
    }

    /// The session number; `None` before a server's first handshake.
    pub fn number(&self) -> Option<NonZeroU32> {
        self.id
    }

    /// The session number in frames. Before a server's first handshake no frame has one.
    fn number_on_wire(&self) -> u32 {
        self.id.map_or(0, NonZeroU32::get)
    }

    /// Whether a frame has the number of this session.
    fn is_number(&self, number: u32) -> bool {
        self.id.is_some_and(|own| own.get() == number)
    }

    /// The CRC seeds of frames on a transfer.
    fn seeds(&self) -> Seeds {
        let number = self.number_on_wire();
        if self.is_client() { Seeds::client(number) } else { Seeds::server(number) }
    }

    /// Whether the link is lossy.
    fn is_lossy(&self) -> bool {
        P::is_lossy(self.lossy)
    }
}

/// The state.
#[cfg(feature = "defmt")]
impl<P: Profile> defmt::Format for Session<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match &self.state {
            State::AwaitClientHello => defmt::write!(f, "AwaitClientHello"),
            State::AwaitServerHello(_) => defmt::write!(f, "AwaitServerHello"),
            State::AwaitRequest => defmt::write!(f, "AwaitRequest"),
            State::Closing => defmt::write!(f, "Closing"),
            State::Opening { number, .. } => defmt::write!(f, "Opening {}", number),
            State::AwaitOffer(_) => defmt::write!(f, "AwaitOffer"),
            State::AwaitClosed => defmt::write!(f, "AwaitClosed"),
            State::Sending(sender) => sender.format(f),
            State::Receiving(receiver) => receiver.format(f),
            State::Idle(result) => defmt::write!(f, "Idle: {}", result),
            State::Closed(failure) => defmt::write!(f, "Closed: {}", failure),
        }
    }
}
