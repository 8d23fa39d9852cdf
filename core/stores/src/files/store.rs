//! The calls of a session to a file system.

use tinyferry_core::store::{Accepted, Entry, Kind, Offer, Operation, RequestOptions, Skip, Stat};
use tinyferry_core::{Reason, Store};

use super::file_store::{FileStore, Open, Request};
use super::message::Message;
use super::walk::Outbound;
use super::{Files, Info};

impl<F: Files, const PATH: usize, const DEPTH: usize> FileStore<F, PATH, DEPTH> {
    fn take_offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let _ = self.close();
        if offer.kind == Kind::Tree {
            self.request = Request::Nothing;
        }
        let path = self.path_of(offer.path)?;
        let prefix = match offer.kind {
            Kind::Tree | Kind::Directory => {
                if let Some(Info::File { .. }) = self.look_up(&path)? {
                    return Err(Reason::NotDirectory);
                }
                match offer.kind {
                    Kind::Tree => self.request = Request::ReceiveTree(path),
                    _ if offer.names_only => {}
                    _ => self.open = Open::Directory(path),
                }
                0
            }
            Kind::File if offer.names_only => 0,
            Kind::File => self.accept(offer, path)?,
        };
        Ok(Accepted { prefix, in_order: F::IN_ORDER })
    }

    fn commit_open(&mut self) -> Result<(), Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound(inbound) => self.put_in_place(inbound),
            Open::InPlace(file) | Open::Outbound(file) => self.files.close(file),
            Open::EmptyInPlace => Ok(()),
            Open::Directory(path) => self.create_directories(&path),
            Open::Nothing => match core::mem::replace(&mut self.request, Request::Nothing) {
                Request::ReceiveTree(tree) => self.create_directories(&tree),
                _ => Err(Reason::Storage),
            },
        }
    }

    fn prepare(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let _ = self.close();
        self.request = Request::Nothing;
        let root = self.checked(path)?;
        match (self.look_up(path)?.ok_or(Reason::NotFound)?, tree) {
            (Info::Directory, false) => return Err(Reason::IsDirectory),
            (Info::File { .. }, true) => return Err(Reason::NotDirectory),
            _ => {}
        }
        self.request = Request::Send(Outbound::new(root, tree, self.names_only, self.depth));
        Ok(())
    }

    /// Remembers the reason of a refusal for the message about it.
    fn remember<T>(&mut self, result: Result<T, Reason>) -> Result<T, Reason> {
        self.refused = result.as_ref().err().copied();
        result
    }
}

impl<F: Files, const PATH: usize, const DEPTH: usize> Store for FileStore<F, PATH, DEPTH> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let accepted = self.take_offer(offer);
        self.remember(accepted)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let written = self.write(position, bytes);
        if written.is_err() {
            let _ = self.close();
        }
        self.remember(written.map(|()| bytes.len()))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let loaded = match &mut self.open {
            Open::Inbound(inbound) => inbound.read(&mut self.files, position, into),
            Open::InPlace(file) | Open::Outbound(file) => self.files.read(file, position, into),
            _ => Err(Reason::Storage),
        };
        if loaded.is_err() {
            let _ = self.close();
        }
        loaded
    }

    fn commit(&mut self) -> Result<(), Reason> {
        let committed = self.commit_open();
        self.remember(committed)
    }

    fn refusal_message(&mut self) -> &str {
        self.message = match self.refused.take() {
            Some(Reason::NameTooLong) => Message::new("a path has at most ", PATH, " bytes here"),
            Some(Reason::TooDeep) => Message::new("at most ", DEPTH, " directories deep"),
            Some(Reason::NoSpace) => match self.files.space() {
                Ok(space) => Message::new("", space.free, " bytes are free"),
                Err(_) => Message::default(),
            },
            _ => Message::default(),
        };
        self.message.text()
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.give_up(reason);
        if all {
            self.request = Request::Nothing;
        }
    }

    fn operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        let _ = self.close();
        self.perform(path, kind, operation)
    }

    fn names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
    }

    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        if options.skip != Skip::Nothing
            || options.ignore_files
            || options.follow
            || options.patterns.iter().next().is_some()
        {
            return Err(Reason::Unsupported);
        }
        self.depth = options.depth;
        Ok(())
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let prepared = self.prepare(path, tree);
        (self.names_only, self.depth) = (false, None);
        self.remember(prepared)
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let _ = self.close();
        self.next_entry(path)
    }

    fn omitted(&mut self) -> u32 {
        match &self.request {
            Request::Send(outbound) => outbound.omitted,
            _ => 0,
        }
    }

    fn refused(&mut self, entry: u32, reason: Reason, _: &str) -> bool {
        match &mut self.request {
            Request::Send(outbound) => outbound.reoffers.refused(entry, reason),
            _ => false,
        }
    }
}
