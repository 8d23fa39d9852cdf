//! The questions that follow from answers.

use std::fs;

use super::*;
use crate::fs::send::source::Source;

fn start(skip: Skip) -> (tempfile::TempDir, Vec<SourceRoot>, Update) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    let source = Source { local: dir.path().to_owned(), remote: String::new() };
    let mut update = Update::new(skip, false).unwrap();
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
    assert_eq!(update.next_found(), None, "the size alone proves nothing");
    let second = answer(&mut update, &origins, no_times).unwrap();
    assert!(Facts::from_bits(second.facts).contains(Facts::CONTENT));
    let third = answer(&mut update, &origins, no_times).unwrap();
    assert!(second.digest.is_none() && third.digest.is_some());
    assert_eq!(update.next_found(), Some(Found::File(0, "f".to_owned())));
}

#[test]
fn everything_is_sent_where_the_receiver_computes_no_content() {
    let (_dir, origins, mut update) = start(Skip::SameContent);
    answer(&mut update, &origins, !Facts::CONTENT.bits());
    assert_eq!(update.next_found(), Some(Found::Directory(0, String::new())));
    assert!(!update.is_same());
}
