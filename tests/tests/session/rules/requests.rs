//! Rules of trees, of requests and their endings, of metadata, and of the questions of a sender.

use super::*;

fn offer_tree(frames: &mut Frames) {
    frames.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
}

/// An entry of a tree: an empty file, whole.
fn empty_entry(frames: &mut Frames, number: u16, count: u16) {
    frames.described(Signal::offer(number, 0, 0, 5), &[b'a' + number as u8]);
    frames.signal(Signal::done(number, 0, count, 0));
}

/// R13.
#[test]
fn a_signal_without_its_metadata_is_dropped_on_a_lossy_link() {
    let (mut server, mut client) = server(Config::LOSSY, Memory::default());
    client.signal(Signal { metadata: 1, ..Signal::offer(1, 0, 5, 5) });
    client.signal(Signal::ask(1, 0, 1));
    assert_eq!(outline(&server.receive(&client.take())), []);
    client.described(Signal::offer(1, 0, 5, 5), b"f");
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Pon, 1)]);
}

/// R12.
#[test]
fn metadata_that_its_signal_cannot_have_is_skipped() {
    let (mut server, mut client) = server(Config::RELIABLE, Memory::default());
    client.described(Signal::offer(1, 0, 5, 5), b"f");
    client.described(Signal::ask(1, 0, 1), b"metadata");
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Pon, 1)]);
}

/// R29.
#[test]
fn a_closed_server_on_a_lossy_link_repeats_its_answer_for_three_seconds() {
    let config = Config::LOSSY.may_close(true);
    let (mut server, mut client) = server(config, Memory::default());
    for question in [Signal::new(Code::Cls, 1, 0), Signal::ask(1, 0, 0)] {
        client.signal(question);
        assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
    }
    assert_eq!(outline(&server.receive(&Frames::client(9, Config::LOSSY).take())), []);
    server.wait(2_900);
    client.signal(Signal::new(Code::Cls, 1, 0));
    assert_eq!(outline(&server.receive(&client.take())), [(Code::Don, 1)]);
    assert_eq!(result(&mut server), None);
    server.wait(200);
    assert_eq!(result(&mut server), Some(Ok(())));
}

/// R38.
#[test]
fn a_tree_inside_a_tree_ends_the_session() {
    let (mut server, mut client) = server(Config::RELIABLE, Memory::default());
    offer_tree(&mut client);
    client.described(Signal::offer_tree(2, UNKNOWN, UNKNOWN), b"u");
    assert_eq!(outline(&server.receive(&client.take())), []);
    assert!(matches!(result(&mut server), Some(Err(_))));
}

/// R43.
#[test]
fn a_wrong_number_of_entries_refuses_the_tree() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for claimed in [0, 2] {
            let (mut server, mut client) = server(config, Memory::default());
            offer_tree(&mut client);
            empty_entry(&mut client, 2, 3);
            client.signal(Signal::done(1, claimed, 4, 0));
            let said = server.receive(&client.take());
            assert_eq!(outline(&said).last(), Some(&(Code::Err, 1)));
            assert_eq!(said.last().map(Signal::reason), Some(Reason::Incomplete));
        }
    }
}

/// R45.
#[test]
fn a_sender_may_give_up_a_whole_tree() {
    for (config, answer) in [(Config::RELIABLE, vec![]), (Config::LOSSY, vec![(Code::Err, 1)])] {
        let (mut server, mut client) = server(config, Memory::default());
        offer_tree(&mut client);
        empty_entry(&mut client, 2, 3);
        server.receive(&client.take());
        client.signal(Signal::refuse(1, 0, Reason::Storage, 0));
        assert_eq!(outline(&server.receive(&client.take())), answer);
        // The server awaits the next request.
        empty_entry(&mut client, 3, 2);
        let said = server.receive(&client.take());
        assert_eq!(outline(&said).last(), Some(&(Code::Don, 3)));
    }
}

/// R51.
#[test]
fn a_question_about_an_entry_that_has_ended_is_answered_within_a_tree() {
    for (config, code) in [(Config::RELIABLE, Code::Pon), (Config::LOSSY, Code::Don)] {
        let (mut server, mut client) = server(config, Memory::default());
        offer_tree(&mut client);
        empty_entry(&mut client, 2, 3);
        server.receive(&client.take());
        // The tree, the entry, and on a lossy link its ending.
        client.signal(Signal::ask(1, 0, 3));
        client.signal(Signal::ask(2, 0, 3));
        let said = server.receive(&client.take());
        assert_eq!(outline(&said), [(Code::Pon, 1), (code, 2)]);
        assert_eq!((said[0].position, said[0].count()), (1, 3));
    }
}

/// R53.
#[test]
fn a_sender_stays_within_the_receive_window() {
    let mut store = Memory::with([("f", content(100_000, 1))]);
    store.queue_file("f");
    let (mut client, mut server, _) = client(Config::LOSSY, store, Task::Put);
    server.signal(Signal::ack(1, 0, 32_767, 0, AckInfo::Sack(Default::default())));
    let sent = chunk_lengths(&client.exchange(&server.take()));
    assert_eq!(sent.iter().sum::<usize>(), 97 * 256);
}

/// R62.
#[test]
fn an_offer_past_two_gibibytes_that_could_be_resumed_is_answered() {
    let most = (1 << 31) - 1;
    let offers = [(most, most, false), (most + 1, most + 1, true), (UNKNOWN, 1, true)];
    for (size, resume, is_answered) in offers.into_iter().chain([(most + 1, 0, false)]) {
        let (mut server, mut client) = server(Config::RELIABLE, Memory::default());
        client.described(Signal::offer(1, resume, size, 5), b"f");
        let said = server.receive(&client.take());
        let expected: &[_] = if is_answered { &[(Code::Pon, 1)] } else { &[] };
        assert_eq!(outline(&said), expected, "{size}, {resume}");
        assert!(said.iter().all(|answer| answer.position == 0 && answer.credit() > 0));
    }
}

/// R73, R74.
#[test]
fn a_question_is_repeated_after_twice_the_round_trip() {
    let mut store = Memory::with([("f", content(5000, 1))]);
    store.queue_file("f");
    let (mut client, mut server, _) = client(Config::LOSSY, store, Task::Put);
    let mut answer = |client: &mut Endpoint<Memory>, count| {
        server.signal(Signal::ack(1, 0, 1, count, AckInfo::Sack(Default::default())));
        client.receive(&server.take())
    };
    client.now += 10;
    let asked = answer(&mut client, 0);
    assert_eq!(outline(&asked), [(Code::Pin, 1)]);
    client.now += 100;
    assert_eq!(outline(&answer(&mut client, asked[0].count())), [(Code::Pin, 1)]);
    assert_eq!(outline(&client.wait(199)), []);
    assert_eq!(outline(&client.wait(1)), [(Code::Pin, 1)]);
    assert_eq!(outline(&client.wait(399)), []);
    assert_eq!(outline(&client.wait(1)), [(Code::Pin, 1)]);
}
