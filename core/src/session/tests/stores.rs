//! Stores that are busy, and steps that read while they write.

use super::*;

/// A build that never reads while it writes.
#[derive(Debug, Clone)]
struct NoDuplex;

impl Profile for NoDuplex {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    type Buffer = crate::buffer::Buffer1024;
    const DUPLEX: bool = false;
}

/// A client that has offered a file of 5000 bytes, which can be resumed.
pub(super) fn sender<P: Profile>(config: Config) -> Line<P> {
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
