//! Entries that fail on this end, or that the receiver refuses.

use super::*;

impl SendQueue {
    /// Reports that the last entry failed on this end. The session reports it to the other end.
    pub(crate) fn fail(&mut self, error: StoreError, observer: &mut impl Observer) -> StoreError {
        self.differ();
        self.fail_as(Fate::Reported, error, observer)
    }

    /// Reports that the last entry cannot be sent at all. The session counts it when it is given.
    pub(crate) fn broken(&mut self, error: StoreError, observer: &mut impl Observer) {
        self.differ();
        self.fail_as(Fate::Refused, error, observer);
    }

    /// The same of an entry that digests do not contain.
    pub(crate) fn unsendable(&mut self, error: StoreError, observer: &mut impl Observer) {
        self.fail_as(Fate::Refused, error, observer);
    }

    /// An entry that digests contain has failed.
    fn differ(&mut self) {
        if let Some(update) = &mut self.update {
            update.fail();
        }
    }

    fn fail_as(
        &mut self,
        fate: Fate,
        error: StoreError,
        observer: &mut impl Observer,
    ) -> StoreError {
        if let Some(last) = self.recent.last() {
            last.fate = fate;
            if let (Role::First(version), Some(links)) = (&last.role, &mut self.hard_links) {
                links.fail(*version);
            }
        }
        error.report(self.walk.path(), self.direction(), observer)
    }

    /// Whether the refusal does not count: the entry will be sent again, or was counted before.
    pub(crate) fn refused(
        &mut self,
        entry: u32,
        reason: Reason,
        words: &str,
        observer: &mut impl Observer,
    ) -> bool {
        let Some(given) = self.recent.entry(entry) else { return false };
        let mut first = None;
        match std::mem::take(&mut given.role) {
            Role::Question(question) => {
                if let Some(update) = &mut self.update {
                    update.refused(*question, reason);
                }
                self.report_unchanged(observer);
                return true;
            }
            Role::Barrier => {
                self.hard_links.iter_mut().for_each(HardLinks::passed);
                return true;
            }
            Role::HardLink(_) => {
                self.hard_links.iter_mut().for_each(HardLinks::answered);
                if reason == Reason::Excluded {
                    return false;
                }
                let (origin, path) = (given.origin, given.path.clone());
                self.again.push_back(Again { origin, path, is_resumable: true, first_of: None });
                return true;
            }
            Role::First(version) => first = Some(version),
            Role::Content | Role::Link(_) => {}
        }
        let is_reoffered = given.fate == Fate::Reofferable && reason.wants_reoffer();
        if let (Some(version), Some(links)) = (first, &mut self.hard_links) {
            match is_reoffered {
                true => links.send_again(version),
                false => links.fail(version),
            }
        }
        match given.fate {
            Fate::Reofferable | Fate::Final if !reason.counts_as_refused() => {
                given.fate = Fate::Refused;
                true
            }
            Fate::Reofferable if reason.wants_reoffer() => {
                given.fate = Fate::Reoffered;
                let size = given.size;
                let (origin, path) = (given.origin, given.path.clone());
                let whole = &join(self.tree.as_deref().unwrap_or_default(), &path);
                observer.event(Event::Again { path: whole, size });
                self.again.push_back(Again { origin, path, is_resumable: false, first_of: first });
                true
            }
            Fate::Reofferable | Fate::Final => {
                given.fate = Fate::Refused;
                if let Some(update) = &mut self.update {
                    update.fail();
                }
                let path = &join(self.tree.as_deref().unwrap_or_default(), &given.path);
                let (direction, detail, at_peer) = (self.direction(), words, true);
                observer.event(Event::Failed { path, direction, reason, detail, at_peer });
                false
            }
            Fate::Reported => {
                given.fate = Fate::Refused;
                false
            }
            Fate::Reoffered | Fate::Refused => true,
        }
    }
}
