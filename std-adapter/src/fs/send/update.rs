//! Finds the entries of a tree that the receiver lacks: asks for digests of directories, and descends where
//! they differ. Knows nothing of frames, and opens no file.

mod answers;
#[cfg(all(test, unix))]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Index, Kind, Skip, Stat, StatQuery};

use crate::fs::digest::cancel::Cancel;
use crate::fs::digest::compare::{Comparison, compare};
use crate::fs::digest::entries::Entries;
use crate::fs::digest::kept::Kept;
use crate::fs::digest::left_out::LeftOut;
use crate::fs::digest::query::{Query, sound_index};
use crate::fs::digest::range::Range;
use crate::fs::digest::record::{Facts, Granularity, Parameters};
use crate::fs::digest::tree::TreeDigests;
use crate::fs::digest::{Summary, Total};
use crate::fs::error::StoreError;
use crate::fs::filter::Exclusion;
use crate::fs::names::join;
use crate::fs::send::source::{SourceEntry, SourceRoot};
use crate::fs::skip::{FileFacts, leaves_out};
use crate::fs::sys::background::Background;
use crate::fs::sys::metadata::FileMetadata;

/// The number of questions that may be unanswered.
const OPEN_QUESTIONS: usize = 256;

/// The search through one request's sources.
#[derive(Debug)]
pub(crate) struct Update {
    skip: Skip,
    is_lossy: bool,
    /// The facts that are compared. `None` before the first answer of the receiver.
    parameters: Option<Parameters>,
    /// The unit of the sender's own times.
    granularity: Granularity,
    salt: u32,
    digests: TreeDigests,
    questions: VecDeque<Question>,
    unanswered: usize,
    /// The entries of the directory that was compared last.
    list: Option<(usize, String, Entries)>,
    found: VecDeque<Found>,
    /// Entries that the receiver has.
    unchanged: u64,
    /// The directories of a walk, which reports the entries that cannot be sent.
    walked: Vec<String>,
    /// The entries that cannot be sent. `None` before everything else was sent.
    left_out: Option<LeftOut>,
    /// Whether a directory differs, or it is not known whether it does.
    differs: bool,
    /// The sources, as questions.
    sources: Vec<Question>,
    check: Check,
    ahead: Option<Ahead>,
}

/// The sender's own entries are read on another thread while the receiver reads its entries for the first
/// answer.
#[derive(Debug)]
struct Ahead {
    origin: usize,
    path: String,
    parameters: Parameters,
    work: Background<(TreeDigests, Result<Entries, StoreError>)>,
    cancel: Cancel,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The check at the end whether the receiver has the same entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    No,
    /// It is due if something differs.
    Due,
    /// It has begun.
    Begun,
    /// It says nothing: something was refused or could not be read.
    Vain,
}

/// A question about a path of the tree; the number is the index of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    Directory(usize, String, Range),
    File(usize, String),
}

/// An entry that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    File(usize, String),
    /// And all below it.
    Directory(usize, String),
    /// A directory by itself: its permission bits may differ.
    Bits(usize, String),
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
        let mut digests = TreeDigests::default();
        digests.note_left_out(false);
        Some(Self {
            skip,
            is_lossy,
            parameters: None,
            granularity: Granularity::NANOSECOND,
            salt: getrandom::u32().unwrap_or(1),
            digests,
            questions: VecDeque::new(),
            unanswered: 0,
            list: None,
            found: VecDeque::new(),
            unchanged: 0,
            walked: Vec::new(),
            left_out: None,
            differs: false,
            sources: Vec::new(),
            check: Check::No,
            ahead: None,
        })
    }

    /// Leaves out the entries of an exclusion.
    pub(crate) fn exclude(&mut self, exclusion: &Exclusion) {
        self.digests.exclude(exclusion);
    }

    /// Begins with a source, which stands at `path` of the tree.
    pub(crate) fn begin(&mut self, origin: usize, path: &str, kind: Kind) {
        let question = match kind {
            Kind::File => Question::File(origin, path.to_owned()),
            _ => Question::Directory(origin, path.to_owned(), Range::ALL),
        };
        if self.check == Check::Due {
            self.sources.push(question.clone());
        }
        self.questions.push_back(question);
    }

    /// Checks at the end whether the receiver has the same entries, and no others.
    pub(crate) fn check_at_end(&mut self) {
        if matches!(self.skip, Skip::SameTime | Skip::SameContent) {
            self.check = Check::Due;
        }
    }

    /// Everything was sent: begins to ask once more if something differed. A digest contains all bits of the
    /// hashes, an index does not. Content is not compared again.
    pub(crate) fn begin_check(&mut self) -> bool {
        let is_over = self.is_over();
        let Some(parameters) = self.parameters.as_mut().filter(|_| is_over) else { return false };
        if self.check != Check::Due || !self.differs {
            return false;
        }
        self.check = Check::Begun;
        self.differs = false;
        if parameters.facts.contains(Facts::CONTENT) {
            parameters.facts = parameters.facts.without(Facts::CONTENT);
            self.list = None;
        }
        self.questions.extend(std::mem::take(&mut self.sources));
        true
    }

    /// Something was refused or could not be read: the check at the end says nothing.
    pub(crate) fn fail(&mut self) {
        self.differs = true;
        self.check = match self.check {
            Check::Begun | Check::Vain => Check::Vain,
            Check::No | Check::Due => Check::No,
        };
    }

    /// Whether the receiver has the same entries, and no others.
    pub(crate) fn is_same(&self) -> bool {
        !self.differs
    }

    /// The number of entries that the receiver has.
    pub(crate) fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// The source is a directory that this program serves.
    pub(crate) fn serve(&mut self) {
        self.digests.note_left_out(true);
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

    /// The next entry to send.
    pub(crate) fn next_found(&mut self) -> Option<Found> {
        let found = self.found.pop_front()?;
        if let Found::Directory(_, path) = &found {
            self.walked.push(path.clone());
        }
        Some(found)
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
            && let Question::Directory(origin, path, _) = &question
            && let Ok(dir) = directory(origins, *origin, path)
        {
            self.granularity = self.granularity.max(Kept::of_source(&dir).granularity);
            if self.ahead.is_none() {
                self.read_ahead(dir, *origin, path);
            }
        }
        let query = match &question {
            Question::File(..) => self.query(Range::ALL, None),
            Question::Directory(origin, path, range) => {
                // Before the first answer the receiver may have nothing, and a digest would be in vain.
                let digest =
                    self.parameters.is_some().then(|| self.own(origins, *origin, path, *range));
                self.query(*range, digest.and_then(Result::ok).map(|total| total.digest))
            }
        };
        Some((question, query))
    }

    /// Begins to read the first directory, with the facts that the receiver keeps most often.
    fn read_ahead(&mut self, dir: Arc<Dir>, origin: usize, path: &str) {
        let parameters =
            Parameters { facts: self.facts(), granularity: self.granularity, salt: self.salt };
        let (mut digests, path) = (std::mem::take(&mut self.digests), path.to_owned());
        let (cancel, query) = (Cancel::default(), Query { parameters, range: Range::ALL });
        let (theirs, below) = (cancel.clone(), path.clone());
        let work = Background::start(move || {
            let entries = digests.entries(&dir, &below, query, &theirs);
            (digests, entries)
        });
        self.ahead = Some(Ahead { origin, path, parameters, work, cancel });
    }

    /// Waits until the first directory is read; until it is cancelled, if its entries are not needed.
    fn await_ahead(&mut self) {
        let Some(ahead) = self.ahead.take() else { return };
        if self.parameters != Some(ahead.parameters) {
            ahead.cancel.cancel();
        }
        let done = loop {
            if let Poll::Ready(done) = ahead.work.poll() {
                break done;
            }
        };
        let Some((digests, entries)) = done else { return };
        self.digests = digests;
        let entries = entries.ok().filter(|entries| entries.part(Range::ALL).is_some());
        if let Some(entries) = entries.filter(|_| self.parameters == Some(ahead.parameters)) {
            self.list = Some((ahead.origin, ahead.path.clone(), entries));
        }
    }

    fn facts(&self) -> Facts {
        match self.skip {
            Skip::SameContent => Facts::ALL,
            Skip::Existing => Facts::NONE,
            _ => Facts::SIZE.with(Facts::TIME).with(Facts::MODE),
        }
    }

    fn query(&self, range: Range, digest: Option<u64>) -> StatQuery {
        let Parameters { facts, granularity, salt } = self.parameters.unwrap_or(Parameters {
            facts: self.facts(),
            granularity: self.granularity,
            salt: self.salt,
        });
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

    /// The sender's own entries in a range.
    fn own(
        &mut self,
        origins: &[SourceRoot],
        origin: usize,
        path: &str,
        range: Range,
    ) -> Result<Total, StoreError> {
        self.await_ahead();
        let is_listed =
            |(of, listed, _): &(usize, String, Entries)| *of == origin && listed == path;
        if let Some(parameters) = self.parameters
            && !self.list.as_ref().is_some_and(is_listed)
            && let Some(known) = self.digests.known(path, Query { parameters, range })
        {
            return Ok(known.total);
        }
        let entries = self.listed(origins, origin, path)?;
        Ok(match entries.part(range) {
            Some(part) => Total::of(part.iter().map(|entry| entry.hash)),
            None => entries.total(),
        })
    }

    fn listed(
        &mut self,
        origins: &[SourceRoot],
        origin: usize,
        path: &str,
    ) -> Result<&Entries, StoreError> {
        self.await_ahead();
        let is_listed =
            self.list.as_ref().is_some_and(|(of, listed, _)| *of == origin && listed == path);
        if !is_listed {
            let parameters = self.parameters.ok_or(Reason::Unsupported)?;
            let dir = directory(origins, origin, path)?;
            let query = Query { parameters, range: Range::ALL };
            // One cache for all sources: their paths differ.
            let entries = self.digests.entries(&dir, path, query, &Cancel::default())?;
            if entries.part(Range::ALL).is_none() {
                // Its names take too much memory: it is sent.
                return Err(Reason::TooLarge.into());
            }
            self.list = Some((origin, path.to_owned(), entries));
        }
        let list = self.list.as_ref().ok_or(Reason::Storage)?;
        Ok(&list.2)
    }
}

fn directory(origins: &[SourceRoot], origin: usize, path: &str) -> Result<Arc<Dir>, StoreError> {
    match origins.get(origin).ok_or(Reason::NotFound)?.reach(path)? {
        SourceEntry::Directory(dir, _) => Ok(dir),
        SourceEntry::File(..) => Err(Reason::NotDirectory.into()),
    }
}
