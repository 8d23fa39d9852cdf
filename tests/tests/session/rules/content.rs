//! Rules of chunks, positions and prefixes.

use super::*;

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
        // Noise that begins no frame: it is dropped at once, and no byte stays in the buffer.
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
