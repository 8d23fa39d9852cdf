//! One session without another: it receives frames that a test writes by hand, and its answers are
//! kept.

use std::num::NonZeroU32;

use tinyferry_core::checksum::Tables;
use tinyferry_core::error::Failure;
use tinyferry_core::store::{Reply, Request, answer};
use tinyferry_core::wire::{Code, HEADER_LEN, Header, SIGNAL_LEN, Signal};
use tinyferry_core::{Config, Millis, Outcome, Profile, Session, Standard, Step, Store, Task};

use crate::{Frames, Input, Port, Progress, outline, perform, session_number};

/// A session that receives [`Frames`], and its answers.
///
/// ```
/// use tinyferry_core::wire::{Code, Signal};
/// use tinyferry_core::Config;
/// use tinyferry_kit::{Endpoint, Memory, outline};
///
/// let (mut server, mut client) = Endpoint::server(7, Config::RELIABLE, Memory::default());
/// client.signal(Signal::new(Code::Cls, 1, 0)); // close, which this server does not allow
/// assert_eq!(outline(&server.receive(&client.take())), [(Code::Err, 1)]);
/// ```
#[derive(Debug)]
pub struct Endpoint<S, P: Profile = Standard> {
    /// The session.
    pub session: Session<P>,
    /// Its store.
    pub store: S,
    /// The time.
    pub now: Millis,
    /// The time that each call of the store takes, in ms.
    pub work: Millis,
    /// The number of bytes in the driver's own buffer, and the number that it reads at once: each step
    /// takes the next pair, and the first one follows the last.
    pub grains: Vec<(usize, usize)>,
    /// Bytes taken from the driver's own buffer.
    pub taken: usize,
    steps: usize,
}

/// Input from a slice, output to a vector.
struct Script<'a> {
    input: &'a [u8],
    output: Vec<u8>,
    now: Millis,
    work: Millis,
    /// Bytes in the driver's own buffer, bytes read at once.
    grain: (usize, usize),
    taken: usize,
}

impl Port for Script<'_> {
    fn now(&self) -> Option<Millis> {
        Some(self.now)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let count = into.len().min(self.input.len()).min(self.grain.1);
        let (front, rest) = self.input.split_at(count);
        into[..count].copy_from_slice(front);
        self.input = rest;
        if count == 0 { Input::Nothing } else { Input::Bytes(count) }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        self.output.extend_from_slice(out);
        out.len()
    }

    fn buffered(&mut self) -> &[u8] {
        &self.input[..self.grain.0.min(self.input.len())]
    }

    fn consume(&mut self, count: usize) {
        self.input = &self.input[count..];
        self.taken += count;
    }

    fn storage<S: Store + ?Sized>(&mut self, store: &mut S, request: Request<'_>) -> Option<Reply> {
        let reply = answer(store, request);
        self.now = self.now.wrapping_add(self.work);
        Some(reply)
    }
}

impl<S: Store> Endpoint<S> {
    /// A session that reads as much as it can.
    pub fn new(session: Session, store: S) -> Self {
        Self::of(session, store)
    }

    /// A server that has answered the hello of a client in session `number`, and that client.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn server(number: u32, config: Config, store: S) -> (Self, Frames) {
        let mut client = Frames::client(number, config);
        let mut server = Self::new(Session::server(config), store);
        assert_eq!(outline(&server.receive(&client.take())), [(Code::Pon, 0)]);
        (server, client)
    }

    /// A client with a task in session `number`, whose hello is answered; its server, and the
    /// signals that the client then sends.
    ///
    /// # Panics
    /// Where the task is refused, or the number is 0.
    pub fn client(
        number: u32,
        config: Config,
        store: S,
        task: Task<'_>,
    ) -> (Self, Frames, Vec<Signal>) {
        let mut session = Session::client(session_number(number), config);
        session.begin(task).expect("it may begin");
        let mut client = Self::new(session, store);
        assert_eq!(outline(&client.receive(&[])), [(Code::Pin, 0)]);
        let mut server = Frames::server(number, config);
        let sent = client.receive(&server.take());
        (client, server, sent)
    }
}

impl<S: Store, P: Profile> Endpoint<S, P> {
    /// A session of any profile.
    pub fn of(session: Session<P>, store: S) -> Self {
        let grains = vec![(0, usize::MAX)];
        Self { session, store, now: 0, work: 0, grains, taken: 0, steps: 0 }
    }

    /// Receives `bytes` and does all that follows from it. Returns the signals that the session sends
    /// until it waits for more bytes, or is over.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Signal> {
        let sent = self.exchange(bytes);
        self.signals(&sent)
    }

    /// The same, but returns all bytes that the session sends.
    pub fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut script = Script {
            input: bytes,
            output: Vec::new(),
            now: self.now,
            work: self.work,
            grain: (0, 0),
            taken: 0,
        };
        loop {
            script.grain = self.grains[self.steps % self.grains.len()];
            self.steps += 1;
            if perform(&mut self.session, &mut self.store, &mut script) != Progress::Moved {
                break;
            }
        }
        self.now = script.now;
        self.taken += script.taken;
        script.output
    }

    /// The stream ends. Returns all bytes that the session sends before it is over.
    pub fn end_of_stream(&mut self) -> Vec<u8> {
        self.session.received(0, Some(self.now));
        self.exchange(&[])
    }

    /// No byte comes for this time, in ms. Returns early if the session sends a signal.
    pub fn wait(&mut self, milliseconds: Millis) -> Vec<Signal> {
        let end = self.now.wrapping_add(milliseconds);
        while let Some(deadline) = self.session.deadline()
            && end.wrapping_sub(deadline) < 1 << 31
        {
            // A deadline that has passed already is one that is due now.
            let is_ahead = deadline.wrapping_sub(self.now) < 1 << 31;
            self.now = if is_ahead { deadline } else { self.now };
            self.session.timed_out(Some(self.now));
            let sent = self.receive(&[]);
            if !sent.is_empty() {
                return sent;
            }
        }
        self.now = end;
        Vec::new()
    }

    /// No byte comes until the time `end`, or until the session is over.
    pub fn wait_until(&mut self, end: Millis) {
        while self.result().is_none() && end.wrapping_sub(self.now).wrapping_sub(1) < 1 << 31 {
            self.wait(end.wrapping_sub(self.now));
        }
    }

    /// The result, once the task is completed or the session is over.
    pub fn result(&mut self) -> Option<Result<Outcome, Failure>> {
        match self.session.poll() {
            Step::Over(result) => Some(result),
            _ => None,
        }
    }

    /// The signals among bytes that the session has sent.
    fn signals(&self, mut rest: &[u8]) -> Vec<Signal> {
        // Before the handshake only frames on transfer 0 are sent, which have no seed.
        let number = self.session.number().map_or(0, NonZeroU32::get);
        let mut found = Vec::new();
        while let Some(header) = rest.first_chunk::<HEADER_LEN>() {
            if let Some(chunk) = Header::parse(header) {
                rest = &rest[HEADER_LEN + usize::from(chunk.length)..];
                continue;
            }
            let Some(frame) = rest.first_chunk::<SIGNAL_LEN>() else { break };
            let seeds = [number, !number];
            let parsed = seeds.iter().find_map(|seed| Signal::parse::<Tables>(*seed, frame));
            found.extend(parsed);
            rest = &rest[SIGNAL_LEN..];
        }
        found
    }
}
