//! Reads the sender's first directory on another thread, while the receiver reads its entries for the first
//! answer.

use super::*;

/// A directory that is being read.
#[derive(Debug)]
pub(super) struct Ahead {
    origin: usize,
    path: String,
    parameters: Parameters,
    work: Background<Read>,
    cancel: Cancel,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

type Read = (TreeDigests, Result<Entries, StoreError>);

impl Ahead {
    /// Begins to `read` the directory at `path`.
    pub(super) fn begin(
        origin: usize,
        path: &str,
        parameters: Parameters,
        read: impl FnOnce(&str, &Cancel) -> Read + Send + 'static,
    ) -> Self {
        let (path, cancel) = (path.to_owned(), Cancel::default());
        let theirs = (path.clone(), cancel.clone());
        let work = Background::start(move || read(&theirs.0, &theirs.1));
        Self { origin, path, parameters, work, cancel }
    }
}

impl Update {
    /// Begins to read the first directory, with the facts that the receiver keeps most often.
    pub(super) fn read_ahead(&mut self, dir: Arc<Dir>, origin: usize, path: &str) {
        let (mut digests, parameters) = (self.no_digests(), self.first_parameters());
        let query = Query { parameters, range: Range::ALL };
        self.ahead = Some(Ahead::begin(origin, path, parameters, move |path, cancel| {
            let entries = digests.entries(&dir, path, query, cancel);
            (digests, entries)
        }));
    }

    /// Waits until the first directory is read; until it is cancelled, if its entries are not needed.
    pub(super) fn await_ahead(&mut self) {
        let Some(mut ahead) = self.ahead.take() else { return };
        if self.parameters != Some(ahead.parameters) {
            ahead.cancel.cancel();
        }
        let done = loop {
            if let Poll::Ready(done) = ahead.work.poll() {
                break done;
            }
        };
        // If the thread has failed, the directory is read again.
        let Some((digests, entries)) = done else { return };
        self.digests = digests;
        let entries = entries.ok().filter(|entries| entries.part(Range::ALL).is_some());
        if let Some(entries) = entries.filter(|_| self.parameters == Some(ahead.parameters)) {
            let path = std::mem::take(&mut ahead.path);
            self.list = Some(OwnList { origin: ahead.origin, path, entries });
        }
    }
}
