//! The bytes of `core/vectors.txt`, which another implementation made, against this one.

use std::collections::BTreeMap;

use tinyferry_core::checksum::{Checksums, Small, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::store::Stat;
use tinyferry_core::wire::metadata::{Malformed, Metadata};
use tinyferry_core::wire::{
    AckInfo, Code, FEATURE_HOLES, FEATURE_SHA256, FRAME_MAX, HEADER_LEN, HOLE_LEN, Header, Hello,
    Hole, SIGNAL_LEN, SackMap, Seeds, Signal, UNKNOWN, UNKNOWN_TIME,
};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{File, Memory, Pair};

const SESSION: u32 = 0x1234_5678;
const HELLO: u64 = 0x3377_8570_0652_4257;

type Vectors = BTreeMap<&'static str, Vec<u8>>;

fn vectors() -> Vectors {
    let lines = include_str!("../../../core/vectors.txt").lines();
    let vectors = lines.filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| {
        let (name, hex) = line.split_once(' ').expect("a name and bytes");
        assert_eq!(hex.len() % 2, 0, "{name} ends in half a byte");
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
        (name, (0..hex.len()).step_by(2).map(byte).collect())
    });
    vectors.collect()
}

const STAT: Stat = Stat { size: 2, value: HELLO, facts: 3, granularity: 9 };

/// The seed that the sender of a vector continues.
fn seed(name: &str) -> u32 {
    let seeds = Seeds::client(SESSION);
    if name.starts_with("client.") { seeds.sending } else { seeds.receiving }
}

fn signals() -> Vec<(&'static str, Signal)> {
    let plain = Hello {
        session: SESSION,
        version: 1,
        lossy: false,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        block: 0,
        credit: 8192,
    };
    let lossy = Hello { lossy: true, half_duplex: true, chunk: 512, block: 1, credit: 8, ..plain };
    let asks_more = Hello { version: 2, features: FEATURE_SHA256, ..lossy };
    let sparse = Hello { features: FEATURE_HOLES, ..plain };
    let described = |description, signal| Signal { metadata: description, ..signal };
    let unknown = || AckInfo::Sack(SackMap::EMPTY);
    let ack = |position, credit, count, proof| Signal::ack(1, position, credit, count, proof);
    let modified = 1_700_000_000_123_456_789;
    vec![
        ("client.hello", Signal::hello(Code::Pin, &plain)),
        ("client.hello-lossy", Signal::hello(Code::Pin, &asks_more)),
        ("client.hello-holes", Signal::hello(Code::Pin, &sparse)),
        ("server.hello", Signal::hello(Code::Pon, &Hello { credit: 128, ..plain })),
        ("server.hello-lossy", Signal::hello(Code::Pon, &lossy)),
        ("server.err-session", Signal::refuse(0, 0, Reason::Busy, SESSION)),
        ("client.saf", described(13, Signal::offer(1, 5, 5, modified))),
        ("server.saf-unknown", Signal::offer(65535, 0, UNKNOWN, UNKNOWN_TIME)),
        ("server.saf-early", described(1024, Signal::offer(258, 0, 0, -1))),
        ("client.sar", described(4, Signal::offer_tree(2, 3, 4096))),
        ("server.sar-unknown", Signal::offer_tree(2, UNKNOWN, UNKNOWN)),
        ("client.raf", described(6, Signal::request(3, false, false))),
        ("client.rar-names", described(6, Signal::request(4, true, true))),
        ("client.cls", Signal::new(Code::Cls, 5, 0)),
        ("client.don", Signal::done(1, 5, 3, HELLO)),
        ("server.don", Signal::done(1, 5, 3, HELLO)),
        ("client.don-tree", Signal::done(2, 3, 65535, 0)),
        ("server.don-tree-omitted", Signal::done(2, 3, 6, 7)),
        ("server.don-stat", Signal::operated(3, 0, &STAT)),
        ("server.err", Signal::refuse(1, 0, Reason::TooLarge, 0)),
        ("client.err-at", Signal::refuse(1, 1 << 32, Reason::SourceChanged, 0)),
        ("client.pin", Signal::ask(1, 0x12_3456_789A, 0x0102)),
        ("client.pin-waiting", Signal::ask(1, 0x12_3456_789A, 0x0102).waiting()),
        ("server.pon", ack(1024, 128, 9, unknown())),
        ("server.pon-map", ack(1024, 128, 9, AckInfo::Sack([0, 8, 95].into_iter().collect()))),
        ("server.pon-prefix", ack(5, 32767, 0, AckInfo::PrefixDigest(HELLO))),
    ]
}

/// R2, R4.
#[test]
fn checksums_agree_with_the_vectors() {
    let vectors = vectors();
    let digits = b"123456789";
    let crc32 = |start| [Small::crc32(start, digits), Tables::crc32(start, digits)];
    let crc64 = |bytes| [Small::crc64(0, bytes), Tables::crc64(0, bytes)];
    for crc in crc32(0) {
        assert_eq!(crc.to_be_bytes(), *vectors["crc32.digits"]);
    }
    for crc in crc32(SESSION) {
        assert_eq!(crc.to_be_bytes(), *vectors["crc32.digits-from-session"]);
    }
    for crc in crc64(digits) {
        assert_eq!(crc.to_be_bytes(), *vectors["crc64.digits"]);
    }
    for crc in crc64(b"hello") {
        assert_eq!(crc.to_be_bytes(), *vectors["crc64.hello"]);
    }
    for crc in [Small::crc64_zeros(HELLO, 1 << 24), Tables::crc64(HELLO, &vec![0; 1 << 24])] {
        assert_eq!(crc.to_be_bytes(), *vectors["crc64.hello-zeros"]);
    }
}

/// R1.
#[test]
fn every_signal_vector_is_parsed_and_emitted() {
    let vectors = vectors();
    for (name, signal) in signals() {
        let bytes: &[u8; SIGNAL_LEN] = vectors[name].first_chunk().expect(name);
        assert_eq!(vectors[name].len(), SIGNAL_LEN, "{name}");
        assert_eq!(Signal::parse::<Tables>(seed(name), bytes), Some(signal), "{name} is read");
        let mut written = [0; SIGNAL_LEN];
        signal.emit::<Tables>(seed(name), &mut written);
        assert_eq!(&written, bytes, "{name} is written");
    }
}

/// R2, R3.
#[test]
fn a_changed_bit_or_another_direction_makes_no_signal() {
    let vectors = vectors();
    for (name, signal) in signals() {
        let bytes: &[u8; SIGNAL_LEN] = vectors[name].first_chunk().expect(name);
        for bit in 0..SIGNAL_LEN * 8 {
            let mut changed = *bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            let read = Signal::parse::<Tables>(seed(name), &changed);
            assert_eq!(read, None, "{name} with bit {bit} changed");
        }
        let turned = Signal::parse::<Tables>(!seed(name), bytes);
        assert_eq!(turned.is_some(), signal.transfer == 0, "{name} in the other direction");
    }
}

/// A chunk vector: its header, and the payload if the vector has it.
fn chunk_is(name: &str, seed: u32, expected: Header, payload: &[u8]) {
    let vectors = vectors();
    let header: &[u8; HEADER_LEN] = vectors[name].first_chunk().expect(name);
    let rest = &vectors[name][HEADER_LEN..];
    assert!(rest.is_empty() || rest == payload, "{name} has another payload");
    assert_eq!(Header::parse(header), Some(expected), "{name} is read");
    assert!(Header::verify::<Tables>(seed, header, payload), "{name} is whole");
    let mut frame = [0; FRAME_MAX];
    frame[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
    expected.emit::<Tables>(seed, &mut frame);
    assert_eq!(frame[..HEADER_LEN], *header, "{name} is written");
    for bit in 0..HEADER_LEN * 8 {
        let mut changed = *header;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            !Header::verify::<Tables>(seed, &changed, payload),
            "{name} with bit {bit} changed"
        );
    }
}

#[test]
fn every_chunk_vector_is_parsed_and_emitted() {
    let rule: Vec<u8> = (0..1024u32).map(|i| (i * 7 % 256) as u8).collect();
    let data = |transfer, length, position| Header { transfer, metadata: false, length, position };
    let full = data(1, 1024, 0x3456_789A);
    let [client, server] = [seed("client."), seed("server.")];
    chunk_is("client.chunk-1", client, data(1, 1, 0), b"A");
    chunk_is("client.chunk-1024-header", client, full, &rule);
    chunk_is("server.chunk-1024-header", server, full, &rule);
    let described = Header { metadata: true, ..data(1, 13, 0) };
    chunk_is("client.metadata", client, described, &vectors()["metadata.mode"]);
    let described = Header { metadata: true, ..data(0, 4, 0) };
    chunk_is("server.metadata-session", 0, described, b"full");
}

/// R93.
#[test]
fn the_vector_of_a_hole_is_parsed_and_emitted() {
    let vectors = vectors();
    let bytes = &vectors["client.hole"];
    let hole = Hole { transfer: 1, position: 0x12_3456_7800, length: 1 << 16 };
    let mut frame = [0; FRAME_MAX];
    hole.emit::<Tables>(seed("client."), &mut frame);
    assert_eq!(frame[..HOLE_LEN], **bytes);
    let front: &[u8; HEADER_LEN] = bytes.first_chunk().expect("a header");
    let header = Hole::parse_header(front).expect("a hole");
    let payload = &bytes[HEADER_LEN..];
    assert!(Header::verify::<Tables>(seed("client."), front, payload));
    assert_eq!(Hole::parse_payload(&header, payload), Some(hole));
    let elsewhere = Header { position: header.position + 1, ..header };
    assert_eq!(Hole::parse_payload(&elsewhere, payload), None);
    assert_eq!(Header::parse(front), None);
}

#[test]
fn every_metadata_vector_is_parsed() {
    let vectors = vectors();
    let read = |name| Metadata::parse(&vectors[name]);
    let value = |name, skipped| vectors[name].get(skipped..).expect(name);
    let plain = |text| Metadata {
        text,
        mode: None,
        modified: None,
        content: None,
        sha256: None,
        operation: None,
        options: None,
        patterns: None,
    };
    let counted: [u8; 32] = std::array::from_fn(|i| i as u8);
    assert_eq!(read("metadata.mode"), Ok(Metadata { mode: Some(0o644), ..plain("hi.txt") }));
    let modified = Some(1_700_000_000_123_456_789);
    assert_eq!(read("metadata.tree"), Ok(Metadata { mode: Some(0o700), modified, ..plain("t") }));
    assert_eq!(read("metadata.directory"), Ok(plain("e/")));
    assert_eq!(read("metadata.sha256"), Ok(Metadata { sha256: Some(&counted), ..plain("a") }));
    let content = Some(5_000);
    assert_eq!(read("metadata.content"), Ok(Metadata { content, ..plain("a") }));
    let operation = |text, value| Ok(Metadata { operation: Some(value), ..plain(text) });
    assert_eq!(read("metadata.stat"), operation("", value("metadata.stat", 3)));
    assert_eq!(read("metadata.stat-digest"), operation("d/", value("metadata.stat-digest", 5)));
    assert_eq!(read("metadata.remove"), operation("a", &[2]));
    assert_eq!(read("metadata.rename"), operation("a", b"\x03b"));
    assert_eq!(read("metadata.link"), operation("a", b"\x04../b"));
    assert_eq!(read("metadata.hard-link"), operation("a", b"\x05b"));
    assert_eq!(read("metadata.operation-unknown"), operation("a", &[0xFF]));
    assert_eq!(read("metadata.options"), Ok(Metadata { options: Some(&[1, 1]), ..plain("t") }));
    let options = Some([0, 0, 3].as_slice());
    assert_eq!(read("metadata.options-links"), Ok(Metadata { options, ..plain("t") }));
    let patterns = Some(value("metadata.pattern", 2));
    let options = Some([1, 1, 4].as_slice());
    assert_eq!(read("metadata.pattern"), Ok(Metadata { options, patterns, ..plain("t") }));
    assert_eq!(read("metadata.index"), Ok(plain("")));
    assert_eq!(read("metadata.required"), Err(Malformed::Required));
    assert_eq!(read("metadata.cut"), Err(Malformed::Bytes));
}

#[test]
fn every_vector_is_used_by_a_test() {
    let mut names: Vec<&str> = signals().iter().map(|(name, _)| *name).collect();
    names.extend(["crc32.digits", "crc32.digits-from-session", "crc64.digits", "crc64.hello"]);
    names.extend(["crc64.hello-zeros", "client.hole", "metadata.content"]);
    names.extend(["client.chunk-1", "client.chunk-1024-header", "server.chunk-1024-header"]);
    names.extend(["client.metadata", "server.metadata-session"]);
    names.extend(["metadata.mode", "metadata.directory", "metadata.sha256"]);
    names.extend(["metadata.tree"]);
    names.extend(["metadata.required", "metadata.cut", "metadata.stat", "metadata.stat-digest"]);
    names.extend(["metadata.remove", "metadata.rename", "metadata.operation-unknown"]);
    names.extend(["metadata.link", "metadata.hard-link", "metadata.options-links"]);
    names.extend(["metadata.options", "metadata.pattern", "metadata.index"]);
    names.extend(["put.client", "put.server", "get.client", "get.server"]);
    names.sort_unstable();
    assert!(vectors().keys().eq(names.iter()), "a vector is missing here or in core/vectors.txt");
}

/// Runs a client's task to its end; the frames of both ends must be the transcript.
fn transcript(name: &str, task: Task<'_>, client: Memory, server: Memory) -> [Memory; 2] {
    let config = Config::RELIABLE.credit(8192);
    let mut pair = Pair::new(config, client, server).numbered(SESSION, config);
    (pair.client.has_clock, pair.server.has_clock) = (false, false);
    (pair.up.record, pair.down.record) = (Some(Vec::new()), Some(Vec::new()));
    pair.run(task).expect("it ends").expect("the task succeeds");
    let vectors = vectors();
    let sent = [("client", pair.up.record), ("server", pair.down.record)];
    for (end, sent) in sent {
        assert_eq!(
            sent.as_ref(),
            Some(&vectors[format!("{name}.{end}").as_str()]),
            "{name}: {end}"
        );
    }
    [pair.client.store, pair.server.store]
}

fn hello() -> Memory {
    let mut store = Memory::default();
    let file = File { modified: None, ..File::new(b"hello".to_vec()) };
    store.files.insert("hi.txt".to_owned(), file);
    store
}

/// R31.
#[test]
fn a_put_sends_the_bytes_of_the_vectors() {
    let mut client = hello();
    client.queue_file("hi.txt");
    let [client, server] = transcript("put", Task::Put, client, Memory::default());
    assert_eq!(server.files, client.files);
}

/// R31.
#[test]
fn a_get_sends_the_bytes_of_the_vectors() {
    let task = Task::get_file("hi.txt");
    let [client, server] = transcript("get", task, Memory::default(), hello());
    assert_eq!(server.files, client.files);
}
