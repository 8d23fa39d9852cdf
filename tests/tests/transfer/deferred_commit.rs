//! Files of a tree that a store puts in place later than it commits them: the other end is told
//! nothing that speaks for a file before that is in place, or refused.

use tinyferry_core::checksum::Tables;
use tinyferry_core::error::Reason;
use tinyferry_core::wire::{Code, SIGNAL_LEN, Seeds, Signal};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{File, Memory, Pair, content};

const SESSION: u32 = 77;
const GET_TREE: Task<'static> = Task::get_tree("t");

fn name(number: usize) -> String {
    format!("t/{number:05}")
}

fn tree(files: usize, size: usize) -> Memory {
    let mut store = Memory::default();
    for number in 0..files {
        store.files.insert(name(number), File::new(content(size, number as u64)));
    }
    store.queue_tree("t");
    store
}

/// A store that is tardy, and finds no place for these.
fn tardy(late: &[usize]) -> Memory {
    let mut store = Memory::default();
    store.tardy = true;
    store.late = late.iter().map(|number| (name(*number), Reason::NoSpace)).collect();
    store
}

/// The signals of the server of a session.
fn signals(record: &[u8]) -> Vec<Signal> {
    let seed = Seeds::server(SESSION).sending;
    let (frames, rest) = record.as_chunks::<SIGNAL_LEN>();
    assert_eq!(rest, []);
    let signal = |frame| Signal::parse::<Tables>(seed, frame).expect("it is one");
    frames.iter().map(signal).collect()
}

/// R40.
#[test]
fn a_failed_commit_is_reported_before_any_reply_that_covers_the_file() {
    let late = [0, 3, 4, 17, 40, 98, 99];
    for credit in [1, 2, 3, 8, 20, 64, 4_000] {
        let config = Config::RELIABLE.credit(credit);
        let mut pair = Pair::new(config, tree(100, 10), tardy(&late)).delayed(1);
        pair = pair.numbered(SESSION, config);
        pair.down.record = Some(Vec::new());
        let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
        assert_eq!((outcome.entries, outcome.refused), (100, 7), "{credit}");
        let refused: Vec<_> = late.iter().map(|number| (name(*number), Reason::NoSpace)).collect();
        assert_eq!(pair.client.store.refused, refused);
        assert_eq!(pair.server.store.files.len(), 93);
        let mut awaited = late.iter().copied().peekable();
        for signal in signals(&pair.down.record.take().expect("it is kept")) {
            match signal.code {
                Code::Err => {
                    let number = awaited.next().expect("one for each");
                    assert_eq!(usize::from(signal.transfer), 2 + number);
                    assert_eq!(signal.reason(), Reason::NoSpace);
                }
                // The hello's says something else.
                _ if signal.transfer == 0 => {}
                // The tree's offer is one frame, and each file three.
                _ => {
                    let spoken_for = (usize::from(signal.count()) - 1) / 3;
                    assert!(awaited.peek().is_none_or(|number| *number >= spoken_for));
                }
            }
        }
        assert_eq!(awaited.next(), None);
    }
}

/// R40.
#[test]
fn the_prefix_of_an_offered_file_is_told_before_the_commits_of_earlier_files() {
    let mut server = tardy(&[2]);
    server.partials.insert(name(5), content(2_048, 5));
    let mut pair = Pair::new(Config::RELIABLE, tree(10, 3_000), server).delayed(1);
    pair = pair.numbered(SESSION, Config::RELIABLE);
    pair.down.record = Some(Vec::new());
    let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
    assert_eq!((outcome.entries, outcome.refused), (10, 1));
    assert_eq!(pair.client.store.refused, [(name(2), Reason::NoSpace)]);
    let told = signals(&pair.down.record.take().expect("it is kept"));
    let told: Vec<_> = told.iter().map(|signal| (signal.code, signal.transfer)).collect();
    assert_eq!(told, [(Code::Pon, 0), (Code::Pon, 7), (Code::Err, 4), (Code::Don, 1)]);
}

#[test]
fn transfer_numbers_wrap_around_and_name_the_right_file() {
    let late = [0, 32_768, 65_532, 65_533, 65_534, 65_535, 65_999];
    let mut pair = Pair::new(Config::RELIABLE, tree(66_000, 1), tardy(&late));
    let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
    assert_eq!((outcome.entries, outcome.refused), (66_000, 7));
    let refused: Vec<_> = late.iter().map(|number| (name(*number), Reason::NoSpace)).collect();
    assert_eq!(pair.client.store.refused, refused);
    assert_eq!(pair.server.store.files.len(), 65_993);
}

#[test]
fn a_client_counts_failed_commits() {
    for config in [Config::RELIABLE, Config::RELIABLE.credit(5)] {
        let mut pair = Pair::new(config, tardy(&[1, 9]), tree(10, 3_000));
        let outcome = pair.run(GET_TREE).expect("it ends").expect("the tree is transferred");
        assert_eq!((outcome.entries, outcome.refused), (10, 2));
        assert_eq!(pair.client.store.files.len(), 8);
        assert_eq!(pair.server.store.refused.len(), 2);
    }
}

#[test]
fn refused_offers_do_not_shift_the_ids_of_deferred_commits() {
    let mut server = tardy(&[5, 6]);
    server.refuse.insert(name(2), Reason::NoPermission);
    server.partials.insert(name(3), content(2_048, 99));
    let mut pair = Pair::new(Config::RELIABLE, tree(10, 3_000), server).delayed(1);
    let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
    // One was offered afresh.
    assert_eq!((outcome.entries, outcome.refused), (11, 3));
    let mut refused = pair.client.store.refused.clone();
    refused.sort();
    let no_space = |number| (name(number), Reason::NoSpace);
    assert_eq!(refused, [(name(2), Reason::NoPermission), no_space(5), no_space(6)]);
    assert_eq!(pair.server.store.files.len(), 7);
    assert_eq!(pair.server.store.bytes(&name(3)), pair.client.store.bytes(&name(3)));
}

#[test]
fn single_files_and_files_over_a_lossy_link_are_never_deferred() {
    let mut pair = Pair::new(Config::LOSSY, tree(5, 2_000), tardy(&[3])).delayed(1);
    let outcome = pair.run(Task::Put).expect("it ends").expect("the tree is transferred");
    assert_eq!((outcome.entries, outcome.refused), (5, 0));
    assert_eq!(pair.server.store.files, pair.client.store.files);

    let mut pair = Pair::new(Config::RELIABLE, tree(5, 2_000), tardy(&[3]));
    pair.client.store.queue_file(&name(3));
    assert!(pair.run(Task::Put).expect("it ends").is_ok());
    assert_eq!(pair.server.store.files.len(), 1);
}

#[test]
fn a_tree_that_is_cut_keeps_its_committed_files() {
    let whole = tree(20, 3_000);
    for cut in (1_000..60_000).step_by(1_777) {
        let mut pair = Pair::new(Config::RELIABLE, whole.clone(), tardy(&[]));
        pair.up.cut = Some(cut);
        let mut prompt = Pair::new(Config::RELIABLE, whole.clone(), Memory::default());
        prompt.up.cut = Some(cut);
        assert!(pair.run(Task::Put).expect("it ends").is_err());
        assert!(prompt.run(Task::Put).expect("it ends").is_err());
        assert_eq!(pair.server.store.files, prompt.server.store.files, "{cut}");
    }
}
