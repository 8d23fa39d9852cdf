//! Sends a file or a tree that a client requests. Requests run on this thread, each for a time in which the client waits.

mod entries;
mod request;

use std::collections::VecDeque;
use std::sync::Arc;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Entry, Kind, OperationEntry, RequestOptions, Skip, Stat, StatQuery};

use self::entries::{item_entry, open, tree_entry};
use self::request::{Asked, Next, Request, Source};
use super::Access;
use super::bucket::SHORT;
use super::fault::Fault;
use super::look::{Found, look};
use super::walk::{self, Item, Walk, Wanted};
use crate::fs::Filter;
use crate::fs::error::StoreError;
use crate::fs::names;
use crate::fs::skip::{SizeAndTime, leaves_out};
use crate::fs::{Direction, Event, Observer};

/// Size and time.
const FACTS: u8 = 1 | 2;

/// Sends from a bucket.
#[derive(Debug)]
pub(in crate::s3) struct Sending {
    access: Arc<Access>,
    names_only: bool,
    options: Options,
    request: Option<Request>,
}

#[derive(Debug, Default)]
struct Options {
    skip: Skip,
    depth: Option<std::num::NonZeroU8>,
    filter: Filter,
}

impl Sending {
    pub(in crate::s3) fn new(access: Arc<Access>) -> Self {
        Self { access, names_only: false, options: Options::default(), request: None }
    }

    pub(in crate::s3) fn expect_names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
    }

    pub(in crate::s3) fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        if options.ignore_files || options.follow {
            return Err(Reason::Unsupported);
        }
        let filter = Filter::new(options.patterns.iter()).map_err(|_| Reason::Unsupported)?;
        self.options = Options { skip: options.skip, depth: options.depth, filter };
        Ok(())
    }

    pub(in crate::s3) fn open(
        &mut self,
        path: &str,
        tree: bool,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        self.request = None;
        let options = std::mem::take(&mut self.options);
        let path = path.strip_suffix('/').unwrap_or(path);
        let direction = if self.names_only { Direction::Listing } else { Direction::Sending };
        let source = names::check(path).and_then(|()| self.source(path, tree, options));
        let source = match source {
            Ok(source) => source,
            // A client that does not know the kind asks for a file first, and then for the tree: no failure.
            Err(error) if error.reason == Reason::IsDirectory => return Err(error),
            Err(error) => return Err(error.report(path, direction, observer)),
        };
        let kind = if tree { Kind::Tree } else { Kind::File };
        observer.event(Event::Begin { path, kind, size: None, prefix: 0, direction });
        let (path, again) = (path.to_owned(), VecDeque::new());
        let recent = VecDeque::new();
        self.request =
            Some(Request { path, source, direction, open: None, recent, first: 0, again });
        Ok(())
    }

    fn source(&self, path: &str, tree: bool, options: Options) -> Result<Source, StoreError> {
        let Options { skip, depth, filter } = options;
        let whole = self.access.whole(path);
        match (look(&self.access.bucket, &whole, SHORT)?, tree) {
            (Found::Missing, true) if path.is_empty() => {}
            (Found::Missing, _) => return Err(Reason::NotFound.into()),
            (Found::File(_), true) => return Err(Reason::NotDirectory.into()),
            (Found::Directory, false) => return Err(Reason::IsDirectory.into()),
            (Found::File(facts), false) => {
                let entry =
                    walk::Entry::File { key: self.access.bucket.key(&whole), facts, content: None };
                return Ok(Source::File(Some(Item { path: path.to_owned(), entry })));
            }
            (Found::Directory, true) => {}
        }
        let has_content = !self.names_only && skip == Skip::Nothing;
        let walk = Walk::new(&self.access, path, Wanted { depth, filter, has_content });
        Ok(Source::Tree { walk, is_begun: false, skip, asked: Asked::default() })
    }

    pub(in crate::s3) fn next(
        &mut self,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<Option<Entry>, StoreError> {
        let Some(request) = &mut self.request else { return Ok(None) };
        request.open = None;
        let result = request.next_item(&self.access);
        let next = match result {
            Ok(Some(next)) => next,
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.report(&request.path, request.direction, observer)),
        };
        let entry = match &next {
            Next::Tree(facts) => tree_entry(request.path.len(), facts.as_ref()),
            Next::Question(item) => {
                let query = StatQuery { facts: FACTS, ..StatQuery::default() };
                Entry::operation(Kind::File, item.path.len(), OperationEntry::Stat(query))
            }
            Next::Item(item, is_resumable) => item_entry(item, *is_resumable && !self.names_only),
        };
        let path = match &next {
            Next::Tree(_) => request.path.as_str(),
            Next::Question(item) | Next::Item(item, _) => &item.path,
        };
        let into = into.get_mut(..path.len()).ok_or(Reason::NameTooLong)?;
        into.copy_from_slice(path.as_bytes());
        match next {
            Next::Tree(_) => {}
            Next::Question(item) => {
                let number = request.add(&item, false);
                if let Source::Tree { asked, .. } = &mut request.source {
                    asked.unanswered.push_back((number, item));
                }
            }
            Next::Item(item, is_resumable) => {
                request.add(&item, is_resumable);
                request.open = open(&self.access, request.whole_path(&item.path), item);
                if let Some(open) = &request.open {
                    let (path, size, kind) = (&open.path, Some(open.facts.size), Kind::File);
                    let (prefix, direction) = (0, request.direction);
                    observer.event(Event::Begin { path, kind, size, prefix, direction });
                }
            }
        }
        Ok(Some(entry))
    }

    pub(in crate::s3) fn omitted(&self) -> u32 {
        match &self.request {
            Some(Request { source: Source::Tree { walk, .. }, .. }) => walk.omitted,
            _ => 0,
        }
    }

    pub(in crate::s3) fn is_ready(&mut self) -> bool {
        match self.request.as_mut().and_then(|request| request.open.as_mut()) {
            Some(open) => open.reader.is_ready(open.position),
            None => true,
        }
    }

    pub(in crate::s3) fn load(
        &mut self,
        position: u64,
        into: &mut [u8],
        observer: &mut impl Observer,
    ) -> Result<usize, StoreError> {
        let request = self.request.as_mut().ok_or(Reason::Storage)?;
        let open = request.open.as_mut().ok_or(Reason::Storage)?;
        match open.reader.load(position, into) {
            Ok(count) => {
                if position == open.position {
                    open.position += count as u64;
                    observer.event(Event::Moved { bytes: count as u64 });
                }
                Ok(count)
            }
            Err(fault) => {
                let path = open.path.clone();
                request.open = None;
                Err(changed(fault).report(&path, request.direction, observer))
            }
        }
    }

    /// The content was read: it is that of the storage's checksum.
    pub(in crate::s3) fn verified(&mut self, crc64: u64) {
        if let Some(open) = self.request.as_mut().and_then(|request| request.open.as_mut()) {
            open.crc64 = crc64;
        }
    }

    pub(in crate::s3) fn check(&mut self, observer: &mut impl Observer) -> Result<(), StoreError> {
        let request = self.request.as_mut().ok_or(Reason::Storage)?;
        let Some(open) = &request.open else { return Ok(()) };
        if open.facts.crc64.is_none_or(|expected| expected == open.crc64) {
            return Ok(());
        }
        let detail = "the object storage has delivered other content than its checksum tells";
        let error = StoreError::new(Reason::Storage, detail);
        Err(error.report(&open.path, request.direction, observer))
    }

    /// The other end has refused an entry. Returns whether it is given once more, or does not count.
    pub(in crate::s3) fn refused(
        &mut self,
        entry: u32,
        reason: Reason,
        message: &str,
        observer: &mut impl Observer,
    ) -> bool {
        let Some(request) = &mut self.request else { return false };
        if let Source::Tree { skip, asked, .. } = &mut request.source
            && let Some(at) = asked.unanswered.iter().position(|(number, _)| *number == entry)
        {
            let is_missing = matches!(reason, Reason::NotFound | Reason::NotDirectory);
            if let Some((_, item)) = asked.unanswered.remove(at)
                && !(is_missing && *skip == Skip::Missing)
            {
                asked.wanted.push_back(item);
            }
            return true;
        }
        let index = entry.wrapping_sub(request.first) as usize;
        let Some(recent) = request.recent.get_mut(index) else { return false };
        if reason.wants_reoffer()
            && recent.is_resumable
            && let Some(facts) = recent.facts.clone().filter(|facts| facts.size > 0)
        {
            recent.is_resumable = false;
            let (key, path, content) = (recent.key.clone(), recent.path.clone(), None);
            let entry = walk::Entry::File { key, facts, content };
            request.again.push_back(Item { path, entry });
            return true;
        }
        let path = request
            .whole_path(&request.recent.get(index).map_or(String::new(), |it| it.path.clone()));
        let (path, direction, at_peer) = (path.as_str(), request.direction, true);
        observer.event(Event::Failed { path, direction, reason, detail: message, at_peer });
        false
    }

    /// The receiver has answered a question.
    pub(in crate::s3) fn answered(&mut self, entry: u32, stat: &Stat) {
        let Some(Request { source: Source::Tree { skip, asked, .. }, .. }) = &mut self.request
        else {
            return;
        };
        let Some(at) = asked.unanswered.iter().position(|(number, _)| *number == entry) else {
            return;
        };
        let Some((_, item)) = asked.unanswered.remove(at) else { return };
        let walk::Entry::File { facts, .. } = &item.entry else { return };
        let source = SizeAndTime { size: facts.size, modified: facts.attributes.modified };
        if !leaves_out(*skip, source, stat) {
            asked.wanted.push_back(item);
        }
    }

    /// The receiver has completed the request.
    pub(in crate::s3) fn complete(&mut self, observer: &mut impl Observer) {
        if let Some(Request { path, source, .. }) = self.request.take() {
            let kind = if matches!(source, Source::Tree { .. }) { Kind::Tree } else { Kind::File };
            let (size, prefix, sha256) = (0, 0, None);
            observer.event(Event::Done { path: &path, kind, size, prefix, sha256 });
        }
    }

    pub(in crate::s3) fn tree_refused(
        &mut self,
        reason: Reason,
        detail: &str,
        observer: &mut impl Observer,
    ) {
        let Some(request) = &self.request else { return };
        let (path, direction, at_peer) = (&request.path, request.direction, true);
        observer.event(Event::Failed { path, direction, reason, detail, at_peer });
    }

    /// Closes the request.
    pub(in crate::s3) fn close(&mut self) {
        self.request = None;
    }
}

/// The error of an object that is read.
fn changed(fault: Fault) -> StoreError {
    match fault.is(412) || fault.is_missing() {
        true => Reason::SourceChanged.into(),
        false => fault.into(),
    }
}
