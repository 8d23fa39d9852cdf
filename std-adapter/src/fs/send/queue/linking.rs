//! Symbolic links, and further names of files, as operations.

use cap_std::fs::Metadata;

use super::*;
use crate::fs::filter::path_below;
use crate::fs::send::hard_links::{Name, Part, Step};
use crate::fs::send::links::LinkKinds;
use crate::fs::source::SourceEntry;

impl SendQueue {
    /// Sends links of these kinds as links.
    pub(in crate::fs) fn linking(mut self, kinds: LinkKinds) -> Self {
        if kinds.symbolic {
            self.walk.send_links();
            self.update.iter_mut().for_each(Update::send_links);
        }
        let has_names = self.tree.is_some() && !self.names_only;
        self.hard_links = (kinds.hard && has_names).then(HardLinks::default);
        if self.hard_links.is_some() {
            self.update.iter_mut().for_each(Update::send_hard_links);
        }
        self
    }

    /// Makes an operation of an item that is a link. `None`: it waits for the first name of its file.
    pub(super) fn accept(
        &mut self,
        candidate: Candidate,
        observer: &mut impl Observer,
    ) -> Option<Next> {
        let (item, is_resumable, attempt) = match candidate {
            Candidate::Item { item, is_resumable, attempt } => (item, is_resumable, attempt),
            Candidate::Ready(next) => return Some(next),
        };
        let mut role = Role::Content;
        match &item {
            Item::Link(target) => {
                if !self.names_only {
                    let role = Role::Link(target.clone());
                    let entry = Yielded::operation(self.walk.path_in_tree(), self.origin, role);
                    self.push(entry, observer);
                }
                return Some(Next::Link { target: target.clone() });
            }
            Item::File(_, file) => {
                if let Some(links) = &mut self.hard_links {
                    let metadata = Metadata::from_file(file).ok();
                    let name = (self.origin, self.walk.path_in_tree());
                    let update = self.update.as_ref();
                    let known =
                        |version| update.and_then(|update| update.other_name(name.1, version));
                    match links.part(metadata.as_ref(), name, attempt, known) {
                        Part::Only => {}
                        Part::First(version) => {
                            links.sent();
                            role = Role::First(version);
                        }
                        Part::Further => return None,
                    }
                }
            }
            _ => {}
        }
        Some(Next::Item { item, is_resumable, role })
    }

    /// Everything else was sent: the next hard link, or the question before the hard links.
    pub(super) fn hard_link(&mut self, observer: &mut impl Observer) -> Option<Candidate> {
        match self.hard_links.as_mut()?.next() {
            Step::Ask { path } => {
                self.walk.go_to(&path);
                self.push(Yielded::operation(&path, self.origin, Role::Barrier), observer);
                Some(Candidate::Ready(Next::Question(Kind::File, StatQuery::default())))
            }
            Step::Link { name: Name { origin, path }, from } => {
                self.origin = origin;
                self.walk.go_to(&path);
                let role = Role::HardLink(from.clone());
                self.push(Yielded::operation(&path, origin, role), observer);
                Some(Candidate::Ready(Next::HardLink { from }))
            }
            Step::Content(Name { origin, path }) => {
                self.again.push_back(Again { origin, path, is_resumable: true, first_of: None });
                self.again()
            }
            Step::Await | Step::Done => None,
        }
    }

    /// Whether hard links are to be sent, or answered, when the receiver has answered.
    pub(super) fn awaits_hard_links(&self) -> bool {
        self.hard_links.as_ref().is_some_and(HardLinks::are_pending)
    }

    /// The receiver has performed an operation.
    pub(crate) fn answered(
        &mut self,
        entry: u32,
        stat: &Stat,
        index: Index<'_>,
        observer: &mut impl Observer,
    ) {
        let Some(given) = self.recent.entry(entry) else { return };
        let (target, is_hard) = match std::mem::take(&mut given.role) {
            Role::Question(question) => {
                self.question_answered(*question, stat, index);
                return self.report_unchanged(observer);
            }
            Role::Barrier => return self.hard_links.iter_mut().for_each(HardLinks::passed),
            Role::Link(target) => (target, false),
            Role::HardLink(from) => (from, true),
            role @ (Role::Content | Role::First(_)) => {
                given.role = role;
                return;
            }
        };
        given.fate = Fate::Refused;
        let path = &join(self.tree.as_deref().unwrap_or_default(), &given.path);
        if is_hard {
            self.hard_links.iter_mut().for_each(HardLinks::answered);
        }
        observer.event(Event::Linked { path, target: &target, is_hard });
    }

    /// The target of a symbolic link that the digests do not contain, since the receiver does not count links;
    /// `error`: why it was left out.
    pub(super) fn left_out_link(
        &mut self,
        path: &str,
        error: StoreError,
    ) -> Result<Box<str>, StoreError> {
        let is_above = |source: &SourceRoot| path_below(path, &source.remote).is_some();
        let Some(origin) = self.origins.iter().position(is_above) else { return Err(error) };
        match self.origins.get(origin).map(|source| source.reach(path)) {
            Some(Ok(SourceEntry::Link(dir, name, _))) => {
                self.origin = origin;
                self.walk.go_to(path);
                self.walk.link(&dir, name.to_str().unwrap_or_default(), error)
            }
            _ => Err(error),
        }
    }
}
