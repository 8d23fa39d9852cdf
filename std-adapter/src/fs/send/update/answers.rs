//! The answers of the receiver: the entries that it lacks, and the next questions.

use super::*;
use crate::fs::digest::query::INDEX_MAX;

impl Update {
    /// The receiver has answered.
    pub(crate) fn answered(
        &mut self,
        question: Question,
        stat: &Stat,
        index: Index<'_>,
        origins: &[SourceRoot],
    ) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if matches!(self.check, Check::Inconclusive) {
            return;
        }
        match question {
            Question::File(origin, path) => self.file_answered(origin, path, stat, origins),
            Question::Directory(origin, path, range) => {
                let part = Part { origins, origin, path: &path, range };
                if self.parameters.is_none() && !self.is_comparable(part, stat) {
                    return;
                }
                let answer = Summary {
                    total: Total { entries: stat.size, digest: stat.value },
                    index: sound_index(index.iter()),
                };
                if self.listed(part).is_err() {
                    // The walk reports why it cannot be read.
                    self.differs = true;
                    self.found.push_back(part.found());
                    return;
                }
                self.send_bits(part, &answer);
                if self.descend(part, &answer).is_err() {
                    self.differs = true;
                    self.found.push_back(part.found());
                }
            }
        }
    }

    /// Takes over the facts of the first answer. Whether the answer can be compared; if not, the question is
    /// asked again, or the directory is sent.
    fn is_comparable(&mut self, part: Part<'_>, stat: &Stat) -> bool {
        match self.adopt(stat) {
            Adopted::Common if self.needs_index(part, stat) => {
                self.differs = true;
                self.questions.push_front(part.question());
                false
            }
            Adopted::Common => true,
            Adopted::Content => {
                self.await_ahead();
                self.questions.push_front(part.question());
                false
            }
            Adopted::Nothing => {
                self.await_ahead();
                self.differs = true;
                self.found.push_back(self.unasked(part.question()));
                false
            }
        }
    }

    /// The entry of a question without an answer that helps: it is sent if that may replace a file.
    fn unasked(&self, question: Question) -> Found {
        let may_replace = matches!(self.skip, Skip::SameTime | Skip::SameContent);
        match question {
            Question::File(origin, path) if may_replace => Found::File(origin, path),
            Question::Directory(origin, path, _) if may_replace => Found::Directory(origin, path),
            Question::File(origin, path) | Question::Directory(origin, path, _) => {
                Found::Unknown(origin, path)
            }
        }
    }

    /// Whether to ask again with a digest: the receiver has no more entries than an index, which it sends
    /// if the digests differ.
    fn needs_index(&mut self, part: Part<'_>, stat: &Stat) -> bool {
        let is_short = !self.is_lossy && (1..=INDEX_MAX as u64).contains(&stat.size);
        let answer = Total { entries: stat.size, digest: stat.value };
        let own = if is_short { self.own(part).ok() } else { None };
        own.is_some_and(|own| own.entries > 0 && own != answer)
    }

    /// The receiver has refused to answer: the entry is sent if it is missing, unless missing files are left out,
    /// or if it may be replaced.
    pub(crate) fn refused(&mut self, question: Question, reason: Reason) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.await_ahead();
        // A tree that is sent whole has no other entries then.
        self.differs |= reason != Reason::NotFound || self.parameters.is_some();
        // A link is there: no stat describes it.
        if reason == Reason::SymbolicLink
            && self.skip == Skip::Existing
            && matches!(question, Question::File(..))
            && self.sends_links
        {
            self.is_unchanged(Amount::file(0));
            return;
        }
        let is_missing = matches!(reason, Reason::NotFound | Reason::NotDirectory);
        // The receiver refuses the offer for the same reason, and its message has the detail.
        let refuses_offers = matches!(
            reason,
            Reason::BadPath
                | Reason::NameTooLong
                | Reason::IsDirectory
                | Reason::NotRegular
                | Reason::SymbolicLink
        );
        if matches!(self.check, Check::Begun { .. } | Check::Inconclusive) {
            return;
        }
        if is_missing && self.skip == Skip::Missing {
            return;
        }
        self.found.push_back(match question {
            question if !is_missing && !refuses_offers => self.unasked(question),
            Question::File(origin, path) => Found::File(origin, path),
            Question::Directory(origin, path, _) => Found::Directory(origin, path),
        });
    }

    /// The receiver has files. The check at the end finds them once more.
    fn is_unchanged(&mut self, amount: Amount) {
        if !self.has_begun_check() {
            self.unchanged += amount;
        }
    }

    /// Compares a range of a directory with the answer.
    fn descend(&mut self, part: Part<'_>, answer: &Summary) -> Result<(), StoreError> {
        let (is_lossy, skip, has_begun_check) = (self.is_lossy, self.skip, self.has_begun_check());
        let Part { origin, path, range, .. } = part;
        let entries = self.listed(part)?;
        let mut unchanged = entries.amount(range);
        let (mut files, mut directories, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        match compare(entries, range, answer, is_lossy) {
            Comparison::Same => {
                self.is_unchanged(unchanged);
                return Ok(());
            }
            Comparison::Differs(lacks) => {
                for entry in lacks {
                    unchanged = unchanged - entry.amount();
                    let path = join(path, entries.name(entry));
                    if entry.kind == Kind::File { &mut files } else { &mut directories }.push(path);
                }
            }
            Comparison::Split(bits) => {
                let parts = range.split(bits);
                ranges.extend(
                    parts.filter(|part| entries.part(*part).is_none_or(|part| !part.is_empty())),
                );
            }
        }
        self.differs = true;
        if ranges.is_empty() {
            self.is_unchanged(unchanged);
        }
        // In the order of their names, as a walk has them.
        files.sort_unstable();
        directories.sort_unstable();
        // Facts that the receiver does not store as they were sent are no reason to send a file again.
        // Where there was no index, a file that exists may be among those of a part that differs.
        let asks =
            matches!(skip, Skip::Existing | Skip::NotOlder | Skip::Missing) || has_begun_check;
        for path in files {
            if asks {
                self.questions.push_back(Question::File(origin, path));
            } else {
                self.found.push_back(Found::File(origin, path));
            }
        }
        let directories = directories.into_iter().map(|path| (path, Range::ALL));
        let ranges = ranges.into_iter().map(|range| (path.to_owned(), range));
        for (path, range) in directories.chain(ranges) {
            self.questions.push_back(Question::Directory(origin, path, range));
        }
        Ok(())
    }

    /// The receiver has a file of that name.
    fn file_answered(&mut self, origin: usize, path: String, stat: &Stat, origins: &[SourceRoot]) {
        let here = match origins.get(origin).map(|source| source.reach(&path)) {
            Some(Ok(SourceEntry::File(_, _, metadata))) => FileMetadata::of(&metadata),
            // A link has no time that could be compared.
            Some(Ok(SourceEntry::Link(..)))
                if matches!(self.skip, Skip::Existing | Skip::NotOlder) =>
            {
                self.is_unchanged(Amount::file(0));
                return;
            }
            // If it cannot be opened, the failure is reported when it is sent.
            _ => return self.found.push_back(Found::File(origin, path)),
        };
        let source = SizeAndTime { size: here.size, modified: here.modified };
        let skip = match self.skip {
            _ if self.has_begun_check() => Skip::SameTime,
            // It exists, and its hash differs.
            Skip::Missing => Skip::Nothing,
            skip => skip,
        };
        if leaves_out(skip, source, stat) {
            self.is_unchanged(Amount::file(here.size));
        } else {
            self.found.push_back(Found::File(origin, path));
        }
    }
}
