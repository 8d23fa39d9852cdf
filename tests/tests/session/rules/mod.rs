//! The numbered rules of `PROTOCOL.md`, frame by frame.

use tinyferry_core::checksum::{Checksums as _, Sha256, SoftSha256, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{AckInfo, Code, Signal, UNKNOWN, UNKNOWN_TIME, VERSION};
use tinyferry_core::{Config, GetRequest, Session, Step, Task};
use tinyferry_kit::{Endpoint, File, Frames, Memory, Pair, content, outline, session_number};

mod requests;

const SESSION: u32 = 0x0102_0304;
const SHA256: Config = Config::RELIABLE.sha256(true);

/// A server that has heard the hello of a client, and what that client says next.
fn server(config: Config, store: Memory) -> (Endpoint<Memory>, Frames) {
    Endpoint::server(SESSION, config, store)
}

/// A client with a task, whose hello is answered, and what its server says next.
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

/// R10, R55.
#[test]
fn after_a_loss_chunks_are_one_block_long() {
    // With a size that is known, and with none.
    for is_unsized in [false, true] {
        let mut store = Memory::with([("f", content(200_000, 1))]);
        store.unsized_offers = is_unsized;
        store.queue_file("f");
        let config = Config::LOSSY.credit(40);
        let mut pair = Pair::new(config, store, Memory::default());
        pair.up.record = Some(Vec::new());
        // The hello, the offer, its path and two chunks come before them.
        pair.up.lose = vec![5, 6];
        pair.run(Task::Put).expect("it ends").expect("it succeeds");
        assert_eq!(pair.server.store.bytes("f"), Some(&*content(200_000, 1)));
        let lengths = chunk_lengths(&pair.up.record.take().expect("it is kept"));
        let first = lengths.iter().position(|length| *length == 256).expect("after a loss");
        // The lost ones, eight units, and 128 of new data.
        let units = lengths[first..].iter().take_while(|length| **length == 256).count();
        assert_eq!(units, 8 + 128, "unsized: {is_unsized}, {lengths:?}");
        let (after, last) = (&lengths[first + units..], 200_000 % 256);
        let (last_one, others) = after.split_last().expect("there are more");
        // As long as was agreed, but where the window ends.
        assert!(others.iter().all(|length| *length % 256 == 0) && others.contains(&1024));
        assert_eq!(last_one % 256, last);
    }
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

/// R10.
#[test]
fn on_a_lossy_link_a_chunk_that_ends_within_a_block_is_the_last() {
    let bytes = content(700, 1);
    let (mut server, mut client) = server(Config::LOSSY, Memory::default());
    client.described(Signal::offer(1, 0, UNKNOWN, UNKNOWN_TIME), b"f");
    // The end comes first, and nothing is taken past it.
    client.chunk(1, 512, &bytes[512..]);
    client.chunk(1, 1024, &bytes[..256]);
    client.chunk(1, 0, &bytes[..512]);
    client.signal(Signal::ask(1, 700, 4));
    let said = server.receive(&client.take());
    let last = said.last().expect("it answers");
    assert_eq!((last.code, last.position), (Code::Pon, 700));
    client.signal(Signal::done(1, 700, 5, crc(&bytes)));
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
    assert_eq!(server.store.bytes("f"), Some(&*bytes));
}

/// R19.
#[test]
fn no_frame_is_accepted_before_the_hello() {
    let mut seedless = Frames::client(0, Config::RELIABLE);
    seedless.take();
    let mut firsts: Vec<Vec<u8>> = Vec::new();
    let mut add = |fill: &dyn Fn(&mut Frames)| {
        fill(&mut seedless);
        firsts.push(seedless.take());
    };
    add(&|frames| frames.signal(Signal::refuse(0, 0, Reason::Busy, SESSION)));
    add(&|frames| frames.hello(Code::Pon, Config::RELIABLE));
    add(&|frames| frames.hello(Code::Pin, Config::RELIABLE));
    add(&|frames| frames.signal(Signal::new(Code::Cls, 1, 0)));
    add(&|frames| frames.signal(Signal::ask(1, 0, 0)));
    add(&|frames| frames.chunk(1, 0, b"content"));
    add(&|frames| frames.bytes.extend(b"SSH-2.0-OpenSSH_9.6\r\n and so forth, for 36 bytes"));
    for (number, first) in firsts.into_iter().enumerate() {
        let hello = Frames::client(SESSION, Config::RELIABLE).take();
        let said = [&first[..], &hello].concat();
        let mut server = Endpoint::new(Session::server(Config::RELIABLE), Memory::default());
        assert_eq!(outline(&server.receive(&said)), [], "{number}");
        assert_eq!(result(&mut server), Some(Err(Failure::NotTinyferry)), "{number}");
        // Where bytes are lost it may be what is left of another session.
        let mut server = Endpoint::new(Session::server(Config::LOSSY), Memory::default());
        server.receive(&first);
        server.wait(100);
        assert_eq!(outline(&server.receive(&hello)), [(Code::Pon, 0)], "{number}");
    }
}

/// R19.
#[test]
fn no_frame_is_accepted_before_the_reply_to_the_hello() {
    let begun = || {
        let mut session = Session::client(session_number(SESSION), Config::RELIABLE);
        session.begin(Task::Ping).expect("it may");
        let mut client = Endpoint::new(session, Memory::default());
        client.receive(&[]);
        client
    };
    // Of another session, and a hello: ignored.
    let mut other = Frames::server(9, Config::RELIABLE);
    other.hello(Code::Pin, Config::RELIABLE);
    other.signal(Signal::refuse(0, 0, Reason::Busy, 9));
    let mut client = begun();
    client.receive(&other.take());
    assert_eq!(result(&mut client), None);
    client.receive(&Frames::server(SESSION, Config::RELIABLE).take());
    assert_eq!(result(&mut client), Some(Ok(())));
    // Of this one, but before the answer: an error.
    let mut early = Frames::server(SESSION, Config::RELIABLE);
    early.take();
    early.signal(Signal::refuse(1, 0, Reason::NotFound, 0));
    let mut client = begun();
    client.receive(&early.take());
    assert_eq!(result(&mut client), Some(Err(Failure::NotTinyferry)));
    early.chunk(1, 0, b"content");
    let mut client = begun();
    client.receive(&early.take());
    assert_eq!(result(&mut client), Some(Err(Failure::NotTinyferry)));
}

/// R21.
#[test]
fn the_client_checks_the_reply_to_its_hello() {
    let own = Config::LOSSY.half_duplex(true).block(1).chunk(512);
    let answer = |change: &dyn Fn(&mut Config)| {
        let mut session = Session::client(session_number(SESSION), own);
        session.begin(Task::Ping).expect("it may");
        let mut client = Endpoint::new(session, Memory::default());
        client.receive(&[]);
        let mut chosen = own;
        change(&mut chosen);
        client.receive(&Frames::server(SESSION, chosen).take());
        result(&mut client)
    };
    let sound: [&dyn Fn(&mut Config); 3] =
        [&|_| {}, &|chosen| chosen.credit = 1, &|chosen| (chosen.block, chosen.chunk) = (1, 512)];
    for change in sound {
        assert_eq!(answer(change), Some(Ok(())));
    }
    let unsound: [&dyn Fn(&mut Config); 9] = [
        &|chosen| chosen.lossy = false,
        &|chosen| chosen.half_duplex = false,
        &|chosen| chosen.sha256 = true,
        &|chosen| chosen.chunk = 1024,
        &|chosen| chosen.chunk = 511,
        &|chosen| chosen.block = 0,
        // No whole block fits; and there is no such block.
        &|chosen| chosen.block = 2,
        &|chosen| chosen.block = 3,
        &|chosen| chosen.credit = 0,
    ];
    for (number, change) in unsound.into_iter().enumerate() {
        assert_eq!(answer(change), Some(Err(Failure::ProtocolViolation)), "{number}");
    }
    let (mut session, hello) =
        (Session::client(session_number(SESSION), own), Frames::server(SESSION, own));
    session.begin(Task::Ping).expect("it may");
    let mut client = Endpoint::new(session, Memory::default());
    client.receive(&[]);
    let mut bytes = hello.bytes;
    bytes[20] = VERSION + 1;
    let check = Tables::crc32(0, &bytes[..32]);
    bytes[32..].copy_from_slice(&check.to_le_bytes());
    client.receive(&bytes);
    assert_eq!(result(&mut client), Some(Err(Failure::Refused(Reason::Version))));
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

/// R49.
#[test]
fn a_busy_end_is_queried_again_after_a_quarter_of_a_second() {
    let mut store = Memory::with([("f", content(5000, 1))]);
    store.queue_file("f");
    let (mut client, mut server, said) = client(Config::LOSSY, store, Task::Put);
    assert_eq!(outline(&said), [(Code::Saf, 1)]);
    // A round trip that is measured is short.
    server.signal(Signal::ack(1, 0, 1, 0, AckInfo::Sack(Default::default())));
    let said = client.receive(&server.take());
    assert_eq!(outline(&said), [(Code::Pin, 1)]);
    client.now += 1;
    server.signal(Signal::ack(1, 0, 0, said[0].count(), AckInfo::Sack(Default::default())));
    assert_eq!(outline(&client.receive(&server.take())), []);
    assert_eq!(outline(&client.wait(249)), []);
    assert_eq!(outline(&client.wait(1)), [(Code::Pin, 1)]);
    // And less and less often.
    assert_eq!(outline(&client.wait(499)), []);
    assert_eq!(outline(&client.wait(1)), [(Code::Pin, 1)]);
}

/// R60.
#[test]
fn the_offer_asks_for_the_prefix() {
    let bytes = content(5000, 1);
    let mut store = Memory::default();
    store.partials.insert("f".into(), bytes[..2048].to_vec());
    let (mut server, mut client) = server(Config::LOSSY, store);
    let prefix = |said: &[Signal]| {
        assert_eq!(outline(said), [(Code::Pon, 1)]);
        (said[0].position, said[0].ack_info() == AckInfo::PrefixDigest(crc(&bytes[..2048])))
    };
    client.described(Signal::offer(1, 5000, 5000, 5), b"f");
    let offer = client.bytes.clone();
    let said = server.receive(&client.take());
    assert_eq!(prefix(&said[said.len() - 1..]), (2048, true));
    assert_eq!(prefix(&server.receive(&offer)), (2048, true));
    client.signal(Signal::ask(1, 0, 1));
    assert_eq!(prefix(&server.receive(&client.take())), (2048, false));
    assert_eq!(prefix(&server.receive(&offer)), (2048, true));
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

/// What is due and never comes: the second end of the tree is final.
/// R66.
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

/// R64.
#[test]
fn a_partial_of_other_content_is_discarded() {
    let bytes = content(3000, 1);
    for (reason, is_kept) in [
        (Reason::PrefixDiffers, false),
        (Reason::DigestDiffers, false),
        (Reason::Cancelled, true),
        (Reason::Storage, true),
    ] {
        let (mut server, mut client) = server(Config::RELIABLE, Memory::default());
        client.described(Signal::offer(1, 3000, 3000, 5), b"f");
        client.chunk(1, 0, &bytes[..1024]);
        client.signal(Signal::refuse(1, 1024, reason, 0));
        server.receive(&client.take());
        assert_eq!(server.store.partials.contains_key("f"), is_kept, "{reason}");
    }
    // Resume 0: begin anew.
    let mut store = Memory::default();
    store.partials.insert("f".into(), vec![1; 2048]);
    let (mut server, mut client) = server(Config::LOSSY, store);
    client.described(Signal::offer(1, 0, 3000, 5), b"f");
    let said = server.receive(&client.take());
    assert_eq!((outline(&said), said[0].position), (vec![(Code::Pon, 1)], 0));
    assert!(server.store.partials.is_empty());
}

/// R72.
#[test]
fn an_idle_line_ends_the_resynchronisation() {
    let hello = |number| Frames::client(number, Config::LOSSY).take();
    let answers = |silence: u32| {
        let (mut server, _) = server(Config::LOSSY, Memory::default());
        // Noise that begins no frame: it is dropped at once, and nothing is held.
        assert_eq!(outline(&server.receive(b"noise")), []);
        server.wait(silence);
        outline(&server.receive(&hello(77)))
    };
    assert_eq!(answers(0), []);
    assert_eq!(answers(1_000), [(Code::Pon, 0)]);
    // An end that does not read for a while, and then finds all of it at once.
    let (mut server, _) = server(Config::LOSSY, Memory::default());
    server.receive(b"noise");
    server.now += 1_000;
    assert_eq!(outline(&server.receive(&hello(77))), []);
}

/// R30.
#[test]
fn a_server_that_shuts_down_refuses_with_that_reason() {
    let refused = Some(Err(Failure::Refused(Reason::ShuttingDown)));
    // In answer to a hello.
    let config = Config::RELIABLE.refuse(Reason::ShuttingDown);
    let mut server = Endpoint::new(Session::server(config), Memory::default());
    let said = server.receive(&Frames::client(SESSION, Config::RELIABLE).take());
    assert_eq!((outline(&said), said[0].session()), (vec![(Code::Err, 0)], SESSION));
    assert_eq!((said[0].reason(), result(&mut server)), (Reason::ShuttingDown, refused));
    // In answer to a request.
    let get = Task::get_file("f");
    let (mut asking, mut server, _) = client(Config::RELIABLE, Memory::default(), get);
    server.signal(Signal::refuse(1, 0, Reason::ShuttingDown, 0));
    asking.receive(&server.take());
    assert_eq!(result(&mut asking), refused);
    // Between two requests: it is read with the next one.
    let (mut idle, mut server, _) = client(Config::RELIABLE, Memory::default(), Task::Ping);
    assert_eq!(result(&mut idle), Some(Ok(())));
    server.signal(Signal::refuse(0, 0, Reason::ShuttingDown, SESSION));
    idle.session.begin(get).expect("it may");
    idle.receive(&server.take());
    assert_eq!(result(&mut idle), refused);
    assert_eq!(idle.session.begin(get), Err(Failure::Refused(Reason::ShuttingDown)));
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
        // What is on its way already is dropped.
        client.chunk(3, 0, &content(1024, 1));
        client.signal(Signal::done(1, 2, 5, 0));
        assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
        assert!(server.store.partials.is_empty() && server.store.files.is_empty());
    }
}

/// Section 5: what cannot be a path is refused, and the receiver's store hears of it.
/// R14, R15.
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
