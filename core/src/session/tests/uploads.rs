//! A client that sends a tree, or reads the prefix of a file that is there already.

use std::string::String;
use std::vec::Vec;

use crate::wire::SackMap;

use super::*;

fn accept(id: u16) -> Vec<u8> {
    from_server(Signal::ack(id, 0, 128, 0, AckInfo::Sack(SackMap::EMPTY)))
}

fn refuse(id: u16, reason: Reason) -> Vec<u8> {
    from_server(Signal::refuse(id, 0, reason, 0))
}

/// A client that sends a tree of one file on a lossy link, and has offered the file as transfer 2.
fn sending_tree(fails: Option<Reason>) -> Line {
    let mut client = client(Config::LOSSY, "f", b"hello");
    (client.store.gives_tree, client.store.fails) = (true, fails);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    let chosen = from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)));
    assert_eq!(client.receive(&[chosen]), ["Sar 1", "metadata 0 +1"]);
    assert_eq!(client.receive(&[accept(1)]), ["Saf 2: size 5", "metadata 0 +1"]);
    client
}

#[test]
fn a_repeated_refusal_of_the_last_entry_is_ignored_while_the_end_of_the_tree_is_answered() {
    let mut client = sending_tree(None);
    assert_eq!(client.receive(&[refuse(2, Reason::NoSpace)]), ["Don 1: size 1, count 3"]);
    assert_eq!(client.receive(&[refuse(2, Reason::NoSpace)]), [""; 0]);
    assert_eq!(client.store.refusals, [(0, Reason::NoSpace)]);
    client.receive(&[from_server(Signal::done(1, 1, 3, 0))]);
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { refused: 1, .. }))));

    let mut client = sending_tree(Some(Reason::Storage));
    let given_up = [std::format!("Err 1: reason {}", Reason::Storage.code())];
    assert_eq!(client.receive(&[refuse(2, Reason::NoSpace)]), given_up);
    assert_eq!(client.receive(&[refuse(2, Reason::NoSpace)]), [""; 0]);
    assert_eq!(client.store.refusals, [(0, Reason::NoSpace)]);
    client.receive(&[refuse(1, Reason::Storage)]);
    let failed = Err(Failure::Refused(Reason::Storage));
    assert!(matches!(client.session.poll(), Step::Over(result) if result == failed));
}

/// R95.
#[test]
fn an_entry_that_its_receiver_excludes_does_not_count_as_refused() {
    for (reason, count) in [(Reason::NoSpace, 1), (Reason::Excluded, 0)] {
        let mut client = sending_tree(None);
        assert_eq!(client.receive(&[refuse(2, reason)]), ["Don 1: size 1, count 3"]);
        client.receive(&[from_server(Signal::done(1, 1, 3, 0))]);
        let outcome = Outcome { entries: 1, refused: count, omitted: 0, closed: false };
        assert!(matches!(client.session.poll(), Step::Over(Ok(result)) if result == outcome));
        assert_eq!(client.store.refusals, [(0, reason)]);

        let mut client = client_of_tree();
        client.store.refuses = Some(reason);
        let refusal = std::format!("Err 2: reason {}", reason.code());
        assert_eq!(client.receive(&[offer_of_server(2, 5)]), [refusal]);
        let done = from_server(Signal::done(1, 1, 3, 0));
        assert_eq!(
            client.receive(&[done]).first().map(String::as_str),
            Some("Don 1: size 1, count 3")
        );
        client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
        assert!(matches!(client.session.poll(), Step::Over(Ok(result)) if result == outcome));
    }
}

/// A client that receives the tree "t" over a lossy link, as transfer 1.
fn client_of_tree() -> Line {
    let mut client = client(Config::LOSSY, "f", b"");
    assert!(client.session.begin(Task::get_tree("t")).is_ok());
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
    let tree = from_server(Signal { metadata: 1, ..Signal::offer_tree(1, UNKNOWN, UNKNOWN) });
    let path = chunk_of(Seeds::server(NUMBER), 1, true, 0, b"t");
    assert_eq!(client.receive(&[tree, path]), ["Pon 1: at 0, credit 128, count 0"]);
    client
}

/// The offer of a file named "f".
fn offer_of_server(id: u16, size: u64) -> Vec<u8> {
    let offer = from_server(Signal { metadata: 1, ..Signal::offer(id, 0, size, 5) });
    [offer, chunk_of(Seeds::server(NUMBER), id as u8, true, 0, b"f")].concat()
}

#[test]
fn between_the_entries_of_a_tree_the_position_is_queried_on_a_reliable_link() {
    let config = Config::RELIABLE.credit(12);
    let mut client = client(config, "f", b"");
    (client.store.gives_tree, client.store.copies) = (true, 9);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    let sent = client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    // A query is due every three frames.
    let first = ["Sar 1", "metadata 0 +1", "Saf 2: size 0", "metadata 0 +1"];
    let rest = ["Don 2: size 0, count 3", "Pin 1: count 3", "Saf 3: size 0"];
    assert_eq!(sent.get(..7).unwrap_or_default(), [&first[..], &rest].concat());
}

const MIB: usize = 1 << 20;

/// The bytes that a client sends after its server has a prefix of this length with this digest. The file has two KiB
/// more.
fn after_prefix(config: Config, prefix: usize, digest: Option<u64>) -> Vec<String> {
    let content = std::vec![7; prefix + 2048];
    let mut client = client(config, "f", &content);
    client.store.resumable = true;
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    let own = Tables::crc64(0, content.get(..prefix).unwrap_or_default());
    let info = AckInfo::PrefixDigest(digest.unwrap_or(own));
    client.receive(&[from_server(Signal::ack(1, prefix as u64, 128, 0, info))])
}

#[test]
fn a_sender_that_reads_a_prefix_queries_the_position_every_4_mib() {
    let sent = after_prefix(Config::LOSSY, 4 * MIB + 1024, None);
    let rest = ["chunk 4195328 +1024", "chunk 4196352 +1024", "Don 1: size 4197376, count 4"];
    assert_eq!(sent, [&["Pin 1: count 1"][..], &rest].concat());
    let sent = after_prefix(Config::LOSSY.half_duplex(true), 4 * MIB + 1024, None);
    assert_eq!(sent.first(), rest.first().map(|it| String::from(*it)).as_ref());
    let sent = after_prefix(Config::LOSSY, 3 * MIB, None);
    assert!(sent.first().is_some_and(|first| first.starts_with("chunk")), "{sent:?}");
    let sent = after_prefix(Config::LOSSY, 4 * MIB, Some(7));
    assert_eq!(sent, ["Err 1: reason 14"], "the prefix differs");
}

#[test]
fn on_a_half_duplex_link_a_sender_reads_no_prefix_before_its_query_is_answered() {
    let config = Config::RELIABLE.half_duplex(true);
    let content = [7; 20_480];
    let mut client = client(config, "f", &content);
    client.store.resumable = true;
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    let sent = client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    assert_eq!(sent.last().map(String::as_str), Some("Pin 1: count 8"));
    let digest = Tables::crc64(0, content.get(..16_384).unwrap_or_default());
    let prefix = Signal::ack(1, 16_384, 128, 0, AckInfo::PrefixDigest(digest));
    assert_eq!(client.receive(&[from_server(prefix)]), [""; 0]);
    let answer = Signal::ack(1, 16_384, 128, 8, AckInfo::Sack(SackMap::EMPTY));
    let sent = client.receive(&[from_server(answer)]);
    assert_eq!(sent.first().map(String::as_str), Some("chunk 16384 +1024"));
}
