//! Renames that the other end requests.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tinyferry_core::store::Operation;

use super::*;

const REMOVING: Rights = Rights { read: true, write: true, remove: true };

/// Another program makes each target at about the time of its rename.
#[test]
fn a_file_that_appears_during_a_rename_is_not_replaced() {
    const ROUNDS: usize = 1_000;

    for existing in [Existing::Refuse, Existing::KeepBoth] {
        let dir = temporary();
        fs::create_dir(dir.path().join("d")).unwrap();
        let policy = Policy { existing, ..Policy::default() };
        let mut store = Directory::serving(root(&dir), REMOVING, Sync::Never, ()).governed(&policy);
        // The time of the last rename, in nanoseconds.
        let (begin, taken) = (Barrier::new(2), AtomicU64::new(0));
        let (mut renamed, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut made = Vec::new();
                for number in 0..ROUNDS {
                    let path = dir.path().join(format!("d/{number}"));
                    begin.wait();
                    // At each time during the rename, which looks at the paths before it changes them.
                    let delay = taken.load(Ordering::Relaxed) * (number as u64 % 32) / 32;
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_nanos(delay) {}
                    made.push(fs::File::create_new(path).is_ok());
                }
                made
            });
            let mut results = Vec::new();
            for number in 0..ROUNDS {
                let (from, to) = (format!("f{number}"), format!("d/{number}"));
                fs::write(dir.path().join(&from), "x").unwrap();
                begin.wait();
                let (rename, start) = (Operation::Rename { from: &from }, Instant::now());
                results.push(store.operate(&to, Kind::File, &rename).map(drop));
                taken.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
            }
            for (number, (made, result)) in
                other.join().unwrap().into_iter().zip(results).enumerate()
            {
                let is_left = dir.path().join(format!("f{number}")).exists();
                let expected = if made { Err(Reason::Exists) } else { Ok(()) };
                assert_eq!((result, is_left), (expected, made), "{existing:?}: {number}");
                if made { refused += 1 } else { renamed += 1 }
            }
        });
        assert!(renamed > 0 && refused > 0, "{renamed} renamed, {refused} refused");
    }
}
