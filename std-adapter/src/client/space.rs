//! Asks a server for the space of its file system.

use std::time::Duration;

use tinyferry_core::Reason;
use tinyferry_core::error::Failure;
use tinyferry_core::store::{Entry, Index, Kind, OperationEntry, Stat, StatQuery, Store};

use super::{Client, Error};
use crate::fs::digest::record::Granularity;

/// The file system that a directory of a server is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// The bytes that a client can still store.
    pub free: u64,
    /// All bytes, free and used.
    pub total: u64,
    /// The unit of the times that it keeps.
    pub time_granularity: Duration,
}

impl Client {
    /// The space of the file system that the directory at `path` is on; the empty path is the served directory.
    ///
    /// # Errors
    /// [`Error`]; [`Failure::Refused`] with [`Reason::Unsupported`], if the server does not know it.
    pub fn space(&mut self, path: &str) -> Result<Space, Error> {
        let refused = |reason, message| Error::Session(Failure::Refused(reason), message);
        let answer = self.retry_once(|client| {
            let mut store = Question { path, next: Next::Tree, answer: None };
            client.operate(&mut store)?;
            Ok(store.answer)
        })?;
        let unsupported = || refused(Reason::Unsupported, String::new());
        match answer {
            Some(Ok(stat)) if stat.facts == StatQuery::SPACE => {
                let unit = Granularity::from_code(stat.granularity).ok_or_else(unsupported)?.unit();
                let time_granularity = Duration::from_nanos(unit.unsigned_abs());
                Ok(Space { free: stat.size, total: stat.value, time_granularity })
            }
            Some(Err((reason, message))) => Err(refused(reason, message)),
            Some(Ok(_)) | None => Err(unsupported()),
        }
    }
}

/// The question, as the only entry of a tree without a path.
struct Question<'a> {
    path: &'a str,
    next: Next,
    answer: Option<Result<Stat, (Reason, String)>>,
}

/// The next entry.
enum Next {
    Tree,
    Stat,
    None,
}

impl Store for Question<'_> {
    fn next(&mut self, into: &mut [u8]) -> Result<Option<Entry>, Reason> {
        match self.next {
            Next::Tree => {
                self.next = Next::Stat;
                Ok(Some(Entry { kind: Kind::Tree, size: None, ..Entry::file(0, 0) }))
            }
            Next::Stat => {
                self.next = Next::None;
                let path = into.get_mut(..self.path.len()).ok_or(Reason::NameTooLong)?;
                path.copy_from_slice(self.path.as_bytes());
                let query = StatQuery { facts: StatQuery::SPACE, ..StatQuery::default() };
                let operation = OperationEntry::Stat(query);
                Ok(Some(Entry::operation(Kind::Directory, self.path.len(), operation)))
            }
            Next::None => Ok(None),
        }
    }

    fn answered(&mut self, _: u32, stat: &Stat, _: Index<'_>) {
        self.answer = Some(Ok(*stat));
    }

    fn refused(&mut self, _: u32, reason: Reason, message: &str) -> bool {
        self.answer = Some(Err((reason, message.to_owned())));
        false
    }
}
