//! A file that is requested by itself, and that the client may have already.

use tinyferry_core::store::{
    Accepted, Kind, Offer, Operation, RequestOptions, Skip, StatQuery, Store,
};
use tinyferry_core::{Outcome, Reason, Task};

use super::{Client, Error, is_refused};
use crate::fs::skip::{FileFacts, leaves_out};

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

impl Client {
    /// As [`Client::get_store`]; the server leaves out those files of a tree that `skip` says. It asks the
    /// store for its entries: [`Store::operate`].
    ///
    /// # Errors
    /// As [`Client::get_store`].
    pub fn get_store_skipping(
        &mut self,
        path: &str,
        skip: Skip,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        if skip == Skip::Nothing {
            return self.get_store(path, store);
        }
        let options = RequestOptions::skipping(skip);
        let task = Task::GetWith { path, tree: true, names_only: false, options };
        match self.persist(task, store) {
            Err(error) if is_refused(&error, Reason::NotDirectory) => {
                self.get_lone(path, skip, store)
            }
            // The server is an older one.
            Err(error) if is_refused(&error, Reason::Unsupported) => self.get_store(path, store),
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
        let here = store.operate("", Kind::File, &Operation::Stat(query));
        let is_left_out = match (skip, here) {
            (Skip::Missing, Err(Reason::NotFound)) => true,
            (_, Err(_)) => false,
            (skip, Ok(stat)) => {
                let mut offered = Offered::default();
                self.list_store(path, &mut offered)?;
                let Offered { size, modified } = offered;
                size.is_some_and(|size| leaves_out(skip, FileFacts { size, modified }, &stat))
            }
        };
        if is_left_out { Ok(Outcome::default()) } else { self.get_store(path, store) }
    }
}
