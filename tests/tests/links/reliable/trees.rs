//! Trees over a reliable link: their entries, refusals and lists.

use tinyferry_core::error::Reason;
use tinyferry_core::{Config, GetRequest, Task};
use tinyferry_kit::{File, Memory, Pair, content};

use super::{no_time_passed, small_credit};

pub(super) fn tree(files: usize) -> Memory {
    let mut store = Memory::default();
    for directory in ["t", "t/empty", "t/sub"] {
        store.directories.insert(directory.to_owned());
    }
    for number in 0..files {
        let path = format!("t/sub/file {number} é");
        let bytes = content(number * 37 % 3000, number as u64);
        store.files.insert(path, File::new(bytes));
    }
    store
}

/// R17, R37.
#[test]
fn a_tree_goes_both_ways() {
    for config in [Config::RELIABLE, small_credit(), small_credit().half_duplex(true)] {
        for files in [0, 1, 2, 50, 300] {
            let mut pair = Pair::new(config, tree(files), Memory::default());
            pair.client.store.queue_tree("t");
            let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
            assert_eq!((outcome.entries, outcome.refused), (files as u32 + 2, 0));
            no_time_passed(&pair);
            assert_eq!(pair.server.store.files, pair.client.store.files);
            assert!(pair.server.store.directories.contains("t/empty"));

            let mut pair = Pair::new(config, Memory::default(), tree(files));
            let task = Task::get_tree("t");
            pair.run(task).expect("it ends").expect("it succeeds");
            assert_eq!(pair.server.store.files, pair.client.store.files);
            no_time_passed(&pair);
        }
    }
}

/// With a delay many frames are ready at once. The existing files are compared meanwhile, and no
/// buffered frame may block the answers.
#[test]
fn frames_in_one_read_are_handled_one_by_one() {
    for files in [1, 2, 50] {
        for read in (1..=40).chain([400, 1035, 1036, usize::MAX]) {
            // A file is offered and then given up: the next signal comes in place of its content.
            let mut client = tree(files);
            let broken = "t/sub/broken".to_owned();
            client.files.insert(broken.clone(), File::new(content(900, 9)));
            client.broken.insert(broken.clone(), Reason::NoPermission);
            let mut pair = Pair::new(Config::RELIABLE, client, tree(0)).delayed(5);
            (pair.client.read, pair.server.read) = (read, read);
            for _ in 0..2 {
                pair.client.store.queue_tree("t");
                let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
                let counts = (outcome.entries, outcome.refused);
                assert_eq!(counts, (files as u32 + 3, 1), "reads of {read}");
                assert_eq!(pair.server.store.files.len(), files, "reads of {read}");
            }
            pair.client.store.files.remove(&broken);
            assert_eq!(pair.server.store.files, pair.client.store.files, "reads of {read}");
            pair.client.store.files.clear();
            let task = Task::get_tree("t");
            pair.run(task).expect("it ends").expect("it succeeds");
            assert_eq!(pair.server.store.files, pair.client.store.files, "reads of {read}");
        }
    }
}

#[test]
fn a_tree_of_more_entries_than_transfer_ids_arrives() {
    let mut store = Memory::default();
    for number in 0..140_000 {
        store.files.insert(format!("{number}"), File::new(vec![number as u8]));
    }
    let mut pair = Pair::new(Config::RELIABLE, store, Memory::default());
    pair.server.store.refuse.insert("139998".into(), Reason::NoPermission);
    pair.server.store.refuse.insert("7".into(), Reason::NoSpace);
    pair.client.store.queue_tree("");
    let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (140_000, 2));
    assert_eq!(pair.server.store.files.len(), 139_998);
    let mut refused = pair.client.store.refused.clone();
    refused.sort();
    assert_eq!(refused[0], ("139998".into(), Reason::NoPermission));
    assert_eq!(refused[1], ("7".into(), Reason::NoSpace));
}

/// R11, R41.
#[test]
fn refused_entries_of_a_tree_leave_the_others_alone() {
    for credit in [1, 2, 3, 8, 8192] {
        for half_duplex in [false, true] {
            refusals(Config::RELIABLE.credit(credit).half_duplex(half_duplex));
        }
    }
}

fn refusals(config: Config) {
    let mut pair = Pair::new(config, tree(40), Memory::default());
    for number in [0, 1, 17, 39] {
        let path = format!("t/sub/file {number} é");
        pair.server.store.refuse.insert(path, Reason::NoPermission);
    }
    pair.client.store.broken.insert("t/sub/file 5 é".into(), Reason::NoPermission);
    pair.client.store.queue_tree("t");
    let outcome = pair.run(Task::Put).expect("it ends").expect("the tree succeeds");
    assert_eq!((outcome.entries, outcome.refused), (42, 5));
    assert_eq!(pair.server.store.files.len(), 35);
    assert_eq!(pair.client.store.refused.len(), 4);
    no_time_passed(&pair);
}

/// R41.
#[test]
fn an_entry_that_neither_end_can_move_counts_once() {
    for config in [Config::RELIABLE, Config::RELIABLE.credit(2), Config::LOSSY] {
        let mut pair = Pair::new(config, tree(5), Memory::default());
        for number in [1, 4] {
            let path = format!("t/sub/file {number} é");
            pair.client.store.broken.insert(path.clone(), Reason::NoPermission);
            pair.server.store.refuse.insert(path, Reason::NoSpace);
        }
        pair.client.store.queue_tree("t");
        let outcome = pair.run(Task::Put).expect("it ends").expect("the tree succeeds");
        assert_eq!((outcome.entries, outcome.refused), (7, 2), "{config:?}");
    }
}

/// R46.
#[test]
fn a_list_moves_no_content() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut pair = Pair::new(config, Memory::default(), tree(30));
        let task = Task::Get(GetRequest::tree("t").names());
        let outcome = pair.run(task).expect("it ends").expect("it succeeds");
        assert_eq!(outcome.entries, 32);
        assert_eq!(pair.client.store.offers.len(), 33);
        assert_eq!(pair.server.store.loaded, 0);
        assert!(pair.client.store.files.is_empty());
    }
}

/// R61, R65.
#[test]
fn a_tree_with_wrong_partials_arrives_whole() {
    for config in [small_credit(), Config::RELIABLE, Config::LOSSY] {
        let mut pair = Pair::new(config, tree(60), Memory::default());
        for number in 0..60 {
            let path = format!("t/sub/file {number} é");
            let mut partial = content(number * 37 % 3000, number as u64);
            partial.truncate(partial.len() * 2 / 3);
            if number % 3 == 0 && !partial.is_empty() {
                partial[0] ^= 1;
            }
            pair.server.store.partials.insert(path, partial);
        }
        pair.client.store.queue_tree("t");
        pair.run(Task::Put).expect("it ends").expect("it succeeds");
        assert_eq!(pair.server.store.files, pair.client.store.files);
        assert_eq!(pair.client.store.refused, []);
    }
}
