//! What a signal says: its position and its detail, per code (`PROTOCOL.md`, section 3).

use super::{CREDIT_MAX, Code, Greeting, Map, Proof, Signal, halves, number, split, word, words};
use crate::error::Reason;

const LOSSY_FLAG: u8 = 1;
const HALF_DUPLEX_FLAG: u8 = 2;
const NAMES_ONLY_FLAG: u32 = 1;
const PREFIX_FLAG: u16 = 0x8000;

/// Signals, made.
impl Signal {
    /// A signal without a description, whose detail is empty.
    pub const fn new(code: Code, transfer: u16, position: u64) -> Self {
        Self { code, transfer, description: 0, position, detail: [0; 4] }
    }

    const fn with(self, detail: [u32; 4]) -> Self {
        Self { detail, ..self }
    }

    /// `PIN` or `PON` on transfer 0.
    pub const fn greeting(code: Code, greeting: &Greeting) -> Self {
        let lossy = if greeting.lossy { LOSSY_FLAG } else { 0 };
        let half_duplex = if greeting.half_duplex { HALF_DUPLEX_FLAG } else { 0 };
        let link = u16::from_le_bytes([greeting.version, lossy | half_duplex]);
        let unit = u16::from_le_bytes([greeting.unit, 0]);
        Self::new(code, 0, 0).with([
            greeting.session,
            word(link, greeting.features),
            word(greeting.chunk, unit),
            word(greeting.credit, 0),
        ])
    }

    /// `SAF`. `resume`: the highest position in bytes that the sender will resume from. `size` in
    /// bytes or [`UNKNOWN`](super::UNKNOWN), `modified` in nanoseconds since 1970 or
    /// [`UNKNOWN_TIME`](super::UNKNOWN_TIME).
    pub const fn offer(transfer: u16, resume: u64, size: u64, modified: i64) -> Self {
        let modified = modified.cast_unsigned();
        Self::new(Code::Saf, transfer, resume).with(words(size, modified))
    }

    /// `SAR`, with the number of entries and the bytes in all of them, or
    /// [`UNKNOWN`](super::UNKNOWN).
    pub const fn offer_tree(transfer: u16, entries: u64, bytes: u64) -> Self {
        Self::new(Code::Sar, transfer, 0).with(words(entries, bytes))
    }

    /// `RAF`, or of a tree `RAR`. `names_only`: only the offers are wanted, not the content.
    pub const fn request(transfer: u16, tree: bool, names_only: bool) -> Self {
        let code = if tree { Code::Rar } else { Code::Raf };
        let flags = if names_only { NAMES_ONLY_FLAG } else { 0 };
        Self::new(code, transfer, 0).with([flags, 0, 0, 0])
    }

    /// `DON`: `size` in bytes, of a tree in entries; `count` of frames sent; CRC-64/NVME of the
    /// file, of a tree from its sender how many entries it did not offer, else 0.
    pub const fn done(transfer: u16, size: u64, count: u16, digest: u64) -> Self {
        let [low, high] = halves(digest);
        Self::new(Code::Don, transfer, size).with([word(count, 0), 0, low, high])
    }

    /// `ERR`. `position` in bytes; `session`: in answer to a greeting the number it carried, else 0.
    pub const fn refuse(transfer: u16, position: u64, reason: Reason, session: u32) -> Self {
        Self::new(Code::Err, transfer, position).with([word(reason.code(), 0), session, 0, 0])
    }

    /// `PIN` of a transfer: bytes and frames sent so far.
    pub const fn ask(transfer: u16, sent: u64, count: u16) -> Self {
        Self::new(Code::Pin, transfer, sent).with([word(count, 0), 0, 0, 0])
    }

    /// `PON` of a transfer: everything before `position` is held; `credit` frames may follow the
    /// `count` of the question it answers.
    pub fn held(transfer: u16, position: u64, credit: u16, count: u16, proof: Proof) -> Self {
        let credit = credit.min(CREDIT_MAX);
        let (credit, [a, b, c]) = match proof {
            Proof::Map(map) => (credit, map.words()),
            Proof::Prefix(digest) => {
                let [low, high] = halves(digest);
                (credit | PREFIX_FLAG, [low, high, 0])
            }
        };
        Self::new(Code::Pon, transfer, position).with([word(credit, count), a, b, c])
    }
}

/// Signals, read. Each method is for the codes that it names; of others it gives a number that
/// means nothing.
impl Signal {
    const fn first(&self) -> [u16; 2] {
        let [first, ..] = self.detail;
        split(first)
    }

    const fn numbers(&self) -> [u64; 2] {
        let [a, b, c, d] = self.detail;
        [number(a, b), number(c, d)]
    }

    /// What a `PIN` or `PON` on transfer 0 says.
    pub const fn terms(&self) -> Greeting {
        let [session, link, sizes, credit] = self.detail;
        let ([link, features], [chunk, unit]) = (split(link), split(sizes));
        let ([version, link], [unit, _]) = (link.to_le_bytes(), unit.to_le_bytes());
        let [credit, _] = split(credit);
        Greeting {
            session,
            version,
            lossy: link & LOSSY_FLAG != 0,
            half_duplex: link & HALF_DUPLEX_FLAG != 0,
            features,
            chunk,
            unit,
            credit,
        }
    }

    /// Size of a `SAF` in bytes, entries of a `SAR`, or [`UNKNOWN`](super::UNKNOWN).
    pub const fn size(&self) -> u64 {
        let [size, _] = self.numbers();
        size
    }

    /// Bytes in all entries of a `SAR`, or [`UNKNOWN`](super::UNKNOWN).
    pub const fn bytes(&self) -> u64 {
        let [_, bytes] = self.numbers();
        bytes
    }

    /// Time of last modification of a `SAF`, in nanoseconds since 1970, or
    /// [`UNKNOWN_TIME`](super::UNKNOWN_TIME).
    pub const fn modified(&self) -> i64 {
        self.bytes().cast_signed()
    }

    /// Whether a `RAF` or `RAR` wants the offers only.
    pub const fn names_only(&self) -> bool {
        let [flags, ..] = self.detail;
        flags & NAMES_ONLY_FLAG != 0
    }

    /// Count of frames that a `PIN`, a `DON` or a `PON` speaks of, modulo 2^16.
    pub const fn count(&self) -> u16 {
        let [low, high] = self.first();
        if matches!(self.code, Code::Pon) { high } else { low }
    }

    /// CRC-64 in a `DON`; of a tree, from its sender, how many entries it did not offer.
    pub const fn digest(&self) -> u64 {
        self.bytes()
    }

    /// What an `ERR` says went wrong.
    pub const fn reason(&self) -> Reason {
        let [reason, _] = self.first();
        Reason::from_code(reason)
    }

    /// The session number in an `ERR` that answers a greeting.
    pub const fn session(&self) -> u32 {
        let [_, session, ..] = self.detail;
        session
    }

    /// How many frames may follow the count of a `PON`.
    pub const fn credit(&self) -> u16 {
        let [credit, _] = self.first();
        credit & CREDIT_MAX
    }

    /// What is known past the position of a `PON`, or of what lies before it.
    pub const fn proof(&self) -> Proof {
        let [_, a, b, c] = self.detail;
        let [credit, _] = self.first();
        if credit & PREFIX_FLAG == 0 {
            Proof::Map(Map::of([a, b, c]))
        } else {
            Proof::Prefix(number(a, b))
        }
    }
}
