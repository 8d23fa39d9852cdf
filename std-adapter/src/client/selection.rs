//! Requests that leave out entries: those of a tree, or a lone file.

use std::num::NonZeroU8;
use std::path::Path;

use tinyferry_core::store::{
    Accepted, Kind, Offer, Operation, Patterns, RequestOptions, Skip, StatQuery, Store,
};
use tinyferry_core::{GetRequest, Outcome, Reason, Task};

use super::{Client, EntryKind, Error};
use crate::fs::skip::{SizeAndTime, leaves_out};
use crate::fs::{Filter, LinkKinds};

/// Size and time.
const FACTS: u8 = 1 | 2;

/// The offer of a lone file.
#[derive(Debug, Default)]
struct Offered {
    size: Option<u64>,
    modified: Option<i64>,
}

impl Store for Offered {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        (self.size, self.modified) = (offer.size, offer.modified);
        Ok(Accepted { prefix: 0, in_order: true })
    }
}

/// The entries of a server's tree that are requested.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selection {
    /// Leaves out files that the store has. The server asks it: [`Store::operate`].
    pub skip: Skip,
    /// The number of levels of directories: with 1 the entries of the requested one only. `None`: all.
    pub depth: Option<NonZeroU8>,
    /// Leaves out entries by their paths.
    pub filter: Filter,
    /// The links that the server sends as links, if the store takes them: [`Policy`](crate::fs::Policy). A list
    /// has symbolic links only.
    pub links: LinkKinds,
}

impl Selection {
    /// Sets `skip`.
    #[must_use]
    pub fn skipping(mut self, skip: Skip) -> Self {
        self.skip = skip;
        self
    }

    /// Sets `depth`, the number of levels of directories.
    #[must_use]
    pub fn limited(mut self, depth: Option<NonZeroU8>) -> Self {
        self.depth = depth;
        self
    }

    /// Asks for links of these kinds.
    #[must_use]
    pub fn linking(mut self, kinds: LinkKinds) -> Self {
        self.links = kinds;
        self
    }

    /// Sets `filter`.
    #[must_use]
    pub fn filtered(mut self, filter: &Filter) -> Self {
        self.filter = filter.clone();
        self
    }
}

/// The files that a get into the directory `local` leaves out by default: those that are there
/// with the same size, time and permission bits. Where there is no directory, no time is spent to compare.
pub fn usual_skip(local: &Path) -> Skip {
    if local.is_dir() { Skip::SameTime } else { Skip::Nothing }
}

impl Client {
    /// The files that a put of a directory as `remote` leaves out by default, as [`usual_skip`]:
    /// none if the server does not report whether it has the directory.
    ///
    /// # Errors
    /// [`Error`].
    pub fn usual_skip(&mut self, remote: &str) -> Result<Skip, Error> {
        match self.kind_of(remote) {
            Ok(Some(EntryKind::Directory)) => Ok(Skip::SameTime),
            Err(error) if error.refusal().is_none() => Err(error),
            Ok(_) | Err(_) => Ok(Skip::Nothing),
        }
    }

    /// As [`Client::get_store`]; the server leaves out the entries of a tree that are not selected. A store that
    /// must have none of them refuses them too ([`Directory::filtered`]): an older server sends all entries, and a
    /// long list of patterns is not sent. An older server sends no links either: [`Client::supports_links`].
    ///
    /// # Errors
    /// As [`Client::get_store`]; [`Reason::Unsupported`], if the server cannot read `.gitignore` files.
    ///
    /// [`Directory::filtered`]: crate::fs::Directory::filtered
    pub fn get_store_selecting(
        &mut self,
        path: &str,
        selection: &Selection,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        match self.fetch_selecting(path, selection, false, store) {
            Err(error) if error.refusal() == Some(Reason::NotDirectory) => {
                self.get_lone(path, selection.skip, store)
            }
            result => result,
        }
    }

    /// As [`Client::list_store`]; the server leaves out the entries of a tree that are not selected, unless it
    /// is an older one. Symbolic links come to [`Store::operate`]; an older server does not list them.
    ///
    /// # Errors
    /// As [`Client::get_store_selecting`].
    pub fn list_store_selecting(
        &mut self,
        path: &str,
        selection: &Selection,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        match self.fetch_selecting(path, selection, true, store) {
            Err(error) if error.refusal() == Some(Reason::NotDirectory) => {
                self.list_store(path, store)
            }
            result => result,
        }
    }

    /// Whether the server can send links: false after a request for them that an older server has answered without.
    #[must_use]
    pub fn supports_links(&self) -> bool {
        self.supports_links
    }

    /// Requests a tree with options, if there are any.
    fn fetch_selecting(
        &mut self,
        path: &str,
        selection: &Selection,
        names_only: bool,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        let Selection { skip, depth, ref filter, links } = *selection;
        // A list has no hard links.
        let links = match self.supports_links {
            true => LinkKinds { hard: links.hard && !names_only, ..links },
            false => LinkKinds::default(),
        };
        // On a lossy link the server waits for the answer to each offer: a refusal costs no content.
        let patterns: Vec<_> = match self.config.lossy && !names_only {
            true => Vec::new(),
            false => filter.patterns().collect(),
        };
        let ignore_files = filter.reads_ignore_files();
        let options = |patterns| {
            let mut options = RequestOptions::skipping(skip);
            (options.depth, options.ignore_files) = (depth, ignore_files);
            options.patterns = Patterns::new(patterns);
            options.links = links.symbolic;
            options.hard_links = links.hard;
            options
        };
        let mut options = [options(patterns.as_slice()), options(&[])].into_iter();
        let options = options.find(|options| options.fits(path)).unwrap_or_default();
        if options == RequestOptions::default() {
            return self.fetch(path, names_only, store);
        }
        let request = GetRequest { names_only, ..GetRequest::tree(path).with(options) };
        match self.persist(Task::Get(request), store) {
            // The server is an older one.
            Err(error)
                if error.refusal() == Some(Reason::Unsupported)
                    && links != LinkKinds::default() =>
            {
                let without = selection.clone().linking(LinkKinds::default());
                let result = self.fetch_selecting(path, &without, names_only, store);
                self.supports_links &= result.is_err();
                result
            }
            Err(error) if error.refusal() == Some(Reason::Unsupported) && !ignore_files => {
                self.fetch(path, names_only, store)
            }
            result => result,
        }
    }

    /// Gets a file by itself, unless `skip` leaves it out: the store is asked for the file in its place.
    pub(super) fn get_lone(
        &mut self,
        path: &str,
        skip: Skip,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        let query = StatQuery { facts: FACTS, ..StatQuery::default() };
        let here = match skip {
            Skip::Nothing => Err(Reason::NotFound),
            _ => store.operate("", Kind::File, &Operation::Stat(query)),
        };
        let is_left_out = match (skip, here) {
            (Skip::Nothing, _) => false,
            (Skip::Missing, Err(Reason::NotFound)) => true,
            (_, Err(_)) => false,
            (skip, Ok(stat)) => {
                let mut offered = Offered::default();
                self.list_store(path, &mut offered)?;
                let Offered { size, modified } = offered;
                size.is_some_and(|size| leaves_out(skip, SizeAndTime { size, modified }, &stat))
            }
        };
        if is_left_out { Ok(Outcome::default()) } else { self.get_store(path, store) }
    }
}
