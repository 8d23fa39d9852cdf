//! Numbers of transfers that have gone once around.

use tinyferry_core::error::Reason;
use tinyferry_core::{Config, GetRequest, Outcome, Task};
use tinyferry_kit::{File, Memory, Pair, content};

fn tree(entries: usize) -> Memory {
    let mut store = Memory::default();
    for number in 0..entries {
        store.files.insert(format!("t/{number}"), File::new(Vec::new()));
    }
    store
}

fn get(path: &str, tree: bool) -> Task<'_> {
    Task::Get(GetRequest { tree, ..GetRequest::file(path) })
}

/// Each of these succeeds, with this number of entries.
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
/// R24.
#[test]
fn a_request_follows_a_tree_that_used_all_transfer_ids() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for entries in [65_533, 65_534] {
            let mut pair = Pair::new(config, tree(entries), Memory::default());
            pair.client.store.queue_tree("t");
            run(&mut pair, Task::Put, entries as u32);
            put(&mut pair.clone(), "f");
            run(&mut pair, get("t/7", false), 1);
            put(&mut pair, "f");
        }
    }
}

/// Requests take all numbers up to that of a file that the server has taken before. R24.
#[test]
fn a_request_may_have_the_transfer_id_of_an_earlier_one() {
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

/// A get of names only, or of content. Returns its outcome.
fn ask(config: Config, entries: usize, names_only: bool) -> (Pair, Outcome) {
    let mut pair = Pair::new(config, Memory::default(), tree(entries));
    let task = Task::Get(GetRequest { names_only, ..GetRequest::tree("t") });
    let outcome = pair.run(task).expect("it ends").expect("it succeeds");
    (pair, outcome)
}

/// R25: whether a number belongs to a request is told by the numbers that it
/// has used, however far back they lie. The tree itself is asked about to the end.
#[test]
fn a_tree_may_have_more_entries_than_there_are_transfer_ids() {
    for link in [Config::RELIABLE, Config::LOSSY] {
        for credit in [1, 128, 32_767] {
            let config = link.credit(credit);
            // A question for each frame takes long; there content need not come around once more.
            let most = if credit == 1 { 33_000 } else { 70_000 };
            for (entries, names_only) in [(70_000, true), (most, false)] {
                let (pair, outcome) = ask(config, entries, names_only);
                assert_eq!((outcome.entries, outcome.refused), (entries as u32, 0));
                // The tree is offered first.
                assert_eq!(pair.client.store.offers.len(), entries + 1);
                let files = if names_only { 0 } else { entries };
                assert_eq!(pair.client.store.files.len(), files);
            }
            let mut pair = Pair::new(config, tree(most), Memory::default());
            pair.client.store.queue_tree("t");
            run(&mut pair, Task::Put, most as u32);
            assert_eq!(pair.server.store.files.len(), most);
        }
    }
}

/// A tree whose own number is high, so that its entries pass 65,535, 0 and the tree's number.
/// R24.
#[test]
fn entries_skip_zero_and_the_transfer_id_of_their_tree() {
    for link in [Config::RELIABLE, Config::LOSSY] {
        for before in [65_000, 65_531] {
            let config = link.credit(16);
            let mut pair = Pair::new(config, Memory::default(), tree(70_000));
            for number in 0..before {
                pair.client.store.files.insert(format!("u/{number}"), File::new(Vec::new()));
            }
            pair.client.store.queue_tree("u");
            run(&mut pair, Task::Put, before as u32);
            run(&mut pair, get("t", true), 70_000);
            put(&mut pair, "f");
        }
    }
}

/// Refusals of a tree's last entries, past the point where numbers come a second time.
/// R25.
#[test]
fn a_refusal_applies_to_the_last_entry_with_its_transfer_id() {
    for link in [Config::RELIABLE, Config::LOSSY] {
        let mut store = tree(66_000);
        store.queue_tree("t");
        let mut pair = Pair::new(link.credit(64), store, Memory::default());
        for path in ["t/0", "t/40000", "t/9998", "t/9999"] {
            pair.server.store.refuse.insert(path.into(), Reason::NoSpace);
        }
        let outcome = pair.run(Task::Put).expect("it ends").expect("it succeeds");
        assert_eq!((outcome.entries, outcome.refused), (66_000, 4));
        let mut refused = pair.client.store.refused;
        refused.sort();
        let expected = ["t/0", "t/40000", "t/9998", "t/9999"];
        assert_eq!(refused, expected.map(|path| (path.to_owned(), Reason::NoSpace)));
    }
}
