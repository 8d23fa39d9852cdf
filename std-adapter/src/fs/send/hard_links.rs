//! The files with several names: the first name is sent with the content, the others as hard links of it. A
//! hard link is sent when the receiver has answered everything before: a first name that it has refused, or that
//! it wants again, may still be another file there.

use std::collections::{HashMap, VecDeque};

use cap_std::fs::Metadata;
use tinyferry_core::path::{PAIR_MAX, TARGET_MAX};

use crate::fs::sys::link::{FileVersion, several_names};

/// The maximum number of files whose first names are remembered, and of names that wait; the content of others is
/// sent.
const MAX_NAMES: usize = 100_000;

/// The names of one request.
#[derive(Debug, Default)]
pub(crate) struct HardLinks {
    /// The path of the first name; `None`: it is not in place, and the others are sent with the content.
    first: HashMap<FileVersion, Option<Box<str>>>,
    /// The first names that will be sent again, maybe as other files.
    again: HashMap<Box<str>, FileVersion>,
    waiting: VecDeque<(FileVersion, Name)>,
    barrier: Barrier,
    /// Questions of a barrier that the receiver has not answered.
    questions: usize,
    /// Hard links that the receiver has not answered.
    unanswered: usize,
}

/// A further name.
#[derive(Debug)]
pub(crate) struct Name {
    /// The index of its source.
    pub(crate) origin: usize,
    /// Its path in the tree.
    pub(crate) path: String,
}

/// Whether the receiver has answered everything that was sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Barrier {
    #[default]
    Due,
    Asked,
    Passed,
}

/// The part that a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It has one name.
    Only,
    /// Its content is sent for all its names.
    First(FileVersion),
    /// It waits.
    Further,
}

/// The next step at the end of a request.
#[derive(Debug)]
pub(crate) enum Step {
    /// A question about this path of the tree, whose answer does not matter, comes before the hard links.
    Ask {
        path: Box<str>,
    },
    Link {
        name: Name,
        from: Box<str>,
    },
    /// The content is sent after all.
    Content(Name),
    /// Answers are awaited.
    Await,
    Done,
}

impl HardLinks {
    /// The part of the file at `path`, which is about to be sent. `is_again`: its content is sent in any case.
    /// `known`: a name that the receiver has already, or is sent too.
    pub(crate) fn part<'k>(
        &mut self,
        metadata: Option<&Metadata>,
        (origin, path): (usize, &str),
        is_again: bool,
        known: impl FnOnce(FileVersion) -> Option<&'k str>,
    ) -> Part {
        let version = metadata.and_then(several_names);
        if is_again
            && let Some(before) = self.again.remove(path)
            && version != Some(before)
        {
            self.fail(before);
        }
        let Some(version) = version else { return Part::Only };
        match self.first.get(&version) {
            Some(Some(first)) if **first == *path => Part::First(version),
            Some(_) if is_again || self.waiting.len() >= MAX_NAMES => Part::Only,
            Some(_) => self.wait(version, origin, path),
            None if self.first.len() >= MAX_NAMES => Part::Only,
            None => match known(version).filter(|_| !is_again) {
                Some(known) => {
                    self.first.insert(version, Some(known.into()));
                    self.wait(version, origin, path)
                }
                None => {
                    self.first.insert(version, Some(path.into()));
                    Part::First(version)
                }
            },
        }
    }

    fn wait(&mut self, version: FileVersion, origin: usize, path: &str) -> Part {
        self.waiting.push_back((version, Name { origin, path: path.to_owned() }));
        Part::Further
    }

    /// Content or a directory is sent: it is not answered yet.
    pub(crate) fn sent(&mut self) {
        self.barrier = Barrier::Due;
    }

    /// A first name will be sent again, maybe as another file.
    pub(crate) fn send_again(&mut self, version: FileVersion) {
        if let Some(Some(path)) = self.first.get(&version) {
            self.again.insert(path.clone(), version);
        }
    }

    /// A first name will not be in place.
    pub(crate) fn fail(&mut self, version: FileVersion) {
        self.first.insert(version, None);
    }

    /// A question before the hard links is answered. Content that was sent after it needs the next one.
    pub(crate) fn passed(&mut self) {
        self.questions = self.questions.saturating_sub(1);
        if self.barrier == Barrier::Asked && self.questions == 0 {
            self.barrier = Barrier::Passed;
        }
    }

    /// A hard link is answered.
    pub(crate) fn answered(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
    }

    /// Whether names wait, or are not answered.
    pub(crate) fn are_pending(&self) -> bool {
        self.unanswered > 0 || !self.waiting.is_empty()
    }

    pub(crate) fn next(&mut self) -> Step {
        let Some((version, _)) = self.waiting.front() else {
            return if self.unanswered > 0 { Step::Await } else { Step::Done };
        };
        // A name that could not be sent again is not in place.
        let from = self.first.get(version).cloned().flatten();
        let from = from.filter(|path| !self.again.contains_key(path));
        match (self.barrier, from) {
            (Barrier::Due, Some(path)) => {
                self.barrier = Barrier::Asked;
                self.questions += 1;
                Step::Ask { path }
            }
            (Barrier::Asked, _) => Step::Await,
            (_, from) => {
                let Some((_, name)) = self.waiting.pop_front() else { return Step::Done };
                match from.filter(|from| fits(from, &name.path)) {
                    Some(from) => {
                        self.unanswered += 1;
                        Step::Link { name, from }
                    }
                    None => Step::Content(name),
                }
            }
        }
    }
}

/// Whether an operation can name both.
fn fits(from: &str, path: &str) -> bool {
    from.len() <= TARGET_MAX && from.len() + path.len() <= PAIR_MAX
}

#[cfg(all(test, unix))]
mod tests {
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
        let mut part = |metadata: &Metadata, path, is_again| {
            links.part(Some(metadata), (0, path), is_again, |_| None)
        };
        let Part::First(version) = part(&old, "a", false) else { panic!("not the first") };
        assert_eq!(part(&old, "b", false), Part::Further);
        fs::write(&path, "longer").unwrap();
        let Part::First(new) = part(&metadata(), "c", false) else {
            panic!("a name of the old one")
        };
        assert_ne!(new, version);
        // Only the time of its metadata differs.
        fs::write(&path, "length").unwrap();
        let time = old.modified().unwrap().into_std();
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
        let size = metadata();
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
        assert!(matches!(part(&size, "d", false), Part::First(_)));
        assert!(matches!(part(&metadata(), "e", false), Part::First(_)));
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
        let part = links.part(Some(&metadata()), (0, "a"), false, known);
        let Part::First(version) = part else { panic!("not the first") };
        assert_eq!(links.part(Some(&metadata()), (0, "b"), false, known), Part::Further);
        links.send_again(version);
        assert_eq!(links.part(Some(&metadata()), (0, "c"), false, known), Part::Further);
        fs::write(&path, "longer").unwrap();
        let again = links.part(Some(&metadata()), (0, "a"), true, known);
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
            let part = |links: &mut HardLinks, path, is_again| {
                links.part(Some(&metadata), (0, path), is_again, |_| None)
            };
            let Part::First(version) = part(&mut links, "a", false) else {
                panic!("not the first")
            };
            links.send_again(version);
            assert_eq!(part(&mut links, "b", false), Part::Further);
            // It may be gone.
            if is_sent {
                assert_eq!(part(&mut links, "a", true), Part::First(version));
            }
            if is_sent {
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
            assert!(matches!(links.part(Some(&metadata), (0, "a"), false, known), Part::First(_)));
            assert_eq!(links.part(Some(&metadata), (0, "b"), false, known), Part::Further);
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
}
