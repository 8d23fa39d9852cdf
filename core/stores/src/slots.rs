//! One image in a partition of NOR flash, in one of two slots.
//!
//! Each slot is half of the partition. One has the valid image, the other receives a new one, which is valid from the
//! moment when its last record is written. So the old image stays until the new one is complete, verified, and read
//! back. After a loss of power at any moment exactly one of the two is valid.
//!
//! ```text
//! | image ................................ | records | image ........... | records |
//! 0                                              half                            capacity
//! ```
//!
//! An image begins where its slot begins, so that a boot loader can start or copy it as it is
//! ([`Slots::image`] says which one). The records fill the last sectors of a slot:
//!
//! | at | record | fields, little-endian |
//! |---|---|---|
//! | 0 | begin | `TFb1`, CRC-32 of the rest, size 8 (2^64−1: unknown), modified 8 (−2^63: unknown), length of the name 1, name |
//! | 256 | complete | `TFw1`, CRC-32 of the rest, sequence 4, size 4, CRC-64 8 |
//!
//! The rules of NOR flash are kept: whole sectors are erased, and whole words are written, each of them
//! once. All that an image needs is erased when it is offered, not while its chunks
//! are received: many microcontrollers stop during an erase, and on a lossy line the sender waits for
//! the answer to its offer. The content is written in order. A transfer that was cut resumes at the last sector: the
//! sectors from there on are erased again, as the last write may be incomplete.

use core::marker::PhantomData;

use embedded_storage::nor_flash::NorFlash;
use tinyferry_core::checksum::{Checksums, Small};
use tinyferry_core::store::{Accepted, Digests, Entry, Offer};
use tinyferry_core::{Reason, Store};

use crate::area::{Area, Complete, Order};
use crate::two_slots::{Ending, Incoming, Layout, Target, Work};

pub use crate::area::NAME_MAX;
pub use crate::two_slots::Image;

mod store;

/// A store of one image over a partition of NOR flash, or over a whole flash.
///
/// `C` is how CRCs are computed; take the one of the session's profile.
///
/// It takes a file under any name without a `/` and gives the current image, under its name or
/// as the only entry of the root. It refuses trees.
#[derive(Debug)]
pub struct Slots<F, C = Small> {
    flash: F,
    work: Work,
    /// The CRC-64 of the received image, once it is known.
    crc64: Option<u64>,
    checksums: PhantomData<C>,
}

impl<F: NorFlash, C: Checksums> Slots<F, C> {
    /// Takes the flash: all of it is the store's. Words of at most 256 bytes and sectors that are a
    /// multiple of 1024 bytes, or go into 1024, are checked when it is compiled.
    ///
    /// Content is taken in order: a transfer that was cut resumes at the sector.
    pub const fn new(flash: F) -> Self {
        const { Area::<'_, F, C>::CHECKED };
        Self { flash, work: Work::new(), crc64: None, checksums: PhantomData }
    }

    /// Takes content as it comes, also past lost chunks. On a noisy line less of it is sent twice: with one flipped bit in
    /// 100,000 and a credit of 16 frames a put takes half the time, with a credit of 4 frames 5 % less. But a transfer
    /// that was cut resumes up to 97 KiB before the end of the received bytes, since there may be holes.
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
    pub fn image(&mut self) -> Result<Option<Image>, Reason> {
        Ok(Image::current(self.complete(0)?, self.complete(1)?))
    }

    /// Largest image that fits, in bytes.
    pub fn room(&self) -> u32 {
        self.layout().room()
    }

    fn layout(&self) -> Layout {
        Layout::new(self.flash.capacity(), Area::<'_, F, C>::SECTOR)
    }

    fn area(&mut self, slot: u32) -> Area<'_, F, C> {
        let place = self.layout().place(slot);
        Area::new(&mut self.flash, place)
    }

    /// The complete image of a slot.
    fn complete(&mut self, slot: u32) -> Result<Option<Image>, Reason> {
        let complete = self.area(slot).complete()?;
        Ok(Image::of(slot, self.layout(), complete))
    }

    fn finish(&mut self, slot: u32, size: u32, crc64: u64) -> Result<(), Reason> {
        self.area(slot).check(size, crc64)?;
        let sequence = Image::next_sequence(self.image()?.as_ref());
        self.area(slot).finish(&Complete { sequence, size, crc64 })
    }

    fn accept(&mut self, offer: &Offer<'_>) -> Result<u32, Reason> {
        let incoming = Incoming::new(offer, self.room())?;
        if offer.names_only {
            return Ok(0);
        }
        let image = self.image()?;
        let slot = match self.work.target(&incoming, offer, image.as_ref()) {
            Target::Same(size) => return Ok(size),
            Target::Slot(slot) => slot,
        };
        let (order, room) = (self.work.order(), self.room());
        let mut area = self.area(slot);
        let (begun, is_unfinished) = (area.begun()?, area.is_unfinished()?);
        let prefix = match incoming.resumes(begun.as_ref(), is_unfinished) {
            Some(size) => area.prefix(size, offer.resume, order)?,
            None => 0,
        };
        area.erase(prefix, incoming.size.unwrap_or(room))?;
        if prefix == 0 {
            area.begin(&incoming.begun)?;
        }
        self.work.begin(slot, incoming.size, prefix);
        Ok(prefix)
    }
}
