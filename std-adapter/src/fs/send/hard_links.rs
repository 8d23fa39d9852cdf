//! The files with several names: the first name is sent with the content, the others as hard links of it. A
//! hard link is sent when the receiver has answered everything before: a first name that it has refused, or that
//! it wants again, may still be another file there.

use std::collections::{HashMap, VecDeque};

use cap_std::fs::Metadata;
use tinyferry_core::path::{PAIR_MAX, TARGET_MAX};

use crate::fs::sys::dir_cursor::{Id, id_of};
use crate::fs::sys::link::names_of;

/// The maximum number of files whose first names are remembered, and of names that wait; the content of others is
/// sent.
const MAX_NAMES: usize = 100_000;

/// The names of one request.
#[derive(Debug, Default)]
pub(crate) struct HardLinks {
    /// The path of the first name; `None`: it is not in place, and the others are sent with the content.
    first: HashMap<Id, Option<Box<str>>>,
    waiting: VecDeque<(Id, Name)>,
    barrier: Barrier,
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
    First(Id),
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
        known: impl FnOnce(Id) -> Option<&'k str>,
    ) -> Part {
        let several = metadata.filter(|metadata| names_of(metadata) > 1);
        let Some(id) = several.and_then(id_of) else { return Part::Only };
        match self.first.get(&id) {
            Some(Some(first)) if **first == *path => Part::First(id),
            Some(_) if is_again || self.waiting.len() >= MAX_NAMES => Part::Only,
            Some(_) => self.wait(id, origin, path),
            None if self.first.len() >= MAX_NAMES => Part::Only,
            None => match known(id).filter(|_| !is_again) {
                Some(known) => {
                    self.first.insert(id, Some(known.into()));
                    self.wait(id, origin, path)
                }
                None => {
                    self.first.insert(id, Some(path.into()));
                    Part::First(id)
                }
            },
        }
    }

    fn wait(&mut self, id: Id, origin: usize, path: &str) -> Part {
        self.waiting.push_back((id, Name { origin, path: path.to_owned() }));
        Part::Further
    }

    /// Content or a directory is sent: it is not answered yet.
    pub(crate) fn sent(&mut self) {
        self.barrier = Barrier::Due;
    }

    /// A first name will not be in place.
    pub(crate) fn fail(&mut self, id: Id) {
        self.first.insert(id, None);
    }

    /// The question before the hard links is answered.
    pub(crate) fn passed(&mut self) {
        self.barrier = Barrier::Passed;
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
        let Some((id, _)) = self.waiting.front() else {
            return if self.unanswered > 0 { Step::Await } else { Step::Done };
        };
        let from = self.first.get(id).cloned().flatten();
        match (self.barrier, from) {
            (Barrier::Due, Some(path)) => {
                self.barrier = Barrier::Asked;
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
