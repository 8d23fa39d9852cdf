//! A list of the entries of a server's directory.

use std::collections::VecDeque;
use std::time::SystemTime;

use tinyferry_core::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer, Store};

use crate::fs::sys::metadata::system_time;

/// A file or a directory of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its name in the directory that it is in. Hostile: escape it before showing it.
    pub path: String,
    /// Whether it is a file or a directory.
    pub kind: EntryKind,
    /// Its size in bytes, where the server states it.
    pub size: Option<u64>,
    /// The time of its last modification, where the server states it.
    pub modified: Option<SystemTime>,
    /// Its permission bits, where the server states them.
    pub mode: Option<u32>,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The entries that [`Client::list`](super::Client::list) has found, in the server's order.
#[derive(Debug, Default)]
pub struct Entries {
    entries: VecDeque<Entry>,
    rejected: u64,
    /// Entries of the directory that was listed have come, not a lone file.
    is_tree: bool,
}

impl Entries {
    /// The number of entries that are missing because their paths are not allowed (`..`, control
    /// characters).
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    fn push(&mut self, offer: &Offer<'_>) {
        let (path, is_itself) = match offer.path.split_once('/') {
            // Not every server offers a directory by itself.
            Some((first, _)) if self.is_tree => (first, false),
            // Of a file by itself, the whole path.
            Some((_, rest)) => (rest.rsplit('/').next().unwrap_or_default(), true),
            None => (offer.path, true),
        };
        if self.entries.back().is_some_and(|last| last.path == path) {
            return;
        }
        let is_file = is_itself && offer.kind == Kind::File;
        self.entries.push_back(Entry {
            path: path.to_owned(),
            kind: if is_file { EntryKind::File } else { EntryKind::Directory },
            size: offer.size.filter(|_| is_file),
            modified: offer.modified.filter(|_| is_itself).and_then(system_time),
            mode: offer.mode.filter(|_| is_itself),
        });
    }
}

impl Store for Entries {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        match offer.kind {
            Kind::Tree => self.is_tree = true,
            Kind::File | Kind::Directory => self.push(offer),
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn rejected(&mut self, _: &[u8], _: Reason) {
        self.rejected += 1;
    }
}

impl Iterator for Entries {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.entries.len(), Some(self.entries.len()))
    }
}

impl ExactSizeIterator for Entries {}
