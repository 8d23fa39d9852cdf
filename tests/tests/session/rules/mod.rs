//! The numbered rules of `PROTOCOL.md`, frame by frame.

use tinyferry_core::checksum::{Checksums as _, Sha256, SoftSha256, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{AckInfo, Code, Signal, UNKNOWN, UNKNOWN_TIME, VERSION};
use tinyferry_core::{Config, GetRequest, Session, Step, Task};
use tinyferry_kit::{Endpoint, File, Frames, Memory, Pair, content, outline, session_number};

mod content;
mod hello;
mod requests;

const SESSION: u32 = 0x0102_0304;
const SHA256: Config = Config::RELIABLE.sha256(true);

/// A server that has received the hello of a client, and the next frames of that client.
fn server(config: Config, store: Memory) -> (Endpoint<Memory>, Frames) {
    Endpoint::server(SESSION, config, store)
}

/// A client with a task, whose hello is answered, and the next frames of its server.
fn client(
    config: Config,
    store: Memory,
    task: Task<'_>,
) -> (Endpoint<Memory>, Frames, Vec<Signal>) {
    Endpoint::client(SESSION, config, store, task)
}

fn result(listener: &mut Endpoint<Memory>) -> Option<Result<(), Failure>> {
    match listener.session.poll() {
        Step::Over(result) => Some(result.map(drop)),
        _ => None,
    }
}

fn crc(bytes: &[u8]) -> u64 {
    Tables::crc64(0, bytes)
}

fn sha256_of(bytes: &[u8]) -> Vec<u8> {
    let mut digest = SoftSha256::new();
    digest.update(bytes);
    [&[0, 2, 32][..], &digest.finish()].concat()
}

/// The lengths of the chunks of files among these bytes.
fn chunk_lengths(mut bytes: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [first, _, low, high, ..] = bytes {
        let bits = u16::from_le_bytes([*low, *high]);
        let length = usize::from(bits & 0x7FF);
        let whole = if *first == 0xFA { 12 + length } else { 36 };
        lengths.extend((*first == 0xFA && bits & 0x8000 == 0).then_some(length));
        bytes = &bytes[whole..];
    }
    lengths
}

/// R5.
#[test]
fn a_directory_and_an_empty_file_come_with_the_sha256_of_nothing() {
    for (path, digest, expected) in [
        (&b"d/"[..], Some(sha256_of(b"")), Ok(())),
        (b"f", Some(sha256_of(b"")), Ok(())),
        (b"d/", None, Err(Reason::DigestDiffers)),
        (b"d/", Some(sha256_of(b"x")), Err(Reason::DigestDiffers)),
        (b"f", None, Err(Reason::DigestDiffers)),
    ] {
        let (mut server, mut client) = server(SHA256, Memory::default());
        client.described(Signal::offer(1, 0, 0, 5), path);
        let done = Signal::done(1, 0, 2, 0);
        match digest {
            Some(digest) => client.described(done, &digest),
            None => client.signal(done),
        }
        let said = server.receive(&client.take());
        let last = said.last().expect("it answers");
        let found = if last.code == Code::Err { Err(last.reason()) } else { Ok(()) };
        assert_eq!(found, expected, "{path:?}");
        // Its own carries none.
        assert_eq!(last.metadata, 0);
    }
    // And so does the sender: of each entry, not of the tree.
    let mut store = Memory::with([("t/f", Vec::new())]);
    store.directories.insert("t/d".into());
    store.queue_tree("t");
    let (_, _, said) = client(SHA256, store, Task::Put);
    let lengths = said.iter().filter(|signal| signal.code == Code::Don);
    let lengths: Vec<_> = lengths.map(|signal| (signal.transfer, signal.metadata)).collect();
    assert_eq!(lengths, [(2, 35), (3, 35), (1, 0)]);
}

/// R27.
#[test]
fn the_answer_to_an_offer_carries_the_count_of_the_last_question() {
    let task = Task::Get(GetRequest::tree("t").names());
    let (mut client, mut server, said) = client(Config::LOSSY, Memory::default(), task);
    assert_eq!(outline(&said), [(Code::Rar, 1)]);
    server.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    client.receive(&server.take());
    let mut offer = |number, size| {
        server.described(Signal::offer(number, 0, size, 5), &[b'a' + number as u8]);
        let said = client.receive(&server.take());
        assert_eq!(outline(&said), [(Code::Don, number)]);
        (said[0].position, said[0].count(), said[0].digest())
    };
    assert_eq!(offer(2, 70), (70, 0, 0));
    assert_eq!(offer(2, 70), (70, 0, 0));
    assert_eq!(offer(3, UNKNOWN), (0, 0, 0));
    server.signal(Signal::ask(1, 0, 777));
    client.receive(&server.take());
    let mut offer = |number, size| {
        server.described(Signal::offer(number, 0, size, 5), &[b'a' + number as u8]);
        client.receive(&server.take())[0].count()
    };
    assert_eq!(offer(4, 1), 777);
    assert_eq!(offer(4, 1), 777);
}

/// R35.
#[test]
fn an_offer_beside_a_single_file_is_ignored() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for tree in [false, true] {
            let (mut server, mut client) = server(config, Memory::default());
            let bytes = content(600, 1);
            client.described(Signal::offer(1, 0, 600, 5), b"f");
            client.chunk(1, 0, &bytes[..512]);
            server.receive(&client.take());
            if tree {
                client.described(Signal::offer_tree(2, UNKNOWN, UNKNOWN), b"t");
            } else {
                client.described(Signal::offer(2, 0, 600, 5), b"g");
            }
            client.chunk(2, 0, &bytes[..512]);
            assert_eq!(outline(&server.receive(&client.take())), []);
            client.chunk(1, 512, &bytes[512..]);
            client.signal(Signal::done(1, 600, 5, crc(&bytes)));
            assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
            assert_eq!(server.store.bytes("f"), Some(&*bytes));
            assert_eq!(server.store.offers, ["f"]);
        }
    }
}

/// R35.
#[test]
fn in_a_tree_the_next_offer_ends_the_open_file() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let (mut server, mut client) = server(config, Memory::default());
        client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
        client.described(Signal::offer(2, 0, 600, 5), b"f");
        client.chunk(2, 0, &content(512, 1));
        server.receive(&client.take());
        client.described(Signal::offer(3, 0, 1, 5), b"g");
        let said = server.receive(&client.take());
        assert_eq!(outline(&said)[..1], [(Code::Err, 2)]);
        assert_eq!(said[0].reason(), Reason::Incomplete);
        client.chunk(3, 0, b"x");
        client.signal(Signal::done(3, 1, 6, crc(b"x")));
        client.signal(Signal::done(1, 2, 7, 0));
        server.receive(&client.take());
        assert_eq!(server.store.bytes("t/g"), Some(&b"x"[..]));
    }
}

/// R66.
#[test]
fn a_repeated_end_of_a_tree_is_answered_again_while_a_re_offer_is_due() {
    let bytes = content(2000, 1);
    let mut store = Memory::default();
    let mut wrong = bytes[..1024].to_vec();
    wrong[0] ^= 1;
    store.partials.insert("t/f".into(), wrong);
    let (mut server, mut client) = server(Config::LOSSY, store);
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    client.described(Signal::offer(2, 2000, 2000, 5), b"f");
    server.receive(&client.take());
    client.signal(Signal::refuse(2, 0, Reason::PrefixDiffers, 0));
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Err, 2)]);
    // Its answer is lost, and so it is repeated, as often as it takes.
    for _ in 0..3 {
        client.signal(Signal::done(1, 1, 4, 0));
        let said = server.receive(&client.take());
        assert_eq!(outline(&said), [(Code::Pon, 1)]);
        assert_eq!((said[0].count(), said[0].position), (4, 1));
    }
    client.described(Signal::offer(3, 0, 2000, 5), b"f");
    client.chunk(3, 0, &bytes[..1024]);
    client.chunk(3, 1024, &bytes[1024..]);
    client.signal(Signal::done(3, 2000, 8, crc(&bytes)));
    server.receive(&client.take());
    client.signal(Signal::done(1, 2, 9, 0));
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
    assert_eq!(server.store.bytes("t/f"), Some(&*bytes));
}

/// A due frame that never comes: the second end of the tree is final. R66.
#[test]
fn another_end_of_a_tree_is_final() {
    let mut store = Memory::default();
    store.partials.insert("t/f".into(), vec![1; 1024]);
    let (mut server, mut client) = server(Config::LOSSY, store);
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    client.described(Signal::offer(2, 2000, 2000, 5), b"f");
    client.signal(Signal::refuse(2, 0, Reason::PrefixDiffers, 0));
    server.receive(&client.take());
    for (count, code) in [(4, Code::Pon), (4, Code::Pon), (5, Code::Don), (5, Code::Don)] {
        client.signal(Signal::done(1, 1, count, 0));
        assert_eq!(outline(&server.receive(&client.take())), [(code, 1)], "{count}");
    }
}

/// Section 6.2: a file whose path is a directory is refused at its offer, and nothing is left.
/// R39.
#[test]
fn a_file_that_would_replace_a_directory_is_refused_at_its_offer() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let (mut server, mut client) = server(config, Memory::default());
        client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
        client.described(Signal::offer(2, 0, 0, 5), b"d/");
        client.signal(Signal::done(2, 0, 3, 0));
        server.receive(&client.take());
        client.described(Signal::offer(3, 0, 5000, 5), b"d");
        let said = server.receive(&client.take());
        assert_eq!(outline(&said), [(Code::Err, 3)]);
        assert_eq!(said[0].reason(), Reason::IsDirectory);
        // Frames on their way already are dropped.
        client.chunk(3, 0, &content(1024, 1));
        client.signal(Signal::done(1, 2, 5, 0));
        assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
        assert!(server.store.partials.is_empty() && server.store.files.is_empty());
    }
}

/// Section 5: an invalid path is refused, and the receiver's store is told. R14, R15.
#[test]
fn the_store_is_told_of_offers_that_are_refused_for_their_paths() {
    let bad = [&b"../x"[..], b"a//b", b"\xFF", b"ok\0\x80\0", b""];
    let (mut server, mut client) = server(Config::RELIABLE, Memory::default());
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    for (number, path) in (2..).zip(bad) {
        client.described(Signal::offer(number, 0, 0, 5), path);
    }
    client.signal(Signal::done(1, bad.len() as u64, 9, 0));
    let said = server.receive(&client.take());
    let expected = [
        (2, Reason::BadPath),
        (3, Reason::BadPath),
        (4, Reason::BadPath),
        (5, Reason::Unsupported),
        (6, Reason::BadPath),
    ];
    let refusals = said.iter().filter(|signal| signal.code == Code::Err);
    let refusals: Vec<_> = refusals.map(|signal| (signal.transfer, signal.reason())).collect();
    assert_eq!(refusals, expected);
    assert_eq!(outline(&said).last(), Some(&(Code::Don, 1)));
    let shown = [&b"../x"[..], b"a//b", b"\xFF", b"ok", b""];
    let rejected = shown.iter().zip(expected).map(|(path, (_, reason))| (path.to_vec(), reason));
    assert_eq!(server.store.rejected, rejected.collect::<Vec<_>>());
    let files: Vec<&File> = server.store.files.values().collect();
    assert_eq!((files, server.store.offers), (Vec::new(), vec!["t".to_owned()]));
}
