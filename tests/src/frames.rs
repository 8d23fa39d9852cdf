//! Frames as one end of a session writes them, and a session that reads them: for tests in which
//! one end sends what no session would.

use tinyferry_core::checksum::Tables;
use tinyferry_core::store::answer;
use tinyferry_core::wire::{
    Code, FRAME_MAX, HEADER_LEN, Header, Hello, SIGNAL_LEN, Seeds, Signal, VERSION,
};
use tinyferry_core::{Config, Millis, Session, Step, Store, Task};

/// Frames of one end, one after another.
#[derive(Debug, Clone)]
pub struct Frames {
    /// The frames so far.
    pub bytes: Vec<u8>,
    session: u32,
    seed: u32,
    ends: Vec<usize>,
}

impl Frames {
    /// Those of a client in session `number`, which begin with its hello: the parameters of `config`.
    pub fn client(number: u32, config: Config) -> Self {
        let mut frames = Self::of(number, Seeds::client(number).sending);
        frames.greet(Code::Pin, config);
        frames
    }

    /// Those of a server, which begin with its hello.
    pub fn server(number: u32, config: Config) -> Self {
        let mut frames = Self::of(number, Seeds::server(number).sending);
        frames.greet(Code::Pon, config);
        frames
    }

    fn of(session: u32, seed: u32) -> Self {
        Self { bytes: Vec::new(), session, seed, ends: Vec::new() }
    }

    /// A hello.
    pub fn greet(&mut self, code: Code, config: Config) {
        let hello = Hello {
            session: self.session,
            version: VERSION,
            lossy: config.lossy,
            half_duplex: config.half_duplex,
            features: u16::from(config.sha256),
            chunk: config.chunk,
            block: config.block,
            credit: config.credit,
        };
        self.signal(Signal::hello(code, &hello));
    }

    /// A signal.
    pub fn signal(&mut self, signal: Signal) {
        let mut frame = [0; SIGNAL_LEN];
        signal.emit::<Tables>(self.seed, &mut frame);
        self.bytes.extend(frame);
        self.ends.push(self.bytes.len());
    }

    /// A signal and its metadata.
    pub fn described(&mut self, signal: Signal, metadata: &[u8]) {
        let length = u16::try_from(metadata.len()).unwrap_or(u16::MAX);
        self.signal(Signal { metadata: length, ..signal });
        self.emit(signal.transfer, true, 0, metadata);
    }

    /// A chunk of the file of this transfer.
    pub fn chunk(&mut self, transfer: u16, position: u64, payload: &[u8]) {
        self.emit(transfer, false, position, payload);
    }

    fn emit(&mut self, transfer: u16, metadata: bool, position: u64, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let mut frame = [0; FRAME_MAX];
        frame[HEADER_LEN..][..payload.len()].copy_from_slice(payload);
        let header = Header {
            transfer: transfer as u8,
            metadata,
            length: payload.len() as u16,
            position: position as u32,
        };
        header.emit::<Tables>(if transfer == 0 { 0 } else { self.seed }, &mut frame);
        self.bytes.extend(&frame[..HEADER_LEN + payload.len()]);
        self.ends.push(self.bytes.len());
    }

    /// Where the last frame begins.
    pub fn last(&self) -> usize {
        self.ends.iter().rev().nth(1).copied().unwrap_or(0)
    }

    /// The frames so far; none are left.
    pub fn take(&mut self) -> Vec<u8> {
        self.ends.clear();
        std::mem::take(&mut self.bytes)
    }
}

/// The code of each signal, and the transfer that it names.
pub fn outline(said: &[Signal]) -> Vec<(Code, u16)> {
    said.iter().map(|signal| (signal.code, signal.transfer)).collect()
}

/// A session that reads frames, and its answers.
#[derive(Debug)]
pub struct Listener<S> {
    /// The session.
    pub session: Session,
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
    answers: Vec<u8>,
    steps: usize,
}

impl<S: Store> Listener<S> {
    /// A listener that reads as much as it can.
    pub fn new(session: Session, store: S) -> Self {
        let grains = vec![(0, usize::MAX)];
        Self { session, store, now: 0, work: 0, grains, taken: 0, answers: Vec::new(), steps: 0 }
    }

    /// A server that has answered the hello of a client in session `number`, and that client.
    ///
    /// # Panics
    /// Where it does not answer.
    pub fn server(number: u32, config: Config, store: S) -> (Self, Frames) {
        let mut client = Frames::client(number, config);
        let mut server = Self::new(Session::server(config), store);
        assert_eq!(outline(&server.hear(&client.take())), [(Code::Pon, 0)]);
        (server, client)
    }

    /// A client with a task in session `number`, whose hello is answered; its server, and the
    /// signals that the client then sends.
    ///
    /// # Panics
    /// Where the task is refused.
    pub fn client(
        number: u32,
        config: Config,
        store: S,
        task: Task<'_>,
    ) -> (Self, Frames, Vec<Signal>) {
        let mut session = Session::client(number, config);
        session.begin(task).expect("it may begin");
        let mut client = Self::new(session, store);
        assert_eq!(outline(&client.hear(&[])), [(Code::Pin, 0)]);
        let mut server = Frames::server(number, config);
        let said = client.hear(&server.take());
        (client, server, said)
    }

    /// Receives `said` and does all that follows from it. Returns the signals that the session sends
    /// until it waits for more bytes, or is over.
    pub fn hear(&mut self, said: &[u8]) -> Vec<Signal> {
        let bytes = self.exchange(said);
        self.signals(&bytes)
    }

    /// The same, but returns all bytes that the session sends.
    pub fn exchange(&mut self, said: &[u8]) -> Vec<u8> {
        let mut rest = said;
        loop {
            let (buffered, read) = self.grains[self.steps % self.grains.len()];
            self.steps += 1;
            let now = Some(self.now);
            let front = &rest[..buffered.min(rest.len())];
            let taken = self.session.take_input(front, &mut self.store, now);
            rest = &rest[taken..];
            self.taken += taken;
            match self.session.poll() {
                Step::Receive(into) | Step::Exchange { into, .. } if !rest.is_empty() => {
                    let count = into.len().min(rest.len()).min(read);
                    into[..count].copy_from_slice(&rest[..count]);
                    rest = &rest[count..];
                    self.session.received(count, now);
                }
                Step::Exchange { out, .. } | Step::Transmit(out) => {
                    self.answers.extend_from_slice(out);
                    let count = out.len();
                    self.session.transmitted(count, now);
                }
                Step::Pause => self.session.transmitted(0, now),
                Step::Storage(request) => {
                    let reply = answer(&mut self.store, request);
                    self.now = self.now.wrapping_add(self.work);
                    self.session.answered(reply, Some(self.now));
                }
                Step::Receive(_) | Step::Over(_) => return std::mem::take(&mut self.answers),
            }
        }
    }

    /// Nothing comes for this time, in ms.
    pub fn wait(&mut self, milliseconds: Millis) -> Vec<Signal> {
        let end = self.now.wrapping_add(milliseconds);
        while let Some(deadline) = self.session.deadline()
            && end.wrapping_sub(deadline) < 1 << 31
        {
            // A deadline that has passed already is one that is due now.
            let is_ahead = deadline.wrapping_sub(self.now) < 1 << 31;
            self.now = if is_ahead { deadline } else { self.now };
            self.session.timed_out(Some(self.now));
            let said = self.hear(&[]);
            if !said.is_empty() {
                return said;
            }
        }
        self.now = end;
        Vec::new()
    }

    /// The signals among bytes that the session has sent.
    fn signals(&self, mut rest: &[u8]) -> Vec<Signal> {
        let number = self.session.number();
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
