//! The queue of deferred commits without a session.

use std::fs;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::*;
use crate::fs::event::Event;
use crate::fs::sys::metadata::Attributes;

fn batch(dir: &Arc<Dir>, files: &[(&str, &[u8])]) -> Batch {
    let mut batch = Batch::default();
    for (path, bytes) in files {
        let complete = CompleteFile { bytes, attributes: Attributes::default() };
        let ticket = Ticket { commit_id: 1, size: 0, prefix: 0, sha256: None };
        batch.add(dir, path, &complete, ticket, None);
    }
    batch
}

#[test]
fn a_batch_that_waits_for_its_report_keeps_no_directory_open() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
    let dir = Arc::new(dir);
    let mut deferred = DeferredCommits {
        gathered: batch(&dir, &[("a", b"1"), ("b", b"2")]),
        ..DeferredCommits::default()
    };
    assert_eq!(Arc::strong_count(&dir), 2);
    deferred.put_here();
    if !deferred.temp_files.is_impossible() {
        assert_eq!(Arc::strong_count(&dir), 1);
    }
}

#[test]
fn a_failed_file_does_not_replace_a_later_one() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
    let dir = Arc::new(dir);
    for name in ["a", "b", "c"] {
        fs::write(temporary.path().join(name), "in place").unwrap();
    }
    // Of `a` the next is in the same batch, of `b` in another, of `c` there is none.
    let first: [(&str, &[u8]); 4] = [("a", b"old"), ("b", b"old"), ("c", b"new"), ("a", b"-")];
    let second: [(&str, &[u8]); 2] = [("c", b"failed"), ("b", b"-")];
    let failed = |failed: &[usize]| Outcome { failed: failed.to_vec(), ..Outcome::default() };
    let mut deferred = DeferredCommits::default();
    deferred.finished.push_back((Arc::new(batch(&dir, &second)), failed(&[0])));
    let mut done = Vec::new();
    let mut observer = |event: Event<'_>| {
        let Event::Done { path, .. } = event else { panic!("{event:?}") };
        done.push(path.to_owned());
    };
    let mut cursor = DirCursor::new(Arc::clone(&dir));
    deferred.report_batch(&batch(&dir, &first), &failed(&[0, 1, 2]), &mut cursor, &mut observer);
    assert_eq!(done, ["a", "b", "c", "a"]);
    for (name, content) in [("a", "in place"), ("b", "in place"), ("c", "new")] {
        assert_eq!(fs::read_to_string(temporary.path().join(name)).unwrap(), content);
    }
    assert!(deferred.failed.is_empty());
}
