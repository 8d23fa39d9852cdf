//! The check at the end whether the receiver has the same entries, and no others.

use super::*;

/// The state of the check.
#[derive(Debug)]
pub(super) enum Check {
    /// It is not made.
    No,
    /// It is made if something differs.
    Due {
        /// The sources.
        sources: Vec<Question>,
        postponed: Vec<Found>,
    },
    Begun {
        /// Directories whose permission bits may differ. The check finds out which of them differ; without a
        /// check all of them are sent.
        postponed: Vec<Found>,
    },
    /// Something was refused or could not be read: the answers prove nothing.
    Inconclusive,
}

impl Update {
    /// Checks at the end whether the receiver has the same entries, and no others.
    pub(crate) fn check_at_end(&mut self) {
        if matches!(self.skip, Skip::SameTime | Skip::SameContent) {
            self.check = Check::Due { sources: Vec::new(), postponed: Vec::new() };
        }
    }

    /// Everything was sent: begins to ask once more if something differed. A digest contains all bits of the
    /// hashes, an index does not. Content is not compared again. Returns whether there is a question or an entry.
    pub(crate) fn begin_check(&mut self) -> bool {
        let is_over = self.is_over();
        let Some(parameters) = self.parameters.as_mut().filter(|_| is_over) else { return false };
        let Check::Due { sources, postponed } = &mut self.check else { return false };
        let (sources, postponed) = (std::mem::take(sources), std::mem::take(postponed));
        if !self.differs {
            self.check = Check::No;
            self.found.extend(postponed);
            return !self.found.is_empty();
        }
        self.check = Check::Begun { postponed };
        self.differs = false;
        if parameters.facts.contains(Facts::CONTENT) {
            parameters.facts = parameters.facts.without(Facts::CONTENT);
            self.list = None;
        }
        self.questions.extend(sources);
        true
    }

    /// Something was refused or could not be read: the check would prove nothing. The directories that it would
    /// have found are sent.
    pub(crate) fn fail(&mut self) {
        self.differs = true;
        let failed = match self.check {
            Check::Begun { .. } | Check::Inconclusive => Check::Inconclusive,
            Check::No | Check::Due { .. } => Check::No,
        };
        if let Check::Due { postponed, .. } | Check::Begun { postponed } =
            std::mem::replace(&mut self.check, failed)
        {
            self.found.extend(postponed);
        }
    }

    /// Whether the receiver has the same entries, and no others.
    pub(crate) fn is_same(&self) -> bool {
        !self.differs
    }

    pub(super) fn has_begun_check(&self) -> bool {
        matches!(self.check, Check::Begun { .. })
    }

    /// Sends a directory by itself if its permission bits may differ, which its digest does not contain. If its
    /// entries are the same, nothing else differs. Otherwise the check at the end finds the bits that differ.
    pub(super) fn send_bits(&mut self, part: Part<'_>, answer: &Summary) {
        let has_bits = self.parameters.is_some_and(|all| all.facts.contains(Facts::MODE));
        if !has_bits || part.range != Range::ALL || part.path.is_empty() {
            return;
        }
        let is_same = self.own(part).is_ok_and(|own| own == answer.total);
        let bits = Found::Bits(part.origin, part.path.to_owned());
        match &mut self.check {
            Check::Due { postponed, .. } if !is_same => postponed.push(bits),
            _ => self.found.push_back(bits),
        }
    }
}
