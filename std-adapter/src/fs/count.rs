//! Counts the files of sources on another thread, while they are sent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::amount::Amount;
use super::event::Event;
use super::filter::Filter;
use super::send::links::LinkKinds;
use super::send::queue::{Next, SendQueue};
use super::send::walk::Item;
use super::source::{Source, SourceRoot};

/// A count of the files of sources. It ends when this is dropped.
#[derive(Debug)]
pub struct Count {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    amount: OnceLock<Amount>,
    is_cancelled: AtomicBool,
}

impl Count {
    /// Begins to count the files that a store of these sources sends, with those that the receiver has:
    /// [`Directory::sending_tree`](super::Directory::sending_tree). Files that cannot be sent do not count; no file is
    /// opened.
    pub fn start(sources: Vec<Source>, filter: &Filter, links: LinkKinds) -> Self {
        let shared = Arc::new(Shared::default());
        let (theirs, filter) = (Arc::clone(&shared), filter.clone());
        let work = move || {
            if let Some(amount) = theirs.count(sources, &filter, links) {
                let _ = theirs.amount.set(amount);
            }
        };
        // Without a thread the amount stays unknown.
        let _ = thread::Builder::new().name("count".to_owned()).spawn(work);
        Self { shared }
    }

    /// The amount, once all files are counted.
    pub fn amount(&self) -> Option<Amount> {
        self.shared.amount.get().copied()
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.shared.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// The amount; `None`: the sources cannot be read, or the count was cancelled.
    fn count(&self, sources: Vec<Source>, filter: &Filter, links: LinkKinds) -> Option<Amount> {
        let origins: Vec<_> = sources.into_iter().map(SourceRoot::from).collect();
        let mut queue = SendQueue::new(Some("-".to_owned()), origins, true);
        queue.filter(filter);
        let mut queue = queue.linking(links);
        let mut unread = |_: Event<'_>| {};
        queue.begin(&mut unread).ok()?;
        let mut amount = Amount::default();
        while let Some(next) = queue.next(&mut unread) {
            if self.is_cancelled.load(Ordering::Relaxed) {
                return None;
            }
            match next {
                Next::Item { item: Item::Named(Some(found)), .. } => {
                    amount += Amount::file(found.size);
                }
                Next::Item { item: Item::Named(None) | Item::Link(_), .. } | Next::Link { .. } => {
                    amount += Amount::file(0);
                }
                _ => {}
            }
        }
        Some(amount)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use super::*;

    fn counted(sources: Vec<Source>, filter: &Filter, links: LinkKinds) -> Amount {
        let count = Count::start(sources, filter, links);
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(amount) = count.amount() {
                return amount;
            }
            assert!(Instant::now() < end, "it does not end");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_files_that_are_sent_are_counted() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("t/a/b")).unwrap();
        for (name, size) in [("t/f", 1000), ("t/a/b/g", 50), ("t/a/h.o", 7), ("lone", 3)] {
            fs::write(at(name), vec![1; size]).unwrap();
        }
        std::os::unix::fs::symlink("f", at("t/link")).unwrap();
        // They are not sent.
        fs::write(at("t/.f.tinyferry-part"), [1; 100]).unwrap();
        fs::write(at("t/line\nbreak"), [1; 100]).unwrap();
        let source =
            |name: &str, remote: &str| Source { local: at(name), remote: remote.to_owned() };
        let (all, links) = (Filter::default(), LinkKinds { symbolic: true, hard: true });
        let tree = counted(vec![source("t", "")], &all, LinkKinds::default());
        assert_eq!(tree, Amount { files: 3, bytes: 1057 });
        let filter = Filter::new(["*.o"]).unwrap();
        let both = vec![source("t", "t"), source("lone", "lone")];
        assert_eq!(counted(both, &filter, links), Amount { files: 4, bytes: 1053 });
    }

    #[test]
    fn sources_that_cannot_be_read_and_cancelled_counts_have_no_amount() {
        let missing = Source { local: "/nowhere/at/all".into(), remote: String::new() };
        let count = |shared: &Shared, source: &Source| {
            shared.count(vec![source.clone()], &Filter::default(), LinkKinds::default())
        };
        assert_eq!(count(&Shared::default(), &missing), None);
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("f"), "f").unwrap();
        let source = Source { local: place.path().to_owned(), remote: String::new() };
        assert_eq!(count(&Shared::default(), &source), Some(Amount { files: 1, bytes: 1 }));
        let cancelled = Shared { is_cancelled: true.into(), ..Shared::default() };
        assert_eq!(count(&cancelled, &source), None);
    }
}
