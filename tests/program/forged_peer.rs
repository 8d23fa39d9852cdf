//! A peer that speaks the protocol well and lies: valid frames, started from the session's number,
//! whose sizes, counts, positions, descriptions and digests are whatever a seed says.

use std::collections::HashSet;

use tinyferry::core::checksum::{Checksums, Tables};
use tinyferry_kit::Random;

mod lies;

/// The allowed names of files. Each offer has one of these, a name that no path may have, or one
/// that is refused.
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
const CODES: [&[u8; 3]; 9] =
    [b"PIN", b"PON", b"SAF", b"SAR", b"RAF", b"RAR", b"CLS", b"DON", b"ERR"];
/// The longest payload of a chunk, in bytes.
const PAYLOAD: usize = 1024;
/// A reason: go and ask for a directory instead.
const IS_DIRECTORY: u64 = 5;

/// A signal; the detail as two numbers. It is laid out here, not by the core: that would not lie.
#[derive(Clone, Copy)]
struct Signal {
    code: &'static [u8; 3],
    transfer: u16,
    described: u16,
    position: u64,
    detail: [u64; 2],
}

impl Signal {
    fn new(code: &'static [u8; 3], transfer: u16, position: u64, detail: [u64; 2]) -> Self {
        Self { code, transfer, described: 0, position, detail }
    }
}

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
    /// Sizes and digests that it has sent: each complete file has one of these.
    pub(crate) vouched: HashSet<(u64, u64)>,
}

impl Forger {
    /// All the lies of a client.
    pub(crate) fn client(seed: u64) -> Self {
        let mut forger = Self::new(seed, Role::Client);
        forger.session = forger.random.next() as u32 | 1;
        forger.hello(false);
        forger.lie();
        forger
    }

    /// All the lies of a server in answer to a client whose hello has this number.
    pub(crate) fn server(seed: u64, session: u32) -> Self {
        let mut forger = Self::new(seed, Role::Server);
        forger.session = session;
        forger.hello(false);
        // A client asks for a file on transfer 1, and if that is a directory for a tree on 2.
        match forger.random.below(8) {
            0 => forger.answer(),
            1..=4 => forger.put_on(1),
            _ => {
                forger.signal(Signal::new(b"ERR", 1, 0, [IS_DIRECTORY, 0]));
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
                7 => self.hello(true),
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
        let Signal { code, transfer, described, position, detail: [low, high] } = signal;
        if code == b"DON" {
            self.vouched.insert((position, high));
        }
        let seed = if transfer == 0 { 0 } else { self.seed() };
        let begin = self.said.len();
        self.said.extend_from_slice(code);
        self.said.push(1);
        self.said.extend([transfer, described].map(u16::to_le_bytes).as_flattened());
        self.said.extend([position, low, high].map(u64::to_le_bytes).as_flattened());
        let crc = Tables::crc32(seed, &self.said[begin..]);
        self.said.extend(crc.to_le_bytes());
    }

    fn chunk(&mut self, transfer: u16, description: bool, position: u64, payload: &[u8]) {
        let payload = &payload[..payload.len().min(PAYLOAD)];
        let mut header = vec![0xFA, transfer as u8];
        header.extend((payload.len() as u16 | u16::from(description) << 15).to_le_bytes());
        header.extend((position as u32).to_le_bytes());
        let crc = Tables::crc32(Tables::crc32(self.seed(), &header), payload);
        self.said.extend([&header, &crc.to_le_bytes()[..], payload].concat());
    }

    fn described(&mut self, mut signal: Signal, description: &[u8]) {
        signal.described = description.len() as u16;
        self.signal(signal);
        if !description.is_empty() {
            self.chunk(signal.transfer, true, 0, description);
        }
    }

    /// A hello: once in a session a good one, later the same, another number, or nonsense.
    fn hello(&mut self, again: bool) {
        if again && self.role == Role::Client && self.odds(2) {
            self.session = self.random.next() as u32;
        }
        let lies = again && self.odds(2);
        let mut field = |good: u64, bits: u64| {
            if lies { self.random.next() & bits } else { good }
        };
        let (version, link, features) = (field(1, 0xFF), field(0, 3), field(0, 0xFFFF));
        let (chunk, block, credit) = (field(1024, 0xFFFF), field(0, 3), field(32_767, 0xFFFF));
        let low = u64::from(self.session) | version << 32 | link << 40 | features << 48;
        let high = chunk | block << 16 | credit << 32;
        let code = if self.role == Role::Client { b"PIN" } else { b"PON" };
        self.signal(Signal::new(code, 0, 0, [low, high]));
    }
}
