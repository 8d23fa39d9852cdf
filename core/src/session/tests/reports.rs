//! Messages of refusals, and reports of the receiver's progress to the store.

use std::string::String;
use std::vec::Vec;

use crate::wire::SackMap;

use super::stores::sender;
use super::*;

/// A build with reports and messages.
#[derive(Debug, Clone)]
struct Full;

impl Profile for Full {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    type Buffer = crate::buffer::Buffer1024;
    const REPORTS: bool = true;
    const MESSAGES: bool = true;
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

/// A client that sends a tree of two files, and has not received an answer to the offer of the tree.
fn offering_tree<P: Profile>(config: Config) -> Line<P> {
    let mut client = Line::of(Session::<P>::client(number(), config));
    (client.store.name, client.store.content) = ("f".into(), [7; 5].into());
    (client.store.gives_tree, client.store.copies) = (true, 1);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    client
}

/// A client that has offered the first of two files of a tree, as transfer 2.
fn sending_tree<P: Profile>() -> Line<P> {
    let mut client = offering_tree(Config::LOSSY);
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
        assert_eq!(client.session.buffer.payload_mut().first(), Some(&b'f'), "the path");
        assert_eq!(client.store.refusals, []);
    }

    // A build without messages drops it.
    let mut client = sending_tree::<Standard>();
    assert_eq!(client.receive(&[refusal(2), message(2)]), next);
    assert_eq!(client.store.messages, [""]);
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
        let mut client = offering_tree::<Full>(config);
        client.receive(&refusal);
        told(&mut client, "why");
        let mut client = offering_tree::<Full>(config);
        client.receive(&[from_server(Signal::refuse(1, 0, Reason::NoSpace, 0))]);
        told(&mut client, "");
    }
    // While its first entry is offered.
    let mut client = sending_tree();
    client.receive(&refusal);
    told(&mut client, "why");
    // This end has given up the tree itself.
    let mut client = offering_tree::<Full>(Config::LOSSY);
    (client.store.copies, client.store.fails) = (0, Some(Reason::Storage));
    client.receive(&[position(1)]);
    let sent = client.receive(&[from_server(Signal::done(2, 5, 0, 0))]);
    assert_eq!(sent, ["Err 1: reason 12"]);
    client.receive(&refusal);
    assert_eq!(client.store.tree_refusal, None);
}

/// A client that has sent its file over a lossy link with a round trip of 1 ms, and the parts of a refusal: the signal
/// of 36 bytes, and the rest of the message.
fn awaiting_message() -> (Line<Full>, Vec<u8>, Vec<u8>) {
    let sack = |position, count| {
        let info = AckInfo::Sack(SackMap::EMPTY);
        from_server(Signal::ack(1, position, 128, count, info))
    };
    let mut client = sender::<Full>(Config::LOSSY);
    let sent = client.receive(&[sack(0, 0)]);
    assert_eq!(sent.last().map(String::as_str), Some("Don 1: size 5000, count 7"));
    client.receive(&[sack(5000, 7)]);
    assert_eq!(client.session.deadline(), Some(client.now + 2), "twice the round trip");
    let refusal = Signal { metadata: 3, ..Signal::refuse(1, 0, Reason::NoSpace, 0) };
    let message = chunk_of(Seeds::server(NUMBER), 1, true, 0, b"why");
    (client, from_server(refusal), message)
}

/// R73.
#[test]
fn a_question_is_not_repeated_while_the_metadata_of_its_answer_comes_in() {
    let (mut client, refusal, message) = awaiting_message();
    assert_eq!(client.receive(&[refusal]), [""; 0]);
    for byte in message {
        // Time passes in small steps, as a driver with a short read timeout reports it.
        for _ in 0..19 {
            client.now += 1;
            client.session.timed_out(Some(client.now));
            assert_eq!(client.receive(&[]), [""; 0], "at {} ms", client.now);
        }
        assert_eq!(client.receive(&[[byte].into()]), [""; 0]);
    }
    let failed = Err(Failure::Refused(Reason::NoSpace));
    assert!(matches!(client.session.poll(), Step::Over(result) if result == failed));
    assert_eq!(client.store.refusals, [(0, Reason::NoSpace)]);
    assert_eq!(client.store.messages, ["why"]);
}

/// R73.
#[test]
fn a_question_is_repeated_after_a_silence_in_the_metadata_of_its_answer() {
    for received in [0, 12, 14] {
        let (mut client, refusal, message) = awaiting_message();
        client.receive(&[refusal]);
        client.receive(&[message.iter().take(received).copied().collect()]);
        let begun = client.now;
        let sent = (0..9).map(|_| client.wait()).find(|sent| !sent.is_empty());
        assert_eq!(sent.unwrap_or_default(), ["Don 1: size 5000, count 7"], "{received} bytes");
        let after = client.now - begun;
        assert!((20..=41).contains(&after), "{received} bytes: after {after} ms");
    }
}
