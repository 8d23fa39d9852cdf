//! Credit, window and questions of a sender, and the positions that a receiver sends unasked.

use tinyferry_core::checksum::{Checksums as _, Tables};
use tinyferry_core::wire::{
    AckInfo, Code, HEADER_LEN, Header, SIGNAL_LEN, SackMap, Signal, UNKNOWN,
};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Endpoint, Frames, Memory, content, outline};

const SESSION: u32 = 0x0102_0304;
const NONE: AckInfo = AckInfo::Sack(SackMap::EMPTY);

/// Position and length of each chunk of a file among these bytes.
fn chunks(mut bytes: &[u8]) -> Vec<(u32, u16)> {
    let mut found = Vec::new();
    while let Some(header) = bytes.first_chunk() {
        match Header::parse(header) {
            Some(header) => {
                if !header.metadata {
                    found.push((header.position, header.length));
                }
                bytes = &bytes[HEADER_LEN + usize::from(header.length)..];
            }
            None => bytes = &bytes[SIGNAL_LEN..],
        }
    }
    found
}

/// A client that puts a file of `size` bytes, or a tree `t`.
fn put(config: Config, size: usize, tree: bool) -> (Endpoint<Memory>, Frames, Vec<Signal>) {
    let mut store = Memory::with([("t/f", content(size, 1))]);
    store.directories.extend((0..6).map(|number| format!("t/{number}")));
    if tree {
        store.queue_tree("t")
    } else {
        store.queue_file("t/f")
    }
    Endpoint::client(SESSION, config, store, Task::Put)
}

/// Delivers one signal, and returns the chunks that the client sends then.
fn deliver(client: &mut Endpoint<Memory>, server: &mut Frames, signal: Signal) -> Vec<(u32, u16)> {
    server.signal(signal);
    chunks(&client.exchange(&server.take()))
}

/// R50.
#[test]
fn a_sender_queries_every_quarter_of_the_credit_and_names_the_open_file() {
    let config = Config::RELIABLE.credit(44).chunk(256);
    let (_, _, said) = put(config, 256 * 12, true);
    let mut expected = vec![(Code::Sar, 1)];
    // Two frames of each directory; eleven frames were sent with the end of the fifth.
    for number in 2..=8 {
        if number == 7 {
            expected.push((Code::Pin, 1));
        }
        expected.push((Code::Saf, number));
        if number == 8 {
            expected.push((Code::Pin, 8));
        }
        expected.push((Code::Don, number));
    }
    expected.push((Code::Don, 1));
    assert_eq!(outline(&said), expected);
}

/// R53, R54, R55.
#[test]
fn a_sender_keeps_to_the_window_and_forgets_blocks_that_were_lost_before_it() {
    let config = Config::LOSSY.credit(200);
    let (mut client, mut server, _) = put(config, 200_000, false);
    let window = 97 * 256;
    let first = deliver(&mut client, &mut server, Signal::ack(1, 0, 200, 0, NONE));
    assert_eq!((first.len(), first.last()), (25, Some(&(24 * 1024, 256))));
    // 26 frames were sent: all are lost, and one may go again.
    let lost = deliver(&mut client, &mut server, Signal::ack(1, 0, 1, 26, NONE));
    assert_eq!(lost, [(0, 256)]);
    // All came after all: nothing of it goes again, and new chunks are small.
    let after = deliver(&mut client, &mut server, Signal::ack(1, window, 200, 27, NONE));
    let expected: Vec<_> = (97..194).map(|block| (block * 256, 256)).collect();
    assert_eq!(after, expected);
    // 128 small ones in all, although the window was full meanwhile.
    let ack = Signal::ack(1, 2 * window, 200, 27 + 97, NONE);
    let last = deliver(&mut client, &mut server, ack);
    let small = last.iter().take_while(|(_, length)| *length == 256).count();
    assert_eq!((97 + small, last[small].1), (128, 1024));
    // An older position is ignored.
    let old = deliver(&mut client, &mut server, Signal::ack(1, window, 200, 27, NONE));
    assert_eq!(old, []);
}

/// R55. After a timeout while chunks are not acknowledged.
#[test]
fn after_a_timeout_with_chunks_in_flight_chunks_are_one_block_long() {
    let config = Config::LOSSY.credit(3);
    // The offer was repeated, and nothing was under way.
    let (mut client, mut server, _) = put(config, 200_000, false);
    assert_eq!(outline(&client.wait(1_000)), [(Code::Saf, 1)]);
    let first = deliver(&mut client, &mut server, Signal::ack(1, 0, 3, 1, NONE));
    assert_eq!(first, [(0, 1024), (1024, 1024), (2048, 1024)]);
    assert_eq!(outline(&client.wait(5_000)), [(Code::Pin, 1)]);
    let next = deliver(&mut client, &mut server, Signal::ack(1, 3072, 3, 4, NONE));
    assert_eq!(next, [(3072, 256), (3328, 256), (3584, 256)]);
}

/// R48. Counts that were not reached yet, older ones and other transfers give no credit.
#[test]
fn only_a_new_count_of_sent_frames_gives_credit() {
    for lossy in [true, false] {
        let link = if lossy { Config::LOSSY } else { Config::RELIABLE };
        let (mut client, mut server, _) = put(link.credit(4), 200_000, false);
        let first = deliver(&mut client, &mut server, Signal::ack(1, 0, 4, 1, NONE));
        assert!(!first.is_empty());
        // Five frames were sent: the last four have used the credit up.
        let position = |count: u16| if lossy { u64::from(count) * 1024 - 1024 } else { 0 };
        for signal in [
            Signal::ack(1, 0, 99, 6, NONE),
            Signal::ack(1, 0, 99, 0, NONE),
            Signal::ack(9, 0, 99, 5, NONE),
            Signal::ack(0x8001, 0, 99, 5, NONE),
        ] {
            assert_eq!(deliver(&mut client, &mut server, signal), [], "{signal:?}");
        }
        let next = deliver(&mut client, &mut server, Signal::ack(1, position(3), 4, 3, NONE));
        assert_eq!(next, [(4096, 1024), (5120, 1024)], "lossy: {lossy}");
    }
}

/// R54. Nothing is lost: nothing is sent again, neither the chunks nor the end.
#[test]
fn a_position_after_done_asks_for_no_acked_block() {
    for lossy in [true, false] {
        let config = if lossy { Config::LOSSY } else { Config::RELIABLE };
        let (mut client, mut server, said) = put(config, 600, false);
        let mut said = outline(&said);
        if lossy {
            server.signal(Signal::ack(1, 0, 128, 1, NONE));
            said = outline(&client.receive(&server.take()));
        }
        assert_eq!(said.last(), Some(&(Code::Don, 1)));
        let map = AckInfo::Sack(SackMap::EMPTY);
        for signal in [
            Signal::ack(1, 600, 128, 2, map),
            Signal::ack(1, 0, 128, 1, map),
            Signal::done(2, 600, 3, 0),
            Signal::done(0x8001, 600, 3, 0),
        ] {
            server.signal(signal);
            assert_eq!(outline(&client.receive(&server.take())), [], "{lossy} {signal:?}");
            assert!(client.session.deadline().is_some(), "it still waits");
        }
    }
}

/// R66. Only the count of the tree's end asks for offers after it.
#[test]
fn an_old_position_of_a_tree_does_not_repeat_its_end() {
    let (mut client, mut server, said) = put(Config::RELIABLE, 10, true);
    let end = said.last().expect("it says something");
    assert_eq!((end.code, end.transfer), (Code::Don, 1));
    for (signal, expected) in [
        (Signal::ack(1, 7, 128, end.count() - 1, NONE), vec![]),
        (Signal::done(8, 10, end.count(), 0), vec![]),
        (Signal::ack(1, 7, 128, end.count(), NONE), vec![(Code::Don, 1)]),
    ] {
        server.signal(signal);
        assert_eq!(outline(&client.receive(&server.take())), expected, "{signal:?}");
    }
}

/// R61, R78. A sender that reads a long prefix says so every 4 MiB; on a half-duplex link it waits for
/// the answer each time that it has asked.
#[test]
fn a_sender_that_reads_a_long_prefix_sends_keepalives() {
    let size = 9 << 20;
    let bytes = content(size, 1);
    let digest = Tables::crc64(0, &bytes);
    for half_duplex in [false, true] {
        let config = Config::LOSSY.half_duplex(half_duplex);
        let mut store = Memory::with([("f", bytes.clone())]);
        store.queue_file("f");
        let (mut client, mut server, _) = Endpoint::client(SESSION, config, store, Task::Put);
        let prefix = Signal::ack(1, size as u64, 128, 0, AckInfo::PrefixDigest(digest));
        server.signal(prefix);
        let said = client.receive(&server.take());
        let asked: Vec<_> = said.iter().map(|signal| (signal.code, signal.position)).collect();
        let end = (Code::Don, size as u64);
        if half_duplex {
            assert_eq!(asked, [end]);
        } else {
            assert_eq!(asked, [(Code::Pin, 4 << 20), (Code::Pin, 8 << 20), end]);
        }
    }
    // Where it takes long: the question of every two seconds is answered before it reads on.
    let config = Config::LOSSY.half_duplex(true);
    let mut store = Memory::with([("f", bytes)]);
    store.queue_file("f");
    let (mut client, mut server, _) = Endpoint::client(SESSION, config, store, Task::Put);
    client.work = 100;
    server.signal(Signal::ack(1, size as u64, 128, 0, AckInfo::PrefixDigest(digest)));
    for step in 1..=3 {
        let said = client.receive(&server.take());
        assert_eq!(outline(&said), [(Code::Pin, 1)], "step {step}");
        let read = said[0].position;
        assert!(read > 0 && read <= step * 21 * 1024, "step {step}: {read}");
        server.signal(Signal::ack(1, 0, 128, said[0].count(), NONE));
    }
}

/// R78. A receiver that stores chunks and was not asked for two seconds sends its position.
#[test]
fn a_receiver_of_chunks_sends_its_position_every_two_seconds_on_a_reliable_link() {
    for (lossy, half_duplex, expected) in
        [(false, false, vec![(Code::Pon, 1)]), (true, false, vec![]), (false, true, vec![])]
    {
        let link = if lossy { Config::LOSSY } else { Config::RELIABLE };
        let config = link.half_duplex(half_duplex);
        let (mut server, mut client) = Endpoint::server(SESSION, config, Memory::default());
        client.described(Signal::offer(1, 0, 2048, 5), b"f");
        server.receive(&client.take());
        server.now += 1_999;
        client.chunk(1, 0, &content(1024, 1));
        assert_eq!(outline(&server.receive(&client.take())), []);
        server.now += 1;
        client.signal(Signal::done(77, 0, 0, 0));
        let said = server.receive(&client.take());
        assert_eq!(outline(&said), expected);
        assert!(
            said.iter().all(|signal| (signal.position, signal.credit()) == (1024, config.credit))
        );
        // All of it came: nothing is missing.
        server.now += 2_000;
        client.chunk(1, 1024, &content(1024, 1));
        assert_eq!(outline(&server.receive(&client.take())), []);
    }
    // Between the entries of a tree nothing is missing either.
    let (mut server, mut client) = Endpoint::server(SESSION, Config::RELIABLE, Memory::default());
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    server.receive(&client.take());
    server.now += 9_000;
    client.signal(Signal::done(77, 0, 0, 0));
    assert_eq!(outline(&server.receive(&client.take())), []);
}

/// R51.
#[test]
fn a_question_is_answered_for_the_transfer_that_it_names() {
    let (mut server, mut client) = Endpoint::server(SESSION, Config::RELIABLE, Memory::default());
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    client.described(Signal::offer(2, 0, 0, 5), b"a/");
    client.signal(Signal::done(2, 0, 2, 0));
    client.described(Signal::offer(3, 0, 2048, 5), b"f");
    client.chunk(3, 0, &content(1024, 1));
    server.receive(&client.take());
    for (number, position) in [(1, 2), (2, 0), (3, 1024), (9, 0)] {
        client.signal(Signal::ask(number, 0, 8));
        let said = server.receive(&client.take());
        assert_eq!(outline(&said), [(Code::Pon, number)]);
        assert_eq!((said[0].position, said[0].count()), (position, 8), "{number}");
    }
}
