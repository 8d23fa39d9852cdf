//! Stores that are busy, that give a message, and that are told of the receiver's progress.

use std::vec::Vec;

use crate::store::{Reply, Request};
use crate::wire::{Body, HOLE_LEN, HOLE_MAX, Hole, SackMap};

use super::*;

/// A build with all capabilities.
#[derive(Debug, Clone)]
struct Full;

impl Profile for Full {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    const REPORTS: bool = true;
    const MESSAGES: bool = true;
}

/// A build that never reads while it writes.
#[derive(Debug, Clone)]
struct NoDuplex;

impl Profile for NoDuplex {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    const DUPLEX: bool = false;
}

/// A client that has offered a file of 5000 bytes, which can be resumed.
fn sender<P: Profile>(config: Config) -> Line<P> {
    let mut client = Line::of(Session::<P>::client(number(), config));
    client.store.name = "f".into();
    client.store.content = [7; 5000].into();
    client.store.resumable = true;
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    client
}

#[test]
fn a_server_without_a_clock_polls_a_busy_store_until_it_is_ready() {
    let mut server = server(Config::RELIABLE);
    server.has_clock = false;
    (server.store.defers, server.store.pending) = (true, 3);
    server.receive(&[from_client(Signal::hello(Code::Pin, &hello(Config::RELIABLE)))]);
    assert_eq!(server.receive(&[offer(1, 5)]), [""; 0]);
    assert_eq!((server.store.name.as_str(), server.store.pending), ("f", 0));
    server.store.pending = 3;
    let done = from_client(Signal::done(1, 5, 3, Tables::crc64(0, b"hello")));
    let sent = server.receive(&[chunk(1, false, 0, b"hello"), done]);
    assert_eq!(sent, ["Don 1: size 5, count 3"]);
}

#[test]
fn a_server_with_a_clock_polls_a_busy_store_every_10_ms_and_reads_meanwhile() {
    let mut server = established(Config::RELIABLE);
    server.store.defers = true;
    server.receive(&[offer(1, 5), chunk(1, false, 0, b"hello")]);
    server.store.pending = 3;
    let done = from_client(Signal::done(1, 5, 3, Tables::crc64(0, b"hello")));
    assert_eq!(server.receive(&[done]), [""; 0]);
    for pending in [2, 1, 0] {
        assert_eq!((server.store.is_committed, server.store.pending), (false, pending));
        assert_eq!(server.session.deadline(), Some(server.now + 10));
        let sent = server.wait();
        assert_eq!(sent.is_empty(), pending > 0, "{sent:?}");
    }
    assert!(server.store.is_committed);
}

#[test]
fn the_time_of_a_pause_does_not_count_as_time_without_progress() {
    let mut server = established(Config::RELIABLE);
    server.store.content = [7; 1024].into();
    server.store.prefix = 1024;
    let bytes = resumable_offer(1, 2048, 2048);
    let mut rest = bytes.as_slice();
    while !matches!(server.session.poll(), Step::Exchange { out: [], .. }) {
        match server.session.poll() {
            Step::Receive(into) => {
                let count = into.len().min(rest.len());
                into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                rest = rest.get(count..).unwrap_or_default();
                server.session.received(count, Some(1));
            }
            Step::Storage(request) => {
                let reply = crate::store::answer(&mut server.store, request);
                server.session.answered(reply, Some(1));
            }
            step => assert!(matches!(step, Step::Exchange { .. }), "{step:?}"),
        }
    }
    server.now = 50_001;
    server.session.transmitted(0, Some(server.now));
    server.receive(&[]);
    assert_eq!(server.session.deadline(), Some(50_001 + 300_000));
}

#[test]
fn only_the_chunks_of_a_duplex_sender_go_out_while_it_reads() {
    assert!(sender::<Standard>(Config::RELIABLE).exchanges > 0);
    assert_eq!(sender::<NoDuplex>(Config::RELIABLE).exchanges, 0);
    let mut client = client(Config::RELIABLE, "f", b"");
    assert!(client.session.begin(Task::get_file("f")).is_ok());
    let sent = client.receive(&[]).len();
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::RELIABLE)))]);
    assert_eq!((sent, client.exchanges), (1, 0), "the path of a request");
}

#[test]
fn only_a_refusal_of_the_configuration_asks_the_store_for_its_message() {
    let config = Config::RELIABLE;
    let mut server = Line::of(Session::<Full>::server(config.refuse(Reason::Busy)));
    server.store.message = "why".into();
    let client = from_client(Signal::hello(Code::Pin, &hello(config)));
    assert_eq!(server.receive(&[client]), ["Err 0: reason 1", "metadata 0 +3"]);

    let mut server = Line::of(Session::<Full>::server(config));
    server.store.message = "why".into();
    let old = Hello { version: 0, ..hello(config) };
    let client = from_client(Signal::hello(Code::Pin, &old));
    assert_eq!(server.receive(&[client]), ["Err 0: reason 2"]);
}

#[test]
fn a_prefix_of_nothing_is_not_reported() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut client = sender::<Full>(config);
        let ack = |position| {
            let info = AckInfo::PrefixDigest(Tables::crc64(0, &[7; 1024]));
            from_server(Signal::ack(1, position, 128, 0, info))
        };
        client.receive(&[ack(0)]);
        assert_eq!(client.store.resumed, []);
        client.receive(&[ack(1024)]);
        assert_eq!(client.store.resumed, [(0, 1024)]);
        let position = from_server(Signal::ack(1, 2048, 128, 0, AckInfo::Sack(SackMap::EMPTY)));
        client.receive(&[position]);
        assert_eq!(client.store.resumed, [(0, 1024)], "a position is no prefix");
    }
}

/// R13.
#[test]
fn the_message_of_a_refused_hello_comes_over_a_lossy_link_and_may_be_lost() {
    let refusal = Signal { metadata: 3, ..Signal::refuse(0, 0, Reason::Busy, NUMBER) };
    let refusal = from_server(refusal);
    let message = chunk_of(Seeds { sending: 0, receiving: 0 }, 0, true, 0, b"why");
    let chosen = from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)));
    // The client receives the message, or another signal in its place, or no frame.
    for (next, said) in [(Some(message), "why"), (Some(chosen), ""), (None, "")] {
        let mut client = Line::of(Session::<Full>::client(number(), Config::LOSSY));
        assert!(client.session.begin(Task::Put).is_ok());
        client.receive(&[]);
        assert_eq!(client.receive(core::slice::from_ref(&refusal)), [""; 0]);
        match next {
            Some(next) => assert_eq!(client.receive(&[next]), [""; 0]),
            None => assert_eq!(client.wait(), [""; 0]),
        }
        let failed = Err(Failure::Refused(Reason::Busy));
        assert!(matches!(client.session.poll(), Step::Over(result) if result == failed));
        assert_eq!(client.session.message(), said);
    }
}

/// A client that has offered the first of two files of a tree, as transfer 2.
fn sending_tree<P: Profile>() -> Line<P> {
    let mut client = Line::of(Session::<P>::client(number(), Config::LOSSY));
    (client.store.name, client.store.content) = ("f".into(), [7; 5].into());
    (client.store.gives_tree, client.store.copies) = (true, 1);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
    assert_eq!(client.receive(&[position(1)]), ["Saf 2: size 5", "metadata 0 +1"]);
    client
}

fn position(id: u16) -> Vec<u8> {
    from_server(Signal::ack(id, 0, 128, 0, AckInfo::Sack(SackMap::EMPTY)))
}

/// R13.
#[test]
fn the_message_of_a_refused_offer_comes_over_a_lossy_link_and_may_be_lost() {
    let refusal =
        |id| from_server(Signal { metadata: 3, ..Signal::refuse(id, 0, Reason::NoSpace, 0) });
    let message = |id| chunk_of(Seeds::server(NUMBER), id as u8, true, 0, b"why");
    let next = ["Saf 3: size 5", "metadata 0 +1"];
    let refused = |client: &Line<Full>, message: &str| {
        assert_eq!(client.store.refusals, [(0, Reason::NoSpace)]);
        assert_eq!(client.store.messages, [message]);
    };

    let mut client = sending_tree();
    assert_eq!(client.receive(&[refusal(2)]), [""; 0], "the message is to come");
    assert_eq!(client.receive(&[message(2)]), next);
    refused(&client, "why");

    // The message is lost, and nothing else comes.
    let mut client = sending_tree();
    client.receive(&[refusal(2)]);
    let sent = (0..9).map(|_| client.wait()).find(|sent| !sent.is_empty());
    assert_eq!(sent.unwrap_or_default(), next);
    refused(&client, "");

    // The message is lost, and another signal comes.
    for other in [position(1), position(2)] {
        let mut client = sending_tree();
        client.receive(&[refusal(2)]);
        assert_eq!(client.receive(&[other]), next);
        refused(&client, "");
    }

    // The message is lost, and the refusal comes again.
    let mut client = sending_tree();
    client.receive(&[refusal(2)]);
    assert_eq!(client.receive(&[refusal(2)]), [""; 0]);
    assert_eq!(client.receive(&[message(2)]), next);
    refused(&client, "why");

    // The message of another refusal is not awaited: it would overwrite the path, which goes out again.
    let seeds = Seeds { sending: 0, receiving: 0 };
    let session = Signal { metadata: 3, ..Signal::refuse(0, 0, Reason::Busy, NUMBER + 1) };
    let session = [from_server(session), chunk_of(seeds, 0, true, 0, b"why")];
    for (mut client, other, offer) in [
        (sending_tree(), [refusal(3), message(3)], "Saf 2: size 5"),
        (sending_tree(), [refusal(9), message(9)], "Saf 2: size 5"),
        (sending_tree(), session.clone(), "Saf 2: size 5"),
        (sender::<Full>(Config::LOSSY), session, "Saf 1: size 5000"),
    ] {
        assert_eq!(client.receive(&other), [""; 0]);
        let sent = (0..9).map(|_| client.wait()).find(|sent| !sent.is_empty());
        assert_eq!(sent.unwrap_or_default(), [offer, "metadata 0 +1"]);
        assert_eq!(client.session.chunk.payload_mut().first(), Some(&b'f'), "the path");
        assert_eq!(client.store.refusals, []);
    }

    // A build without messages drops it.
    let mut client = sending_tree::<Standard>();
    assert_eq!(client.receive(&[refusal(2), message(2)]), next);
    assert_eq!(client.store.messages, [""]);
}

/// A client that sends a tree of two files, and is at the offer of the first one.
fn sending_on(config: Config) -> Line<Full> {
    let mut client = Line::of(Session::<Full>::client(number(), config));
    (client.store.name, client.store.content) = ("f".into(), [7; 5].into());
    (client.store.gives_tree, client.store.copies) = (true, 1);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    client
}

/// R44.
#[test]
fn the_store_receives_the_message_of_a_refused_tree_once_before_the_tree_is_closed() {
    let message = chunk_of(Seeds::server(NUMBER), 1, true, 0, b"why");
    let refusal = Signal { metadata: 3, ..Signal::refuse(1, 0, Reason::NoSpace, 0) };
    let refusal = [from_server(refusal), message];
    let told = |client: &mut Line<Full>, message: &str| {
        let refusal = Some((Reason::NoSpace, message.into(), true));
        assert_eq!(core::mem::take(&mut client.store.tree_refusal), refusal);
        assert!(client.store.is_abandoned && client.store.refusals.is_empty());
        let failed = Err(Failure::Refused(Reason::NoSpace));
        assert!(matches!(client.session.poll(), Step::Over(result) if result == failed));
        client.receive(&[from_server(Signal::refuse(1, 0, Reason::NoSpace, 0))]);
        assert_eq!(client.store.tree_refusal, None);
    };
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut client = sending_on(config);
        client.receive(&refusal);
        told(&mut client, "why");
        let mut client = sending_on(config);
        client.receive(&[from_server(Signal::refuse(1, 0, Reason::NoSpace, 0))]);
        told(&mut client, "");
    }
    // While its first entry is offered.
    let mut client = sending_tree();
    client.receive(&refusal);
    told(&mut client, "why");
    // This end has given up the tree itself.
    let mut client = sending_on(Config::LOSSY);
    (client.store.copies, client.store.fails) = (0, Some(Reason::Storage));
    client.receive(&[position(1)]);
    let sent = client.receive(&[from_server(Signal::done(2, 5, 0, 0))]);
    assert_eq!(sent, ["Err 1: reason 12"]);
    client.receive(&refusal);
    assert_eq!(client.store.tree_refusal, None);
}

/// A build with holes.
#[derive(Debug, Clone)]
struct Holes;

impl Profile for Holes {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    const HOLES: bool = true;
}

/// R94: acks report the progress of a slow store within one hole at intervals.
#[test]
fn a_store_that_takes_long_for_a_hole_does_not_leave_the_sender_without_acks() {
    const PIECE: usize = 100_000;
    let config = Config::RELIABLE;
    let mut server = Line::of(Session::<Holes>::server(config));
    server.receive(&[from_client(Signal::hello(Code::Pin, &config.hello::<Holes>(NUMBER)))]);
    server.receive(&[offer(1, HOLE_MAX.into())]);
    let mut frame = [0; FRAME_MAX];
    let seed = Seeds::client(NUMBER).sending;
    Hole { transfer: 1, position: 0, length: HOLE_MAX.into() }.emit::<Tables>(seed, &mut frame);
    let done = Signal::done(1, HOLE_MAX.into(), 3, Tables::crc64_zeros(0, HOLE_MAX.into()));
    let bytes = [&frame[..HOLE_LEN], &from_client(done)].concat();
    let (mut rest, mut out, mut acked_at) = (bytes.as_slice(), Vec::new(), server.now);
    let (mut stored, mut told, mut acks) = (0, 0, 0);
    while !server.store.is_committed {
        match server.session.poll() {
            Step::Receive(into) | Step::Exchange { into, .. } if !rest.is_empty() => {
                let count = into.len().min(rest.len());
                into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                rest = rest.get(count..).unwrap_or_default();
                server.session.received(count, Some(server.now));
            }
            Step::Storage(Request::StoreZeros { position, length, .. }) => {
                assert_eq!(position, stored);
                let count = PIECE.min(length as usize);
                stored += count as u64;
                server.now += 300;
                server.session.answered(Reply::Moved(count), Some(server.now));
                let silence = server.now - acked_at;
                assert!(silence <= 2_600, "no ack for {silence} ms at {stored}");
            }
            Step::Storage(request) => {
                let reply = crate::store::answer(&mut server.store, request);
                server.session.answered(reply, Some(server.now));
            }
            Step::Transmit(bytes) | Step::Exchange { out: bytes, .. } => {
                out.extend_from_slice(bytes);
                let count = bytes.len();
                server.session.transmitted(count, Some(server.now));
                if let Some(bytes) = out.first_chunk::<SIGNAL_LEN>() {
                    let ack = Signal::parse::<Tables>(server.session.seeds().sending, bytes);
                    if let Some(Body::Ack(ack)) = ack.as_ref().map(Signal::body) {
                        assert!(ack.position > told || acks == 0, "{} again", ack.position);
                        assert!(ack.position <= stored && ack.credit > 0);
                        (told, acked_at, acks) = (ack.position, server.now, acks + 1);
                    }
                    out.clear();
                }
            }
            step => assert!(matches!(step, Step::Over(Ok(_))), "{step:?}"),
        }
    }
    assert!(stored == HOLE_MAX.into() && acks > 20, "{stored} zeros, {acks} acks");
}
