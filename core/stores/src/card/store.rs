//! The calls of a session to the card.

use tinyferry_core::store::{Operation, Stat};

use super::*;

impl<D: BlockDevice> Store for Card<D> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.close();
        let accepted = |prefix: u32| Accepted { prefix: prefix.into(), in_order: false };
        if offer.kind == Kind::Tree {
            for name in offer.path.split('/').filter(|name| !name.is_empty()) {
                short(name)?;
            }
            self.tree = to_path(offer.path)?;
            return Ok(accepted(0));
        }
        let path = join(&self.tree, offer.path).ok_or(Reason::NameTooLong)?;
        let path = to_path(&path)?;
        for name in path.split('/') {
            short(name)?;
        }
        if offer.names_only {
            return Ok(accepted(0));
        }
        if offer.kind == Kind::Directory {
            self.open = Open::Directory(path);
            return Ok(accepted(0));
        }
        self.accept(offer, path).map(accepted)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let position = u32::try_from(position).map_err(|_| Reason::TooLarge);
        match position.and_then(|position| self.write(position, bytes)) {
            Ok(()) => Ok(bytes.len()),
            Err(reason) => {
                self.close();
                Err(reason)
            }
        }
    }

    fn store_zeros(&mut self, position: u64, length: u64) -> Result<u64, Reason> {
        // The card writes whole blocks.
        let zeros = [0; 512];
        let count = length.min(512_u64.saturating_sub(position % 512));
        let piece = usize::try_from(count).ok().and_then(|count| zeros.get(..count));
        self.store(position, piece.unwrap_or(&zeros)).map(|count| count as u64)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (Open::Inbound { file, .. } | Open::Reading(file)) = &self.open else {
            return Err(Reason::Storage);
        };
        let Mount::Volume(manager, _) = &self.mount else { return Err(Reason::Storage) };
        let position = u32::try_from(position).map_err(|_| Reason::Storage)?;
        let loaded = match manager.file_seek_from_start(*file, position) {
            Ok(()) => manager.read(*file, into).map_err(reason),
            Err(Error::InvalidOffset) => Ok(0),
            Err(error) => Err(reason(error)),
        };
        if loaded.is_err() {
            self.close();
        }
        loaded
    }

    fn commit(&mut self) -> Result<(), Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { path, file, modified, end, .. } => {
                let (manager, _) = self.volume()?;
                manager.close_file(file).map_err(reason)?;
                self.put_in_place(&path, modified, end)
            }
            Open::Reading(file) => self.volume()?.0.close_file(file).map_err(reason),
            Open::Directory(path) => {
                let (manager, volume) = self.volume()?;
                within(manager, volume, (&path, true), |_| Ok(()))
            }
            Open::Nothing => {
                let tree = core::mem::take(&mut self.tree);
                let (manager, volume) = self.volume()?;
                within(manager, volume, (&tree, true), |_| Ok(()))
            }
        }
    }

    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.perform(path, kind, operation)
    }

    fn abandon(&mut self, _: Reason, all: bool) {
        self.close();
        if all {
            self.tree.clear();
            self.sending = Sending::Nothing;
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.close();
        self.tree.clear();
        self.reoffers = Reoffers::new();
        self.root = to_path(path)?;
        if tree {
            let (manager, volume) = self.volume()?;
            within(manager, volume, (path, false), |_| Ok(()))?;
            self.sending = Sending::Tree(self.walk());
        } else if path.is_empty() {
            return Err(Reason::IsDirectory);
        } else {
            let (file, _) = self.read_file(path)?;
            self.volume()?.0.close_file(file).map_err(reason)?;
            self.sending = Sending::File(self.root.clone());
        }
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.close();
        let turn = self.reoffers.turn();
        match core::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => Ok(None),
            Sending::File(name) if turn != Turn::New || self.reoffers.is_first() => {
                let (file, entry) = self.read_file(&name)?;
                self.volume()?.0.close_file(file).map_err(reason)?;
                self.sending = Sending::File(name.clone());
                self.reoffers.gave(turn);
                self.found(&name, &entry, turn, path).map(Some)
            }
            Sending::File(name) => {
                self.sending = Sending::File(name);
                Ok(None)
            }
            Sending::Tree(walk) => {
                let name = self.root.as_bytes();
                path.get_mut(..name.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(name);
                let entry = Entry {
                    kind: Kind::Tree,
                    path: name.len(),
                    size: None,
                    modified: None,
                    mode: None,
                    resumable: false,
                    broken: None,
                    content: None,
                    operation: None,
                };
                self.sending = Sending::Entries(walk);
                Ok(Some(entry))
            }
            Sending::Entries(mut walk) => {
                let found = match turn {
                    // The card is as it was: the same way leads there.
                    Turn::Again(index) => {
                        let mut second = self.walk();
                        let mut found = None;
                        for _ in 0..=index {
                            found = self.step(&mut second, path.len())?;
                            if found.is_none() {
                                break;
                            }
                        }
                        found
                    }
                    Turn::New => self.step(&mut walk, path.len())?,
                };
                self.sending = Sending::Entries(walk);
                match found {
                    Some((name, entry)) => {
                        self.reoffers.gave(turn);
                        self.found(&name, &entry, turn, path).map(Some)
                    }
                    None => Ok(None),
                }
            }
        }
    }

    fn omitted(&mut self) -> u32 {
        match &self.sending {
            Sending::Entries(walk) => walk.omitted,
            Sending::Nothing | Sending::File(_) | Sending::Tree(_) => 0,
        }
    }

    fn refused(&mut self, entry: u32, reason: Reason, _: &str) -> bool {
        self.reoffers.refused(entry, reason)
    }
}
