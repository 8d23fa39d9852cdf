use super::*;

/// A path, the bytes that the receiver has of it, and the position that is reached.
type File<'a> = (&'a str, u64, u64);

/// An attempt that transfers these files of 9 bytes. Returns whether it was progress.
fn attempt(reached: &mut Reached, files: &[File<'_>]) -> bool {
    let before = reached.steps();
    reached.attempt();
    for (path, prefix, end) in files {
        reached.begin(path, EntryKind::File, Some(9), *prefix);
        (*prefix..*end).for_each(|_| reached.moved(1));
    }
    reached.steps() > before
}

#[test]
fn content_that_the_receiver_does_not_have_is_no_progress() {
    let mut reached = Reached::default();
    let mut attempt = |files: &[File<'_>]| attempt(&mut reached, files);
    assert!(attempt(&[("a", 0, 9), ("b", 0, 9), ("c", 0, 2)]), "new entries");
    for end in 3..6 {
        assert!(!attempt(&[("a", 0, 9), ("b", 0, 9), ("c", 0, end)]));
        assert!(!attempt(&[("a", 0, 3)]));
        assert!(!attempt(&[]));
    }
    assert!(attempt(&[("a", 0, 9), ("b", 0, 9), ("c", 0, 9), ("d", 0, 0)]), "another entry");
}

#[test]
fn a_longer_prefix_is_progress() {
    let mut reached = Reached::default();
    let mut attempt = |files: &[File<'_>]| attempt(&mut reached, files);
    assert!(attempt(&[("a", 0, 9)]));
    assert!(attempt(&[("a", 4, 9)]));
    assert!(!attempt(&[("a", 4, 9)]));
    assert!(!attempt(&[("a", 3, 9)]));
    assert!(attempt(&[("a", 5, 9)]));
    assert!(attempt(&[("a", 9, 9)]), "all of it");
    assert!(!attempt(&[("a", 9, 9)]));
    assert!(attempt(&[("a", 9, 9), ("b", 0, 9)]));
    assert!(attempt(&[("a", 9, 9), ("b", 1, 9)]), "a prefix of another file");
}

#[test]
fn an_entry_that_does_not_begin_again_is_progress() {
    let mut reached = Reached::default();
    let mut attempt = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| (*name, 0, 9)).collect();
        attempt(&mut reached, &files)
    };
    assert!(attempt(&["a", "b", "c", "d"]));
    // The file "a" changes all the time.
    assert!(attempt(&["a", "c"]), "the receiver has \"b\"");
    assert!(!attempt(&["a", "c"]));
    assert!(!attempt(&["a", "b", "c", "d"]));
    assert!(attempt(&["a", "d"]), "the receiver has \"b\" and \"c\"");
    assert!(attempt(&["d"]), "it has three of them");
    assert!(!attempt(&["b", "d"]));
}

#[test]
fn entries_of_earlier_attempts_that_the_last_one_left_out_are_known() {
    let mut reached = Reached::default();
    // The first two were sent, and the third in part.
    attempt(&mut reached, &[("a", 0, 9), ("b", 4, 9), ("c", 0, 3)]);
    assert_eq!(reached.left_out(true), LeftOut::default());
    attempt(&mut reached, &[("c", 3, 9), ("d", 0, 9)]);
    let two = LeftOut { files: 2, bytes: 9 + 5, ..LeftOut::default() };
    assert_eq!(reached.left_out(true), two);
    assert_eq!(reached.left_out(false), LeftOut::default(), "nothing was confirmed");
    assert_eq!(reached.placed("c"), Earlier { moved: 3, was_placed: false });
    assert_eq!(reached.placed("c"), Earlier { moved: 3, was_placed: true });
    assert_eq!(reached.placed("d"), Earlier::default());
    reached.failed(b"a");
    let one = LeftOut { files: 1, bytes: 5, ..LeftOut::default() };
    assert_eq!(reached.left_out(true), one);
}

#[test]
fn a_file_whose_end_an_attempt_reached_was_sent() {
    let mut reached = Reached::default();
    attempt(&mut reached, &[("a", 0, 9)]);
    attempt(&mut reached, &[]);
    assert_eq!(reached.left_out(true).files, 1);
    reached.placed("a");
    attempt(&mut reached, &[]);
    assert_eq!(reached.left_out(false).files, 1);
}
