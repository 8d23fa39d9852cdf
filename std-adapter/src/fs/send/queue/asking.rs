//! Asks the receiver for digests, and sends the entries that it lacks.

use tinyferry_core::path::is_sound;

use super::*;
use crate::fs::source::SourceEntry;

impl SendQueue {
    /// Leaves out the entries that the receiver has.
    pub(in crate::fs::send) fn updating(mut self, skip: Skip, is_lossy: bool) -> Self {
        self.update =
            Update::new(skip, is_lossy).filter(|_| self.tree.is_some() && !self.names_only);
        if self.walk.is_served() {
            self.update.iter_mut().for_each(Update::serve);
        }
        self
    }

    /// Asks at the end whether the receiver has the same entries.
    pub(in crate::fs::send) fn checking(&mut self) {
        if let Some(update) = &mut self.update {
            update.check_at_end();
        }
    }

    /// Leaves out the entries that a filter excludes.
    pub(in crate::fs) fn filter(&mut self, filter: &Filter) {
        let exclusion = Exclusion::of_sources(filter, &self.origins);
        self.walk.exclude(&exclusion);
        if let Some(update) = &mut self.update {
            update.exclude(&exclusion);
        }
    }

    /// Limits the levels of directories that the walk reads.
    pub(in crate::fs::send) fn limited(mut self, depth: Option<NonZeroU8>) -> Self {
        self.walk.limit(depth);
        self
    }

    /// The next question, or an entry that the receiver lacks.
    pub(super) fn update(&mut self, observer: &mut impl Observer) -> Option<Candidate> {
        loop {
            let update = self.update.as_mut()?;
            if let Some((question, query)) = update.next_question(&self.origins) {
                return Some(Candidate::Ready(self.ask(question, query, observer)));
            }
            let keeps_bits = update.keeps_bits();
            let (origin, path, is_whole) = match update.next_found(&self.origins)? {
                Found::File(origin, path) | Found::Directory(origin, path) => (origin, path, true),
                Found::Bits(origin, path) => (origin, path, false),
                Found::Unknown(_, path) => {
                    if let Some(item) = self.not_sent(&path, not_comparable(), observer) {
                        return Some(item);
                    }
                    continue;
                }
            };
            self.origin = origin;
            let mut item = self.start(&path, observer);
            if !is_whole {
                self.walk.go_to(&path);
            } else if item.is_none() {
                item = self.walk.next(observer);
            }
            if let Some(Item::Directory(metadata)) = &mut item
                && !is_whole
                && keeps_bits
            {
                metadata.mode = None;
            }
            if let Some(item) = item {
                return Some(Candidate::new(item));
            }
        }
    }

    /// Everything was sent: the first question of the check, if it is due.
    pub(super) fn check_at_end(&mut self, observer: &mut impl Observer) -> Option<Candidate> {
        if self.update.as_mut()?.begin_check() { self.update(observer) } else { None }
    }

    /// Everything was sent: the next entry that cannot be sent, if an offer can name it.
    pub(super) fn left_out(&mut self, observer: &mut impl Observer) -> Option<Candidate> {
        loop {
            let (path, error) = self.update.as_mut()?.next_left_out()?;
            match String::from_utf8(path) {
                Ok(path) => {
                    let item = match self.left_out_link(&path, error) {
                        Ok(target) => Some(Candidate::new(Item::Link(target))),
                        Err(error) => self.not_sent(&path, error, observer),
                    };
                    if item.is_some() {
                        return item;
                    }
                }
                Err(path) => self.walk.omit_not_utf8(path.as_bytes(), observer),
            }
        }
    }

    /// An entry that is not sent, if an offer can name it.
    fn not_sent(
        &mut self,
        path: &str,
        error: StoreError,
        observer: &mut impl Observer,
    ) -> Option<Candidate> {
        self.walk.go_to(path);
        let error = self.walk.unsendable(error, observer)?;
        Some(Candidate::new(Item::Unsendable(error)))
    }

    pub(super) fn ask(
        &mut self,
        question: Question,
        query: StatQuery,
        observer: &mut impl Observer,
    ) -> Next {
        let (origin, path, kind) = match &question {
            Question::Directory(origin, path, _) => (*origin, path, Kind::Directory),
            Question::File(origin, path) => (*origin, path, Kind::File),
        };
        self.origin = origin;
        self.walk.go_to(path);
        let role = Role::Question(Box::new(question.clone()));
        self.push(Yielded::operation(path, origin, role), observer);
        Next::Question(kind, query)
    }

    /// The receiver has answered a question.
    pub(super) fn question_answered(&mut self, question: Question, stat: &Stat, index: Index<'_>) {
        if let Some(update) = &mut self.update {
            update.answered(question, stat, index, &self.origins);
        }
    }

    /// Begins a source: asks the receiver about it, or sends it.
    pub(super) fn begin_source(
        &mut self,
        path: &str,
        observer: &mut impl Observer,
    ) -> Option<Item> {
        if let Some(update) = &mut self.update {
            let kind = match self.origins.get(self.origin)?.reach(path) {
                Ok(SourceEntry::Directory(..)) => Some(Kind::Directory),
                Ok(SourceEntry::File(..)) => Some(Kind::File),
                Ok(SourceEntry::Link(..)) | Err(_) => None,
            };
            let is_named = is_sound(path) && !path.ends_with('/');
            if let Some(kind) = kind.filter(|_| is_named) {
                update.begin(self.origin, path, kind);
                return None;
            }
        }
        self.start(path, observer)
    }
}

/// The error of an entry that cannot be compared with that of the receiver.
fn not_comparable() -> StoreError {
    StoreError::new(
        Reason::Unsupported,
        "the other end does not tell which files it has, or when they changed",
    )
}
