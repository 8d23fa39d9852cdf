//! Removes, renames and makes entries on a server.

use std::collections::VecDeque;

use tinyferry_core::error::Failure;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer, Operation, OperationEntry, Stat, Store};
use tinyferry_core::{GetRequest, Reason, Task};

use super::{Client, Entries, EntryKind, Error, Selection};
use crate::fs::LinkKinds;
use crate::fs::names::{ancestors, join};

/// A change of the server's files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Remove a file. It is no error if it is gone already.
    RemoveFile(String),
    /// Remove an empty directory. It is no error if it is gone already.
    RemoveDirectory(String),
    /// Rename a file or a directory. A file of the new name is replaced.
    Rename {
        /// Its path; at most 254 bytes.
        from: String,
        /// Its new path, whose directory exists.
        to: String,
    },
    /// Make a directory, and those above it. It is no error if it exists.
    MakeDirectory(String),
}

/// A change that the server has refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The change.
    pub change: Change,
    /// Why.
    pub reason: Reason,
    /// The server's message, often empty. Hostile: escape it before showing it.
    pub message: String,
}

impl Client {
    /// Makes changes on the server, in this order. Returns those that it has refused. A server must allow
    /// its clients to remove: [`ServerBuilder::rights`](crate::server::ServerBuilder::rights).
    ///
    /// # Errors
    /// [`Error`]. After a lossy link was silent, changes without a rename are made again in a new session.
    pub fn change(&mut self, changes: Vec<Change>) -> Result<Vec<Refused>, Error> {
        let run = |client: &mut Self| {
            let mut store = Changes { changes: &changes, next: None, refused: Vec::new() };
            client.operate(&mut store)?;
            Ok(store.refused)
        };
        // A rename that was done would replace the file with the entry that has its old path now.
        if changes.iter().any(|change| matches!(change, Change::Rename { .. })) {
            return run(self).inspect_err(|error| {
                self.needs_new_session(error);
            });
        }
        self.retry_once(run)
    }

    /// Whether the server has a file or a directory at `path`; `None`: it has neither.
    ///
    /// # Errors
    /// [`Error`].
    pub fn kind_of(&mut self, path: &str) -> Result<Option<EntryKind>, Error> {
        if path.is_empty() {
            return Ok(Some(EntryKind::Directory));
        }
        let task = Task::Get(GetRequest::file(path).names());
        match self.persist(task, &mut Entries::default()) {
            Ok(_) => Ok(Some(EntryKind::File)),
            Err(error) if error.refusal() == Some(Reason::IsDirectory) => {
                Ok(Some(EntryKind::Directory))
            }
            Err(error) if error.refusal() == Some(Reason::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes a file, or an empty directory.
    ///
    /// # Errors
    /// [`Error`]; [`Failure::Refused`] with the server's reason, for example [`Reason::NotEmpty`].
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        match self.change_one(Change::RemoveFile(path.to_owned())) {
            Err(error) if error.refusal() == Some(Reason::IsDirectory) => {
                self.change_one(Change::RemoveDirectory(path.to_owned()))
            }
            result => result,
        }
    }

    /// Removes a file, or a directory with all its entries. Returns the changes that the server has refused.
    ///
    /// # Errors
    /// [`Error`].
    pub fn remove_all(&mut self, path: &str) -> Result<Vec<Refused>, Error> {
        let mut below = Below { path: path.to_owned(), ..Below::default() };
        // A server that accepts links removes them too.
        let links = LinkKinds { symbolic: true, hard: false };
        self.list_store_selecting(path, &Selection::default().linking(links), &mut below)?;
        self.change(below.removals())
    }

    /// Renames a file or a directory; a file of the new name is replaced.
    ///
    /// # Errors
    /// [`Error`].
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        self.change_one(Change::Rename { from: from.to_owned(), to: to.to_owned() })
    }

    /// Makes a directory, and those above it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn make_directory(&mut self, path: &str) -> Result<(), Error> {
        self.change_one(Change::MakeDirectory(path.to_owned()))
    }

    fn change_one(&mut self, change: Change) -> Result<(), Error> {
        match self.change(vec![change])?.pop() {
            Some(Refused { reason, message, .. }) => {
                Err(Error::Session(Failure::Refused(reason), message))
            }
            None => Ok(()),
        }
    }
}

/// Sends changes as the entries of a tree without a path.
#[derive(Debug)]
struct Changes<'a> {
    changes: &'a [Change],
    /// `None`: the tree comes first.
    next: Option<usize>,
    refused: Vec<Refused>,
}

impl Store for Changes<'_> {
    fn next(&mut self, into: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let Some(next) = self.next else {
            self.next = Some(0);
            return Ok(Some(Entry { kind: Kind::Tree, size: None, ..Entry::file(0, 0) }));
        };
        self.next = Some(next + 1);
        let Some(change) = self.changes.get(next) else { return Ok(None) };
        let (path, behind) = match change {
            Change::RemoveFile(path) | Change::RemoveDirectory(path) => (path, ""),
            Change::MakeDirectory(path) => (path, ""),
            Change::Rename { from, to } => (to, from.as_str()),
        };
        let bytes = path.bytes().chain(behind.bytes());
        if path.len() + behind.len() > into.len() {
            return Err(Reason::NameTooLong);
        }
        into.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        let operation = |kind, operation| Entry::operation(kind, path.len(), operation);
        Ok(Some(match change {
            Change::RemoveFile(_) => operation(Kind::File, OperationEntry::Remove),
            Change::RemoveDirectory(_) => operation(Kind::Directory, OperationEntry::Remove),
            Change::Rename { from, .. } => {
                operation(Kind::File, OperationEntry::Rename { from: from.len() })
            }
            Change::MakeDirectory(_) => {
                Entry { kind: Kind::Directory, ..Entry::file(path.len(), 0) }
            }
        }))
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        if let Some(change) = self.changes.get(entry as usize) {
            let (change, message) = (change.clone(), message.to_owned());
            self.refused.push(Refused { change, reason, message });
        }
        false
    }
}

/// The paths of a tree, or that of a file.
#[derive(Debug, Default)]
struct Below {
    path: String,
    files: VecDeque<String>,
    directories: Vec<String>,
}

impl Below {
    /// Adds a file or a link in a directory.
    fn add_file(&mut self, path: String) {
        // Not every server offers a directory by itself.
        for directory in ancestors(&path) {
            if directory.len() <= self.path.len()
                || self.directories.last().is_some_and(|last| last == directory)
            {
                break;
            }
            self.directories.push(directory.to_owned());
        }
        self.files.push_back(path);
    }

    /// Files first, then directories from the deepest one up.
    fn removals(mut self) -> Vec<Change> {
        self.directories.sort_unstable();
        self.directories.dedup();
        let directories = self.directories.into_iter().rev().map(Change::RemoveDirectory);
        self.files.into_iter().map(Change::RemoveFile).chain(directories).collect()
    }
}

impl Store for Below {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let whole = |path: &str| join(&self.path, path);
        match offer.kind {
            Kind::Tree if self.path.is_empty() => {}
            Kind::Tree => self.directories.push(self.path.clone()),
            Kind::Directory => self.directories.push(whole(offer.path)),
            Kind::File if self.directories.is_empty() && !self.path.is_empty() => {
                self.files.push_back(self.path.clone());
            }
            Kind::File => self.add_file(whole(offer.path)),
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn operate(&mut self, path: &str, _: Kind, operation: &Operation<'_>) -> Result<Stat, Reason> {
        let Operation::Link { .. } = operation else { return Err(Reason::Unsupported) };
        self.add_file(join(&self.path, path));
        Ok(Stat::default())
    }
}
