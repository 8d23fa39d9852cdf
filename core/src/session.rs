//! One session with one peer: the machine that asks for what it needs next.
//!
//! Owns the buffers, carries out what the halves intend, and knows the order of greeting, requests
//! and transfers (`PROTOCOL.md`, section 6). It does no I/O and reads no clock.

use crate::checksum::Sha256;
use crate::description::{Description, Malformed, append_extras, read_text};
use crate::error::{Failure, Reason};
use crate::frame::{Belief, Chunk, Found, Reader, next_chunk};
use crate::machine::{Millis, Outcome, Step};
use crate::path::{PATH_MAX, is_sound};
use crate::profile::{Profile, Standard};
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::serial::next_number;
use crate::shared::{Ending, Intent, Shared, Todo};
use crate::store::{Accepted, Digests, Entry, Kind, Late, Offer, Reply, Request};
use crate::terms::{Negotiated, Terms};
use crate::timer::Timer;
use crate::wire::{
    Code, FRAME_MAX, Greeting, HEADER_LEN, Header, Proof, SIGNAL_LEN, Seeds, Signal, UNKNOWN,
    UNKNOWN_TIME, VERSION, low_half, seed_for,
};

mod config;
mod endings;
mod greeting;
mod heard;
mod held;
#[cfg(feature = "model")]
mod identity;
mod life;
mod phase;
mod steps;
mod stored;
mod turn;

pub use self::config::Config;
use self::phase::{Action, Busy, Phase, Wanted};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Task<'a> {
    /// Send what the store gives.
    Put,
    /// Ask for a file or a tree.
    Get {
        /// The other end's path of it.
        path: &'a str,
        /// Whether a tree is asked for.
        tree: bool,
        /// Whether only the offers are wanted.
        names_only: bool,
    },
    /// Ask the server to end.
    Close,
    /// See whether it answers.
    Ping,
}

/// One end of one session.
///
/// It holds one chunk buffer and one signal buffer, about 1.4 kB in all, and can be made in place:
/// [`Session::client`] and [`Session::server`] are `const`.
///
/// The buffers stand last: small processors reach near fields in one instruction.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
#[repr(C)]
pub struct Session<P: Profile = Standard> {
    phase: Phase<P>,
    shared: Shared,
    action: Action,
    reader: Reader,
    is_client: bool,
    /// Whether what comes in goes into the chunk buffer.
    in_chunk: bool,
    /// Whether an answer has begun to come in where the path of the request stood.
    overwritten: bool,
    /// Length in bytes of the description at the reader's front; 0: none.
    description: u16,
    /// Length in bytes of the description that goes out from the chunk buffer.
    described: u16,
    timer: Timer,
    config: Config,
    /// Low half of the position that the other end said last.
    told: u32,
    /// A client's transfer number used last.
    number: u16,
    /// Whether terms were agreed on.
    is_acquainted: bool,
    /// What the store was asked for and has not done yet.
    busy: Option<Busy>,
    /// Whether what came in was looked at since the store has worked.
    has_looked: bool,
    /// Runs along with the file's CRC-64, where it was agreed on.
    sha256: Option<P::Sha256>,
    /// The signal that has no place in the chunk buffer: the one coming in, or going out.
    signal: [u8; SIGNAL_LEN],
    /// The frame coming in; or else the payload on its way out, and at the end, past any
    /// description, the signal on its way out.
    chunk: Chunk,
}

impl<P: Profile> Session<P> {
    /// A client. `number` is the session's: 32 bits that nobody can foresee, not 0.
    pub const fn client(number: u32, config: Config) -> Self {
        const { assert!(P::CLIENT, "this profile is of servers only") };
        let mut session = Self::new(config, true);
        session.shared.terms.session = if number == 0 { 1 } else { number };
        session.phase =
            Phase::Rest(Ok(Outcome { entries: 0, refused: 0, omitted: 0, closed: false }));
        session.action = Action::Over;
        session
    }

    /// A server, which waits for a greeting.
    pub const fn server(config: Config) -> Self {
        const { assert!(P::SERVER, "this profile is of clients only") };
        Self::new(config, false)
    }

    const fn new(config: Config, is_client: bool) -> Self {
        Self {
            chunk: Chunk::new(),
            signal: [0; SIGNAL_LEN],
            reader: Reader::new(),
            timer: Timer::new(),
            config,
            is_client,
            phase: Phase::ExpectGreeting,
            action: Action::Listen { wanted: HEADER_LEN },
            shared: Shared::new(),
            in_chunk: false,
            description: 0,
            described: 0,
            overwritten: false,
            told: 0,
            number: 0,
            is_acquainted: false,
            busy: None,
            has_looked: false,
            sha256: None,
        }
    }

    const fn is_client(&self) -> bool {
        P::CLIENT && (!P::SERVER || self.is_client)
    }

    /// Gives a client its next task, once the one before is over. The first one greets the server.
    ///
    /// # Errors
    /// [`Failure::Driver`] where a task is under way or this is a server, [`Failure::Refused`]
    /// where the path is not sound, and the failure of a session that has ended.
    pub fn begin(&mut self, task: Task<'_>) -> Result<(), Failure> {
        match self.phase {
            Phase::Rest(_) if self.is_client() => {}
            Phase::Dead(failure) => return Err(failure),
            _ => return Err(Failure::Driver),
        }
        let wanted = match task {
            Task::Put => Wanted::Put,
            Task::Close => Wanted::Close,
            Task::Ping => Wanted::Answer(Ok(Outcome::default())),
            Task::Get { path, tree, names_only } => {
                if !is_sound(path) || path.ends_with('/') {
                    return Err(Failure::Refused(Reason::BadPath));
                }
                for (to, from) in self.chunk.iter_mut().skip(HEADER_LEN).zip(path.bytes()) {
                    *to = from;
                }
                self.described = u16::try_from(path.len()).unwrap_or(0);
                Wanted::Get { tree, names_only }
            }
        };
        self.timer.restart();
        self.reader.clear();
        self.description = 0;
        self.overwritten = false;
        if self.is_acquainted && !matches!(wanted, Wanted::Answer(_)) {
            self.start(wanted);
        } else {
            self.greet(wanted);
        }
        self.settle();
        Ok(())
    }

    /// A server without a request under way refuses any other, and says so to its client, if it has one:
    /// the session is to be run once more for that. Called after the session is over, or before it runs.
    pub fn shut_down(&mut self) {
        let is_idle = matches!(self.phase, Phase::ExpectRequest | Phase::Rest(_));
        if P::SERVER && !self.is_client() && is_idle && self.is_acquainted {
            let (reason, session) = (Reason::ShuttingDown, self.shared.terms.session);
            self.end(Failure::Refused(reason));
            self.shared.reply(Signal::refuse(0, 0, reason, session));
            self.settle();
        }
    }

    /// The words that came with the refusal that ended a get, a close or a greeting; often empty,
    /// always hostile. Of what is put, the store hears: [`crate::Store::refused`].
    pub fn words(&self) -> &str {
        self.text()
    }

    /// Whether nothing is under way: a server has no request, and holds no part of one.
    pub fn is_at_rest(&self) -> bool {
        let waits =
            matches!(self.phase, Phase::ExpectGreeting | Phase::ExpectRequest | Phase::Closing);
        waits && self.reader.is_empty() && !self.shared.todo.pending
    }

    /// Whether both ends agreed in the handshake that each file comes with its SHA-256.
    pub fn has_sha256(&self) -> bool {
        self.is_acquainted && self.shared.terms.sha256
    }

    /// What both ends agreed on, after the handshake.
    pub fn negotiated(&self) -> Option<Negotiated> {
        self.is_acquainted.then(|| self.shared.terms.negotiated())
    }

    /// The session's number: 0 before a server was greeted.
    pub fn number(&self) -> u32 {
        self.shared.terms.session
    }
}

/// The state it is in.
#[cfg(feature = "defmt")]
impl<P: Profile> defmt::Format for Session<P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match &self.phase {
            Phase::ExpectGreeting => defmt::write!(f, "ExpectGreeting"),
            Phase::ExpectWelcome(_) => defmt::write!(f, "ExpectWelcome"),
            Phase::ExpectRequest => defmt::write!(f, "ExpectRequest"),
            Phase::Closing => defmt::write!(f, "Closing"),
            Phase::Opening { number, .. } => defmt::write!(f, "Opening {}", number),
            Phase::ExpectOffer { .. } => defmt::write!(f, "ExpectOffer"),
            Phase::ExpectClose => defmt::write!(f, "ExpectClose"),
            Phase::Sending(sender) => sender.format(f),
            Phase::Receiving(receiver) => receiver.format(f),
            Phase::Rest(result) => defmt::write!(f, "Rest: {}", result),
            Phase::Dead(failure) => defmt::write!(f, "Dead: {}", failure),
        }
    }
}
