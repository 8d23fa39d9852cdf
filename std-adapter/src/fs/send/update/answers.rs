//! The answers of the receiver: the entries that it lacks, and the next questions.

use super::*;

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
        match question {
            Question::File(origin, path) => self.file_answered(origin, path, stat, origins),
            Question::Directory(origin, path, range) => {
                if self.parameters.is_none() {
                    match self.adopt(stat) {
                        Adopted::Common => {}
                        Adopted::Content => {
                            let again = Question::Directory(origin, path, range);
                            return self.questions.push_front(again);
                        }
                        Adopted::Nothing => {
                            self.differs = true;
                            return self.found.push_back(Found::Directory(origin, path));
                        }
                    }
                }
                let answer = Summary {
                    total: Total { entries: stat.size, digest: stat.value },
                    index: sound_index(index.iter()),
                };
                if self.descend(origins, origin, &path, range, &answer).is_err() {
                    // The walk tells why it cannot be read.
                    self.differs = true;
                    self.found.push_back(Found::Directory(origin, path));
                }
            }
        }
    }

    /// The receiver has refused to answer. Whether it cannot answer at all: then everything is sent.
    pub(crate) fn refused(&mut self, question: Question, reason: Reason) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.differs = true;
        let is_missing = matches!(reason, Reason::NotFound | Reason::NotDirectory);
        if is_missing && self.skip == Skip::Missing {
            return;
        }
        self.found.push_back(match question {
            Question::File(origin, path) => Found::File(origin, path),
            Question::Directory(origin, path, _) => Found::Directory(origin, path),
        });
    }

    /// Compares a range of a directory with the answer.
    fn descend(
        &mut self,
        origins: &[SourceRoot],
        origin: usize,
        path: &str,
        range: Range,
        answer: &Summary,
    ) -> Result<(), StoreError> {
        let is_lossy = self.is_lossy;
        let skip = self.skip;
        let entries = self.listed(origins, origin, path)?;
        let count = entries.part(range).map_or(0, |part| part.len() as u64);
        let (mut files, mut directories, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
        match compare(entries, range, answer, is_lossy) {
            Comparison::Same => {
                self.unchanged += count;
                return Ok(());
            }
            Comparison::Differs(lacks) => {
                for entry in lacks {
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
            let lacking = (files.len() + directories.len()) as u64;
            self.unchanged += count.saturating_sub(lacking);
        }
        // In the order of their names, as a walk has them.
        files.sort_unstable();
        directories.sort_unstable();
        let asks = matches!(skip, Skip::NotOlder | Skip::Missing);
        for path in files {
            if asks {
                self.questions.push_back(Question::File(origin, path));
            } else {
                self.found.push_back(Found::File(origin, path));
            }
        }
        if self.parameters.is_some_and(|parameters| parameters.facts.contains(Facts::MODE)) {
            let bits = directories.iter().map(|path| Found::Bits(origin, path.clone()));
            self.found.extend(bits);
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
            // Opening it tells why it cannot be sent.
            _ => return self.found.push_back(Found::File(origin, path)),
        };
        let source = FileFacts { size: here.size, modified: here.modified };
        let is_left_out = leaves_out(self.skip, source, stat);
        if is_left_out {
            self.unchanged += 1;
        } else {
            self.found.push_back(Found::File(origin, path));
        }
    }
}
