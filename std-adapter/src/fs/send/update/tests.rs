//! The questions that follow from answers.

use std::fs;

use super::*;
use crate::fs::filter::Filter;
use crate::fs::source::Source;

fn start(skip: Skip) -> (tempfile::TempDir, Vec<SourceRoot>, Update) {
    start_by(Update::new(skip, false).unwrap())
}

fn start_by(mut update: Update) -> (tempfile::TempDir, Vec<SourceRoot>, Update) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    let source = Source { local: dir.path().to_owned(), remote: String::new() };
    update.begin(0, "", Kind::Directory);
    (dir, vec![SourceRoot::from(source)], update)
}

/// The receiver answers the next question with a directory that differs.
fn answer(update: &mut Update, origins: &[SourceRoot], facts: u8) -> Option<StatQuery> {
    let (question, query) = update.next_question(origins)?;
    let stat = Stat { size: 1, value: 1, facts: query.facts & facts, granularity: 9 };
    update.answered(question, &stat, Index::default(), origins);
    Some(query)
}

#[test]
fn the_content_is_compared_where_the_receiver_keeps_no_times() {
    let (_dir, origins, mut update) = start(Skip::SameTime);
    let no_times = !Facts::TIME.bits();
    let first = answer(&mut update, &origins, no_times).unwrap();
    assert!(Facts::from_bits(first.facts).contains(Facts::TIME));
    assert_eq!(update.next_found(&origins), None, "the size alone proves nothing");
    let second = answer(&mut update, &origins, no_times).unwrap();
    assert!(Facts::from_bits(second.facts).contains(Facts::CONTENT));
    let third = answer(&mut update, &origins, no_times).unwrap();
    assert!(second.digest.is_none() && third.digest.is_some());
    assert_eq!(update.next_found(&origins), Some(Found::File(0, "f".to_owned())));
}

#[test]
fn everything_is_sent_where_the_receiver_computes_no_content() {
    let (_dir, origins, mut update) = start(Skip::SameContent);
    answer(&mut update, &origins, !Facts::CONTENT.bits());
    assert_eq!(update.next_found(&origins), Some(Found::Directory(0, String::new())));
    assert!(!update.is_same());
}

#[test]
fn an_excluded_entry_is_not_sent_after_the_thread_that_reads_ahead_has_failed() {
    let (dir, origins, mut update) = start(Skip::SameTime);
    fs::write(dir.path().join("x.o"), "").unwrap();
    update.exclude(&Exclusion::of_patterns(&Filter::new(["*.o"]).unwrap()));
    let (question, query) = update.next_question(&origins).unwrap();
    let parameters = update.first_parameters();
    update.ahead = Some(Ahead::begin(0, "", parameters, |_, _| panic!("as expected by this test")));
    let stat = Stat { size: 0, value: 0, facts: query.facts, granularity: 9 };
    update.answered(question, &stat, Index::default(), &origins);
    assert_eq!(update.next_found(&origins), Some(Found::File(0, "f".to_owned())));
    assert_eq!(update.next_found(&origins), None);
}

#[test]
fn the_bits_of_a_directory_are_sent_although_the_check_at_the_end_is_not_made() {
    for fails_before_the_check in [true, false] {
        let mut update = Update::new(Skip::SameTime, false).unwrap();
        update.check_at_end();
        let (dir, origins, mut update) = start_by(update);
        fs::create_dir(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/g"), "").unwrap();
        while let Some((question, query)) = update.next_question(&origins) {
            // The receiver has no entry, and every question but the first is one about "d".
            let stat = Stat { size: 0, value: 0, facts: query.facts, granularity: 0 };
            update.answered(question, &stat, Index::default(), &origins);
        }
        let mut found = Vec::from_iter(std::iter::from_fn(|| update.next_found(&origins)));
        let bits = Found::Bits(0, "d".to_owned());
        let [f, g] = ["f", "d/g"].map(|path| Found::File(0, path.to_owned()));
        assert_eq!(found, [f, bits, g]);
        if !fails_before_the_check {
            assert!(update.begin_check());
        }
        // A file was refused.
        update.fail();
        found = Vec::from_iter(std::iter::from_fn(|| update.next_found(&origins)));
        assert_eq!(found, [Found::Bits(0, "d".to_owned())], "{fails_before_the_check}");
        assert!(!update.is_same() && !update.begin_check());
    }
}

#[test]
fn a_file_that_may_exist_is_not_sent_where_the_receiver_does_not_tell() {
    for (skip, is_sent) in [
        (Skip::SameTime, true),
        (Skip::SameContent, true),
        (Skip::Existing, false),
        (Skip::NotOlder, false),
        (Skip::Missing, false),
    ] {
        for reason in [Reason::NoPermission, Reason::Unsupported] {
            let (_dir, origins, mut update) = start(skip);
            let (question, _) = update.next_question(&origins).unwrap();
            update.refused(question, reason);
            let found = match is_sent {
                true => Found::Directory(0, String::new()),
                false => Found::Unknown(0, String::new()),
            };
            assert_eq!(update.next_found(&origins), Some(found), "{skip:?}");
        }
    }
    // Without times no file is newer than another.
    let (_dir, origins, mut update) = start(Skip::NotOlder);
    answer(&mut update, &origins, !Facts::TIME.bits());
    assert_eq!(update.next_found(&origins), Some(Found::Unknown(0, String::new())));
}
