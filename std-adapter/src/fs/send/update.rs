//! Finds the entries of a tree that the receiver lacks: asks for digests of directories, and descends where
//! they differ. Knows nothing of frames, and opens no file.

mod ahead;
mod answers;
mod check;
mod found;
mod own;
#[cfg(all(test, unix))]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Index, Kind, Skip, Stat, StatQuery};

use crate::fs::amount::Amount;
use crate::fs::digest::cancel::Cancel;
use crate::fs::digest::compare::{Comparison, compare};
use crate::fs::digest::entries::Entries;
use crate::fs::digest::kept::{Kept, possible};
use crate::fs::digest::left_out::LeftOut;
use crate::fs::digest::query::{Query, sound_index};
use crate::fs::digest::range::Range;
use crate::fs::digest::record::{Facts, Granularity, Parameters};
use crate::fs::digest::tree::TreeDigests;
use crate::fs::digest::{Summary, Total};
use crate::fs::error::StoreError;
use crate::fs::filter::Exclusion;
use crate::fs::names::join;
use crate::fs::skip::{SizeAndTime, leaves_out};
use crate::fs::source::{SourceEntry, SourceRoot};
use crate::fs::sys::background::Background;
use crate::fs::sys::metadata::FileMetadata;

use self::ahead::Ahead;
use self::check::Check;
pub(crate) use self::found::{Found, Question};
use self::own::{OwnList, Part};

/// The number of questions that may be unanswered.
const OPEN_QUESTIONS: usize = 256;

/// The search through one request's sources.
#[derive(Debug)]
pub(crate) struct Update {
    skip: Skip,
    is_lossy: bool,
    /// Whether symbolic links are entries.
    sends_links: bool,
    /// Whether files with several names are noted.
    sends_hard_links: bool,
    /// The facts that are compared. `None` before the first answer of the receiver.
    parameters: Option<Parameters>,
    /// The unit of the sender's own times.
    granularity: Granularity,
    salt: u32,
    exclusion: Exclusion,
    /// Whether this program serves the sources.
    is_served: bool,
    digests: TreeDigests,
    questions: VecDeque<Question>,
    unanswered: usize,
    /// The entries of the directory that was compared last.
    list: Option<OwnList>,
    found: VecDeque<Found>,
    /// The directory that was sent by itself last: the index of its source, and its path.
    offered: Option<(usize, String)>,
    /// Files that the receiver has, and that were not taken yet.
    unchanged: Amount,
    /// The directories of a walk, which reports the entries that cannot be sent.
    walked: Vec<String>,
    /// The entries that cannot be sent. `None` before everything else was sent.
    left_out: Option<LeftOut>,
    /// Whether a directory differs, or it is not known whether it does.
    differs: bool,
    check: Check,
    ahead: Option<Ahead>,
}

/// How the receiver's files can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adopted {
    /// By the facts that both ends keep.
    Common,
    /// By their content: the receiver keeps no times.
    Content,
    /// Not at all: everything is sent.
    Nothing,
}

impl Update {
    /// Leaves out the files of a tree that `skip` names; `None` if it names none.
    pub(crate) fn new(skip: Skip, is_lossy: bool) -> Option<Self> {
        if skip == Skip::Nothing {
            return None;
        }
        let mut update = Self {
            skip,
            is_lossy,
            sends_links: false,
            sends_hard_links: false,
            parameters: None,
            granularity: Granularity::NANOSECOND,
            salt: getrandom::u32().unwrap_or(1),
            exclusion: Exclusion::default(),
            is_served: false,
            digests: TreeDigests::default(),
            questions: VecDeque::new(),
            unanswered: 0,
            list: None,
            found: VecDeque::new(),
            offered: None,
            unchanged: Amount::default(),
            walked: Vec::new(),
            left_out: None,
            differs: false,
            check: Check::No,
            ahead: None,
        };
        update.digests = update.no_digests();
        Some(update)
    }

    /// Leaves out the entries of an exclusion.
    pub(crate) fn exclude(&mut self, exclusion: &Exclusion) {
        self.exclusion = exclusion.clone();
        self.digests = self.no_digests();
    }

    /// Notes the files with several names.
    pub(crate) fn send_hard_links(&mut self) {
        self.sends_hard_links = true;
        self.digests = self.no_digests();
    }

    /// Compares symbolic links too.
    pub(crate) fn send_links(&mut self) {
        self.sends_links = true;
    }

    /// Begins with the source at `path` of the tree.
    pub(crate) fn begin(&mut self, origin: usize, path: &str, kind: Kind) {
        let question = match kind {
            Kind::File => Question::File(origin, path.to_owned()),
            _ => Question::Directory(origin, path.to_owned(), Range::ALL),
        };
        if let Check::Due { sources, .. } = &mut self.check {
            sources.push(question.clone());
        }
        self.questions.push_back(question);
    }

    /// The files that the receiver has, since the last call.
    pub(crate) fn take_unchanged(&mut self) -> Amount {
        std::mem::take(&mut self.unchanged)
    }

    /// The source is a directory that this program serves.
    pub(crate) fn serve(&mut self) {
        self.is_served = true;
        self.digests = self.no_digests();
    }

    /// Everything was sent: the next entry that cannot be sent, and why. No walk has reported it.
    pub(crate) fn next_left_out(&mut self) -> Option<(Vec<u8>, StoreError)> {
        if !self.is_over() {
            return None;
        }
        self.await_ahead();
        let (digests, walked) = (&mut self.digests, &self.walked);
        let left_out = self.left_out.get_or_insert_with(|| {
            let mut left_out = digests.take_left_out();
            left_out.remove_walked(walked);
            left_out
        });
        left_out.pop()
    }

    /// The number of entries that cannot be sent, and that [`Update::next_left_out`] does not return.
    pub(crate) fn omitted(&self) -> u32 {
        self.left_out.as_ref().map_or(0, LeftOut::others)
    }

    /// Whether every question is answered, and every entry found is sent.
    fn is_over(&self) -> bool {
        self.unanswered == 0 && self.questions.is_empty() && self.found.is_empty()
    }

    /// The next question, with the arguments that are sent.
    pub(crate) fn next_question(
        &mut self,
        origins: &[SourceRoot],
    ) -> Option<(Question, StatQuery)> {
        if self.unanswered >= OPEN_QUESTIONS {
            return None;
        }
        let question = self.questions.pop_front()?;
        self.unanswered += 1;
        if self.parameters.is_none()
            && let Question::Directory(origin, path, range) = &question
            && let Ok(dir) = (Part { origins, origin: *origin, path, range: *range }).directory()
        {
            self.granularity = self.granularity.max(Kept::of_source(&dir).granularity);
            if self.ahead.is_none() {
                self.read_ahead(dir, *origin, path);
            }
        }
        let query = match &question {
            Question::File(..) => self.query(Range::ALL, None),
            Question::Directory(origin, path, range) => {
                // Before the first answer the receiver may have no entries: a digest would be of no use.
                let part = Part { origins, origin: *origin, path, range: *range };
                let digest = self.parameters.is_some().then(|| self.own(part));
                self.query(*range, digest.and_then(Result::ok).map(|total| total.digest))
            }
        };
        Some((question, query))
    }

    /// The facts that are compared, as far as this system has them.
    fn facts(&self) -> Facts {
        let facts = match self.skip {
            Skip::SameContent => Facts::ALL,
            Skip::Existing => Facts::NONE,
            _ => Facts::SIZE.with(Facts::TIME).with(Facts::MODE),
        };
        let facts = if self.sends_links { facts.with(Facts::LINKS) } else { facts };
        facts.and(possible())
    }

    /// The parameters before the first answer.
    fn first_parameters(&self) -> Parameters {
        Parameters { facts: self.facts(), granularity: self.granularity, salt: self.salt }
    }

    fn query(&self, range: Range, digest: Option<u64>) -> StatQuery {
        let Parameters { facts, granularity, salt } =
            self.parameters.unwrap_or_else(|| self.first_parameters());
        StatQuery {
            facts: facts.bits(),
            granularity: granularity.code(),
            bits: range.bits(),
            prefix: range.prefix(),
            salt,
            digest,
        }
    }

    /// Takes over the facts that both ends keep, if they are enough for the comparison.
    fn adopt(&mut self, stat: &Stat) -> Adopted {
        let (asked, kept) = (self.facts(), Facts::from_bits(stat.facts));
        let common = asked.and(kept);
        if asked.contains(Facts::CONTENT) && !common.contains(Facts::CONTENT) {
            return Adopted::Nothing;
        }
        if self.skip == Skip::NotOlder && !common.contains(Facts::TIME) {
            return Adopted::Nothing;
        }
        // Two files of the same size may differ.
        let content = asked.contains(Facts::CONTENT);
        if !content && asked.contains(Facts::TIME) && !common.contains(Facts::TIME) {
            self.skip = Skip::SameContent;
            return Adopted::Content;
        }
        let granularity =
            Granularity::from_code(stat.granularity).unwrap_or(Granularity::TWO_SECONDS);
        self.parameters = Some(Parameters { facts: common, granularity, salt: self.salt });
        Adopted::Common
    }
}
