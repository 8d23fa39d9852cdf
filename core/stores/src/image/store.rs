//! The calls of a session to the store of an image.

use super::status::{self, Status};
use super::*;

impl<B: BootLoader, V: Verify, C: Checksums> Slot<B, V, C> {
    fn status(&mut self) -> Result<Status, Reason> {
        Ok(Status::new(self.version, self.boot_loader.state()?))
    }

    /// Reads of the open file; the number of bytes.
    fn read(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let size = match self.open {
            Open::Nothing => return Err(Reason::Storage),
            Open::Inbound { end, .. } => end,
            Open::Downloaded { size } | Open::Running { size } => size,
            Open::Status => {
                let status = self.status()?;
                let position = usize::try_from(position).unwrap_or(usize::MAX);
                let rest = status.as_bytes().get(position..).unwrap_or_default();
                for (to, from) in into.iter_mut().zip(rest) {
                    *to = *from;
                }
                return Ok(rest.len().min(into.len()));
            }
        };
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let left = usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX);
        let count = left.min(into.len());
        let into = into.get_mut(..count).unwrap_or_default();
        match self.open {
            Open::Running { size } => self.running(size).read(position, into)?,
            _ => self.download(size).read(position, into)?,
        }
        Ok(count)
    }

    /// Writes of the open image.
    fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        let Open::Inbound { size, .. } = self.open else { return Err(Reason::Storage) };
        let place = u32::try_from(position).ok().and_then(|position| {
            let to = position.checked_add(u32::try_from(bytes.len()).ok()?)?;
            (to <= size).then_some((position, to))
        });
        let (position, to) = place.ok_or(Reason::TooLarge)?;
        self.download(size).write(position, bytes)?;
        if let Open::Inbound { end, .. } = &mut self.open {
            *end = to;
        }
        Ok(())
    }
}

impl<B: BootLoader, V: Verify, C: Checksums> Store for Slot<B, V, C> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        (self.open, self.message) = (Open::Nothing, "");
        if offer.kind != Kind::File || offer.path.contains('/') {
            return self.refuse(
                Reason::NotAllowed,
                "this board stores one firmware image, without a directory",
            );
        }
        if offer.path == status::NAME {
            return self.refuse(
                Reason::NotAllowed,
                "that is the version of the running image: give the image another name",
            );
        }
        Ok(Accepted { prefix: self.accept(offer)?.into(), in_order: true })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        match self.write(position, bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(reason) => {
                self.open = Open::Nothing;
                Err(reason)
            }
        }
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let result = self.read(position, into);
        if result.is_err() {
            self.open = Open::Nothing;
        }
        result
    }

    fn verified(&mut self, digests: &Digests) {
        if let Open::Inbound { crc64, .. } = &mut self.open {
            *crc64 = Some(digests.crc64);
        }
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.message = "";
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { size, crc64: Some(crc64), .. } => {
                self.download(size).check(size, crc64)?;
                // A refused image is not complete: its record would let it pass as one later.
                self.accepts(size)?;
                self.download(size).finish(&Complete { sequence: 0, size, crc64 })?;
                self.boot_loader.request_swap()
            }
            Open::Downloaded { size } => {
                self.accepts(size)?;
                self.boot_loader.request_swap()
            }
            Open::Running { .. } => match self.boot_loader.state()? {
                State::SwapRequested => self.boot_loader.cancel_swap(),
                State::Confirmed | State::Trial => Ok(()),
            },
            Open::Inbound { .. } | Open::Status | Open::Nothing => Err(Reason::Storage),
        }
    }

    fn refusal_message(&mut self) -> &str {
        self.message
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        (self.open, self.next) = (Open::Nothing, Next::Nothing);
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.message = "";
        self.next = match (path, tree) {
            ("", true) => Next::Tree,
            ("", false) => return Err(Reason::IsDirectory),
            (status::NAME, true) => return Err(Reason::NotDirectory),
            (status::NAME, false) => Next::Status,
            _ => return self.refuse(Reason::NotFound, "this board gives version.txt only"),
        };
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let size = self.status()?.as_bytes().len() as u64;
        let name = status::NAME.as_bytes();
        match core::mem::replace(&mut self.next, Next::Nothing) {
            Next::Tree => {
                self.next = Next::Status;
                let root = Entry { kind: Kind::Tree, ..Entry::file(0, size) };
                Ok(Some(Entry { resumable: false, ..root }))
            }
            Next::Status => {
                path.get_mut(..name.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(name);
                self.open = Open::Status;
                Ok(Some(Entry { resumable: false, ..Entry::file(name.len(), size) }))
            }
            Next::Nothing => Ok(None),
        }
    }
}
