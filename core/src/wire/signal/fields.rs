//! The fields of a signal, made and read (`PROTOCOL.md`, section 3).

use super::super::{CREDIT_MAX, SackMap, halves, number, split, word, words};
use super::{Ack, AckInfo, Code, Hello, Signal};
use crate::error::Reason;
use crate::store::Stat;

const LOSSY_FLAG: u8 = 1;
const HALF_DUPLEX_FLAG: u8 = 2;
const NAMES_ONLY_FLAG: u32 = 1;
const PREFIX_FLAG: u16 = 0x8000;
const WAITING_FLAG: u16 = 1;

/// One constructor for each body.
impl Signal {
    /// A signal without metadata whose detail is empty.
    pub const fn new(code: Code, transfer: u16, position: u64) -> Self {
        Self { code, transfer, metadata: 0, position, detail: [0; 4] }
    }

    const fn with(self, detail: [u32; 4]) -> Self {
        Self { detail, ..self }
    }

    /// A hello: `PIN` from the client, `PON` from the server.
    pub const fn hello(code: Code, hello: &Hello) -> Self {
        let lossy = if hello.lossy { LOSSY_FLAG } else { 0 };
        let half_duplex = if hello.half_duplex { HALF_DUPLEX_FLAG } else { 0 };
        let link = u16::from_le_bytes([hello.version, lossy | half_duplex]);
        let block = u16::from_le_bytes([hello.block, 0]);
        Self::new(code, 0, 0).with([
            hello.session,
            word(link, hello.features),
            word(hello.chunk, block),
            word(hello.credit, 0),
        ])
    }

    /// An offer of a file (`SAF`).
    pub const fn offer(transfer: u16, resume: u64, size: u64, modified: i64) -> Self {
        let modified = modified.cast_unsigned();
        Self::new(Code::Saf, transfer, resume).with(words(size, modified))
    }

    /// An offer of a tree (`SAR`).
    pub const fn offer_tree(transfer: u16, entries: u64, bytes: u64) -> Self {
        Self::new(Code::Sar, transfer, 0).with(words(entries, bytes))
    }

    /// A request (`RAF`, `RAR`).
    pub const fn request(transfer: u16, tree: bool, names_only: bool) -> Self {
        let code = if tree { Code::Rar } else { Code::Raf };
        let flags = if names_only { NAMES_ONLY_FLAG } else { 0 };
        Self::new(code, transfer, 0).with([flags, 0, 0, 0])
    }

    /// A request to close (`CLS`).
    pub const fn close(transfer: u16) -> Self {
        Self::new(Code::Cls, transfer, 0)
    }

    /// The end of a transfer (`DON`).
    pub const fn done(transfer: u16, size: u64, count: u16, digest: u64) -> Self {
        let [low, high] = halves(digest);
        Self::new(Code::Don, transfer, size).with([word(count, 0), 0, low, high])
    }

    /// The end of an operation (`DON`).
    pub const fn operated(transfer: u16, count: u16, stat: &Stat) -> Self {
        let [low, high] = halves(stat.value);
        let details = u16::from_le_bytes([stat.facts, stat.granularity]);
        Self::new(Code::Don, transfer, stat.size).with([word(count, details), 0, low, high])
    }

    /// A refusal (`ERR`).
    pub const fn refuse(transfer: u16, position: u64, reason: Reason, session: u32) -> Self {
        Self::new(Code::Err, transfer, position).with([word(reason.code(), 0), session, 0, 0])
    }

    /// A query (`PIN`).
    pub const fn ask(transfer: u16, sent: u64, count: u16) -> Self {
        Self::new(Code::Pin, transfer, sent).with([word(count, 0), 0, 0, 0])
    }

    /// The same query of a sender that waits for its store ([`Store::is_ready`](crate::Store::is_ready)).
    #[must_use]
    pub const fn waiting(self) -> Self {
        debug_assert!(matches!(self.code, Code::Pin) && self.transfer > 0);
        let [first, a, b, c] = self.detail;
        let [count, _] = split(first);
        self.with([word(count, WAITING_FLAG), a, b, c])
    }

    /// An ack (`PON`).
    pub fn ack(transfer: u16, position: u64, credit: u16, count: u16, info: AckInfo) -> Self {
        let credit = credit.min(CREDIT_MAX);
        let (credit, [a, b, c]) = match info {
            AckInfo::Sack(map) => (credit, map.words()),
            AckInfo::PrefixDigest(digest) => {
                let [low, high] = halves(digest);
                (credit | PREFIX_FLAG, [low, high, 0])
            }
        };
        Self::new(Code::Pon, transfer, position).with([word(credit, count), a, b, c])
    }
}

/// Single fields. Each method is for the codes that it names, as debug builds check: these are the
/// views of a packed signal after its code was matched. [`Signal::body`] returns all fields.
impl Signal {
    const fn first(&self) -> [u16; 2] {
        let [first, ..] = self.detail;
        split(first)
    }

    const fn numbers(&self) -> [u64; 2] {
        let [a, b, c, d] = self.detail;
        [number(a, b), number(c, d)]
    }

    /// Whether the sender of a `PIN` waits for its store.
    pub const fn is_waiting(&self) -> bool {
        debug_assert!(matches!(self.code, Code::Pin) && self.transfer > 0);
        let [_, flags] = self.first();
        flags & WAITING_FLAG != 0
    }

    /// The fields of `PIN` and `PON` on transfer 0.
    pub const fn as_hello(&self) -> Hello {
        debug_assert!(matches!(self.code, Code::Pin | Code::Pon) && self.transfer == 0);
        let [session, link, sizes, credit] = self.detail;
        let ([link, features], [chunk, block]) = (split(link), split(sizes));
        let ([version, link], [block, _]) = (link.to_le_bytes(), block.to_le_bytes());
        let [credit, _] = split(credit);
        Hello {
            session,
            version,
            lossy: link & LOSSY_FLAG != 0,
            half_duplex: link & HALF_DUPLEX_FLAG != 0,
            features,
            chunk,
            block,
            credit,
        }
    }

    /// Size in a `SAF`, entries in a `SAR`.
    pub const fn size(&self) -> u64 {
        debug_assert!(matches!(self.code, Code::Saf | Code::Sar));
        let [size, _] = self.numbers();
        size
    }

    /// Bytes in all entries of a `SAR`.
    pub const fn bytes(&self) -> u64 {
        debug_assert!(matches!(self.code, Code::Sar));
        let [_, bytes] = self.numbers();
        bytes
    }

    /// Time of last modification in a `SAF`.
    pub const fn modified(&self) -> i64 {
        debug_assert!(matches!(self.code, Code::Saf));
        let [_, modified] = self.numbers();
        modified.cast_signed()
    }

    /// The flag of a `RAF` or `RAR`.
    pub const fn names_only(&self) -> bool {
        debug_assert!(matches!(self.code, Code::Raf | Code::Rar));
        let [flags, ..] = self.detail;
        flags & NAMES_ONLY_FLAG != 0
    }

    /// The fields of a `PON`.
    pub(crate) fn as_ack(&self) -> Ack {
        let (credit, info) = (self.credit(), self.ack_info());
        Ack { position: self.position, credit, count: self.count(), info }
    }

    /// Count of frames in a `PIN`, a `DON` or a `PON`, modulo 2^16.
    pub const fn count(&self) -> u16 {
        debug_assert!(matches!(self.code, Code::Pin | Code::Don | Code::Pon));
        let [low, high] = self.first();
        if matches!(self.code, Code::Pon) { high } else { low }
    }

    /// CRC-64 in a `DON`; of a tree from its sender, the number of omitted entries.
    pub const fn digest(&self) -> u64 {
        debug_assert!(matches!(self.code, Code::Don));
        let [_, digest] = self.numbers();
        digest
    }

    /// The answer to an operation, in a `DON` of a receiver.
    pub const fn as_stat(&self) -> Stat {
        let [_, details] = self.first();
        let [facts, granularity] = details.to_le_bytes();
        Stat { size: self.position, value: self.digest(), facts, granularity }
    }

    /// The reason in an `ERR`.
    pub const fn reason(&self) -> Reason {
        debug_assert!(matches!(self.code, Code::Err));
        let [reason, _] = self.first();
        Reason::from_code(reason)
    }

    /// The session number in an `ERR` on transfer 0.
    pub const fn session(&self) -> u32 {
        debug_assert!(matches!(self.code, Code::Err));
        let [_, session, ..] = self.detail;
        session
    }

    /// The credit in a `PON`, in frames.
    pub const fn credit(&self) -> u16 {
        debug_assert!(matches!(self.code, Code::Pon));
        let [credit, _] = self.first();
        credit & CREDIT_MAX
    }

    /// The last field of a `PON`.
    pub const fn ack_info(&self) -> AckInfo {
        debug_assert!(matches!(self.code, Code::Pon));
        let [_, a, b, c] = self.detail;
        let [credit, _] = self.first();
        if credit & PREFIX_FLAG == 0 {
            AckInfo::Sack(SackMap::of([a, b, c]))
        } else {
            AckInfo::PrefixDigest(number(a, b))
        }
    }
}
