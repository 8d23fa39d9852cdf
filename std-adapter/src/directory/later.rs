//! Small files that come to their places later than they are committed: gathered, put there on two
//! threads at once, and told of in the order in which they came. Knows nothing of the open file.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Late};

use super::background::LOOK;
use super::batch::{Batch, Outcome, Ticket};
use super::descriptors::{Descriptors, Permit};
use super::event::{Event, Observer};
use super::facts::settled;
use super::incoming::Wanted;
use super::nameless::{Nameless, Whole};
use super::names::{below, split};
use super::place::Place;
use super::second::{Done, Job, Second};
use super::staged::{Staged, Written, name_all};
use super::trouble::Trouble;

/// So many small files of a tree come to their places at once, before a second thread is started.
const FEW: u32 = 256;
/// So many batches this thread goes ahead of the second, at most.
const AHEAD: usize = 8;
/// The same, where its files stay open.
const AHEAD_OPEN: usize = 2;

/// Files that are written get their names when there are so many of them, or so many bytes.
const NAMED_AT_ONCE: usize = 128;
const NAMED_AT_ONCE_BYTES: u64 = 256 << 20;
/// Open files that takes: those that wait, those that get their names, and three batches.
const DESCRIPTORS: usize = 2 * NAMED_AT_ONCE + 3 * 64;

/// The files of one tree that come to their places later.
#[derive(Debug, Default)]
pub(super) struct Later {
    nameless: Nameless,
    /// So many so far.
    files: u32,
    /// They came after those that the second thread has in hand.
    gathered: Batch,
    second: Option<Second>,
    /// What this thread put in place that came after those: to be told of after them.
    through: VecDeque<(Arc<Batch>, Outcome)>,
    /// Memory for what is gathered next.
    spare: Batch,
    /// What found no place, and the other end does not know of yet.
    late: VecDeque<Late>,
    /// Files get their names when their content is durable: the open files that are reserved for it.
    durable: Option<Permit>,
    /// Files that are written and wait for their names, before those that are `through`.
    written: Vec<Written>,
    written_bytes: u64,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    InPlace,
    Later,
    /// It must go the long way.
    NotSo,
}

impl Later {
    /// A tree begins whose files get their names when their content is durable.
    pub(super) fn begin_durable(&mut self, descriptors: &Descriptors) {
        self.durable = descriptors.take(DESCRIPTORS);
    }

    /// Whether files may be written now and get their names later.
    pub(super) fn may_stage(&self) -> bool {
        self.durable.is_some() && self.late.is_empty()
    }

    /// Puts a file in place by one stroke: now, or later with a ticket.
    pub(super) fn put(
        &mut self,
        place: &mut Place,
        path: &str,
        whole: &Whole<'_>,
        ticket: Option<Ticket>,
        observer: &mut impl Observer,
    ) -> Result<Put, Trouble> {
        let (parent, name) = split(path);
        let dir = place.made(parent, None, false)?;
        self.files = self.files.saturating_add(u32::from(ticket.is_some()));
        if self.files == FEW && self.second.is_none() && self.gains() {
            self.second = Second::start();
        }
        // Where one is late no others follow: so few can be late as are on their way at once.
        let may = if self.durable.is_some() {
            self.may_stage() && !place.may_fold()
        } else {
            self.second.is_some() && !self.nameless.is_impossible() && self.late.is_empty()
        };
        let Some(ticket) = ticket.filter(|_| may) else {
            self.finish(place, observer);
            let is_put = self.durable.is_none() && self.nameless.put(&dir, name, whole);
            return Ok(if is_put { Put::InPlace } else { Put::NotSo });
        };
        self.gathered.add(&dir, path, whole, ticket);
        if self.gathered.is_full() {
            self.hand_on(place, observer);
        }
        Ok(Put::Later)
    }

    /// Whether a file may be written now and get its name later. Where a name may be taken for
    /// another one, it is looked at once more when the file is put in place.
    pub(super) fn may_stage_as(&self, place: &mut Place, path: &str) -> Result<bool, Trouble> {
        if !self.may_stage() {
            return Ok(false);
        }
        place.made(split(path).0, None, false)?;
        Ok(!place.may_fold())
    }

    /// Takes a file that is written and gets its name later.
    pub(super) fn stage(
        &mut self,
        place: &mut Place,
        path: &str,
        (staged, bytes): (Staged, u64),
        ticket: Ticket,
        observer: &mut impl Observer,
    ) -> Result<(), Trouble> {
        let dir = place.made(split(path).0, None, false)?;
        if self.gathered.last().is_some() {
            self.put_here();
        }
        let mut batch = Batch::default();
        batch.add(&dir, path, &Whole { bytes: &[], mode: None, modified: None }, ticket);
        let outcome = Outcome { staged: vec![staged], ..Outcome::default() };
        self.through.push_back((Arc::new(batch), outcome));
        self.written_bytes = self.written_bytes.saturating_add(bytes);
        self.tell_all(wait_if(self.through.len() >= AHEAD), place, observer);
        Ok(())
    }

    fn gains(&self) -> bool {
        Second::is_of_use() && (self.durable.is_some() || !self.nameless.is_impossible())
    }

    /// Whether one that is on its way goes to this directory's own path, or to one above it. Where
    /// the last one goes to there is a directory.
    pub(super) fn is_in_the_way_to(&self, directory: &str) -> bool {
        let is_as_the_last = self.gathered.last().is_some_and(|last| split(last).0 == directory);
        !is_as_the_last && self.paths().any(|path| below(directory, path).is_some())
    }

    /// Whether one that is on its way goes there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths().any(|other| other == path)
    }

    /// Where those go that are on their way.
    fn paths(&self) -> impl Iterator<Item = &str> {
        let through = self.through.iter().map(|(batch, _)| &**batch);
        let written = self.written.iter().map(|written| &*written.batch);
        let waiting = through.chain(written).chain(self.in_hand());
        waiting.chain([&self.gathered]).flat_map(Batch::paths)
    }

    /// Puts in place what is on its way.
    pub(super) fn finish(&mut self, place: &mut Place, observer: &mut impl Observer) {
        if self.gathered.last().is_some() {
            self.put_here();
        }
        self.tell_all(None, place, observer);
        // It may have got more to do.
        while self.second.as_ref().is_some_and(Second::is_busy) {
            self.tell_all(None, place, observer);
        }
        self.name_here(place, observer);
    }

    /// Puts in place what is on its way; names what found no place, one at a time. Pending while
    /// the content of files is made durable: this waits for it a short time only.
    pub(super) fn poll_settle(
        &mut self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Poll<Result<(), Late>> {
        if self.durable.is_some() && self.second.is_none() && self.is_any_waiting() {
            self.second = Second::start();
        }
        if self.durable.is_none() || self.second.is_none() {
            self.finish(place, observer);
        } else {
            if self.gathered.last().is_some() {
                self.put_here();
            }
            let end = Instant::now() + LOOK;
            while self.is_any_waiting() {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Poll::Pending;
                }
                self.tell_all(Some(left), place, observer);
                if let Some(second) = self.second.as_mut().filter(|second| !second.is_busy())
                    && !self.written.is_empty()
                {
                    self.written_bytes = 0;
                    let written = mem::take(&mut self.written);
                    second.give(Job::Name(written, place.volumes().to_vec()));
                }
            }
        }
        Poll::Ready(self.late.pop_front().map_or(Ok(()), Err))
    }

    fn is_any_waiting(&self) -> bool {
        let second = self.second.as_ref().is_some_and(Second::is_busy);
        let gathered = self.gathered.last().is_some();
        second || gathered || !self.written.is_empty() || !self.through.is_empty()
    }

    /// Nothing more of the tree comes: puts in place what is on its way, and gives everything back.
    ///
    /// # Errors
    /// What the other end was not told.
    pub(super) fn end(
        &mut self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Reason> {
        self.finish(place, observer);
        let late = self.late.pop_front();
        self.files = 0;
        self.gathered = Batch::default();
        self.second = None;
        self.spare = Batch::default();
        self.late = VecDeque::new();
        self.durable = None;
        late.map_or(Ok(()), |late| Err(late.reason))
    }

    /// Gives what was gathered to the second thread; while that has its hands full, this one does
    /// the work.
    fn hand_on(&mut self, place: &mut Place, observer: &mut impl Observer) {
        self.tell_all(Some(Duration::ZERO), place, observer);
        let is_durable = self.durable.is_some();
        let ahead = if is_durable { AHEAD_OPEN } else { AHEAD };
        match &mut self.second {
            Some(second) if !second.is_busy() => {
                let spare = mem::take(&mut self.spare);
                let gathered = Arc::new(mem::replace(&mut self.gathered, spare));
                second.give(if is_durable { Job::Write(gathered) } else { Job::Put(gathered) });
            }
            _ => {
                self.put_here();
                self.tell_all(wait_if(self.through.len() >= ahead), place, observer);
            }
        }
    }

    /// This thread does the work.
    fn put_here(&mut self) {
        let mut gathered = mem::take(&mut self.gathered);
        let outcome = if self.durable.is_some() {
            gathered.write(&mut self.nameless)
        } else {
            gathered.put(&mut self.nameless)
        };
        if !outcome.staged.is_empty() {
            self.gathered = gathered.take_content();
        } else if outcome.failed.is_empty() {
            // What is still to be told needs neither content nor directories.
            self.gathered = gathered.take_memory();
        }
        self.through.push_back((Arc::new(gathered), outcome));
    }

    fn in_hand(&self) -> impl Iterator<Item = &Batch> {
        self.second.iter().flat_map(Second::in_hand)
    }

    /// Tells of what is through, in order: of nothing before the second thread is through with what
    /// it has in hand. That may be waited for.
    fn tell_all(
        &mut self,
        wait: Option<Duration>,
        place: &mut Place,
        observer: &mut impl Observer,
    ) {
        if let Some(second) = self.second.as_mut().filter(|second| second.is_busy()) {
            let is_naming = second.is_naming();
            match second.take_back(wait) {
                Some(Done::Batch(batch, outcome)) => self.through.push_front((batch, outcome)),
                Some(Done::Named(written)) => self.tell_named(written, place, observer),
                Some(Done::Lost(batches)) => self.lose(batches, place, observer),
                // What comes after those that get their names waits like them.
                None if is_naming => {}
                None => return,
            }
        }
        while let Some((batch, mut outcome)) = self.through.pop_front() {
            if outcome.staged.is_empty() {
                self.tell(&batch, &outcome, place, observer);
                if let Ok(mut spare) = Arc::try_unwrap(batch)
                    && spare.has_content()
                {
                    spare.clear();
                    self.spare = spare;
                }
                continue;
            }
            let batch = Arc::try_unwrap(batch).map_or_else(
                |batch| batch,
                |mut batch| {
                    if batch.has_content() {
                        self.spare = batch.take_content();
                    }
                    Arc::new(batch)
                },
            );
            self.written.push(Written { batch, staged: mem::take(&mut outcome.staged) });
            self.name_if_many(place, observer);
        }
    }

    /// Gives files their names where there are many of them: on the second thread, or on this one
    /// where there is none.
    fn name_if_many(&mut self, place: &mut Place, observer: &mut impl Observer) {
        let open = |written: &Written| written.staged.len() + written.batch.directories().count();
        if self.written.iter().map(open).sum::<usize>() < NAMED_AT_ONCE
            && self.written_bytes < NAMED_AT_ONCE_BYTES
        {
            return;
        }
        let Some(second) = &mut self.second else { return self.name_here(place, observer) };
        // It gives those before their names, if it has anything in hand.
        let before = second.take_back(None);
        self.written_bytes = 0;
        second.give(Job::Name(mem::take(&mut self.written), place.volumes().to_vec()));
        match before {
            Some(Done::Named(written)) => self.tell_named(written, place, observer),
            Some(Done::Lost(batches)) => self.lose(batches, place, observer),
            Some(Done::Batch(..)) | None => {}
        }
    }

    /// This thread gives files their names.
    fn name_here(&mut self, place: &mut Place, observer: &mut impl Observer) {
        if self.written.is_empty() {
            return;
        }
        self.written_bytes = 0;
        let mut written = mem::take(&mut self.written);
        name_all(&mut written, place.volumes());
        self.tell_named(written, place, observer);
    }

    /// Tells of files that have their names, or could not get them.
    fn tell_named(
        &mut self,
        written: Vec<Written>,
        place: &mut Place,
        observer: &mut impl Observer,
    ) {
        for Written { batch, staged } in written {
            for ((path, _, ticket), staged) in batch.files().zip(staged) {
                let result = match staged {
                    Staged::Named(result) => settled(result, path, observer),
                    Staged::Failed(trouble) => Err(trouble),
                    _ => Err(Reason::Storage.into()),
                };
                self.tell_one(path, ticket, result, place, observer);
            }
        }
    }

    /// The second thread has come to grief, and nothing is known of what it had in hand.
    fn lose(&mut self, batches: Vec<Arc<Batch>>, place: &mut Place, observer: &mut impl Observer) {
        if self.durable.is_none() {
            let lost = batches.into_iter().map(|batch| {
                let outcome = Outcome::none_put(&batch);
                (batch, outcome)
            });
            return lost.for_each(|lost| self.through.push_front(lost));
        }
        for batch in batches {
            for (path, _, ticket) in batch.files() {
                self.tell_one(path, ticket, Err(Reason::Storage.into()), place, observer);
            }
        }
    }

    /// Tells what became of a file.
    fn tell_one(
        &mut self,
        path: &str,
        Ticket { later, size, held, sha256 }: Ticket,
        result: Result<(), Trouble>,
        place: &mut Place,
        observer: &mut impl Observer,
    ) {
        match result {
            Ok(()) => {
                let kind = Kind::File;
                observer.event(Event::Done { path, kind, size, held, sha256 });
            }
            Err(trouble) => {
                // Where it led may have been moved away.
                place.forget();
                let reason = trouble.tell(path, observer);
                self.late.push_back(Late { later, reason });
            }
        }
    }

    /// Tells of a batch that is through. A file that is not in place goes the long way now, but where
    /// one that came after it has taken the place already.
    fn tell(
        &mut self,
        batch: &Batch,
        outcome: &Outcome,
        place: &mut Place,
        observer: &mut impl Observer,
    ) {
        if outcome.is_impossible {
            self.nameless.give_up();
        }
        for (index, (path, whole, ticket)) in batch.files().enumerate() {
            let has_followed = || {
                let mut after = self.through.iter();
                batch.has_put(path, index + 1, outcome)
                    || after.any(|(batch, outcome)| batch.has_put(path, 0, outcome))
            };
            let result = if outcome.is_put(index) || has_followed() {
                Ok(())
            } else {
                go_the_long_way(path, &whole, place, observer)
            };
            self.tell_one(path, ticket, result, place, observer);
        }
    }
}

/// Waits for as long as it takes, or not at all.
fn wait_if(is_due: bool) -> Option<Duration> {
    if is_due { None } else { Some(Duration::ZERO) }
}

fn go_the_long_way(
    path: &str,
    whole: &Whole<'_>,
    place: &mut Place,
    observer: &mut impl Observer,
) -> Result<(), Trouble> {
    let Whole { bytes, mode, modified } = *whole;
    let (kind, size) = (Kind::File, Some(bytes.len() as u64));
    let (path, access) = (path.to_owned(), Arc::default());
    let (resume, later, durable) = (0, None, false);
    let wanted = Wanted { path, kind, size, modified, mode, resume, access, later, durable };
    wanted.put(place, bytes, observer)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;
    use cap_std::fs::Dir;

    use super::*;

    fn batch(dir: &Arc<Dir>, files: &[(&str, &[u8])]) -> Batch {
        let mut batch = Batch::default();
        for (path, bytes) in files {
            let whole = Whole { bytes, mode: None, modified: None };
            batch.add(dir, path, &whole, Ticket { later: 1, size: 0, held: 0, sha256: None });
        }
        batch
    }

    #[test]
    fn what_is_only_to_be_told_keeps_no_directory_open() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let dir = Arc::new(dir);
        let mut later =
            Later { gathered: batch(&dir, &[("a", b"1"), ("b", b"2")]), ..Later::default() };
        assert_eq!(Arc::strong_count(&dir), 2);
        later.put_here();
        if !later.nameless.is_impossible() {
            assert_eq!(Arc::strong_count(&dir), 1);
        }
    }

    #[test]
    fn a_file_that_failed_does_not_replace_one_that_came_after() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(temporary.path(), ambient_authority()).unwrap();
        let dir = Arc::new(dir);
        for name in ["a", "b", "c"] {
            fs::write(temporary.path().join(name), "in place").unwrap();
        }
        // Of `a` the next is in the same batch, of `b` in another, of `c` there is none.
        let first: [(&str, &[u8]); 4] = [("a", b"old"), ("b", b"old"), ("c", b"new"), ("a", b"-")];
        let second: [(&str, &[u8]); 2] = [("c", b"failed"), ("b", b"-")];
        let failed = |failed: &[usize]| Outcome { failed: failed.to_vec(), ..Outcome::default() };
        let mut later = Later::default();
        later.through.push_back((Arc::new(batch(&dir, &second)), failed(&[0])));
        let mut done = Vec::new();
        let mut observer = |event: Event<'_>| {
            let Event::Done { path, .. } = event else { panic!("{event:?}") };
            done.push(path.to_owned());
        };
        let mut place = Place::new(Arc::clone(&dir));
        later.tell(&batch(&dir, &first), &failed(&[0, 1, 2]), &mut place, &mut observer);
        assert_eq!(done, ["a", "b", "c", "a"]);
        for (name, content) in [("a", "in place"), ("b", "in place"), ("c", "new")] {
            assert_eq!(fs::read_to_string(temporary.path().join(name)).unwrap(), content);
        }
        assert!(later.late.is_empty());
    }
}
