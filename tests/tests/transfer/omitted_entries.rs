//! A tree's sender says how many entries it left out because no offer can name them.

use tinyferry_core::error::Reason;
use tinyferry_core::{Config, GetRequest, Task};
use tinyferry_kit::{Faults, File, Memory, Pair};

fn tree(omitted: u32) -> Memory {
    let mut store = Memory::default();
    store.omitted = omitted;
    store.directories.insert("t".into());
    for number in 0..5 {
        store.files.insert(format!("t/{number}"), File::new(vec![number; 700]));
    }
    store
}

fn get(names_only: bool) -> Task<'static> {
    Task::Get(GetRequest { names_only, ..GetRequest::tree("t") })
}

/// R42.
#[test]
fn the_count_of_omitted_entries_comes_with_the_end_of_the_tree() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for (names_only, files) in [(false, 5), (true, 0)] {
            for omitted in [0, 7, u32::MAX] {
                let mut pair = Pair::new(config, Memory::default(), tree(omitted));
                let outcome = pair.run(get(names_only)).expect("it ends").expect("it succeeds");
                assert_eq!((outcome.refused, outcome.omitted), (0, omitted));
                assert_eq!(pair.client.store.files.len(), files);
            }
        }
    }
}

#[test]
fn the_count_of_omitted_entries_is_of_one_tree() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut pair = Pair::new(config, tree(0), tree(3));
        let mut omitted = |task| pair.run(task).expect("it ends").expect("it succeeds").omitted;
        assert_eq!(omitted(get(false)), 3);
        assert_eq!(omitted(Task::get_file("t/1")), 0);
        pair.client.store.omitted = 2;
        pair.client.store.queue_tree("t");
        assert_eq!(pair.run(Task::Put).expect("it ends").expect("it succeeds").omitted, 2);
    }
}

/// R41, R42.
#[test]
fn the_count_of_omitted_entries_survives_loss_and_refused_entries() {
    let faults = Faults { flip: 1e-5, drop: 1e-4, ..Faults::default() };
    for seed in 0..20 {
        let mut store = tree(4);
        store.broken.insert("t/2".into(), Reason::NoPermission);
        let mut pair = Pair::new(Config::LOSSY, Memory::default(), store).serial(921_600, seed);
        (pair.up.faults, pair.down.faults) = (faults, faults);
        let outcome = pair.run(get(false)).expect("it ends").expect("it succeeds");
        assert_eq!((outcome.refused, outcome.omitted), (1, 4), "seed {seed}");
        assert_eq!(pair.client.store.files.len(), 4);
    }
}
