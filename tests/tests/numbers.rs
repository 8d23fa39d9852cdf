//! Numbers of transfers that have gone once around.

use tinyferry_core::{Config, Task};
use tinyferry_tests::{File, Memory, Pair, content};

fn tree(entries: usize) -> Memory {
    let mut store = Memory::default();
    for number in 0..entries {
        store.files.insert(format!("t/{number}"), File::new(Vec::new()));
    }
    store
}

fn get(path: &str, tree: bool) -> Task<'_> {
    Task::Get { path, tree, names_only: false }
}

/// Each of these goes well, with so many entries.
fn run(pair: &mut Pair, task: Task<'_>, entries: u32) {
    let outcome = pair.run(task).expect("it ends").expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (entries, 0));
}

fn put(pair: &mut Pair, name: &str) {
    pair.client.store.files.insert(name.into(), File::new(content(5_000, 1)));
    pair.client.store.queue_file(name);
    run(pair, Task::Put, 1);
    assert_eq!(pair.server.store.bytes(name), Some(&*content(5_000, 1)));
}

/// Requests that follow a tree whose entries have taken all other numbers, or all but a few.
#[test]
fn a_request_follows_a_tree_that_used_all_numbers() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for entries in [65_533, 65_534] {
            let mut pair = Pair::new(config, tree(entries), Memory::default());
            pair.client.store.queue_tree("t");
            run(&mut pair, Task::Put, entries as u32);
            put(&mut pair, "f");
            let mut pair = Pair::new(config, tree(entries), Memory::default());
            pair.client.store.queue_tree("t");
            run(&mut pair, Task::Put, entries as u32);
            run(&mut pair, get("t/7", false), 1);
            put(&mut pair, "f");
        }
    }
}

/// What is asked for takes all numbers up to that of a file that the server has taken before.
#[test]
fn a_request_may_have_the_number_of_an_earlier_one() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for entries in [65_533, 65_534] {
            let mut pair = Pair::new(config, Memory::default(), tree(entries));
            put(&mut pair, "f");
            run(&mut pair, get("t", true), entries as u32);
            put(&mut pair, "g");
            put(&mut pair, "h");
        }
    }
}
