//! Signals, headers of chunks, and checksums.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tinyferry_core::checksum::{Checksums as _, Small, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::wire::{
    AckInfo, Code, FRAME_MAX, HEADER_LEN, Header, Hello, PAYLOAD_MAX, SIGNAL_LEN, Signal, UNKNOWN,
    UNKNOWN_TIME,
};

use crate::cases;

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

/// The signal, with each field zeroed that `PROTOCOL.md` calls zero; `None` if it is none. Written
/// from the tables there, not from the code.
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
        // Each emitted signal is canonical, and equal to the tables.
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
            // Fields without a meaning are not read.
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
}
