//! Sessions with smaller buffers, beside one that has room for every frame.

use tinyferry_core::buffer::{Buffer256, Buffer512, ChunkBuffer};
use tinyferry_core::checksum::{NoSha256, Small};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::store::{RequestOptions, Skip, StatQuery};
use tinyferry_core::wire::{Code, Hello, Signal};
use tinyferry_core::{Config, GetRequest, Profile, Session, Standard, Step, Task};
use tinyferry_kit::{
    End, Endpoint, Faults, File, Frames, Memory, Operates, Pair, QueuedOperation, content,
    session_number,
};

macro_rules! profile {
    ($name:ident, $buffer:ty) => {
        #[derive(Debug, Clone)]
        struct $name;
        impl Profile for $name {
            type Checksums = Small;
            type Sha256 = NoSha256;
            type Buffer = $buffer;
            const MESSAGES: bool = true;
            const OPERATIONS: bool = true;
        }
    };
}

profile!(Of256, Buffer256);
profile!(Of512, Buffer512);

const CONFIGS: [Config; 2] = [Config::RELIABLE, Config::LOSSY];

fn pair<C: Profile, S: Profile>(
    config: Config,
    client: Memory,
    server: Memory,
) -> Pair<End<Memory, C>, End<Memory, S>> {
    let session = Session::client(session_number(0xC0FF_EE01), config);
    Pair::of(End::of(session, client), End::of(Session::server(config), server))
}

/// A path of `length` bytes, of several names.
fn path(length: usize) -> String {
    "abcdefg/".repeat(length / 8 + 1).chars().take(length - 1).chain(['z']).collect()
}

/// Files of many sizes, one with the longest path, and a directory.
fn tree(longest: usize) -> Memory {
    let mut memory = Memory::default();
    for size in [0, 1, 255, 256, 257, 1024, 5000] {
        memory.files.insert(format!("t/{size}"), File::new(content(size, 1)));
    }
    let mut deep = File::new(content(700, 2));
    (deep.mode, deep.modified) = (Some(0o644), Some(-5));
    memory.files.insert(format!("t/{}", path(longest)), deep);
    memory.directories.insert("t".into());
    memory.directories.insert("t/empty".into());
    memory
}

/// Puts a tree and a file that is resumed, and gets both.
fn moves_all<C: Profile, S: Profile>(longest: usize, chunk: u16) {
    for config in CONFIGS {
        let mut pair = pair::<C, S>(config, tree(longest), Memory::default());
        pair.client.store.files.insert("f".into(), File::new(content(9000, 3)));
        pair.client.store.queue_tree("t");
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "{outcome:?}");
        let negotiated = pair.client.session.negotiated().expect("a handshake");
        assert_eq!(negotiated.chunk, chunk);
        assert_eq!(pair.server.session.negotiated().map(|link| link.chunk), Some(chunk));

        pair.server.store.partials.insert("f".into(), content(9000, 3)[..4096].to_vec());
        pair.client.store.queue_file("f");
        let sent = pair.up.carried;
        assert!(pair.run(Task::Put).expect("it ends").is_ok());
        assert!(!config.lossy || pair.up.carried - sent < 7000, "it is resumed");
        assert_eq!(pair.server.store.files, pair.client.store.files);

        let files = std::mem::take(&mut pair.client.store.files);
        pair.client.store.directories.clear();
        assert!(pair.run(Task::get_tree("t")).expect("it ends").is_ok());
        assert!(pair.run(Task::get_file("f")).expect("it ends").is_ok());
        assert_eq!(pair.client.store.files, files);
        assert!(pair.client.store.directories.contains("t/empty"));
    }
}

/// R20.
#[test]
fn trees_and_prefixes_go_through_small_buffers_at_either_end() {
    moves_all::<Of256, Standard>(190, 256);
    moves_all::<Standard, Of256>(190, 256);
    moves_all::<Of256, Of256>(190, 256);
    moves_all::<Of512, Standard>(440, 512);
    moves_all::<Standard, Of512>(440, 512);
    moves_all::<Of512, Of256>(190, 256);
}

#[test]
fn small_buffers_cross_noise_both_ways() {
    fn one<C: Profile, S: Profile>(seed: u64) {
        let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
        let mut pair = pair::<C, S>(Config::LOSSY, tree(180), Memory::default());
        pair = pair.serial(921_600, seed);
        (pair.up.faults, pair.down.faults) = (faults, faults);
        pair.client.store.queue_tree("t");
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "seed {seed}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
        pair.client.store = Memory::default();
        let outcome = pair.run(Task::get_tree("t")).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "seed {seed}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
    }
    for seed in 0..10 {
        one::<Standard, Of256>(seed);
        one::<Of256, Standard>(seed);
        one::<Of256, Of256>(seed);
    }
}

/// R97.
#[test]
fn an_offer_whose_path_has_no_room_is_refused_and_the_others_are_not() {
    for config in CONFIGS {
        for (long, fits) in [(249, true), (250, false), (900, false)] {
            let mut client = tree(20);
            client.files.insert(format!("t/{}", path(long)), File::new(content(3000, 4)));
            client.queue_tree("t");
            let mut pair = pair::<Standard, Of256>(config, client, Memory::default());
            let outcome = pair.run(Task::Put).expect("it ends").expect("the tree goes on");
            let refused = &pair.client.store.refused;
            assert_eq!(outcome.refused, u32::from(!fits), "{long}: {refused:?}");
            // Its permission bits take 7 bytes.
            let expected = (format!("t/{}", path(long)), Reason::NameTooLong);
            assert_eq!(refused.contains(&expected), !fits, "{refused:?}");
            assert_eq!(pair.server.store.files.len(), if fits { 9 } else { 8 });
        }
    }
}

/// R97.
#[test]
fn a_request_whose_path_has_no_room_is_refused() {
    for config in CONFIGS {
        let mut pair = pair::<Standard, Of256>(config, Memory::default(), tree(100));
        let refused = Ok(Err(Failure::Refused(Reason::NameTooLong)));
        assert_eq!(pair.run(Task::get_file(&path(257))), refused);
        assert_eq!(pair.run(Task::get_tree(&path(900))), refused);
        // It stays a session as any other.
        let missing = Ok(Err(Failure::Refused(Reason::NotFound)));
        assert_eq!(pair.run(Task::get_file(&path(256))), missing);
        assert!(pair.run(Task::get_tree("t")).expect("it ends").is_ok());
        assert_eq!(pair.client.store.files, pair.server.store.files);
    }
}

#[test]
fn a_client_asks_for_no_path_that_its_buffer_has_no_room_for() {
    for (length, fits) in [(220, true), (221, false), (960, false)] {
        let mut session = Session::<Of256>::client(session_number(7), Config::LOSSY);
        let begun = session.begin(Task::get_file(&path(length)));
        assert_eq!(begun, if fits { Ok(()) } else { Err(Failure::Refused(Reason::NameTooLong)) });
    }
    let options = RequestOptions::skipping(Skip::Missing);
    for (length, fits) in [(215, true), (216, false)] {
        let mut session = Session::<Of256>::client(session_number(7), Config::LOSSY);
        let path = path(length);
        let begun = session.begin(Task::Get(GetRequest::file(&path).with(options)));
        assert_eq!(begun, if fits { Ok(()) } else { Err(Failure::InvalidOptions) });
    }
}

/// R97.
#[test]
fn a_refusal_counts_without_a_message_that_has_no_room() {
    for config in CONFIGS {
        let mut session = Session::<Of256>::client(session_number(7), config);
        session.begin(Task::get_file("f")).expect("a task");
        let mut client = Endpoint::of(session, Memory::default());
        client.receive(&[]);
        let mut server = Frames::server(7, config.chunk(256));
        server.described(Signal::refuse(1, 0, Reason::NotFound, 0), "x".repeat(257).as_bytes());
        client.receive(&server.take());
        let Step::Over(result) = client.session.poll() else { panic!("it goes on") };
        assert_eq!(result, Err(Failure::Refused(Reason::NotFound)), "{config:?}");
        assert_eq!(client.session.message(), "");
        // The message is skipped.
        client.session.begin(Task::Close).expect("a task");
        server.signal(Signal::done(2, 0, 0, 0));
        client.receive(&server.take());
        assert!(matches!(client.session.poll(), Step::Over(Ok(outcome)) if outcome.closed));
    }
}

/// R9, R11.
#[test]
fn a_chunk_that_the_buffer_has_no_room_for_is_dropped() {
    for config in CONFIGS {
        let session = Session::<Of256>::server(config);
        let mut server = Endpoint::of(session, Memory::default());
        let mut client = Frames::client(7, config);
        client.described(Signal::offer(1, 0, 768, 0), b"f");
        server.receive(&client.take());
        client.chunk(1, 0, &content(512, 1));
        client.chunk(1, 0, &content(768, 1)[..256]);
        client.chunk(1, 256, &content(768, 1)[256..512]);
        client.signal(Signal::ask(1, 0, 4));
        let said = server.receive(&client.take());
        let positions: Vec<_> = said.iter().map(|signal| (signal.code, signal.position)).collect();
        assert_eq!(positions, [(Code::Pon, 512)], "{config:?}");
    }
}

/// R20.
#[test]
fn a_hello_with_blocks_that_the_buffer_has_no_room_for_is_refused() {
    let mut server = Endpoint::of(Session::<Of256>::server(Config::LOSSY), Memory::default());
    let said = server.receive(&Frames::client(7, Config::LOSSY.block(1)).bytes);
    assert_eq!((said[0].code, said[0].reason()), (Code::Err, Reason::Unsupported));
}

/// R20.
#[test]
fn the_hello_offers_no_larger_chunk_than_the_buffer_holds() {
    fn offered<P: Profile>(config: Config) -> u16 {
        let mut session = Session::<P>::client(session_number(7), config);
        session.begin(Task::Ping).expect("a task");
        let Step::Transmit(bytes) = session.poll() else { panic!("no hello") };
        let bytes = bytes.try_into().expect("a signal");
        let Hello { chunk, .. } = Signal::parse::<Small>(7, bytes).expect("a hello").as_hello();
        chunk
    }
    assert_eq!(offered::<Of256>(Config::LOSSY), 256);
    assert_eq!(offered::<Of512>(Config::LOSSY), 512);
    assert_eq!(offered::<Of512>(Config::LOSSY.chunk(256)), 256);
    assert_eq!(offered::<Standard>(Config::LOSSY), 1024);
    assert_eq!(Buffer256::PAYLOAD, 256);
}

#[test]
fn a_smaller_buffer_saves_as_many_bytes_of_memory() {
    let sizes = [size_of::<Session<Of256>>(), size_of::<Session<Of512>>()];
    assert_eq!(sizes[1] - sizes[0], 256);
}

/// Asks for a directory of `files` files with its index, and renames a file over another one. Returns the length of
/// the index.
fn operates<C: Profile, S: Profile>(config: Config, files: usize) -> usize {
    let name = path(100);
    let mut server = Memory::with([("t/old", content(700, 1))]);
    server.files.insert(format!("t/{name}"), File::new(content(50, 2)));
    server.directories.insert("t/many".into());
    for number in 0..files {
        server.files.insert(format!("t/many/{number}"), File::new(content(number, 3)));
    }
    let query = StatQuery { facts: 1, salt: 7, digest: Some(1), ..StatQuery::default() };
    let operations = [
        ("many/", QueuedOperation::Stat(query)),
        (name.as_str(), QueuedOperation::Rename("old".to_owned())),
        ("missing", QueuedOperation::Stat(query)),
    ];
    let mut client = Memory::default();
    client.queue_operations(Some("t"), &operations);
    let mut pair = pair::<C, S>(config, client, server);
    let outcome = pair.run(Task::Put).expect("it ends").expect("it goes well");
    assert_eq!((outcome.entries, outcome.refused), (3, 0), "{config:?}");
    let client = &pair.client.store;
    assert_eq!(client.refused, [("t/missing".to_owned(), Reason::NotFound)]);
    assert_eq!(pair.server.store.bytes(&format!("t/{name}")), Some(&*content(700, 1)));
    let [(asked, stat, index), (renamed, ..)] = client.answers.as_slice() else {
        panic!("there are other answers: {:?}", client.answers);
    };
    assert_eq!((asked.as_str(), renamed), ("t/many", &format!("t/{name}")));
    // The number of entries comes whole, also where the index is cut.
    assert_eq!(stat.size, files as u64);
    index.len()
}

/// R85, R87, R97.
#[test]
fn operations_go_through_small_buffers_at_either_end() {
    for files in [0, 10, 54, 55, 63, 64, 240] {
        assert_eq!(operates::<Operates, Operates>(Config::RELIABLE, files), files);
        // The server cuts an index that its buffer has no room for.
        let cut = files.min(54);
        assert_eq!(operates::<Operates, Of256>(Config::RELIABLE, files), cut, "of {files}");
        assert_eq!(operates::<Of256, Of256>(Config::RELIABLE, files), cut, "of {files}");
        // The client skips an index that its buffer has no room for.
        let whole = if files < 64 { files } else { 0 };
        assert_eq!(operates::<Of256, Operates>(Config::RELIABLE, files), whole, "of {files}");
    }
    for files in [0, 100] {
        // An index is not sent where frames are lost.
        assert_eq!(operates::<Of256, Operates>(Config::LOSSY, files), 0);
        assert_eq!(operates::<Operates, Of256>(Config::LOSSY, files), 0);
        assert_eq!(operates::<Of256, Of256>(Config::LOSSY, files), 0);
    }
}
