//! The calls of a session to a [`Memory`].

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::path::join;
use tinyferry_core::store::{
    Accepted, Deferral, Digests, Entry, Index, Kind, Offer, Operation, Stat, Store,
};

use super::{File, Memory, Open, Queued};

/// The least number of zeros that is a hole: fewer are sent as content.
const MIN_HOLE: u64 = 16;
/// The number of zeros that are stored at once.
const MAX_PIECE: u64 = 5_000;

impl Store for Memory {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.check_power()?;
        let tree = self.tree.as_deref().unwrap_or_default();
        let path = join(tree, offer.path).ok_or(Reason::NameTooLong)?.as_str().to_owned();
        self.offers.push(path.clone());
        if let Some(reason) = self.refuse.get(&path) {
            return Err(*reason);
        }
        let nothing = Accepted { prefix: 0, in_order: self.in_order };
        if offer.names_only {
            if offer.kind == Kind::Tree {
                self.tree = Some(offer.path.to_owned());
            }
            return Ok(nothing);
        }
        if offer.kind == Kind::Tree {
            self.tree = Some(offer.path.to_owned());
            self.open = Open::Nothing;
            return Ok(nothing);
        }
        if self.directories.contains(&path) && offer.kind == Kind::File {
            return Err(Reason::IsDirectory);
        }
        let (kind, size) = (offer.kind, offer.size);
        let same = self.files.get(&path).is_some_and(|file| {
            Some(file.bytes.len() as u64) == size
                && file.modified == offer.modified
                && offer.resume > 0
                && !self.in_order
        });
        let prefix = if same {
            size.unwrap_or(0)
        } else if offer.resume == 0 || self.in_order {
            self.partials.remove(&path);
            0
        } else {
            let length = self.partials.get(&path).map_or(0, |partial| partial.len() as u64);
            length.saturating_sub(self.holes).min(offer.resume) / 1024 * 1024
        };
        let Offer { modified, mode, commit_id: later, .. } = *offer;
        self.open = Open::Inbound { path, kind, size, modified, mode, same, later };
        Ok(Accepted { prefix, in_order: self.in_order })
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        self.rejected.push((path.to_owned(), reason));
    }

    fn is_ready(&mut self) -> bool {
        !self.is_busy()
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.check_power()?;
        let Open::Inbound { path, same: false, .. } = &self.open else {
            return Err(Reason::Storage);
        };
        let most = self.room.min(self.power);
        let count = bytes.len().min(self.step).min(most.try_into().unwrap_or(usize::MAX));
        if count == 0 {
            self.open = Open::Nothing;
            return Err(Reason::NoSpace);
        }
        self.room -= count as u64;
        self.power -= count as u64;
        let partial = self.partials.entry(path.clone()).or_default();
        let from = position as usize;
        if self.in_order && from != partial.len() {
            return Err(Reason::Storage);
        }
        if partial.len() < from + count {
            partial.resize(from + count, 0xEE);
        }
        partial[from..from + count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let Open::Inbound { path, same: false, .. } = &self.open else { return None };
        let partial = self.partials.get(path).filter(|_| self.sums)?;
        Some(Tables::crc64(start, &partial[position as usize..end as usize]))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let bytes = self.open_bytes()?;
        let end = if self.shrinks { bytes.len().saturating_sub(1) } else { bytes.len() };
        let rest = bytes.get(position as usize..end).unwrap_or_default();
        let count = rest.len().min(into.len()).min(self.step);
        into[..count].copy_from_slice(&rest[..count]);
        if matches!(self.open, Open::Outbound { .. }) {
            self.loaded += count as u64;
        }
        Ok(count)
    }

    fn hole(&mut self, position: u64) -> Option<u64> {
        let bytes = self.open_bytes().ok().filter(|_| self.sparse)?;
        let rest = bytes.get(position as usize..)?;
        let zeros = rest.iter().take_while(|byte| **byte == 0).count() as u64;
        (zeros >= MIN_HOLE).then_some(zeros)
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        let piece = vec![0; length.min(MAX_PIECE) as usize];
        let count = self.store(position, &piece)? as u64;
        self.zeros += count;
        Ok(count)
    }

    fn verified(&mut self, digests: &Digests) {
        self.digests.push(*digests);
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.check_power()?;
        self.power -= 1;
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { path, kind: Kind::Directory, .. } => {
                self.directories.insert(path);
            }
            Open::Inbound { same: true, .. } => {}
            Open::Inbound { path, size, modified, mode, later, .. } => {
                let bytes = self.partials.remove(&path).unwrap_or_default();
                // A committed file must be complete; the session is not trusted.
                if size.is_some_and(|size| size != bytes.len() as u64) {
                    return Err(Reason::Storage);
                }
                let file = File { bytes, modified, mode };
                match later.filter(|_| self.tardy) {
                    Some(later) => self.waiting.push_back((later, path, file)),
                    None => drop(self.files.insert(path, file)),
                }
            }
            // The other end would take them to be in place.
            Open::Nothing if !self.waiting.is_empty() => return Err(Reason::Storage),
            Open::Nothing if self.tree.take().is_some() => {}
            _ => return Err(Reason::Storage),
        }
        Ok(())
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.waited = 0;
        if self.check_power().is_err() {
            return;
        }
        if let Open::Inbound { path, .. } = &self.open
            && reason.wants_reoffer()
        {
            self.partials.remove(path);
        }
        self.open = Open::Nothing;
        if all {
            self.tree = None;
            // A commit that fails now is not reported.
            while self.flush_commits().is_err() {}
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let below = format!("{path}/");
        let is_tree = path.is_empty()
            || self.directories.contains(path)
            || self.files.keys().any(|file| file.starts_with(&below));
        match (is_tree, tree) {
            (true, true) => self.queue_tree(path),
            (true, false) => return Err(Reason::IsDirectory),
            (false, _) if !self.files.contains_key(path) => return Err(Reason::NotFound),
            (false, true) => return Err(Reason::NotDirectory),
            (false, false) => self.queue_file(path),
        }
        Ok(())
    }

    fn next(&mut self, into: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.open = Open::Nothing;
        let Some(entry) = self.queue.pop_front() else { return Ok(None) };
        let shown =
            if entry.kind == Kind::Tree { entry.path.clone() } else { self.relative(&entry.path) };
        into[..shown.len()].copy_from_slice(shown.as_bytes());
        if let Some(operation) = &entry.operation {
            let operation = operation.entry(&mut into[shown.len()..]);
            let given = Entry::operation(entry.kind, shown.len(), operation);
            self.yielded.push(entry);
            return Ok(Some(given));
        }
        let file = self.files.get(&entry.path);
        let size = match entry.kind {
            Kind::File if self.unsized_offers => None,
            Kind::File => Some(file.ok_or(Reason::NotFound)?.bytes.len() as u64),
            Kind::Directory => Some(0),
            Kind::Tree => None,
        };
        let yielded = Entry {
            kind: entry.kind,
            path: shown.len(),
            size,
            modified: file.and_then(|file| file.modified),
            mode: file.and_then(|file| file.mode),
            content: file.filter(|_| self.sparse).map(|file| file.content()),
            resumable: entry.resumable && !self.unsized_offers,
            broken: self.broken.get(&entry.path).copied(),
            operation: None,
        };
        self.open = Open::Outbound { path: entry.path.clone() };
        if entry.kind != Kind::Tree {
            if yielded.broken.is_some() {
                self.counted.insert(self.yielded.len() as u32);
            }
            self.yielded.push(entry);
        }
        Ok(Some(yielded))
    }

    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.perform(path, kind, operation)
    }

    fn index(&mut self) -> Option<u32> {
        self.index.pop_front()
    }

    fn answered(&mut self, entry: u32, stat: &Stat, index: Index<'_>) {
        let path = self.yielded.get(entry as usize).map(|entry| entry.path.clone());
        self.answers.push((path.unwrap_or_default(), *stat, index.iter().collect()));
        self.follow_up();
    }

    fn omitted(&mut self) -> u32 {
        self.omitted
    }

    fn refused(&mut self, number: u32, reason: Reason, _words: &str) -> bool {
        let Some(refused) = self.yielded.get(number as usize).cloned() else {
            self.refused.push((format!("entry {number}?"), reason));
            return false;
        };
        if refused.operation.is_some() {
            self.follow_up();
            self.refused.push((refused.path, reason));
            return true;
        }
        let has_content = self.files.get(&refused.path).is_some_and(|file| !file.bytes.is_empty());
        if reason.wants_reoffer() && refused.resumable && has_content && !self.gives_up {
            self.queue.push_back(Queued { resumable: false, ..refused });
            true
        } else {
            self.refused.push((refused.path, reason));
            !self.counted.insert(number)
        }
    }
}

impl Memory {
    /// The content of the open file.
    fn open_bytes(&self) -> Result<&[u8], Reason> {
        let bytes = match &self.open {
            Open::Nothing => return Err(Reason::Storage),
            Open::Outbound { path } => self.files.get(path).map(|file| &file.bytes),
            Open::Inbound { path, same: true, .. } => self.files.get(path).map(|file| &file.bytes),
            Open::Inbound { path, .. } => self.partials.get(path),
        };
        bytes.map(Vec::as_slice).ok_or(Reason::NotFound)
    }
}
