//! First and further names, without a receiver.

use std::fs;

use super::*;

#[test]
fn a_file_that_has_changed_is_another_one_under_its_further_names() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    let metadata = || Metadata::from_file(&fs::File::open(&path).unwrap()).unwrap();
    fs::write(&path, "old").unwrap();
    fs::hard_link(&path, place.path().join("other")).unwrap();
    let old = metadata();
    let mut links = HardLinks::default();
    let mut part =
        |metadata: &Metadata, path| links.part(Some(metadata), (0, path), Attempt::First, |_| None);
    let Part::First(version) = part(&old, "a") else { panic!("not the first") };
    assert_eq!(part(&old, "b"), Part::Further);
    fs::write(&path, "longer").unwrap();
    let Part::First(new) = part(&metadata(), "c") else { panic!("a name of the old one") };
    assert_ne!(new, version);
    // Only the time of its metadata differs.
    fs::write(&path, "length").unwrap();
    let time = old.modified().unwrap().into_std();
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    let size = metadata();
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::File::open(&path).unwrap().set_modified(time).unwrap();
    assert!(matches!(part(&size, "d"), Part::First(_)));
    assert!(matches!(part(&metadata(), "e"), Part::First(_)));
}

#[test]
fn names_of_a_file_whose_first_name_has_become_another_file_are_sent_with_the_content() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    let metadata = || Metadata::from_file(&fs::File::open(&path).unwrap()).unwrap();
    fs::write(&path, "old").unwrap();
    fs::hard_link(&path, place.path().join("other")).unwrap();
    let mut links = HardLinks::default();
    let known = |_| None;
    let first = Attempt::First;
    let part = links.part(Some(&metadata()), (0, "a"), first, known);
    let Part::First(version) = part else { panic!("not the first") };
    assert_eq!(links.part(Some(&metadata()), (0, "b"), first, known), Part::Further);
    links.send_again(version);
    assert_eq!(links.part(Some(&metadata()), (0, "c"), first, known), Part::Further);
    fs::write(&path, "longer").unwrap();
    let again = Attempt::Again { first_of: Some(version) };
    let again = links.part(Some(&metadata()), (0, "a"), again, known);
    assert!(matches!(again, Part::First(_)));
    assert!(matches!(links.next(), Step::Content(Name { path, .. }) if path == "b"));
}

#[test]
fn names_wait_for_a_first_name_that_is_sent_again_as_the_same_file() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(&path, "content").unwrap();
    fs::hard_link(&path, place.path().join("other")).unwrap();
    let metadata = Metadata::from_file(&fs::File::open(&path).unwrap()).unwrap();
    for is_sent in [true, false] {
        let mut links = HardLinks::default();
        let part = |links: &mut HardLinks, path, attempt| {
            links.part(Some(&metadata), (0, path), attempt, |_| None)
        };
        let Part::First(version) = part(&mut links, "a", Attempt::First) else {
            panic!("not the first")
        };
        links.send_again(version);
        assert_eq!(part(&mut links, "b", Attempt::First), Part::Further);
        // It may be gone.
        if is_sent {
            let again = Attempt::Again { first_of: Some(version) };
            assert_eq!(part(&mut links, "a", again), Part::First(version));
            assert!(matches!(links.next(), Step::Ask { .. }));
            links.passed();
        }
        assert_eq!(matches!(links.next(), Step::Link { .. }), is_sent);
    }
}

#[test]
fn a_late_answer_does_not_cover_content_that_was_sent_after_its_question() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    fs::write(&path, "content").unwrap();
    fs::hard_link(&path, place.path().join("other")).unwrap();
    let metadata = Metadata::from_file(&fs::File::open(&path).unwrap()).unwrap();
    for asks_again_before_the_answer in [true, false] {
        let mut links = HardLinks::default();
        let known = |_| None;
        let part = |links: &mut HardLinks, path| {
            links.part(Some(&metadata), (0, path), Attempt::First, known)
        };
        assert!(matches!(part(&mut links, "a"), Part::First(_)));
        assert_eq!(part(&mut links, "b"), Part::Further);
        assert!(matches!(links.next(), Step::Ask { .. }));
        links.sent();
        if asks_again_before_the_answer {
            assert!(matches!(links.next(), Step::Ask { .. }));
            links.passed();
            assert!(matches!(links.next(), Step::Await));
        } else {
            links.passed();
            assert!(matches!(links.next(), Step::Ask { .. }));
        }
        links.passed();
        assert!(matches!(links.next(), Step::Link { .. }));
    }
}
