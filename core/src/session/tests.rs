//! Frames in, frames out: a session as a specification.

extern crate std;

use super::*;
use crate::checksum::{Checksums, Tables};

use self::line::*;
use self::one_file::OneFile;

mod holes;
mod line;
mod one_file;
mod progress;
mod reports;
mod requests;
mod stores;
mod trees;
mod uploads;

/// R18, R22.
#[test]
fn a_server_answers_a_hello() {
    let mut server = server(Config::RELIABLE);
    let hello = from_client(Signal::hello(Code::Pin, &hello(Config::RELIABLE)));
    assert_eq!(server.receive(core::slice::from_ref(&hello)), ["Pon 0: session 12345678"]);
    assert_eq!(server.receive(&[hello]), ["Pon 0: session 12345678"], "a ping");
}

/// R19.
#[test]
fn a_server_ends_on_bytes_that_are_no_hello() {
    let mut server = server(Config::RELIABLE);
    assert_eq!(server.receive(&[b"GET / HTTP/1".to_vec()]), [""; 0]);
    assert!(matches!(server.session.poll(), Step::Over(Err(Failure::NotTinyferry))));
}

/// R20.
#[test]
fn a_busy_server_refuses_the_session() {
    let config = Config::RELIABLE.refuse(Reason::Busy);
    let hello = from_client(Signal::hello(Code::Pin, &hello(config)));
    assert_eq!(server(config).receive(&[hello]), ["Err 0: reason 1"]);
}

/// R21.
#[test]
fn a_client_rejects_a_hello_that_does_not_follow_from_its_own() {
    let mut client = client(Config::RELIABLE, "f", b"");
    assert!(client.session.begin(Task::Ping).is_ok());
    let chosen = Hello { features: 2, ..hello(Config::RELIABLE) };
    client.receive(&[from_server(Signal::hello(Code::Pon, &chosen))]);
    assert!(matches!(client.session.poll(), Step::Over(Err(Failure::ProtocolViolation))));
}

/// R31, R32.
#[test]
fn on_a_reliable_link_a_file_is_received_and_answered_once() {
    let mut server = established(Config::RELIABLE);
    assert_eq!(server.receive(&[offer(1, 5)]), [""; 0], "the offer is not answered");
    assert_eq!(server.receive(&[chunk(1, false, 0, b"hello")]), [""; 0]);
    let done = Signal::done(1, 5, 3, Tables::crc64(0, b"hello"));
    assert_eq!(server.receive(&[from_client(done)]), ["Don 1: size 5, count 3"]);
    assert!(server.store.is_committed && server.store.content == b"hello");
}

/// R34.
#[test]
fn a_file_with_another_digest_is_refused_with_reason_15() {
    let mut server = established(Config::RELIABLE);
    server.receive(&[offer(1, 5), chunk(1, false, 0, b"hello")]);
    assert_eq!(server.receive(&[from_client(Signal::done(1, 5, 3, 7))]), ["Err 1: reason 15"]);
    assert!(!server.store.is_committed);
}

/// R33.
#[test]
fn a_refused_offer_leaves_the_server_ready_for_the_next_request() {
    let mut server = established(Config::RELIABLE);
    server.store.refuses = Some(Reason::NoSpace);
    assert_eq!(server.receive(&[offer(1, 5)]), ["Err 1: reason 10"]);
    assert!(server.session.is_idle());
}

/// R11, R33.
#[test]
fn chunks_of_a_refused_file_are_skipped_on_a_reliable_link() {
    let mut server = established(Config::RELIABLE);
    server.store.refuses = Some(Reason::NoSpace);
    server.receive(&[offer(1, 5)]);
    assert_eq!(server.receive(&[chunk(1, false, 0, b"hello")]), [""; 0]);
    assert!(server.session.is_idle());
}

/// R32.
#[test]
fn on_a_lossy_link_each_offer_is_answered_with_position_and_credit() {
    let mut server = established(Config::LOSSY);
    assert_eq!(server.receive(&[offer(1, 5)]), ["Pon 1: at 0, credit 128, count 0"]);
    assert_eq!(server.receive(&[offer(1, 5)]), ["Pon 1: at 0, credit 128, count 0"]);
}

/// R47, R51.
#[test]
fn a_query_is_answered_with_position_and_count() {
    let mut server = established(Config::LOSSY);
    server.receive(&[offer(1, 1000), chunk(1, false, 0, &[7; 256])]);
    let query = from_client(Signal::ask(1, 256, 2));
    assert_eq!(server.receive(&[query]), ["Pon 1: at 256, credit 128, count 2"]);
}

/// R53.
#[test]
fn a_lost_chunk_leaves_a_gap_that_its_retransmission_fills() {
    let mut server = established(Config::LOSSY);
    server.receive(&[offer(1, 768), chunk(1, false, 0, &[1; 256])]);
    // The chunk at 256 is lost.
    server.receive(&[chunk(1, false, 512, &[3; 256])]);
    let query = from_client(Signal::ask(1, 768, 4));
    assert_eq!(server.receive(&[query]), ["Pon 1: at 256, credit 128, count 4"]);
    let rest = chunk(1, false, 256, &[2; 256]);
    let query = from_client(Signal::ask(1, 768, 5));
    assert_eq!(server.receive(&[rest, query]), ["Pon 1: at 768, credit 128, count 5"]);
}

/// R26.
#[test]
fn on_a_lossy_link_the_result_is_repeated_for_who_asks() {
    let mut server = established(Config::LOSSY);
    server.receive(&[offer(1, 5), chunk(1, false, 0, b"hello")]);
    let done = from_client(Signal::done(1, 5, 3, Tables::crc64(0, b"hello")));
    assert_eq!(server.receive(core::slice::from_ref(&done)), ["Don 1: size 5, count 3"]);
    assert_eq!(server.receive(&[done]), ["Don 1: size 5, count 3"]);
    let query = from_client(Signal::ask(1, 5, 4));
    assert_eq!(server.receive(&[query]), ["Don 1: size 5, count 4"]);
}

/// R31, R32.
#[test]
fn a_client_sends_offer_chunks_and_done() {
    let mut client = client(Config::RELIABLE, "f", &[7; 1500]);
    assert!(client.session.begin(Task::Put).is_ok());
    assert_eq!(client.receive(&[]), ["Pin 0: session 12345678"]);
    let chosen = from_server(Signal::hello(Code::Pon, &hello(Config::RELIABLE)));
    assert_eq!(
        client.receive(&[chosen]),
        [
            "Saf 1: size 1500",
            "metadata 0 +1",
            "chunk 0 +1024",
            "chunk 1024 +476",
            "Don 1: size 1500, count 4",
        ]
    );
    client.receive(&[from_server(Signal::done(1, 1500, 4, Tables::crc64(0, &[7; 1500])))]);
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { entries: 1, .. }))));
}

/// R73.
#[test]
fn a_question_without_an_answer_is_sent_again_on_a_lossy_link() {
    let mut client = client(Config::LOSSY, "f", b"hello");
    assert!(client.session.begin(Task::Put).is_ok());
    let first = client.receive(&[]);
    assert_eq!(client.wait(), first);
    assert_eq!(client.wait(), first);
}

/// R55, R57.
#[test]
fn a_lost_chunk_is_sent_again_in_blocks() {
    let mut client = client(Config::LOSSY, "f", &[7; 2048]);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
    let ack = |position, count, blocks: &[u32]| {
        let info = AckInfo::Sack(blocks.iter().copied().collect());
        from_server(Signal::ack(1, position, 128, count, info))
    };
    assert_eq!(
        client.receive(&[ack(0, 0, &[])]),
        ["chunk 0 +1024", "chunk 1024 +1024", "Don 1: size 2048, count 4"]
    );
    // The first chunk is lost: the receiver has blocks 4 to 7.
    assert_eq!(
        client.receive(&[ack(0, 4, &[3, 4, 5, 6])]),
        [
            "chunk 0 +256",
            "chunk 256 +256",
            "chunk 512 +256",
            "chunk 768 +256",
            "Don 1: size 2048, count 9"
        ]
    );
}

/// R23.
#[test]
fn a_get_of_a_missing_file_is_refused_with_reason_3() {
    let mut server = established(Config::RELIABLE);
    let request = Signal { metadata: 1, ..Signal::request(1, false, false) };
    let request = [from_client(request), chunk(1, true, 0, b"x")].concat();
    assert_eq!(server.receive(&[request]), ["Err 1: reason 3"]);
}

/// R23.
#[test]
fn close_is_refused_where_it_is_not_allowed() {
    let mut server = established(Config::RELIABLE);
    assert_eq!(server.receive(&[from_client(Signal::close(1))]), ["Err 1: reason 19"]);
    let mut server = established(Config::RELIABLE.may_close(true));
    assert_eq!(server.receive(&[from_client(Signal::close(1))]), ["Don 1: size 0, count 0"]);
    assert!(matches!(server.session.poll(), Step::Over(Ok(Outcome { closed: true, .. }))));
}

/// R28.
#[test]
fn a_get_on_a_lossy_link_ends_when_the_server_has_its_last_answer() {
    let mut client = complete_get();
    assert_eq!(client.wait(), ["Pin 0: session 12345678"], "the question is repeated");
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { entries: 1, .. }))));
}

/// R28.
#[test]
fn a_get_whose_end_stays_unanswered_is_complete() {
    let mut client = complete_get();
    let begin = client.now;
    while !matches!(client.session.poll(), Step::Over(_)) {
        client.wait();
        assert!(client.now < begin + 120_000, "the client waits for ever");
    }
    assert!(client.now >= begin + 30_000, "the client gives up early");
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { entries: 1, .. }))));
    // Another task begins with a hello.
    assert!(client.session.begin(Task::Put).is_ok());
    assert_eq!(client.receive(&[]), ["Pin 0: session 12345678"]);
}

/// R28.
#[test]
fn a_get_whose_stream_ends_before_its_end_is_answered_is_complete() {
    for ends_in_order in [true, false] {
        let mut client = complete_get();
        if ends_in_order {
            client.session.received(0, Some(client.now));
        } else {
            client.session.link_failed();
        }
        assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { entries: 1, .. }))));
    }
}
