//! Refusals, ends and odd starts: a refused request must not become another one.

use tinyferry_core::checksum::Tables;
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{Code, SIGNAL_LEN, Signal};
use tinyferry_core::{Config, GetRequest, Session, Task};
use tinyferry_kit::{Endpoint, File, Frames, Memory, Pair, content, outline, session_number};

fn tree(files: usize, size: usize) -> Memory {
    let mut store = Memory::default();
    for number in 0..files {
        let bytes = content(size, number as u64);
        store.files.insert(format!("t/{number:05}"), File::new(bytes));
    }
    store.queue_tree("t");
    store
}

const GET_TREE: Task<'static> = Task::get_tree("t");

/// R44.
#[test]
fn the_entries_of_a_refused_tree_are_not_stored() {
    for config in [Config::RELIABLE, Config::RELIABLE.credit(2), Config::LOSSY] {
        let mut server = Memory::default();
        server.refuse.insert("t".into(), Reason::NotDirectory);
        let mut pair = Pair::new(config, tree(50, 2000), server).delayed(20);
        let refused = Ok(Err(Failure::Refused(Reason::NotDirectory)));
        assert_eq!(pair.run(Task::Put), refused);
        assert!(pair.server.store.files.is_empty() && pair.server.store.partials.is_empty());
        // The next request has the number that the first entry had.
        pair.client.store.files.insert("one".into(), File::new(content(10, 7)));
        pair.client.store.queue_file("one");
        assert!(pair.run(Task::Put).expect("it ends").is_ok());
        assert_eq!(pair.server.store.files.keys().collect::<Vec<_>>(), ["one"]);

        // The same with a client that refuses the files of its request.
        let mut server = tree(50, 2000);
        server.files.insert("other".into(), File::new(content(10, 99)));
        let mut client = Memory::default();
        client.refuse.insert("t".into(), Reason::NotDirectory);
        let mut pair = Pair::new(config, client, server).delayed(20);
        assert_eq!(pair.run(GET_TREE), refused);
        let other = Task::get_file("other");
        assert!(pair.run(other).expect("it ends").is_ok());
        assert_eq!(pair.client.store.files.keys().collect::<Vec<_>>(), ["other"]);
        assert_eq!(pair.client.store.bytes("other"), pair.server.store.bytes("other"));
    }
}

/// R47, R48, R50.
#[test]
fn a_small_credit_never_stops_a_tree() {
    for size in [0, 10, 5 * 1024, 6 * 1024] {
        for credit in [1, 2, 3, 4, 8, 128, 40_000] {
            for half_duplex in [false, true] {
                let config = Config::LOSSY.credit(credit).half_duplex(half_duplex);
                let mut pair = Pair::new(config, tree(5, size), Memory::default());
                pair = pair.serial(921_600, 1);
                assert!(pair.run(Task::Put).expect("it ends").is_ok());
                assert_eq!(pair.server.store.files, pair.client.store.files);
                let share = (5 * size) as f64 / 92_160.0;
                let seconds = pair.now as f64 / 1e9;
                assert!(seconds < share * 1.2 + 0.1, "{size}, {credit}: it took {seconds} s");
            }
        }
    }
}

/// R48.
#[test]
fn a_tree_may_have_more_refusals_than_credit() {
    for config in [Config::LOSSY, Config::RELIABLE, Config::RELIABLE.credit(3)] {
        let mut server = Memory::default();
        for number in 0..300 {
            server.refuse.insert(format!("t/{number:05}"), Reason::NoPermission);
        }
        let mut pair = Pair::new(config, tree(301, 10), server).delayed(1);
        let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
        assert_eq!((outcome.entries, outcome.refused), (301, 300));
        assert_eq!(pair.client.store.refused.len(), 300);
        assert_eq!(pair.server.store.files.len(), 1);
        assert!(pair.now < 4_000_000_000, "it took {} ms", pair.now / 1_000_000);
    }
}

/// R46.
#[test]
fn a_list_commits_nothing_and_names_unreadable_entries() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut server = tree(5, 10);
        server.broken.insert("t/00002".into(), Reason::NoPermission);
        let mut pair = Pair::new(config, Memory::default(), server);
        let task = Task::Get(GetRequest::tree("t").names());
        let outcome = pair.run(task).expect("it ends").expect("it succeeds");
        assert_eq!((outcome.entries, outcome.refused), (5, 0));
        let task = Task::Get(GetRequest::file("t/00001").names());
        let outcome = pair.run(task).expect("it ends").expect("it succeeds");
        assert_eq!(outcome.entries, 1);
        assert!(pair.client.store.files.is_empty());
        assert!(pair.run(Task::Ping).expect("it ends").is_ok());
    }
}

/// R65.
#[test]
fn a_slow_receiver_gets_a_re_offer_in_a_tree() {
    for delay in [1, 2600, 6000] {
        let mut server = Memory::default();
        server.partials.insert("t/00002".into(), content(2048, 77));
        let mut pair = Pair::new(Config::RELIABLE, tree(5, 3000), server).delayed(delay);
        let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
        assert_eq!(outcome.refused, 0);
        assert_eq!(pair.server.store.files, pair.client.store.files);
        assert_eq!(pair.client.store.refused, []);
    }
}

/// R19, R69.
#[test]
fn noise_before_a_hello_is_ignored() {
    let mut server = Endpoint::new(Session::server(Config::LOSSY), Memory::default());
    server.grains = vec![(0, 1)];
    let hello = Frames::client(7, Config::LOSSY).take();
    let answer = server.receive(&[&[0], hello.as_slice()].concat());
    assert_eq!(outline(&answer), [(Code::Pon, 0)]);
}

/// R72.
#[test]
fn a_hello_in_the_payload_of_a_damaged_chunk_is_content() {
    // The file is nothing but a hello of another session, again and again; the headers of the
    // chunks are hit, so that the reader looks at the content.
    let file = Frames::client(99, Config::LOSSY).take().repeat(400);
    for seed in 0..40 {
        let client = Memory::with([("f", file.clone())]);
        let mut pair = Pair::new(Config::LOSSY, client, Memory::default()).serial(921_600, seed);
        pair.up.faults.flip = 1e-4;
        pair.client.store.queue_file("f");
        assert!(pair.run(Task::Put).expect("it ends").is_ok(), "seed {seed}");
        assert_eq!(pair.server.store.files, pair.client.store.files);
    }
}

/// A file in two versions; the partial of one end is the beginning of the other version.
fn differing() -> (File, Vec<u8>) {
    (File::new(content(9_000, 1)), content(4_096, 2))
}

/// R67.
#[test]
fn a_re_offer_that_does_not_come_ends_its_request_alone() {
    // Which of the two is found first is a matter of time.
    let differs =
        |result| matches!(result, Ok(Err(Failure::Refused(reason))) if reason.wants_reoffer());
    for config in [Config::RELIABLE, Config::LOSSY] {
        let (file, other) = differing();
        let mut client = Memory::default();
        client.gives_up = true;
        client.files.insert("f".into(), file.clone());
        client.queue_file("f");
        let mut server = tree(3, 100);
        server.partials.insert("f".into(), other.clone());
        server.files.insert("docs/one".into(), File::new(content(10, 3)));
        let mut pair = Pair::new(config, client, server).delayed(5);
        assert!(differs(pair.run(Task::Put)));
        // The answer belongs to the last request, and to nothing else.
        let docs = Task::get_tree("docs");
        assert!(pair.run(docs).expect("it ends").is_ok());
        assert_eq!(pair.client.store.files.keys().collect::<Vec<_>>(), ["docs/one", "f"]);
        pair.server.store.files.clear();
        pair.client.store.queue_tree("docs");
        assert!(pair.run(Task::Put).expect("it ends").is_ok());
        assert_eq!(pair.server.store.files.keys().collect::<Vec<_>>(), ["docs/one"]);

        // The same with a server that does not offer once more.
        let mut server = Memory::default();
        server.gives_up = true;
        server.files.insert("f".into(), file);
        let mut client = Memory::default();
        client.partials.insert("f".into(), other);
        let mut pair = Pair::new(config, client, server).delayed(5);
        let get = Task::get_file("f");
        assert!(differs(pair.run(get)));
        assert!(pair.now < 5_000_000_000, "it took {} ns", pair.now);
    }
}

/// R66.
#[test]
fn entries_that_are_not_re_offered_are_counted_as_refused() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for gives_up in [false, true] {
            let (file, other) = differing();
            let mut server = tree(3, 100);
            server.gives_up = gives_up;
            let mut client = Memory::default();
            for path in ["t/a", "t/b"] {
                server.files.insert(path.into(), file.clone());
                client.partials.insert(path.into(), other.clone());
            }
            let mut pair = Pair::new(config, client, server).delayed(5);
            let outcome = pair.run(GET_TREE).expect("it ends").expect("the tree goes through");
            assert_eq!(outcome.refused, if gives_up { 2 } else { 0 }, "{config:?}");
            assert_eq!(pair.client.store.files.len(), if gives_up { 3 } else { 5 });
        }
    }
}

/// R20.
#[test]
fn the_negotiated_payload_is_a_multiple_of_the_block() {
    let config = Config::RELIABLE.chunk(1000);
    let mut pair = Pair::new(config, tree(2, 3_000), Memory::default());
    assert!(pair.run(Task::Put).expect("it ends").is_ok());
    assert_eq!(pair.server.store.files, pair.client.store.files);
}

/// R18, R20.
#[test]
fn hellos_in_the_content_of_a_refused_file_begin_no_session() {
    let config = Config::LOSSY.credit(0);
    let bytes: Vec<u8> =
        (1..3_000).flat_map(|session| Frames::client(session, config).bytes).collect();
    let mut client = Memory::default();
    client.files.insert("f".into(), File::new(bytes));
    client.files.insert("g".into(), File::new(content(10, 1)));
    client.queue_file("f");
    let mut server = Memory::default();
    server.room = 30_000;
    let mut pair = Pair::new(Config::LOSSY, client, server).serial(921_600, 1).delayed(10);
    // Nobody reads the chunks that are still on their way, and their content has no effect.
    assert_eq!(pair.run(Task::Put), Ok(Err(Failure::Refused(Reason::NoSpace))));
    pair.client.store.queue_file("g");
    pair.server.store.room = u64::MAX;
    assert!(pair.run(Task::Put).expect("it ends").is_ok());
    assert_eq!(pair.server.store.bytes("g"), pair.client.store.bytes("g"));
}

#[test]
fn a_sender_without_credit_continues_once_the_file_is_refused() {
    for credit in 2..20 {
        let config = Config::RELIABLE.credit(credit);
        let mut server = Memory::default();
        let client = tree(3, 40_000);
        let begun = client.bytes("t/00000").expect("it is there")[..36 * 1024].to_vec();
        server.partials.insert("t/00000".into(), begun);
        // The partial cannot be read back to its end.
        server.shrinks = true;
        let mut pair = Pair::new(config, client, server).delayed(1);
        let outcome = pair.run(Task::Put).expect("it ends").expect("the tree goes through");
        assert_eq!(outcome.refused, 1, "{credit}");
        assert!(pair.now < 10_000_000_000, "{credit}: it took {} ns", pair.now);
    }
}

/// Over a line a hello is refused, and the message is lost. The message may have overwritten the path of the get,
/// which is needed again if the next hello is accepted.
/// R13.
#[test]
fn a_refused_hello_needs_no_message() {
    let mut session = Session::client(session_number(7), Config::LOSSY);
    session.begin(GET_TREE).expect("it may");
    session.resume(Some(0));
    let mut client = Endpoint::new(session, Memory::default());
    let refusal = Signal { metadata: 5, ..Signal::refuse(0, 0, Reason::Busy, 7) };
    let mut frame = [0; SIGNAL_LEN];
    refusal.emit::<Tables>(0, &mut frame);
    assert_eq!(outline(&client.receive(&frame)), [(Code::Pin, 0)]);
    while client.result().is_none() {
        assert_eq!(client.wait(60_000), []);
    }
    assert_eq!(client.result(), Some(Err(Failure::Refused(Reason::Busy))));
    assert_eq!(client.session.message(), "");
}

/// R22.
#[test]
fn a_second_hello_is_answered_as_the_first() {
    let session = Session::server(Config::RELIABLE.sha256(true));
    let mut server = Endpoint::new(session, Memory::default());
    let mut answer_to = |chunk, credit| {
        let config = Config::RELIABLE.chunk(chunk).credit(credit);
        server.exchange(&Frames::client(7, config).bytes)
    };
    let first = answer_to(800, 8);
    assert!(!first.is_empty());
    for (chunk, credit) in [(800, 8), (256, 8), (1024, 9), (100, 8), (800, 0)] {
        assert_eq!(answer_to(chunk, credit), first, "{chunk}, {credit}");
    }
}
