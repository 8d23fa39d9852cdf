//! A server that receives a tree (`PROTOCOL.md`, sections 6.2 to 6.4).

use std::vec::Vec;

use crate::wire::SackMap;

use super::*;

const DIGEST: fn() -> u64 = || Tables::crc64(0, b"hello");

/// The offer of a tree named "t", as transfer 1.
fn tree() -> Vec<u8> {
    let offer = Signal { metadata: 1, ..Signal::offer_tree(1, UNKNOWN, UNKNOWN) };
    [from_client(offer), chunk(1, true, 0, b"t")].concat()
}

/// A server that receives the tree "t".
fn receiver(config: Config) -> Line {
    let mut server = established(config);
    server.receive(&[tree()]);
    server
}

fn query(id: u16, count: u16) -> Vec<u8> {
    from_client(Signal::ask(id, 0, count))
}

fn done(id: u16, size: u64, count: u16, digest: u64) -> Vec<u8> {
    from_client(Signal::done(id, size, count, digest))
}

/// The file "f" with its content, but for its end.
fn file(id: u16) -> Vec<u8> {
    [offer(id, 5), chunk(id as u8, false, 0, b"hello")].concat()
}

#[test]
fn a_repeated_offer_of_the_open_file_is_answered_again_and_keeps_its_content() {
    let mut server = receiver(Config::LOSSY);
    server.receive(&[offer(2, 1000), chunk(2, false, 0, &[7; 256])]);
    assert_eq!(server.receive(&[offer(2, 1000)]), ["Pon 2: at 256, credit 128, count 0"]);
    server.receive(&[chunk(2, false, 256, &[7; 256])]);
    assert_eq!(server.receive(&[query(2, 5)]), ["Pon 2: at 512, credit 128, count 5"]);
}

#[test]
fn a_completed_file_of_a_tree_is_answered_again_to_who_offers_it_or_asks() {
    let mut server = receiver(Config::LOSSY);
    let sent = server.receive(&[file(2), done(2, 5, 4, DIGEST())]);
    assert_eq!(sent, ["Pon 2: at 0, credit 128, count 0", "Don 2: size 5, count 4"]);
    assert_eq!(server.receive(&[offer(2, 5)]), ["Don 2: size 5, count 4"]);
    assert_eq!(server.receive(&[query(2, 5)]), ["Don 2: size 5, count 5"]);
    assert_eq!(server.receive(&[query(1, 6)]), ["Pon 1: at 1, credit 128, count 6"]);
    assert_eq!(server.receive(&[query(9, 7)]), [""; 0], "nothing was offered as transfer 9");
}

#[test]
fn a_tree_ends_when_each_file_was_offered_again_whose_content_was_refused() {
    let mut server = receiver(Config::LOSSY);
    server.receive(&[resumable_offer(2, 5, 5), chunk(2, false, 0, b"hello")]);
    assert_eq!(server.receive(&[done(2, 5, 4, 7)]), ["Err 2: reason 15"]);
    // Other files, and empty ones, do not take its place.
    server.receive(&[resumable_offer(3, 5, 5), chunk(3, false, 0, b"hello")]);
    assert_eq!(server.receive(&[done(3, 5, 7, DIGEST())]), ["Don 3: size 5, count 7"]);
    server.receive(&[offer(4, 0)]);
    assert_eq!(server.receive(&[done(4, 0, 9, 0)]), ["Don 4: size 0, count 9"]);
    assert_eq!(server.receive(&[done(1, 3, 10, 0)]), ["Pon 1: at 3, credit 128, count 10"]);
    server.receive(&[file(5)]);
    assert_eq!(server.receive(&[done(5, 5, 13, DIGEST())]), ["Don 5: size 5, count 13"]);
    assert_eq!(server.receive(&[done(1, 4, 10, 0)]), ["Don 1: size 4, count 10"]);
}

#[test]
fn a_question_about_a_refused_tree_is_answered_on_a_reliable_link_until_the_tree_ends() {
    let mut server = established(Config::RELIABLE);
    server.store.refuses = Some(Reason::NoSpace);
    assert_eq!(server.receive(&[tree()]), ["Err 1: reason 10"]);
    let credit = Config::RELIABLE.credit;
    let answer = std::format!("Pon 2: at 0, credit {credit}, count 3");
    assert_eq!(server.receive(&[file(2), query(2, 3)]), [answer]);
    server.receive(&[from_client(Signal::refuse(1, 0, Reason::NoSpace, 0))]);
    assert!(server.session.is_idle());
}

#[test]
fn the_next_entry_is_not_read_while_a_file_of_a_tree_is_committed_on_a_reliable_link() {
    let mut server = receiver(Config::RELIABLE);
    server.store.defers = true;
    server.receive(&[file(2)]);
    server.store.pending = 3;
    server.receive(&[done(2, 5, 4, DIGEST()), offer(3, 7)]);
    assert!(server.store.is_committed, "the next offer has interrupted the commit");
    assert_eq!((server.store.pending, server.store.verified), (0, 1));
}

#[test]
fn while_a_file_or_a_tree_is_committed_the_credit_is_0() {
    let mut server = receiver(Config::LOSSY);
    server.store.defers = true;
    server.receive(&[file(2)]);
    server.store.pending = 9;
    server.receive(&[done(2, 5, 4, DIGEST())]);
    assert_eq!(server.receive(&[query(2, 5)]), ["Pon 2: at 5, credit 0, count 5"]);
    while server.store.pending > 0 {
        server.wait();
    }
    server.store.pending = 9;
    server.receive(&[done(1, 1, 6, 0)]);
    assert_eq!(server.receive(&[query(1, 7)]), ["Pon 1: at 1, credit 0, count 7"]);
    while server.store.pending > 0 {
        assert_eq!(server.receive(&[]), [""; 0]);
        server.wait();
    }
    assert_eq!(server.store.verified, 2, "the commits go on, and are not begun again");
}

/// Receives the question of the open file seven times, then `frame` shortly before the timeout, then the
/// question again. Returns whether the session goes on past the timeout.
fn is_progress(server: &mut Line, question: &[u8], frame: &[u8]) -> bool {
    let begin = server.now;
    for _ in 0..8 {
        server.now += 6_000;
        server.receive(&[question.into()]);
    }
    server.now = begin + 59_000;
    server.receive(&[frame.into()]);
    server.now = begin + 62_000;
    server.receive(&[question.into()]);
    matches!(server.session.state, State::Receiving(_))
}

#[test]
fn the_end_of_a_file_of_a_tree_is_progress_for_its_receiver() {
    let ends: [fn() -> Vec<u8>; 2] = [
        || done(2, 5, 4, DIGEST()),
        || from_client(Signal::refuse(2, 0, Reason::SourceChanged, 0)),
    ];
    for end in ends {
        let mut server = receiver(Config::LOSSY);
        server.receive(&[file(2)]);
        server.receive(&[query(2, 4)]);
        assert!(is_progress(&mut server, &query(2, 4), &end()));
        let mut server = receiver(Config::LOSSY);
        server.receive(&[file(2)]);
        server.receive(&[query(2, 4)]);
        assert!(!is_progress(&mut server, &query(2, 4), &query(2, 4)));
    }
}

#[test]
fn at_a_receiver_a_repeated_hello_between_questions_is_no_progress() {
    let mut server = receiver(Config::LOSSY);
    server.receive(&[file(2)]);
    let question = from_client(Signal::ask(2, 5, 4));
    let hello = from_client(Signal::hello(Code::Pin, &hello(Config::LOSSY)));
    server.receive(core::slice::from_ref(&question));
    let both = [question, hello].concat();
    assert!(!is_progress(&mut server, &both, &both));
}

#[test]
fn an_offer_whose_path_does_not_fit_its_kind_is_refused() {
    let offered = |size, path: &[u8]| {
        let mut server = receiver(Config::LOSSY);
        let metadata = path.len() as u16;
        let offer = Signal { metadata, ..Signal::offer(2, 0, size, 5) };
        server.receive(&[[from_client(offer), chunk(2, true, 0, path)].concat()])
    };
    assert_eq!(offered(0, b"d/"), ["Pon 2: at 0, credit 128, count 0"]);
    assert_eq!(offered(5, b"d/"), ["Err 2: reason 8"]);
    assert_eq!(offered(5, b"f"), ["Pon 2: at 0, credit 128, count 0"]);
}

#[test]
fn a_part_that_is_longer_than_offered_is_not_resumed() {
    let mut server = established(Config::LOSSY);
    server.store.prefix = 2048;
    server.store.content = [7; 2048].into();
    let sent = server.receive(&[resumable_offer(1, 1024, 4096)]);
    assert_eq!(sent, ["Pon 1: at 0, credit 128, count 0"]);
}

/// Offers a file of five KiB as transfer 1, of which the second to the fourth come before the first.
fn with_gap(server: &mut Line) {
    server.receive(&[offer(1, 5120)]);
    for block in 1..4 {
        server.receive(&[chunk(1, false, block * 1024, &[block as u8; 1024])]);
    }
}

const FIVE: [[u8; 1024]; 5] = [[0; 1024], [1; 1024], [2; 1024], [3; 1024], [4; 1024]];

#[test]
fn a_partly_received_frame_is_not_overwritten_by_content_for_the_digest() {
    let mut server = established(Config::LOSSY);
    with_gap(&mut server);
    let next = chunk(1, false, 4096, &[4; 1024]);
    let (front, rest) = next.split_at(100);
    server.receive(&[chunk(1, false, 0, &[0; 1024]), front.into()]);
    let sent = server.receive(&[rest.into(), query(1, 9)]);
    assert_eq!(sent, ["Pon 1: at 5120, credit 128, count 9"]);
    let end = done(1, 5120, 10, Tables::crc64(0, FIVE.as_flattened()));
    assert_eq!(server.receive(&[end]), ["Don 1: size 5120, count 10"]);
}

#[cfg(feature = "sha256")]
#[cfg(feature = "sha256")]
#[test]
fn the_sha256_of_a_done_is_not_forgotten_by_a_question_behind_it() {
    let mut server = established(Config::LOSSY.sha256(true));
    with_gap(&mut server);
    server.receive(&[chunk(1, false, 4096, &[4; 1024])]);
    let mut sha256 = crate::checksum::SoftSha256::new();
    sha256.update(FIVE.as_flattened());
    let claim = [&[0, 2, 32][..], &sha256.finish()].concat();
    let digest = Tables::crc64(0, FIVE.as_flattened());
    let end = Signal { metadata: 35, ..Signal::done(1, 5120, 4, digest) };
    let end = [from_client(end), chunk(1, true, 0, &claim)].concat();
    let sent = server.receive(&[chunk(1, false, 0, &[0; 1024]), end, query(1, 5)]);
    assert!(server.store.is_committed, "{sent:?}");
}

#[test]
fn a_receiver_on_a_lossy_link_gives_up_at_the_timeout_and_repeats_nothing() {
    let mut server = receiver(Config::LOSSY);
    server.receive(&[file(2)]);
    server.wait();
    assert!(matches!(server.session.state, State::AwaitClientHello), "once");
}

#[test]
fn a_position_is_told_in_answer_to_a_question_of_the_open_file_alone() {
    let map = AckInfo::Sack(SackMap::EMPTY);
    let mut server = receiver(Config::LOSSY);
    server.receive(&[file(2)]);
    let ack = from_client(Signal::ack(2, 5, 9, 1, map));
    assert_eq!(server.receive(&[ack]), [""; 0]);
}

/// R40.
#[test]
fn prefixes_defer_the_commits_of_1024_files_at_most_where_nothing_is_queried() {
    let mut server = receiver(Config::RELIABLE.half_duplex(true));
    (server.store.defers, server.store.prefix) = (true, 1024);
    server.store.content = [7; 1024].into();
    let digest = Tables::crc64(0, &[7; 1024]);
    let credit = Config::RELIABLE.credit;
    let same = |server: &mut Line, number: u16| {
        let count = number - 2;
        let prefix = std::format!("Pon {number}: at 1024, credit {credit}, count {count}");
        assert_eq!(server.receive(&[resumable_offer(number, 1024, 1024)]), [prefix]);
        let flushed = server.store.flushed;
        assert_eq!(server.receive(&[done(number, 1024, number - 1, digest)]), [""; 0]);
        flushed
    };
    for number in 2..2 + 1024 {
        assert_eq!(same(&mut server, number), 0);
    }
    for number in 1026..1026 + 1024 {
        assert_eq!(same(&mut server, number), 1);
    }
    assert_eq!(same(&mut server, 2050), 2);
    // An answer to a query begins another batch.
    server.receive(&[query(1, 3000)]);
    assert_eq!(server.store.flushed, 3);
}
