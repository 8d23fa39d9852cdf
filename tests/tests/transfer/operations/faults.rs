//! Operations over lines with faults.

use tinyferry_core::{Config, Task};
use tinyferry_kit::{Faults, Memory, QueuedOperation, content, seeds};

use super::{done, pair, stat, target};

/// R26, R81.
#[test]
fn an_operation_is_performed_once_and_answered_however_many_frames_are_lost() {
    for seed in 0..300 {
        let mut client = Memory::with([("t/new", content(3, 3000))]);
        let operations = [
            ("", stat()),
            ("a", QueuedOperation::Remove),
            ("missing", stat()),
            ("d/c", QueuedOperation::Rename("d/b".to_owned())),
            ("d/", stat()),
        ];
        client.queue_operations(Some("t"), &operations);
        client.follow_up = vec!["t/new".to_owned()];
        let mut pair = pair(Config::LOSSY, client, target()).serial(115_200, seed);
        pair.up.faults.drop = 0.002;
        pair.down.faults.drop = 0.002;
        assert_eq!(pair.run(Task::Put), Ok(done(6)), "seed {seed}");
        let sizes: Vec<_> =
            pair.client.store.answers.iter().map(|(_, stat, _)| stat.size).collect();
        assert_eq!(sizes, [2, 0, 0, 1], "seed {seed}");
        assert_eq!(pair.server.store.operations, 5, "seed {seed}");
        assert_eq!(pair.client.store.refused.len(), 1, "seed {seed}");
        let files: Vec<_> = pair.server.store.files.keys().collect();
        assert_eq!(files, ["t/d/c", "t/new", "z"], "seed {seed}");
    }
}

/// R26, R81.
#[test]
fn operations_and_entries_cross_every_fault_at_once() {
    let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    for seed in 0..seeds(40) {
        for delay in [0, 50] {
            let mut client =
                Memory::with([("t/new", content(3, 30_000)), ("t/d/c", content(2, 6))]);
            let operations = [
                ("", stat()),
                ("a", QueuedOperation::Remove),
                ("missing", stat()),
                ("d/c", QueuedOperation::Rename("d/b".to_owned())),
                ("empty/", QueuedOperation::Remove),
            ];
            client.queue_operations(Some("t"), &operations);
            client.follow_up = vec!["t/new".to_owned()];
            let mut pair =
                pair(Config::LOSSY, client, target()).serial(921_600, seed).delayed(delay);
            (pair.up.faults, pair.down.faults) = (faults, faults);
            assert_eq!(pair.run(Task::Put), Ok(done(6)), "seed {seed}");
            let server = &pair.server.store;
            let files: Vec<_> = server.files.keys().collect();
            assert_eq!(files, ["t/d/c", "t/new", "z"], "seed {seed}");
            assert_eq!(server.bytes("t/new"), Some(content(3, 30_000).as_slice()), "seed {seed}");
            assert_eq!((server.operations, server.directories.len()), (5, 0), "seed {seed}");
        }
    }
}
