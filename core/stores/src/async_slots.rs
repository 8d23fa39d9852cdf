//! One image in a partition of NOR flash, over `embedded-storage-async`: while a sector is erased, the other tasks of the
//! executor run, and the session tells the client that this end is busy.
//!
//! The layout, the records and the guarantees are those of the blocking store `slots::Slots` (feature `nor-flash`): the
//! old image stays valid until the new one is complete, verified and read back, also after a power cut, and a transfer
//! that was cut resumes at the last sector.
//!
//! A call that is dropped in the middle may be repeated, as by a driver that was dropped. Words that were written
//! meanwhile are not written again.

use core::marker::PhantomData;

use embedded_storage_async::nor_flash::NorFlash;
use tinyferry_core::Reason;
use tinyferry_core::checksum::{Checksums, Small};
use tinyferry_core::store::{Accepted, AsyncStore, Digests, Entry, Offer};

use crate::area::{AsyncArea, Complete, Order};
use crate::two_slots::{Ending, Incoming, Layout, Target, Work};

pub use crate::area::NAME_MAX;
pub use crate::two_slots::Image;

/// A store of one image over a partition of NOR flash, or over a whole flash.
///
/// `C` is how CRCs are computed; take the one of the session's profile.
///
/// It takes a file under any name without a `/` and gives the current image, under its name or
/// as the only entry of the root. It refuses trees.
#[derive(Debug)]
pub struct AsyncSlots<F, C = Small> {
    flash: F,
    work: Work,
    checksums: PhantomData<C>,
}

impl<F: NorFlash, C: Checksums> AsyncSlots<F, C> {
    /// Takes the flash: all of it is the store's. Words of at most 256 bytes and sectors that are a
    /// multiple of 1024 bytes, or go into 1024, are checked when it is compiled.
    ///
    /// Content is taken in order: a transfer that was cut resumes at the sector.
    pub const fn new(flash: F) -> Self {
        const { AsyncArea::<'_, F, C>::CHECKED };
        Self { flash, work: Work::new(), checksums: PhantomData }
    }

    /// Takes content as it comes, also past lost chunks. On a noisy line less of it is sent twice, but a transfer that
    /// was cut resumes up to 97 KiB before the end of the received bytes, since there may be holes.
    #[must_use]
    pub fn out_of_order(self) -> Self {
        Self { work: self.work.out_of_order(), ..self }
    }

    /// The flash back.
    pub fn into_inner(self) -> F {
        self.flash
    }

    /// The current image, if there is one.
    ///
    /// # Errors
    /// [`Reason::Storage`] where the flash cannot be read.
    pub async fn image(&mut self) -> Result<Option<Image>, Reason> {
        Ok(Image::current(self.complete(0).await?, self.complete(1).await?))
    }

    /// Largest image that fits, in bytes.
    pub fn room(&self) -> u32 {
        self.layout().room()
    }

    fn layout(&self) -> Layout {
        Layout::new(self.flash.capacity(), AsyncArea::<'_, F, C>::SECTOR)
    }

    fn area(&mut self, slot: u32) -> AsyncArea<'_, F, C> {
        let place = self.layout().place(slot);
        AsyncArea::new(&mut self.flash, place)
    }

    /// The complete image of a slot.
    async fn complete(&mut self, slot: u32) -> Result<Option<Image>, Reason> {
        let complete = self.area(slot).complete().await?;
        Ok(Image::of(slot, self.layout(), complete))
    }

    async fn finish(&mut self, slot: u32, size: u32, crc64: u64) -> Result<(), Reason> {
        let mut area = self.area(slot);
        area.check(size, crc64).await?;
        // A call before this one may have been dropped behind its last write.
        let is_finished = |(_, found): (_, Complete)| (found.size, found.crc64) == (size, crc64);
        if area.complete().await?.is_some_and(is_finished) {
            return Ok(());
        }
        let sequence = Image::next_sequence(self.image().await?.as_ref());
        self.area(slot).finish(&Complete { sequence, size, crc64 }).await
    }

    async fn accept(&mut self, offer: &Offer<'_>) -> Result<u32, Reason> {
        let incoming = Incoming::new(offer, self.room())?;
        if offer.names_only {
            return Ok(0);
        }
        let image = self.image().await?;
        let slot = match self.work.target(&incoming, offer, image.as_ref()) {
            Target::Same(size) => return Ok(size),
            Target::Slot(slot) => slot,
        };
        let (order, room) = (self.work.order(), self.room());
        let mut area = self.area(slot);
        let (begun, is_unfinished) = (area.begun().await?, area.is_unfinished().await?);
        let prefix = match incoming.resumes(begun.as_ref(), is_unfinished) {
            Some(size) => area.prefix(size, offer.resume, order).await?,
            None => 0,
        };
        area.erase(prefix, incoming.size.unwrap_or(room)).await?;
        if prefix == 0 {
            area.begin(&incoming.begun).await?;
        }
        self.work.begin(slot, incoming.size, prefix);
        Ok(prefix)
    }
}

impl<F: NorFlash, C: Checksums> AsyncStore for AsyncSlots<F, C> {
    async fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.work.close();
        let prefix = self.accept(offer).await?.into();
        Ok(Accepted { prefix, in_order: self.work.order() == Order::InOrder })
    }

    async fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let (slot, position) = self.work.place_to_write(position, bytes.len(), self.room())?;
        let written = self.area(slot).write(position, bytes).await;
        self.work.written(position, bytes.len(), written)
    }

    async fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (slot, position, count) = self.work.place_to_read(position, into.len())?;
        let into = into.get_mut(..count).unwrap_or_default();
        let read = self.area(slot).read(position, into).await;
        self.work.moved(count, read)
    }

    async fn commit(&mut self, digests: &Digests) -> Result<(), Reason> {
        let finished = match self.work.ending() {
            Ok(Ending::Inbound { slot, size }) => self.finish(slot, size, digests.crc64).await,
            Ok(Ending::Same) => Ok(()),
            Err(reason) => Err(reason),
        };
        self.work.close();
        finished
    }

    async fn abandon(&mut self, _: Reason, _: bool) {
        self.work.abandon();
    }

    async fn open(&mut self, path: &str, tree: bool, _: bool) -> Result<(), Reason> {
        let image = self.image().await?;
        self.work.request(path, tree, image.as_ref())
    }

    async fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let image = self.image().await?;
        self.work.next(path, image.as_ref())
    }

    fn refused(&mut self, _: u32, reason: Reason, _: &str) -> bool {
        self.work.refused(reason)
    }
}
