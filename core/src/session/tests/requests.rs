//! Requests in unusual places, and stores that fail (`PROTOCOL.md`, sections 6.2 and 6.4).

use std::vec::Vec;

use crate::wire::SackMap;

use super::*;
use crate::store::Patterns;

/// The request of a client for the file "f".
fn request(id: u16) -> Vec<u8> {
    let request = Signal { metadata: 1, ..Signal::request(id, false, false) };
    [from_client(request), chunk(id as u8, true, 0, b"f")].concat()
}

/// A server that has refused the content of a resumable file, and waits for the second offer.
fn awaiting_reoffer(config: Config) -> Line {
    let mut server = established(config);
    server.receive(&[resumable_offer(1, 5, 5), chunk(1, false, 0, b"hello")]);
    assert_eq!(server.receive(&[from_client(Signal::done(1, 5, 3, 7))]), ["Err 1: reason 15"]);
    server
}

#[test]
fn in_place_of_a_second_offer_another_request_is_served() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut server = awaiting_reoffer(config);
        let sent = server.receive(&[request(2)]);
        assert!(sent.starts_with(&["Saf 2: size 5".into(), "metadata 0 +1".into()]), "{sent:?}");
        let mut server = awaiting_reoffer(config.may_close(true));
        let close = from_client(Signal::close(2));
        assert_eq!(server.receive(&[close]), ["Don 2: size 0, count 0"]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_given_up_with_the_reason_of_the_store() {
    let mut client = client(Config::RELIABLE, "f", b"hello");
    client.store.unreadable = Some(Reason::NoPermission);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    let chosen = from_server(Signal::hello(Code::Pon, &hello(Config::RELIABLE)));
    let sent = client.receive(&[chosen]);
    assert_eq!(sent, ["Saf 1: size 5", "metadata 0 +1", "Err 1: reason 4"]);
}

#[test]
fn a_file_that_is_not_offered_again_is_refused_for_good() {
    let mut server = awaiting_reoffer(Config::LOSSY);
    let given_up = from_client(Signal::refuse(2, 0, Reason::SourceChanged, 0));
    assert_eq!(server.receive(&[given_up]), [""; 0]);
    let query = from_client(Signal::ask(2, 0, 4));
    assert_eq!(server.receive(&[query]), ["Err 2: reason 13"]);
}

#[test]
fn a_client_that_waits_for_a_second_offer_serves_no_request() {
    let mut client = getting(Config::RELIABLE);
    let seeds = Seeds::server(NUMBER);
    let offer = Signal { metadata: 1, ..Signal::offer(1, 5, 5, 5) };
    let offer = [from_server(offer), chunk_of(seeds, 1, true, 0, b"f")].concat();
    let wrong = from_server(Signal::done(1, 5, 2, 7));
    let sent = client.receive(&[offer, chunk_of(seeds, 1, false, 0, b"hello"), wrong]);
    assert_eq!(sent, ["Err 1: reason 15"]);
    for request in [Signal::request(2, false, false), Signal::close(2)] {
        assert_eq!(client.receive(&[from_server(request)]), [""; 0]);
    }
    let again = Signal { metadata: 1, ..Signal::offer(2, 0, 5, 5) };
    let again = [from_server(again), chunk_of(seeds, 2, true, 0, b"f")].concat();
    let right = from_server(Signal::done(2, 5, 4, Tables::crc64(0, b"hello")));
    let sent = client.receive(&[again, chunk_of(seeds, 2, false, 0, b"hello"), right]);
    assert_eq!(sent, ["Don 2: size 5, count 4"]);
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { refused: 0, .. }))));
}

/// A client that has requested the file "f", as transfer 1.
fn getting(config: Config) -> Line {
    let mut client = client(config, "f", b"");
    assert!(client.session.begin(Task::get_file("f")).is_ok());
    client.receive(&[]);
    let sent = client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    assert_eq!(sent, ["Raf 1", "metadata 0 +1"]);
    client
}

#[test]
fn an_answer_to_another_request_is_ignored() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut client = getting(config);
        let seeds = Seeds::server(NUMBER);
        let other = Signal { metadata: 1, ..Signal::offer(9, 0, 5, 5) };
        let other = [from_server(other), chunk_of(seeds, 9, true, 0, b"f")].concat();
        let refusal = from_server(Signal::refuse(9, 0, Reason::NotFound, 0));
        assert_eq!(client.receive(&[other, refusal]), [""; 0]);
        assert!(matches!(client.session.state, State::AwaitOffer(_)));
    }
}

#[test]
fn the_message_of_another_refusal_does_not_overwrite_the_path() {
    let mut client = getting(Config::LOSSY);
    let other = Signal { metadata: 3, ..Signal::refuse(9, 0, Reason::NotFound, 0) };
    let message = chunk_of(Seeds::server(NUMBER), 9, true, 0, b"why");
    client.receive(&[from_server(other), message]);
    let sent = (0..9).map(|_| client.wait()).find(|sent| !sent.is_empty());
    assert_eq!(sent.unwrap_or_default(), ["Raf 1", "metadata 0 +1"]);
}

#[test]
fn a_hello_that_comes_again_is_answered_while_a_reliable_server_sends() {
    let mut server = established(Config::RELIABLE.credit(1));
    server.store.name = "f".into();
    server.store.content = [7; 5000].into();
    server.receive(&[request(1)]);
    let hello = from_client(Signal::hello(Code::Pin, &hello(Config::RELIABLE)));
    assert_eq!(server.receive(&[hello]), ["Pon 0: session 12345678"]);
}

#[test]
fn a_file_that_waits_for_its_second_offer_is_refused_again_to_who_asks() {
    let mut server = awaiting_reoffer(Config::LOSSY);
    let query = || from_client(Signal::ask(1, 5, 4));
    assert_eq!(server.receive(&[query()]), ["Err 1: reason 15"]);
    let given_up = from_client(Signal::refuse(1, 5, Reason::Incomplete, 0));
    assert_eq!(server.receive(&[given_up]), ["Err 1: reason 15"], "of the first offer");
    assert_eq!(server.receive(&[offer(2, 5)]), ["Pon 2: at 0, credit 128, count 4"]);
    let mut server = awaiting_reoffer(Config::RELIABLE);
    assert_eq!(server.receive(&[query()]), [""; 0], "nothing is lost");
}

#[test]
fn a_client_that_has_lost_its_path_asks_for_the_rest_of_the_answer() {
    let mut client = getting(Config::LOSSY);
    let offer = Signal { metadata: 1, ..Signal::offer(1, 0, 5, 5) };
    client.receive(&[from_server(offer)]);
    assert_eq!(client.wait(), ["Pin 1: count 0"]);
}

#[test]
fn a_list_gets_the_offers_alone_and_moves_no_content() {
    let config = Config::RELIABLE;
    let mut client = client(config, "f", b"");
    assert!(client.session.begin(Task::Get(GetRequest::file("f").names())).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    let offer = Signal { metadata: 1, ..Signal::offer(1, 0, 5, 5) };
    let path = chunk_of(Seeds::server(NUMBER), 1, true, 0, b"f");
    client.receive(&[[from_server(offer), path].concat()]);
    assert!(matches!(client.session.poll(), Step::Over(Ok(Outcome { entries: 1, .. }))));

    let mut server = established(config);
    (server.store.name, server.store.content) = ("f".into(), b"hello".into());
    let list = Signal { metadata: 1, ..Signal::request(1, false, true) };
    let list = [from_client(list), chunk(1, true, 0, b"f")].concat();
    assert_eq!(server.receive(&[list]), ["Saf 1: size 5", "metadata 0 +1"]);
}

/// A client that has offered the file "f", as transfer 1.
fn sending(config: Config, content: &[u8]) -> Line {
    let mut client = client(config, "f", content);
    client.store.resumable = true;
    client.store.modified = Some(5);
    client.store.step = 100;
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    let chosen = from_server(Signal::hello(Code::Pon, &hello(config)));
    let sent = client.receive(&[chosen]);
    let offered = [std::format!("Saf 1: size {}", content.len()), "metadata 0 +1".into()];
    assert!(sent.starts_with(&offered), "{sent:?}");
    client
}

#[test]
fn a_second_offer_outside_a_tree_needs_no_credit() {
    let mut client = sending(Config::LOSSY.credit(1), b"hello");
    let refusal = from_server(Signal::refuse(1, 0, Reason::DigestDiffers, 0));
    assert_eq!(client.receive(&[refusal]), ["Saf 2: size 5", "metadata 0 +1"]);
}

#[test]
fn a_store_that_gives_few_bytes_at_once_fills_whole_chunks_all_the_same() {
    let mut client = sending(Config::LOSSY, &[7; 1500]);
    let info = AckInfo::Sack(SackMap::EMPTY);
    let sent = client.receive(&[from_server(Signal::ack(1, 0, 128, 0, info))]);
    assert_eq!(sent, ["chunk 0 +1024", "chunk 1024 +476", "Don 1: size 1500, count 4"]);
}

#[test]
fn a_store_that_takes_no_byte_has_failed_and_one_that_takes_few_has_not() {
    let mut server = established(Config::LOSSY);
    server.store.step = 100;
    server.receive(&[offer(1, 1000), chunk(1, false, 0, &[7; 512])]);
    let query = from_client(Signal::ask(1, 512, 2));
    assert_eq!(server.receive(&[query]), ["Pon 1: at 512, credit 128, count 2"]);
    server.store.is_full = true;
    let sent = server.receive(&[chunk(1, false, 512, &[7; 256])]);
    assert_eq!(sent, [std::format!("Err 1: reason {}", Reason::Storage.code())]);
}

#[test]
fn nothing_is_read_from_the_store_while_the_message_of_a_refusal_comes_in() {
    let mut client = sending(Config::LOSSY, &[7; 5000]);
    let info = AckInfo::Sack(SackMap::EMPTY);
    let accepted = from_server(Signal::ack(1, 0, 128, 0, info));
    let refusal = Signal { metadata: 3, ..Signal::refuse(1, 0, Reason::NoSpace, 0) };
    let sent = client.receive(&[accepted, from_server(refusal)]);
    assert_eq!(sent, ["chunk 0 +1024"], "the chunk that was going out");
    client.receive(&[chunk_of(Seeds::server(NUMBER), 1, true, 0, b"why")]);
    let refused = Err(Failure::Refused(Reason::NoSpace));
    assert!(matches!(client.session.poll(), Step::Over(result) if result == refused));
}

#[test]
fn a_question_waits_for_the_rest_of_a_frame_that_comes_in() {
    let mut client = sending(Config::LOSSY, b"hello");
    let asked = client.now;
    client.now = asked + 995;
    let info = AckInfo::Sack(SackMap::EMPTY);
    let ack = from_server(Signal::ack(1, 0, 128, 0, info));
    client.receive(&[ack.get(..10).unwrap_or_default().into()]);
    assert_eq!(client.session.deadline(), Some(asked + 1_015));
}

#[test]
fn at_a_sender_the_last_bytes_of_a_short_file_are_progress() {
    let ack = |position, count| {
        let info = AckInfo::Sack(SackMap::EMPTY);
        from_server(Signal::ack(1, position, 128, count, info))
    };
    let mut client = sending(Config::LOSSY, b"hello");
    client.receive(&[ack(0, 0)]);
    let begin = client.now;
    for _ in 0..8 {
        client.now += 6_000;
        client.receive(&[ack(0, 1)]);
    }
    client.now = begin + 59_000;
    client.receive(&[ack(5, 1)]);
    client.now = begin + 62_000;
    client.receive(&[ack(5, 1)]);
    assert!(!matches!(client.session.poll(), Step::Over(_)));
}

#[test]
fn after_noise_and_a_silence_a_gap_inside_the_next_frame_is_one_of_the_line() {
    let mut server = established(Config::LOSSY);
    server.now += 100;
    server.receive(&[b"x".to_vec()]);
    server.wait();
    let query = from_client(Signal::ask(1, 0, 0));
    let (front, rest) = query.split_at(10);
    server.now += 100;
    server.receive(&[front.into()]);
    server.now += 15;
    server.receive(&[rest.into()]);
    server.receive(&[front.into()]);
    assert_eq!(server.session.deadline(), Some(server.now + 30));
}

#[test]
fn a_request_whose_options_cannot_be_sent_does_not_begin() {
    let mut client = client(Config::RELIABLE, "f", b"");
    let long = &*"x".repeat(255);
    let with = |patterns| {
        let options = RequestOptions { patterns, ..RequestOptions::default() };
        Task::Get(GetRequest::tree("t").with(options))
    };
    let [empty, too_many, most] = [&[""][..], &[long; 4], &["*.o", long]];
    for patterns in [empty, too_many] {
        let begun = client.session.begin(with(Patterns::new(patterns)));
        assert_eq!(begun, Err(Failure::InvalidOptions));
        assert_eq!(client.receive(&[]), [""; 0]);
    }
    assert_eq!(client.session.begin(with(Patterns::new(most))), Ok(()));
}
