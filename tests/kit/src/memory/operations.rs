//! Operations on a [`Memory`], and those that it sends.

use std::collections::VecDeque;

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::path::join;
use tinyferry_core::store::{Kind, Operation, OperationEntry, Stat, StatQuery};

use super::{Memory, Queued, QueuedOperation};

impl QueuedOperation {
    /// The operation as an entry; the other path or the target is written into `behind_path`.
    pub(super) fn entry(&self, behind_path: &mut [u8]) -> OperationEntry {
        if let Self::Rename(text) | Self::Link(text) | Self::HardLink(text) = self {
            behind_path[..text.len()].copy_from_slice(text.as_bytes());
        }
        match self {
            Self::Stat(query) => OperationEntry::Stat(*query),
            Self::Remove => OperationEntry::Remove,
            Self::Rename(from) => OperationEntry::Rename { from: from.len() },
            Self::Link(target) => OperationEntry::Link { target: target.len() },
            Self::HardLink(from) => OperationEntry::HardLink { from: from.len() },
        }
    }
}

impl Memory {
    /// A client is to send these operations: on paths below `tree`, or one of them by itself. A path that
    /// ends in `/` is that of a directory; the empty one is the root of the tree.
    pub fn queue_operations(&mut self, tree: Option<&str>, operations: &[(&str, QueuedOperation)]) {
        self.forget_entries();
        self.root = tree.map(str::to_owned);
        let tree = tree.map(|path| (path, Kind::Tree, None));
        let operations = operations.iter().map(|(path, operation)| {
            let is_directory = path.is_empty() || path.ends_with('/');
            let kind = if is_directory { Kind::Directory } else { Kind::File };
            (path.trim_end_matches('/'), kind, Some(operation.clone()))
        });
        self.queue = tree
            .into_iter()
            .chain(operations)
            .map(|(path, kind, operation)| {
                let path = match (&self.root, kind) {
                    (Some(root), Kind::File | Kind::Directory) if path.is_empty() => root.clone(),
                    (Some(root), Kind::File | Kind::Directory) if !root.is_empty() => {
                        format!("{root}/{path}")
                    }
                    _ => path.to_owned(),
                };
                Queued { path, kind, resumable: false, operation }
            })
            .collect();
    }

    /// An operation is answered: files that wait for that are sent.
    pub(super) fn follow_up(&mut self) {
        for path in std::mem::take(&mut self.follow_up) {
            self.queue.push_back(Queued {
                path,
                kind: Kind::File,
                resumable: true,
                operation: None,
            });
        }
    }

    pub(super) fn perform(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.check_power()?;
        self.operations += 1;
        let tree = self.tree.as_deref().unwrap_or_default();
        let whole = |path| Ok(join(tree, path).ok_or(Reason::NameTooLong)?.as_str().to_owned());
        let path = whole(path)?;
        match operation {
            Operation::Stat(query) => self.stat(&path, kind, query),
            Operation::Remove => self.remove(&path, kind).map(|()| Stat::default()),
            Operation::Rename { from } => {
                let from = whole(from)?;
                let file = self.files.remove(&from);
                if file.is_none() && !self.files.contains_key(&path) {
                    return Err(Reason::NotFound);
                }
                self.files.extend(file.map(|file| (path, file)));
                Ok(Stat::default())
            }
            Operation::Link { .. } | Operation::HardLink { .. } if self.is_directory(&path) => {
                Err(Reason::IsDirectory)
            }
            Operation::Link { target } => {
                self.files.remove(&path);
                self.links.insert(path, (*target).to_owned());
                Ok(Stat::default())
            }
            Operation::HardLink { from } => {
                let file = self.files.get(&whole(from)?).ok_or(Reason::NotFound)?.clone();
                self.links.remove(&path);
                self.files.insert(path, file);
                Ok(Stat::default())
            }
            _ => Err(Reason::Unsupported),
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        let below = format!("{path}/");
        path.is_empty()
            || self.directories.contains(path)
            || self.files.keys().any(|file| file.starts_with(&below))
    }

    fn remove(&mut self, path: &str, kind: Kind) -> Result<(), Reason> {
        let below = format!("{path}/");
        match kind {
            Kind::File if self.is_directory(path) => return Err(Reason::IsDirectory),
            Kind::File => {
                self.links.remove(path);
                self.files.remove(path);
            }
            _ if self.files.keys().any(|file| file.starts_with(&below)) => {
                return Err(Reason::NotEmpty);
            }
            _ => drop(self.directories.remove(path)),
        }
        Ok(())
    }

    /// The hashes here are simple, and no granularity is known.
    fn stat(&mut self, path: &str, kind: Kind, query: &StatQuery) -> Result<Stat, Reason> {
        let StatQuery { facts, granularity, bits, prefix, salt, digest } = *query;
        if kind == Kind::File {
            let file = match self.files.get(path) {
                Some(file) => file,
                None if self.is_directory(path) => return Err(Reason::IsDirectory),
                None => return Err(Reason::NotFound),
            };
            let value = file.modified.unwrap_or(0).cast_unsigned();
            return Ok(Stat { size: file.bytes.len() as u64, value, facts, granularity });
        }
        if !self.is_directory(path) {
            return Err(Reason::NotFound);
        }
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let hash = |text: &[u8]| Tables::crc64(salt.into(), text);
        let mut hashes: Vec<u64> = self
            .files
            .iter()
            .filter(|(path, _)| path.starts_with(&below))
            .map(|(path, file)| hash(format!("{path} {}", file.bytes.len()).as_bytes()))
            .filter(|hash| bits == 0 || hash >> (64 - u32::from(bits)) == u64::from(prefix))
            .collect();
        hashes.sort_unstable();
        let value = hashes.iter().fold(0, |sum: u64, hash| sum.wrapping_add(*hash));
        let differs = digest.is_some_and(|digest| digest != value);
        self.index = hashes
            .iter()
            .filter(|_| differs)
            .map(|hash| (hash << bits >> 32) as u32)
            .collect::<VecDeque<_>>();
        Ok(Stat { size: hashes.len() as u64, value, facts, granularity })
    }
}
