//! The files with several names: the first name is sent with the content, the others as hard links of it. A
//! hard link is sent when the receiver has answered everything before: a first name that it has refused, or that
//! it wants again, may still be another file there.

use std::collections::{HashMap, VecDeque};

use cap_std::fs::Metadata;
use tinyferry_core::path::{PAIR_MAX, TARGET_MAX};

use crate::fs::sys::link::{FileVersion, several_names};

#[cfg(all(test, unix))]
mod tests;

/// The maximum number of files whose first names are remembered, and of names that wait; the content of others is
/// sent.
const MAX_NAMES: usize = 100_000;

/// The names of one request.
#[derive(Debug, Default)]
pub(crate) struct HardLinks {
    first: HashMap<FileVersion, First>,
    waiting: VecDeque<(FileVersion, Name)>,
    barrier: Barrier,
    /// Questions of a barrier that the receiver has not answered.
    questions: usize,
    /// Hard links that the receiver has not answered.
    unanswered: usize,
}

/// The first name of a file: a path in the tree.
#[derive(Debug)]
enum First {
    /// Its content was sent.
    Sent(Box<str>),
    /// It will be sent again, maybe as another file.
    Again(Box<str>),
    /// It is not in place: the content is sent with each further name.
    Failed,
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

/// Whether a file is sent for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    /// Its content is sent in any case. `first_of`: its path was the first name of this file.
    Again {
        first_of: Option<FileVersion>,
    },
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
    /// The part of the file at `path`, which is about to be sent. `known`: a name that the receiver has already,
    /// or is sent too.
    pub(crate) fn part<'k>(
        &mut self,
        metadata: Option<&Metadata>,
        (origin, path): (usize, &str),
        attempt: Attempt,
        known: impl FnOnce(FileVersion) -> Option<&'k str>,
    ) -> Part {
        let version = metadata.and_then(several_names);
        let is_again = matches!(attempt, Attempt::Again { .. });
        if let Attempt::Again { first_of: Some(before) } = attempt {
            let is_same = version == Some(before);
            let first = if is_same { First::Sent(path.into()) } else { First::Failed };
            self.first.insert(before, first);
        }
        let Some(version) = version else { return Part::Only };
        match self.first.get(&version) {
            Some(First::Sent(first) | First::Again(first)) if **first == *path => {
                Part::First(version)
            }
            Some(_) if is_again || self.waiting.len() >= MAX_NAMES => Part::Only,
            Some(_) => self.wait(version, origin, path),
            None if self.first.len() >= MAX_NAMES => Part::Only,
            None => match known(version).filter(|_| !is_again) {
                Some(known) => {
                    self.first.insert(version, First::Sent(known.into()));
                    self.wait(version, origin, path)
                }
                None => {
                    self.first.insert(version, First::Sent(path.into()));
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
        if let Some(first) = self.first.get_mut(&version)
            && let First::Sent(path) = first
        {
            *first = First::Again(std::mem::take(path));
        }
    }

    /// A first name will not be in place.
    pub(crate) fn fail(&mut self, version: FileVersion) {
        self.first.insert(version, First::Failed);
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
        let from = match self.first.get(version) {
            Some(First::Sent(path)) => Some(path.clone()),
            // A name that could not be sent again is not in place.
            Some(First::Again(_) | First::Failed) | None => None,
        };
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
