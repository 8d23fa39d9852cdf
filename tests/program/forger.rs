//! A peer that speaks the protocol well and lies: valid frames, started from the session's number,
//! whose sizes, counts, positions, descriptions and digests are whatever a seed says.

use std::collections::HashSet;

use tinyferry::core::Reason;
use tinyferry::core::checksum::{Checksums, Tables};
use tinyferry::core::wire::{
    Code, FRAME_MAX, Greeting, HEADER_LEN, Header, Proof, SIGNAL_LEN, Signal, UNKNOWN,
};
use tinyferry_tests::Random;

use crate::harness::content;

/// Under what names something may come in. All that is offered is one of these, a name that no
/// path may have, or one that is refused.
pub(crate) const NAMES: [&str; 6] = ["a", "b.bin", "d/c", "d/e/f", "tree", "Ü"];
const BAD_NAMES: [&str; 8] =
    ["", "..", "../out", "/out", "a/../../out", ".a.tinyferry-part", "d//c", "a\nb"];
const SIZES: [u64; 12] = [
    0,
    1,
    1023,
    1024,
    70_000,
    (1 << 31) - 1,
    1 << 31,
    (1 << 31) + 1,
    1 << 32,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];
const CODES: [Code; 9] = [
    Code::Pin,
    Code::Pon,
    Code::Saf,
    Code::Sar,
    Code::Raf,
    Code::Rar,
    Code::Cls,
    Code::Don,
    Code::Err,
];

/// Which end it plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// One session's worth of lies.
pub(crate) struct Forger {
    random: Random,
    role: Role,
    session: u32,
    /// The transfer used last.
    number: u16,
    /// All it says.
    pub(crate) said: Vec<u8>,
    /// Sizes and digests that it has vouched for: what comes in whole under a name is one of these.
    pub(crate) vouched: HashSet<(u64, u64)>,
}

impl Forger {
    /// All the lies of a client.
    pub(crate) fn client(seed: u64) -> Self {
        let mut forger = Self::new(seed, Role::Client);
        forger.session = forger.random.next() as u32 | 1;
        forger.greet(false);
        forger.lie();
        forger
    }

    /// All the lies of a server in answer to a client that greeted with this number.
    pub(crate) fn server(seed: u64, session: u32) -> Self {
        let mut forger = Self::new(seed, Role::Server);
        forger.session = session;
        forger.greet(false);
        // A client asks for a file on transfer 1, and if that is a directory for a tree on 2.
        match forger.random.below(8) {
            0 => forger.answer(),
            1..=4 => forger.put_on(1),
            _ => {
                forger.signal(Signal::refuse(1, 0, Reason::IsDirectory, 0));
                forger.number = 2;
                forger.tree_on(2);
            }
        }
        forger.lie();
        forger
    }

    fn new(seed: u64, role: Role) -> Self {
        let random = Random::new(seed);
        let (said, vouched) = (Vec::new(), HashSet::new());
        Self { random, role, session: 0, number: 0, said, vouched }
    }

    fn lie(&mut self) {
        for _ in 0..1 + self.random.below(12) {
            match self.random.below(10) {
                0..=2 => self.put(),
                3 => self.tree(),
                4 => self.describe(),
                5 => self.stray_chunks(),
                6 => self.flood(),
                7 => self.greet(true),
                8 => self.ask(),
                _ => self.anything(),
            }
        }
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.random.below(among.len())]
    }

    fn odds(&mut self, one_in: usize) -> bool {
        self.random.below(one_in) == 0
    }

    fn name(&mut self) -> &'static str {
        if self.odds(12) { self.pick(&BAD_NAMES) } else { self.pick(&NAMES) }
    }

    fn next_number(&mut self) -> u16 {
        self.number = match self.odds(20) {
            true => self.random.next() as u16,
            false => self.number.wrapping_add(1),
        };
        self.number
    }

    fn seed(&self) -> u32 {
        match self.role {
            Role::Client => self.session,
            Role::Server => !self.session,
        }
    }

    fn signal(&mut self, signal: Signal) {
        if signal.code == Code::Don {
            self.vouched.insert((signal.position, signal.digest()));
        }
        let mut bytes = [0; SIGNAL_LEN];
        signal.emit::<Tables>(self.seed(), &mut bytes);
        self.said.extend_from_slice(&bytes);
    }

    fn chunk(&mut self, transfer: u16, description: bool, position: u64, payload: &[u8]) {
        let mut frame = [0; FRAME_MAX];
        let payload = &payload[..payload.len().min(FRAME_MAX - HEADER_LEN)];
        frame[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
        let (transfer, length) = (transfer as u8, payload.len() as u16);
        let header = Header { transfer, description, length, position: position as u32 };
        header.emit::<Tables>(self.seed(), &mut frame);
        self.said.extend_from_slice(&frame[..HEADER_LEN + payload.len()]);
    }

    fn described(&mut self, mut signal: Signal, description: &[u8]) {
        signal.description = description.len() as u16;
        self.signal(signal);
        if !description.is_empty() {
            self.chunk(signal.transfer, true, 0, description);
        }
    }

    /// A greeting: once in a session a good one, later the same, another number, or nonsense.
    fn greet(&mut self, again: bool) {
        if again && self.role == Role::Client && self.odds(2) {
            self.session = self.random.next() as u32;
        }
        let lies = again && self.odds(2);
        let mut field = |good: u16| if lies { self.random.next() as u16 } else { good };
        let greeting = Greeting {
            session: 0,
            version: field(1) as u8,
            lossy: field(0) & 1 == 1,
            half_duplex: field(0) & 1 == 1,
            features: field(0),
            chunk: field(1024),
            unit: field(0) as u8 & 3,
            credit: field(32_767),
        };
        let code = if self.role == Role::Client { Code::Pin } else { Code::Pon };
        self.signal(Signal::greeting(code, &Greeting { session: self.session, ..greeting }));
    }

    /// A file, offered, sent and vouched for; most often with a lie somewhere.
    fn put(&mut self) {
        let number = self.next_number();
        self.put_on(number);
    }

    fn put_on(&mut self, number: u16) {
        let length = self.pick(&[0, 1, 255, 1024, 5000, 30_000]);
        let bytes = content(length, self.random.next());
        let lie = self.random.below(14);
        let size = if lie == 0 { self.pick(&SIZES) } else { length as u64 };
        let resume = if self.odds(3) { size } else { 0 };
        let size = if lie == 1 { UNKNOWN } else { size };
        let name = self.name();
        self.described(Signal::offer(number, resume, size, 7), name.as_bytes());
        let chunk = if lie == 2 { 1 + self.random.below(1024) } else { 1024 };
        for (at, payload) in bytes.chunks(chunk).enumerate() {
            let position = (at * chunk) as u64;
            match lie {
                3 if self.odds(3) => {}
                4 if self.odds(3) => {
                    let jump = self.pick(&SIZES);
                    self.chunk(number, false, position.wrapping_add(jump), payload);
                }
                5 if self.odds(3) => {
                    let other = self.random.next() as u16;
                    self.chunk(other, false, position, payload);
                }
                6 if self.odds(3) => self.chunk(number, false, position, &content(1024, 9)),
                7 if self.odds(9) => return,
                8 if self.odds(3) => {
                    self.chunk(number, false, position, payload);
                    self.chunk(number, false, position, payload);
                }
                _ => self.chunk(number, false, position, payload),
            }
            if self.odds(6) {
                let count = self.random.next() as u16;
                self.signal(Signal::ask(number, position, count));
            }
        }
        let digest = Tables::crc64(0, &bytes);
        let count = self.random.next() as u16;
        match lie {
            9 => self.signal(Signal::refuse(number, 1, reason(count), 0)),
            10 => self.signal(Signal::done(number, length as u64, count, !digest)),
            11 => {
                let size = self.pick(&SIZES);
                self.signal(Signal::done(number, size, count, digest));
            }
            _ => self.signal(Signal::done(number, length as u64, count, digest)),
        }
    }

    /// A tree whose numbers of entries are lies.
    fn tree(&mut self) {
        let tree = self.next_number();
        self.tree_on(tree);
    }

    fn tree_on(&mut self, tree: u16) {
        let counts = [self.pick(&SIZES), self.pick(&SIZES)];
        let name = self.name();
        let offer = Signal::offer_tree(tree, counts[0], counts[1]);
        self.described(offer, name.as_bytes());
        let entries = self.random.below(6);
        for _ in 0..entries {
            match self.random.below(12) {
                0 => self.described(offer, name.as_bytes()),
                1 => self.anything(),
                _ => self.put(),
            }
        }
        let counted = if self.odds(2) { entries as u64 } else { self.pick(&SIZES) };
        if !self.odds(4) {
            self.signal(Signal::done(tree, counted, entries as u16, 0));
        }
    }

    /// Descriptions that are not what their signal says, or make no sense.
    fn describe(&mut self) {
        let number = self.next_number();
        let code = self.pick(&CODES);
        let mut signal = Signal::new(code, number, 0);
        let text = self.name();
        let extras: &[u8] = match self.random.below(7) {
            0 => &[0, 1, 4, 1],                     // ends before its length does
            1 => &[0, 1, 255],                      // the same, by far
            2 => &[0, 0x80, 0],                     // must be understood
            3 => &[0, 0xFF, 2, 1, 2],               // the same
            4 => &[0, 1, 4, 255, 255, 255, 255, 9], // all bits of a mode; a tag without length
            5 => &[0, 2, 32, 0],                    // a digest that is cut
            _ => &[0xFF, 0xC3],                     // no UTF-8
        };
        let bytes = [text.as_bytes(), extras].concat();
        signal.description = match self.random.below(4) {
            0 => bytes.len() as u16,
            1 => bytes.len() as u16 + 1,
            2 => 1024,
            _ => self.random.next() as u16,
        };
        self.signal(signal);
        match self.random.below(4) {
            0 => {}
            1 => self.chunk(number.wrapping_add(1), true, 0, &bytes),
            2 => self.chunk(number, true, 1, &bytes),
            _ => self.chunk(number, true, 0, &bytes),
        }
    }

    fn stray_chunks(&mut self) {
        for _ in 0..self.random.below(20) {
            let (transfer, position) = (self.random.next() as u16, self.pick(&SIZES));
            let payload = content(1 + self.random.below(1024), 5);
            let description = self.odds(8);
            self.chunk(transfer, description, position, &payload);
        }
    }

    fn flood(&mut self) {
        let begin = self.said.len();
        self.anything();
        let one = self.said[begin..].to_vec();
        for _ in 0..self.random.below(1000) {
            self.said.extend_from_slice(&one);
        }
    }

    /// Asks for something, and says that it has come, or will, or cannot.
    fn ask(&mut self) {
        let number = self.next_number();
        let (tree, names_only) = (self.odds(2), self.odds(3));
        let name = if self.odds(2) { "given" } else { self.name() };
        self.described(Signal::request(number, tree, names_only), name.as_bytes());
        for _ in 0..self.random.below(6) {
            self.answer();
        }
    }

    /// What a receiver says, and a sender that was asked.
    fn answer(&mut self) {
        let number = match self.role {
            Role::Client => self.number,
            Role::Server => 1,
        };
        let position = self.pick(&SIZES);
        let (credit, count) = (self.random.next() as u16, self.random.next() as u16);
        let proof = match self.odds(2) {
            true => Proof::Prefix(self.random.next()),
            false => Signal::new(Code::Pon, 0, 0).proof(),
        };
        match self.random.below(5) {
            0 => self.signal(Signal::held(number, position, credit, count, proof)),
            1 => self.signal(Signal::done(number, position, count, credit.into())),
            _ => self.described(Signal::refuse(number, position, reason(count), 0), b"no\x1b[2J"),
        }
    }

    /// Any signal with anything in it.
    fn anything(&mut self) {
        let code = self.pick(&CODES);
        let transfer = match self.random.below(4) {
            0 => self.random.next() as u16,
            1 => 0,
            2 => self.number,
            _ => self.next_number(),
        };
        let position = self.pick(&SIZES);
        let mut signal = Signal::new(code, transfer, position);
        for half in signal.detail.chunks_mut(2) {
            let number = if self.odds(2) { self.pick(&SIZES) } else { self.random.next() };
            half.copy_from_slice(&[number as u32, (number >> 32) as u32]);
        }
        self.signal(signal);
    }
}

fn reason(number: u16) -> Reason {
    Reason::from_code(number % 30)
}
