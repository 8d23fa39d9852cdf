use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

fn fail(tally: &mut Tally, path: &str, exit: Exit) {
    tally.fail(path.as_bytes(), false, Reason::TooDeep, path.to_owned(), exit);
}

#[test]
fn new_resumed_and_unchanged_files_are_counted_separately() {
    let mut tally = Tally::default();
    tally.begin();
    assert!(!tally.file(MIB, 0, None));
    assert!(!tally.file(3 * MIB, 2 * MIB, None));
    assert!(tally.file(7 * MIB, 7 * MIB, None));
    // An empty file has no content that could be the same.
    assert!(!tally.file(0, 0, None));
    assert_eq!(
        tally.summary(SECOND),
        "4 files (1 was the same, 1 was empty), 2.00 MiB (2.00 MiB were there already) in 1.00 s \
         (2.00 MiB/s)"
    );
    assert_eq!(tally.exit(false), Exit::Done);
}

#[test]
fn a_summary_without_content_has_no_rate() {
    let mut tally = Tally::default();
    tally.begin();
    tally.file(MIB, MIB, None);
    assert_eq!(tally.summary(SECOND), "1 file (1 was the same), 0 B in 1.00 s");
    tally.file(0, 0, None);
    tally.file(0, 0, None);
    let counted = "3 files (1 was the same, 2 were empty), 0 B in 1.00 s";
    assert_eq!(tally.summary(SECOND), counted);
}

#[test]
fn a_second_attempt_does_not_count_content_of_the_first_again() {
    let mut tally = Tally::default();
    tally.begin();
    tally.moved(3 * MIB);
    fail(&mut tally, "lost", Exit::Local);
    tally.begin();
    tally.moved(2 * MIB);
    assert!(!tally.file(5 * MIB, 3 * MIB, None));
    assert_eq!(tally.summary(SECOND), "1 file, 5.00 MiB in 1.00 s (5.00 MiB/s)");
    assert_eq!(tally.exit(false), Exit::Done);

    // The receiver may have stored less of it than was sent.
    let mut tally = Tally::default();
    tally.begin();
    tally.moved(4 * MIB);
    tally.begin();
    assert!(!tally.file(5 * MIB, 3 * MIB, None));
    assert_eq!(tally.summary(SECOND), "1 file, 5.00 MiB in 1.00 s (5.00 MiB/s)");
}

#[test]
fn a_failure_is_partial_only_if_an_entry_is_in_place() {
    let mut tally = Tally::default();
    fail(&mut tally, "one", Exit::Refused);
    fail(&mut tally, "two", Exit::Local);
    assert_eq!((tally.exit(false), tally.exit(true)), (Exit::Refused, Exit::Partly));
    tally.directory();
    assert_eq!(tally.exit(false), Exit::Partly);
}

#[test]
fn times_that_cannot_be_set_are_reported_once() {
    let mut tally = Tally::default();
    for number in 0..2001 {
        tally.unset(&format!("\"t/{number}\""), "operation not permitted");
    }
    let lines = tally.failure_lines(true, false);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("2001 entries") && lines[0].contains("\"t/0\""), "{lines:?}");
    assert_eq!(tally.exit(false), Exit::Done);
}

#[test]
fn failures_are_listed_in_a_bounded_list() {
    let mut tally = Tally::default();
    for number in 0..200 {
        fail(&mut tally, &format!("t/{number}"), Exit::Local);
    }
    let lines = tally.failure_lines(true, false);
    assert_eq!(lines.len(), LISTED + 2);
    assert_eq!(lines[0], "tinyferry: 200 entries were not transferred:");
    assert_eq!(lines[LISTED + 1], "  and 190 more; -v lists them");
    assert_eq!(tally.failure_lines(true, true).len(), 201);
}

#[test]
fn the_last_failure_is_kept_where_the_list_is_full() {
    let mut tally = Tally::default();
    for number in 0..MAX_KEPT + 1 {
        fail(&mut tally, &format!("t/{number}"), Exit::Local);
    }
    let lines = tally.failure_lines(true, true);
    assert_eq!((lines.len(), lines[MAX_KEPT + 1].as_str()), (MAX_KEPT + 2, "  and 1 more"));
    let lines = tally.failure_lines(true, false);
    assert_eq!(lines[LISTED + 1], "  and 991 more; -v lists the first 1000");
    fail(&mut tally, "t", Exit::Local);
    assert_eq!(tally.take_last().as_deref(), Some("t"));
    assert_eq!(tally.failure_lines(true, true)[0], "tinyferry: 1001 entries were not transferred:");
    let mut tally = Tally::default();
    fail(&mut tally, "t", Exit::Local);
    assert_eq!(tally.take_last().as_deref(), Some("t"));
    assert!(tally.failure_lines(true, true).is_empty());
}

#[test]
fn entries_below_a_failed_directory_are_counted() {
    let mut tally = Tally::default();
    for path in ["d", "d/a", "d/a/b", "dd", "e"] {
        fail(&mut tally, path, Exit::Local);
    }
    let lines = tally.failure_lines(true, false);
    let listed = ["  d (and 2 entries below it)", "  dd", "  e"];
    assert_eq!(lines[0], "tinyferry: 5 entries were not transferred:");
    assert_eq!(lines[1..], listed);
}

#[test]
fn files_of_earlier_attempts_are_not_unchanged_ones() {
    let unchanged = |files, bytes| Amount { files, bytes };
    let mut tally = Tally::default();
    tally.begin();
    tally.begin();
    tally.file(MIB, 0, Some(Earlier::default()));
    // Ten were there before the task, and an earlier attempt has sent five.
    tally.unchanged(unchanged(12, 12 * MIB));
    tally.unchanged(unchanged(3, 3 * MIB));
    tally.settle(LeftOut { files: 5, bytes: 5 * MIB, ..LeftOut::default() });
    assert_eq!(tally.summary(SECOND), "6 files, 10 unchanged, 6.00 MiB in 1.00 s (6.00 MiB/s)");
    let totals = tally.totals();
    assert_eq!((totals.sent, totals.unchanged, totals.bytes), (6, Some(10), 6 * MIB));
}

#[test]
fn a_tree_that_is_sent_twice_counts_once() {
    for leaves_out in [true, false] {
        let mut tally = Tally::default();
        tally.begin();
        (0..3).for_each(|_| {
            tally.moved(MIB);
            tally.file(MIB, 0, None);
        });
        tally.file(MIB, MIB, None);
        tally.complete();
        // The receiver has an entry of another kind, which is removed.
        tally.begin();
        tally.moved(MIB);
        tally.file(MIB, 0, None);
        match leaves_out {
            true => tally.unchanged(Amount { files: 4, bytes: 4 * MIB }),
            false => (0..4).for_each(|_| {
                tally.file(MIB, MIB, None);
            }),
        }
        let totals = tally.totals();
        assert_eq!((totals.sent, totals.unchanged, totals.bytes), (4, Some(1), 4 * MIB));
    }
}

#[test]
fn holes_are_content_that_is_not_transferred() {
    let mut tally = Tally::default();
    tally.begin();
    tally.moved(MIB);
    tally.hole(1023 * MIB);
    tally.file(1024 * MIB, 0, None);
    let told = "1 file, 1.00 GiB (1023.00 MiB of it in holes) in 1.00 s (1.00 MiB/s)";
    assert_eq!(tally.summary(SECOND), told);
}
