//! Properties: of the wire for every value, of two machines for every setting, file and fault.
//!
//! Few cases by default; `PROPTEST_CASES` says how many in a campaign.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config as Settings;
use tinyferry_core::checksum::{Checksums as _, Small, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::path::{is_sound, join};
use tinyferry_core::wire::metadata::{Malformed, Metadata};
use tinyferry_core::wire::{
    AckInfo, Code, FRAME_MAX, HEADER_LEN, Header, Hello, PAYLOAD_MAX, SIGNAL_LEN, Signal, UNKNOWN,
    UNKNOWN_TIME,
};
use tinyferry_core::{Config, GetRequest, Session, Task};
use tinyferry_kit::{Faults, File, Line, Memory, Pair, content, session_number};

fn cases(few: u32) -> Settings {
    let many = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Settings { cases: many.unwrap_or(few), failure_persistence: None, ..Settings::default() }
}

/// A number, and the borders of its range more often.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), 0..3u64, Just(u64::MAX - 1), (0..64u32).prop_map(|bit| 1 << bit)]
}

fn hellos() -> impl Strategy<Value = Hello> {
    let numbers = (any::<u32>(), any::<u8>(), any::<u16>(), any::<u16>(), any::<u8>());
    (numbers, any::<u16>(), any::<bool>(), any::<bool>()).prop_map(
        |((session, version, features, chunk, block), credit, lossy, half_duplex)| Hello {
            session,
            version,
            lossy,
            half_duplex,
            features,
            chunk,
            block,
            credit,
        },
    )
}

fn proofs() -> impl Strategy<Value = AckInfo> {
    prop_oneof![
        any::<[bool; 96]>().prop_map(|units| {
            AckInfo::Sack(
                (0..96).zip(units).filter(|(_, is_in)| *is_in).map(|(block, _)| block).collect(),
            )
        }),
        number().prop_map(AckInfo::PrefixDigest),
    ]
}

fn reasons() -> impl Strategy<Value = Reason> {
    prop_oneof![0..30u16, any::<u16>()].prop_map(Reason::from_code)
}

/// Every signal that has a meaning.
fn signals() -> impl Strategy<Value = Signal> {
    let size = || prop_oneof![3 => number(), 1 => Just(UNKNOWN)];
    let modified = || prop_oneof![3 => any::<i64>(), 1 => Just(UNKNOWN_TIME)];
    let on_zero = prop_oneof![
        (select(vec![Code::Pin, Code::Pon]), hellos())
            .prop_map(|(code, hello)| Signal::hello(code, &hello)),
        (number(), reasons(), any::<u32>())
            .prop_map(|(position, reason, session)| Signal::refuse(0, position, reason, session)),
    ];
    let on_others = prop_oneof![
        (number(), size(), modified())
            .prop_map(|(resume, size, modified)| Signal::offer(1, resume, size, modified)),
        (size(), size()).prop_map(|(entries, bytes)| Signal::offer_tree(1, entries, bytes)),
        (any::<bool>(), any::<bool>())
            .prop_map(|(tree, names_only)| Signal::request(1, tree, names_only)),
        Just(Signal::new(Code::Cls, 1, 0)),
        (number(), any::<u16>(), any::<u64>())
            .prop_map(|(size, count, digest)| Signal::done(1, size, count, digest)),
        (number(), reasons(), any::<u32>())
            .prop_map(|(position, reason, session)| Signal::refuse(1, position, reason, session)),
        (number(), any::<u16>()).prop_map(|(sent, count)| Signal::ask(1, sent, count)),
        (number(), 0..=0x7FFFu16, any::<u16>(), proofs()).prop_map(
            |(position, credit, count, proof)| Signal::ack(1, position, credit, count, proof)
        ),
    ];
    let lengths = prop_oneof![Just(0u16), 0..=PAYLOAD_MAX as u16];
    let transfers = prop_oneof![1..5u16, 1..=u16::MAX];
    prop_oneof![
        1 => (Just(0u16), lengths.clone(), on_zero.boxed()),
        3 => (transfers, lengths, on_others.boxed()),
    ]
    .prop_map(|(transfer, description, signal)| Signal {
        transfer,
        metadata: description,
        ..signal
    })
}

/// The signal made anew from all that can be read of it.
fn remade(signal: &Signal) -> Signal {
    let Signal { code, transfer, metadata: description, position, .. } = *signal;
    let made = match code {
        Code::Pin | Code::Pon if transfer == 0 => Signal::hello(code, &signal.as_hello()),
        Code::Pin => Signal::ask(transfer, position, signal.count()),
        Code::Pon => {
            Signal::ack(transfer, position, signal.credit(), signal.count(), signal.ack_info())
        }
        Code::Saf => Signal::offer(transfer, position, signal.size(), signal.modified()),
        Code::Sar => Signal::offer_tree(transfer, signal.size(), signal.bytes()),
        Code::Raf | Code::Rar => Signal::request(transfer, code == Code::Rar, signal.names_only()),
        Code::Cls => Signal::new(code, transfer, 0),
        Code::Don => Signal::done(transfer, position, signal.count(), signal.digest()),
        Code::Err => Signal::refuse(transfer, position, signal.reason(), signal.session()),
    };
    Signal { metadata: description, ..made }
}

const CODES: [&[u8; 3]; 9] =
    [b"CLS", b"SAF", b"RAF", b"SAR", b"RAR", b"DON", b"ERR", b"PIN", b"PON"];

/// The CRC-32 of `PROTOCOL.md`, section 2, from its definition.
fn crc32(start: u32, bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ (0xEDB8_8320 * (crc & 1));
    !bytes.iter().fold(!start, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// The signal with what `PROTOCOL.md` calls zero zeroed; `None` if it is none. Written from the
/// tables there, not from the code.
fn canonical(bytes: &[u8; SIGNAL_LEN]) -> Option<[u8; SIGNAL_LEN]> {
    let mut whole = *bytes;
    let on_zero = whole[4..6] == [0, 0];
    let zero: &[(usize, usize)] = match (&whole[..3], on_zero) {
        (b"PIN" | b"PON", true) => {
            whole[21] &= 3;
            &[(8, 16), (27, 28), (30, 32)]
        }
        (b"ERR", _) => &[(18, 20), (24, 32)],
        (b"SAF", false) => &[],
        (b"SAR", false) => &[(8, 16)],
        (b"RAF" | b"RAR", false) => {
            whole[16] &= 1;
            &[(8, 16), (17, 32)]
        }
        (b"CLS", false) => &[(8, 32)],
        (b"DON", false) => &[(18, 24)],
        (b"PIN", false) => &[(18, 32)],
        (b"PON", false) if whole[17] & 0x80 != 0 => &[(28, 32)],
        (b"PON", false) => &[],
        _ => return None,
    };
    let description = u16::from_le_bytes([whole[6], whole[7]]);
    if description > 1024 || (whole[3] != 1 && !on_zero) {
        return None;
    }
    whole[3] = 1;
    for (from, to) in zero {
        whole[*from..*to].fill(0);
    }
    Some(whole)
}

fn sign(seed: u32, whole: &mut [u8; SIGNAL_LEN]) {
    let seed = if whole[4..6] == [0, 0] { 0 } else { seed };
    let crc = crc32(seed, &whole[..32]);
    whole[32..].copy_from_slice(&crc.to_le_bytes());
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_signal_round_trips(signal in signals(), seed: u32) {
        let mut bytes = [0xA5; SIGNAL_LEN];
        signal.emit::<Tables>(seed, &mut bytes);
        prop_assert_eq!(Signal::parse::<Tables>(seed, &bytes), Some(signal));
        prop_assert_eq!(Signal::parse::<Small>(seed, &bytes), Some(signal));
        // What is sent is canonical, and it is what the tables say.
        let mut tidy = canonical(&bytes).expect("it is a signal");
        sign(seed, &mut tidy);
        prop_assert_eq!(tidy, bytes);
        let other = Signal::parse::<Tables>(seed ^ 1, &bytes);
        prop_assert_eq!(other, (signal.transfer == 0).then_some(signal));
    }

    /// R1, R6, R7, R80.
    #[test]
    fn random_bytes_are_no_signal_or_the_one_of_the_tables(
        front in any::<[u8; 32]>(),
        code in select(CODES.to_vec()),
        tidy in any::<[bool; 4]>(),
        seed: u32,
    ) {
        let mut bytes = [0; SIGNAL_LEN];
        bytes[..32].copy_from_slice(&front);
        if !tidy[0] || front[0] > 20 {
            bytes[..3].copy_from_slice(code);
        }
        if !tidy[1] || front[3] > 20 {
            bytes[3] = 1;
        }
        if tidy[2] {
            bytes[4..6].fill(0);
        }
        if !tidy[3] || front[7] > 20 {
            bytes[7] &= 3;
        }
        sign(seed, &mut bytes);
        let parsed = Signal::parse::<Tables>(seed, &bytes);
        let expected = canonical(&bytes).map(|mut whole| {
            sign(seed, &mut whole);
            whole
        });
        prop_assert_eq!(parsed.is_some(), expected.is_some());
        if let (Some(signal), Some(expected)) = (parsed, expected) {
            // What has no meaning is not read.
            let mut back = [0; SIGNAL_LEN];
            remade(&signal).emit::<Tables>(seed, &mut back);
            prop_assert_eq!(back, expected);
        }
        // No other CRC makes one.
        for bit in 0..8 * SIGNAL_LEN {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let is_seedless = bytes[4..6] == [0, 0];
            let was_seedless = (bit / 8 == 4 || bit / 8 == 5) && is_seedless;
            let flipped = Signal::parse::<Tables>(seed, &bytes);
            prop_assert!(flipped.is_none() || was_seedless, "bit {}", bit);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_chunk_header_round_trips(
        transfer: u8,
        description: bool,
        position: u32,
        payload in vec(any::<u8>(), 1..=PAYLOAD_MAX),
        seed: u32,
        bit: prop::sample::Index,
    ) {
        let length = payload.len() as u16;
        let header = Header { transfer, metadata: description, length, position };
        let mut frame = [0; FRAME_MAX];
        frame[HEADER_LEN..][..payload.len()].copy_from_slice(&payload);
        header.emit::<Tables>(seed, &mut frame);
        let (front, rest) = frame.split_first_chunk::<HEADER_LEN>().expect("it is longer");
        prop_assert_eq!(Header::parse(front), Some(header));
        prop_assert_eq!(&rest[..payload.len()], &payload[..]);
        prop_assert!(Header::verify::<Tables>(seed, front, &payload));
        prop_assert!(!Header::verify::<Tables>(seed ^ 1, front, &payload));
        let covered = [&front[..8], &payload[..]].concat();
        prop_assert_eq!(&front[8..], crc32(seed, &covered).to_le_bytes());
        // One bit more or less makes no chunk.
        let mut damaged = frame;
        let bit = bit.index(8 * (HEADER_LEN + payload.len()));
        damaged[bit / 8] ^= 1 << (bit % 8);
        let (front, rest) = damaged.split_first_chunk::<HEADER_LEN>().expect("it is longer");
        if let Some(other) = Header::parse(front) {
            let payload = &rest[..usize::from(other.length)];
            prop_assert!(!Header::verify::<Tables>(seed, front, payload));
        }
    }

    /// R11.
    #[test]
    fn random_bytes_are_no_header_or_one_that_round_trips(mut bytes: [u8; HEADER_LEN], marked: bool) {
        if marked {
            bytes[0] = 0xFA;
            bytes[3] &= 0x87;
        }
        let bits = u16::from_le_bytes([bytes[2], bytes[3]]);
        let is_header = bytes[0] == 0xFA && bits & 0x7800 == 0 && (1..=1024).contains(&(bits & 0x7FF));
        let parsed = Header::parse(&bytes);
        prop_assert_eq!(parsed.is_some(), is_header);
        if let Some(header) = parsed {
            let mut frame = [0; FRAME_MAX];
            header.emit::<Tables>(7, &mut frame);
            prop_assert_eq!(&frame[..8], &bytes[..8]);
        }
    }

    #[test]
    fn checksums_agree_however_they_are_split(bytes in vec(any::<u8>(), 0..300), at: prop::sample::Index) {
        let (front, back) = bytes.split_at(at.index(bytes.len() + 1));
        prop_assert_eq!(Tables::crc32(0, &bytes), crc32(0, &bytes));
        prop_assert_eq!(Small::crc32(Tables::crc32(0, front), back), crc32(0, &bytes));
        prop_assert_eq!(Small::crc64(Tables::crc64(0, front), back), Tables::crc64(0, &bytes));
    }

    /// R14.
    #[test]
    fn metadata_with_any_tags_is_parsed(
        text in "[^\0]{0,40}",
        extras in vec(extra(), 0..6),
        has_extras: bool,
        cut in 0..4usize,
        junk in vec(any::<u8>(), 0..2),
    ) {
        let mut bytes = text.clone().into_bytes();
        let (mut mode, mut modified, mut sha256, mut unknown) = (None, None, None, false);
        let (mut operation, mut options, mut has_patterns) = (None, None, false);
        let extras = if has_extras { extras } else { Vec::new() };
        if has_extras {
            bytes.push(0);
        }
        for (tag, value) in &extras {
            bytes.extend([*tag, value.len() as u8]);
            bytes.extend(value);
            unknown |= is_unknown(*tag, value);
            match *tag {
                1 => mode = value.as_slice().try_into().ok().map(u32::from_le_bytes),
                3 => modified = value.as_slice().try_into().ok().map(i64::from_le_bytes),
                2 => sha256 = value.as_slice().try_into().ok(),
                0x80 if !value.is_empty() => operation = Some(value.as_slice()),
                0x81 if matches!(value.len(), 2 | 3) => options = Some(value.as_slice()),
                0x82 => has_patterns |= !value.is_empty() && str::from_utf8(value).is_ok(),
                _ => {}
            }
        }
        let found = Metadata::parse(&bytes);
        let patterns = has_patterns.then(|| &bytes[text.len() + 1..]);
        let whole = Metadata { text: &text, mode, modified, content: None, sha256, operation, options, patterns };
        prop_assert_eq!(found, if unknown { Err(Malformed::Required) } else { Ok(whole) });
        // Cut within the last extra, whatever it is.
        let last = extras.last().map_or(0, |(_, value)| value.len() + 2);
        if cut > 0 && cut < last {
            let short = Metadata::parse(&bytes[..bytes.len() - cut]);
            let before = extras.iter().rev().skip(1).any(|(tag, value)| is_unknown(*tag, value));
            let expected = if before { Malformed::Required } else { Malformed::Bytes };
            prop_assert_eq!(short, Err(expected));
        }
        // Not UTF-8.
        let broken = [b"a\xFF".as_slice(), &junk].concat();
        prop_assert_eq!(Metadata::parse(&broken), Err(Malformed::Bytes));
    }

    #[test]
    fn random_bytes_as_metadata_are_parsed_or_refused(bytes in vec(prop_oneof![any::<u8>(), 0..4u8], 0..60)) {
        if let Ok(found) = Metadata::parse(&bytes) {
            prop_assert!(bytes.starts_with(found.text.as_bytes()));
            prop_assert!(!found.text.contains('\0'));
            let next = bytes.get(found.text.len());
            prop_assert!(next.is_none_or(|byte| *byte == 0));
        }
    }

    /// R15.
    #[test]
    fn a_path_is_sound_as_the_page_defines_it(path in path()) {
        prop_assert_eq!(is_sound(&path), sound(&path), "{:?}", path);
    }

    #[test]
    fn a_path_is_joined_to_its_tree(tree in path(), below in path()) {
        let expected = match (tree.as_str(), below.as_str()) {
            ("", path) | (path, "") => path.to_owned(),
            (tree, below) => format!("{tree}/{below}"),
        };
        let fits = expected.len() <= 960;
        let joined = join(&tree, &below);
        prop_assert_eq!(joined.as_deref(), fits.then_some(expected.as_str()));
    }
}

/// Whether metadata with this tag is refused.
fn is_unknown(tag: u8, value: &[u8]) -> bool {
    match tag {
        0x80 => value.is_empty(),
        0x81 => !matches!(value.len(), 2 | 3),
        0x82 => value.is_empty() || str::from_utf8(value).is_err(),
        _ => tag > 0x82,
    }
}

fn extra() -> impl Strategy<Value = (u8, Vec<u8>)> {
    prop_oneof![
        (Just(1u8), vec(any::<u8>(), 4)),
        (Just(1u8), vec(any::<u8>(), 0..8)),
        (Just(2u8), vec(any::<u8>(), 32)),
        (2..0x80u8, vec(any::<u8>(), 0..40)),
        (0x7F..=0x83u8, vec(any::<u8>(), 0..3)),
        (Just(0u8), vec(any::<u8>(), 0..255)),
    ]
}

/// Paths of pieces that matter.
fn path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("/".to_owned()),
        4 => "[a-z é🛶]{1,4}",
        2 => Just(".".to_owned()),
        1 => select(vec!["..", "\\", "C:", "~", "-", "\u{202E}", "\u{A0}"]).prop_map(str::to_owned),
        1 => prop_oneof![0..=0x20u32, 0x7E..=0xA1u32]
            .prop_filter_map("a character", |code| char::from_u32(code).map(String::from)),
        2 => (248..258usize).prop_map(|length| "n".repeat(length)),
        1 => (120..130usize).prop_map(|length| "é".repeat(length)),
    ];
    prop_oneof![
        4 => vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => (950..970usize).prop_map(|length| "some name/".repeat(97)[..length].to_owned()),
    ]
}

/// What `PROTOCOL.md`, section 5, says of paths, byte by byte.
fn sound(path: &str) -> bool {
    let bytes = path.as_bytes();
    let mut name = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let is_control =
            *byte < 0x20 || *byte == 0x7F || (before == Some(0xC2) && (0x80..=0x9F).contains(byte));
        if is_control {
            return false;
        }
        if *byte != b'/' {
            name.push(*byte);
        }
        if *byte == b'/' || at + 1 == bytes.len() {
            if name.is_empty() || name == b"." || name == b".." || name.len() > 255 {
                return false;
            }
            name.clear();
        }
    }
    bytes.len() <= 960
}

/// What one end is like.
#[derive(Debug, Clone, Copy)]
struct Side {
    half_duplex: bool,
    block: u8,
    chunk: u16,
    credit: u16,
    sha256: bool,
    has_clock: bool,
    read: usize,
    write: usize,
    ahead: usize,
    step: usize,
    sums: bool,
    in_order: bool,
}

impl Side {
    fn config(&self, lossy: bool) -> Config {
        let Self { half_duplex, block, chunk, credit, sha256, .. } = *self;
        Config::RELIABLE
            .lossy(lossy)
            .half_duplex(half_duplex)
            .block(block)
            .chunk(chunk)
            .credit(credit)
            .sha256(sha256)
    }
}

fn grain() -> impl Strategy<Value = usize> {
    prop_oneof![Just(usize::MAX), 1..64usize, select(vec![11, 12, 13, 35, 36, 37, 1035, 1036])]
}

fn side() -> impl Strategy<Value = Side> {
    let credit = prop_oneof![1..40u16, select(vec![128, 8192, 32_767, 32_768, 65_535])];
    let terms = (any::<bool>(), 0..=2u8, prop_oneof![1024..1300u16, Just(u16::MAX)], credit);
    let small = prop_oneof![Just(u16::MAX), 256..1024u16];
    let flags = any::<[bool; 4]>();
    let ahead = prop_oneof![Just(0), 1000..5000usize, Just(usize::MAX)];
    (terms, small, flags, [grain(), grain(), grain()], ahead).prop_map(
        |((half_duplex, block, chunk, credit), small, flags, [read, write, step], ahead)| {
            let [has_clock, in_order, sha256, sums] = flags;
            // What is asked for must be possible with whatever the other end asks for.
            let chunk = if block == 0 { chunk.min(small) } else { chunk };
            Side {
                half_duplex,
                block,
                chunk,
                credit,
                sha256,
                has_clock,
                read,
                write,
                ahead,
                step,
                sums,
                in_order,
            }
        },
    )
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Plain,
    /// The receiver does not want it.
    Refused,
    /// The sender cannot read it.
    Broken,
    /// The receiver has a part of it, in eighths; right, or wrong at this eighth.
    Partial(usize, Option<usize>),
    /// The receiver has a file of that name: the same, or another one that looks the same.
    There {
        same: bool,
    },
    /// The receiver has a file of that name and quite another size.
    Old,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Plain),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Broken),
        2 => (1..=8usize, proptest::option::of(0..8usize))
            .prop_map(|(eighths, wrong)| Fate::Partial(eighths, wrong)),
        1 => any::<bool>().prop_map(|same| Fate::There { same }),
        1 => Just(Fate::Old),
    ]
}

fn size() -> impl Strategy<Value = usize> {
    let border = (0..7usize, 0..3usize).prop_map(|(k, more)| (k * 1024 + more).saturating_sub(1));
    prop_oneof![0..6000usize, border, Just(0)]
}

/// One session: who has what, who asks for what, over which line.
#[derive(Debug, Clone)]
struct Setting {
    sides: [Side; 2],
    /// Which ends say that the link is lossy.
    lossy: [bool; 2],
    files: Vec<(usize, Fate)>,
    is_tree: bool,
    is_get: bool,
    names_only: bool,
    is_unsized: bool,
    twice: bool,
    /// Baud and delay in ms; `None`: no time at all.
    line: Option<(u64, u64)>,
    faults: Faults,
    seed: u64,
}

fn settings(faults: impl Strategy<Value = Option<Faults>>) -> impl Strategy<Value = Setting> {
    let files = vec((size(), fate()), 0..=4);
    let line = proptest::option::of((select(vec![115_200u64, 921_600, 10_000_000]), 0..20u64));
    let lossy = any::<[bool; 2]>();
    let tasks = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.1), any::<bool>());
    let sides = [side(), side()];
    (sides, lossy, files, tasks, proptest::bool::weighted(0.2), line, faults, any::<u64>())
        .prop_map(|(mut sides, mut lossy, mut files, tasks, is_unsized, line, faults, seed)| {
            let (is_tree, is_get, names_only, twice) = tasks;
            if !is_tree {
                files.truncate(1);
            }
            let is_tree = is_tree || files.is_empty();
            if let Some(faults) = faults {
                // Before the hello each end only knows what it was told.
                lossy = [true; 2];
                // Loud noise leaves nothing of larger ones.
                let Faults { flip, drop, insert, double, burst } = faults;
                if flip * 8.0 + drop + insert + double + burst * 64.0 > 1e-3 {
                    sides[0].block = 0;
                    sides[1].block = 0;
                }
            }
            let widest = 256 << sides[0].block.max(sides[1].block);
            sides.iter_mut().for_each(|side| side.chunk = side.chunk.max(widest));
            Setting {
                sides,
                lossy,
                files,
                is_tree,
                is_get,
                names_only: names_only && is_get,
                is_unsized,
                twice,
                line: line.or(faults.map(|_| (921_600, 1))),
                faults: faults.unwrap_or_default(),
                seed,
            }
        })
}

impl Setting {
    fn bytes(&self, number: usize) -> Vec<u8> {
        content(self.files[number].0, self.seed ^ number as u64)
    }

    fn path(number: usize) -> String {
        let mut path = String::from("t/");
        if number % 2 == 1 {
            path.push_str("sub/");
        }
        let _ = write!(path, "{number}");
        path
    }

    fn stores(&self) -> (Memory, Memory) {
        let (mut from, mut to) = (Memory::default(), Memory::default());
        from.directories.insert("t".into());
        from.directories.insert("t/empty".into());
        from.unsized_offers = self.is_unsized;
        for (number, (size, fate)) in self.files.iter().enumerate() {
            let (path, bytes) = (Self::path(number), self.bytes(number));
            match *fate {
                Fate::Plain => {}
                Fate::Refused => {
                    to.refuse.insert(path.clone(), Reason::NoSpace);
                }
                Fate::Broken => {
                    from.broken.insert(path.clone(), Reason::NoPermission);
                }
                Fate::Partial(eighths, wrong) => {
                    let mut partial = bytes[..size * eighths / 8].to_vec();
                    if let Some(byte) = wrong.and_then(|at| partial.get_mut(size * at / 8)) {
                        *byte ^= 0x10;
                    }
                    to.partials.insert(path.clone(), partial);
                }
                Fate::There { same } => {
                    let mut there = File::new(bytes.clone());
                    if let (false, Some(last)) = (same, there.bytes.last_mut()) {
                        *last ^= 1;
                    }
                    to.files.insert(path.clone(), there);
                }
                Fate::Old => {
                    to.files.insert(path.clone(), File::new(vec![b'o'; size + 7]));
                }
            }
            from.files.insert(path, File::new(bytes));
        }
        (from, to)
    }

    fn pair(&self) -> Pair {
        let (from, to) = self.stores();
        let (client, server) = if self.is_get { (to, from) } else { (from, to) };
        let mut pair = Pair::new(Config::RELIABLE, client, server);
        let [client, server] = self.sides;
        pair.client.session =
            Session::client(session_number(0x0BAD_CAFE), client.config(self.lossy[0]));
        pair.server.session = Session::server(server.config(self.lossy[1]));
        for (end, side) in [(&mut pair.client, client), (&mut pair.server, server)] {
            end.has_clock = side.has_clock;
            end.read = side.read;
            end.write = side.write;
            end.ahead = side.ahead;
            end.store.step = side.step;
            end.store.sums = side.sums;
            end.store.in_order = side.in_order;
        }
        if let Some((baud, delay)) = self.line {
            pair = pair.serial(baud, self.seed).delayed(delay);
        }
        let set = |line: &mut Line| line.faults = self.faults;
        set(&mut pair.up);
        set(&mut pair.down);
        pair
    }

    /// Runs the task once.
    fn run(&self, pair: &mut Pair) -> Result<(u32, u32), Failure> {
        let path = if self.is_tree { "t".to_owned() } else { Self::path(0) };
        let task = match (self.is_get, self.is_tree) {
            (true, tree) => Task::Get(GetRequest {
                tree,
                names_only: self.names_only,
                ..GetRequest::file(&path)
            }),
            (false, true) => {
                pair.client.store.queue_tree("t");
                Task::Put
            }
            (false, false) => {
                pair.client.store.queue_file(&path);
                Task::Put
            }
        };
        let result = pair.run(task).expect("it ends");
        result.map(|outcome| (outcome.entries, outcome.refused))
    }

    /// Holds the outcome against what is to come of it.
    fn check_result(&self, result: Result<(u32, u32), Failure>) -> Result<(), TestCaseError> {
        let reason = |fate: Fate| match fate {
            Fate::Refused => Some(Reason::NoSpace),
            Fate::Broken if !self.names_only => Some(Reason::NoPermission),
            _ => None,
        };
        let fresh =
            |fate: Fate| matches!(fate, Fate::There { same: false } | Fate::Partial(_, Some(_)));
        let fates = || self.files.iter().map(|(_, fate)| *fate);
        let refused: Vec<_> = fates().filter_map(reason).collect();
        match (self.is_tree, refused.first(), result) {
            (false, Some(reason), _) => prop_assert_eq!(result, Err(Failure::Refused(*reason))),
            (_, _, Ok((entries, refusals))) => {
                let least = self.files.len() as u32 + u32::from(self.is_tree);
                let most = least + fates().filter(|fate| fresh(*fate)).count() as u32;
                prop_assert!((least..=most).contains(&entries), "{} entries", entries);
                prop_assert_eq!(refusals, refused.len() as u32);
            }
            (_, _, Err(failure)) => prop_assert!(false, "{}", failure),
        }
        Ok(())
    }

    /// Holds what is in place against what was offered.
    fn check(&self, pair: &Pair) -> Result<(), TestCaseError> {
        let to = if self.is_get { &pair.client.store } else { &pair.server.store };
        let (from, before) = self.stores();
        let mut expected = before.files.clone();
        for (number, (_, fate)) in self.files.iter().enumerate() {
            let path = Self::path(number);
            if !self.names_only && !matches!(fate, Fate::Refused | Fate::Broken) {
                expected.insert(path.clone(), from.files[&path].clone());
            }
        }
        prop_assert_eq!(&to.files, &expected);
        let is_whole_tree = self.is_tree && !self.names_only;
        prop_assert_eq!(to.directories.contains("t/empty"), is_whole_tree);
        Ok(())
    }

    /// Whatever happened, no name holds anything but the old or the new whole file.
    fn check_names(&self, pair: &Pair) -> Result<(), TestCaseError> {
        let to = if self.is_get { &pair.client.store } else { &pair.server.store };
        let (from, before) = self.stores();
        for (path, file) in &to.files {
            let is_one = [&from, &before].iter().any(|store| store.files.get(path) == Some(file));
            prop_assert!(is_one, "{}", path);
        }
        Ok(())
    }
}

/// Faults of every kind, or not, of 10^-lowest to 10^-highest; the exponents in tenths.
fn faults(lowest: i32, highest: i32) -> impl Strategy<Value = Option<Faults>> {
    let power = |tenths: i32| 10f64.powf(f64::from(-tenths) / 10.0);
    let rate = || prop_oneof![Just(0.0), (highest..lowest).prop_map(power)];
    (rate(), rate(), rate(), rate(), rate()).prop_map(|(flip, drop, insert, double, burst)| {
        Some(Faults { flip: flip / 8.0, drop, insert, double, burst: burst / 64.0 })
    })
}

/// A loss for every few chunks at most.
fn mild() -> impl Strategy<Value = Option<Faults>> {
    faults(50, 32)
}

/// Of the shortest chunks few come through, of signals about half.
fn loud() -> impl Strategy<Value = Option<Faults>> {
    faults(32, 22)
}

const SECOND: u64 = 1_000_000_000;

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn without_faults_every_file_arrives_and_no_timer_expires(setting in settings(Just(None))) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        for _ in 0..=u8::from(setting.twice) {
            setting.check_result(setting.run(&mut pair))?;
            setting.check(&pair)?;
        }
        match setting.line {
            None => prop_assert_eq!(pair.now, 0, "it waited for a timer"),
            Some(_) => prop_assert!(pair.now < 30 * SECOND, "it took {} ms", pair.now / 1_000_000),
        }
    }

    #[test]
    fn over_noise_every_file_arrives(setting in settings(mild())) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        for _ in 0..=u8::from(setting.twice) {
            setting.check_result(setting.run(&mut pair))?;
            setting.check(&pair)?;
        }
    }

    #[test]
    fn over_loud_noise_a_file_arrives_or_the_task_fails_and_no_file_is_mixed(setting in settings(loud())) {
        let mut pair = setting.pair();
        pair.limit = 3600 * SECOND;
        match setting.run(&mut pair) {
            Err(Failure::TimedOut | Failure::Stalled) => {}
            result => {
                setting.check_result(result)?;
                setting.check(&pair)?;
            }
        }
        setting.check_names(&pair)?;
    }

    #[test]
    fn a_cut_line_ends_both_sessions_and_no_file_is_mixed(
        setting in settings(Just(None)),
        cut in 0..9000u64,
        both: bool,
    ) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        pair.up.cut = Some(cut);
        pair.down.cut = both.then_some(cut / 4);
        let result = setting.run(&mut pair);
        if !matches!(result, Err(Failure::UnexpectedEof | Failure::TimedOut)) {
            setting.check_result(result)?;
            setting.check(&pair)?;
        }
        setting.check_names(&pair)?;

        // Another session goes on with what is there.
        let mut next = setting.pair();
        for (end, old) in [(&mut next.client, &pair.client), (&mut next.server, &pair.server)] {
            end.store = old.store.clone();
            end.store.reboot();
            end.store.holes = 97 * 1024;
        }
        next.limit = 600 * SECOND;
        setting.check_result(setting.run(&mut next))?;
        setting.check(&next)?;
    }

    #[test]
    fn impossible_hellos_are_refused(
        units in any::<[u8; 2]>(),
        wild: [bool; 2],
        chunks in [0..1100u16, 0..1100u16],
        credits in [0..3u16, 0..3u16],
    ) {
        let units = [0, 1].map(|end| if wild[end] { units[end] } else { units[end] % 4 });
        let config = |end: usize| Config::RELIABLE.block(units[end]).chunk(chunks[end]).credit(credits[end]);
        let mut pair = Pair::new(Config::RELIABLE, Memory::with([("f", content(3000, 1))]), Memory::default());
        pair.client.session = Session::client(session_number(9), config(0));
        pair.server.session = Session::server(config(1));
        pair.client.store.queue_file("f");
        let block = units[0].max(units[1]);
        let is_possible = block <= 2
            && chunks[0].min(chunks[1]) >= 256 << block
            && credits[0] > 0
            && credits[1] > 0;
        let result = pair.run(Task::Put).expect("it ends");
        if is_possible {
            prop_assert!(result.is_ok(), "{:?}", result);
            prop_assert_eq!(&pair.server.store.files, &pair.client.store.files);
        } else {
            prop_assert_eq!(result, Err(Failure::Refused(Reason::Unsupported)));
        }
    }
}
