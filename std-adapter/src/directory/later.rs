//! Small files that come to their places later than they are committed: gathered, put there on two
//! threads at once, and told of in the order in which they came. Knows nothing of the open file.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Late};

use super::batch::{Batch, Outcome, Ticket};
use super::event::{Event, Observer};
use super::incoming::Wanted;
use super::nameless::{Nameless, Whole};
use super::names::{below, split};
use super::place::Place;
use super::second::Second;
use super::trouble::Trouble;

/// So many small files of a tree come to their places at once, before a second thread is started.
const FEW: u32 = 256;
/// So many batches this thread goes ahead of the second, at most.
const AHEAD: usize = 8;

/// The small files of one tree.
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
        if self.files == FEW && self.second.is_none() && !self.nameless.is_impossible() {
            self.second = Second::start();
        }
        // Where one is late no others follow: so few can be late as are on their way at once.
        let may = self.second.is_some() && !self.nameless.is_impossible() && self.late.is_empty();
        let Some(ticket) = ticket.filter(|_| may) else {
            self.finish(place, observer);
            let is_put = self.nameless.put(&dir, name, whole);
            return Ok(if is_put { Put::InPlace } else { Put::NotSo });
        };
        self.gathered.add(&dir, path, whole, ticket);
        if self.gathered.is_full() {
            self.hand_on(place, observer);
        }
        Ok(Put::Later)
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
        through.chain(self.in_hand()).chain([&self.gathered]).flat_map(Batch::paths)
    }

    /// Puts in place what is on its way.
    pub(super) fn finish(&mut self, place: &mut Place, observer: &mut impl Observer) {
        if self.gathered.last().is_some() || self.in_hand().is_some() {
            self.put_here();
            self.tell_all(true, place, observer);
        }
    }

    /// Puts in place what is on its way; names what found no place, one at a time.
    pub(super) fn settle(
        &mut self,
        place: &mut Place,
        observer: &mut impl Observer,
    ) -> Result<(), Late> {
        self.finish(place, observer);
        self.late.pop_front().map_or(Ok(()), Err)
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
        let settled = self.settle(place, observer);
        self.files = 0;
        self.gathered = Batch::default();
        self.second = None;
        self.spare = Batch::default();
        self.late = VecDeque::new();
        settled.map_err(|late| late.reason)
    }

    /// Gives what was gathered to the second thread; while that has its hands full, this one does
    /// the work.
    fn hand_on(&mut self, place: &mut Place, observer: &mut impl Observer) {
        self.tell_all(false, place, observer);
        if self.in_hand().is_some() {
            self.put_here();
            self.tell_all(self.through.len() >= AHEAD, place, observer);
        } else {
            let gathered = Arc::new(mem::replace(&mut self.gathered, mem::take(&mut self.spare)));
            if let Some(second) = &mut self.second {
                second.give(gathered);
            }
        }
    }

    /// This thread does the work.
    fn put_here(&mut self) {
        let mut gathered = mem::take(&mut self.gathered);
        let outcome = gathered.put(&mut self.nameless);
        if outcome.failed.is_empty() {
            // What is still to be told needs neither content nor directories.
            self.gathered = gathered.take_memory();
        }
        self.through.push_back((Arc::new(gathered), outcome));
    }

    fn in_hand(&self) -> Option<&Batch> {
        self.second.as_ref().and_then(Second::in_hand)
    }

    /// Tells of what is through, in order: of nothing before the second thread is through with what
    /// it has in hand. That may be waited for.
    fn tell_all(&mut self, waits: bool, place: &mut Place, observer: &mut impl Observer) {
        if let Some(second) = self.second.as_mut().filter(|second| second.in_hand().is_some()) {
            let Some(taken) = second.take_back(waits) else { return };
            self.through.push_front(taken);
        }
        while let Some((batch, outcome)) = self.through.pop_front() {
            self.tell(&batch, &outcome, place, observer);
            if let Ok(mut spare) = Arc::try_unwrap(batch)
                && spare.has_content()
            {
                spare.clear();
                self.spare = spare;
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
        for (index, (path, whole, Ticket { later, size, sha256 })) in batch.files().enumerate() {
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
            match result {
                Ok(()) => {
                    let kind = Kind::File;
                    observer.event(Event::Done { path, kind, size, held: 0, sha256 });
                }
                Err(trouble) => {
                    // Where it led may have been moved away.
                    place.forget();
                    let reason = trouble.tell(path, observer);
                    self.late.push_back(Late { later, reason });
                }
            }
        }
    }
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
    let wanted = Wanted { path, kind, size, modified, mode, resume: 0, access, later: None };
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
            batch.add(dir, path, &whole, Ticket { later: 1, size: 0, sha256: None });
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
        let failed = |failed: &[usize]| Outcome { failed: failed.to_vec(), is_impossible: false };
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
