//! A store of one file in RAM.

use tinyferry_core::store::{Accepted, Entry, Kind, Offer};
use tinyferry_core::{Reason, Store};

const ROOM: usize = 8192;

pub struct OneFile {
    content: [u8; ROOM],
    size: usize,
    /// Whether `next` gives the file.
    is_next: bool,
}

impl OneFile {
    pub const fn new() -> Self {
        Self { content: [0; ROOM], size: 0, is_next: false }
    }
}

impl Store for OneFile {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        if offer.kind != Kind::File {
            return Err(Reason::NotAllowed);
        }
        if offer.size.is_some_and(|size| size > ROOM as u64) {
            return Err(Reason::TooLarge);
        }
        self.size = 0;
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let room = self.content.get_mut(self.size..).unwrap_or_default();
        room.get_mut(..bytes.len()).ok_or(Reason::TooLarge)?.copy_from_slice(bytes);
        self.size += bytes.len();
        Ok(bytes.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.is_next = path == "file" && !tree;
        if self.is_next { Ok(()) } else { Err(Reason::NotFound) }
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if !core::mem::take(&mut self.is_next) {
            return Ok(None);
        }
        path.get_mut(..4).ok_or(Reason::NameTooLong)?.copy_from_slice(b"file");
        Ok(Some(Entry::file(4, self.size as u64)))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let content = self.content.get(..self.size).unwrap_or_default();
        let rest = content.get(position as usize..).unwrap_or_default();
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(rest.len().min(into.len()))
    }
}
