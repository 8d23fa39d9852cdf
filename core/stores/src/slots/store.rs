//! The calls of a session to the slots.

use super::*;

impl<F: NorFlash, C: Checksums> Store for Slots<F, C> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.work.close();
        let prefix = self.accept(offer)?.into();
        Ok(Accepted { prefix, in_order: self.work.order() == Order::InOrder })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let (slot, position) = self.work.place_to_write(position, bytes.len(), self.room())?;
        let written = self.area(slot).write(position, bytes);
        self.work.written(position, bytes.len(), written)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (slot, position, count) = self.work.place_to_read(position, into.len())?;
        let read = self.area(slot).read(position, into.get_mut(..count).unwrap_or_default());
        self.work.moved(count, read)
    }

    fn verified(&mut self, digests: &Digests) {
        self.crc64 = Some(digests.crc64);
    }

    fn commit(&mut self) -> Result<(), Reason> {
        let (ending, crc64) = (self.work.ending(), self.crc64.take());
        self.work.close();
        match ending? {
            Ending::Inbound { slot, size } => {
                self.finish(slot, size, crc64.ok_or(Reason::Storage)?)
            }
            Ending::Same => Ok(()),
        }
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        self.work.abandon();
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let image = self.image()?;
        self.work.request(path, tree, image.as_ref())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let image = self.image()?;
        self.work.next(path, image.as_ref())
    }

    fn refused(&mut self, _: u32, reason: Reason, _: &str) -> bool {
        self.work.refused(reason)
    }
}
