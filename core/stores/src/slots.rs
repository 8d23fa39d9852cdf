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
use tinyferry_core::store::{Accepted, Digests, Entry, Kind, Offer};
use tinyferry_core::{Reason, Store};

use crate::area::{Area, Begun, Complete, Name, Order};

pub use crate::area::NAME_MAX;

mod store;

/// An image, complete or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its start, in bytes from the start of the partition.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
    /// CRC-64/NVME of all of it.
    pub crc64: u64,
    /// Time of last modification in nanoseconds since 1970, where known.
    pub modified: Option<i64>,
    slot: u32,
    sequence: u32,
    name: Name,
}

impl Image {
    /// The name under which it came.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }
}

#[derive(Debug)]
enum Open {
    Nothing,
    /// It comes in, into this slot.
    Inbound {
        slot: u32,
        size: Option<u32>,
        /// Where the furthest byte stored ends.
        end: u32,
        crc64: Option<u64>,
    },
    /// It is there already, and is compared.
    Same(Image),
    Outbound(Image),
}

/// The next result of [`Store::next`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Tree,
    Image,
    Nothing,
}

/// A store of one image over a partition of NOR flash, or over a whole flash.
///
/// `C` is how CRCs are computed; take the one of the session's profile.
///
/// It takes a file under any name without a `/` and gives the current image, under its name or
/// as the only entry of the root. It refuses trees.
#[derive(Debug)]
pub struct Slots<F, C = Small> {
    flash: F,
    open: Open,
    next: Next,
    order: Order,
    /// Whether the image that is sent was refused once and is offered again.
    is_anew: bool,
    checksums: PhantomData<C>,
}

impl<F: NorFlash, C: Checksums> Slots<F, C> {
    /// Takes the flash: all of it is the store's. Words of at most 256 bytes and sectors that are a
    /// multiple of 1024 bytes, or go into 1024, are checked when it is compiled.
    ///
    /// Content is taken in order: a transfer that was cut resumes at the sector.
    pub const fn new(flash: F) -> Self {
        const { Area::<'_, F, C>::CHECKED };
        let (open, next, order) = (Open::Nothing, Next::Nothing, Order::InOrder);
        Self { flash, open, next, order, is_anew: false, checksums: PhantomData }
    }

    /// Takes content as it comes, also past lost chunks. On a noisy line less of it is sent twice: with one flipped bit in
    /// 100,000 and a credit of 16 frames a put takes half the time, with a credit of 4 frames 5 % less. But a transfer
    /// that was cut resumes up to 97 KiB before the end of the received bytes, since there may be holes.
    #[must_use]
    pub fn out_of_order(self) -> Self {
        Self { order: Order::AsItComes, ..self }
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
        let [first, second] = [self.complete(0)?, self.complete(1)?];
        Ok(match (first, second) {
            (Some(first), Some(second)) => {
                let is_newer = second.sequence.wrapping_sub(first.sequence) < 1 << 31;
                Some(if is_newer { second } else { first })
            }
            (first, second) => first.or(second),
        })
    }

    /// Largest image that fits, in bytes.
    pub fn room(&self) -> u32 {
        self.slot_size().saturating_sub(Area::<'_, F, C>::RECORDS)
    }

    fn slot_size(&self) -> u32 {
        let half = u32::try_from(self.flash.capacity()).unwrap_or(u32::MAX) / 2;
        half.saturating_sub(half.checked_rem(Area::<'_, F, C>::SECTOR).unwrap_or(0))
    }

    fn slot_start(&self, slot: u32) -> u32 {
        self.slot_size().saturating_mul(slot)
    }

    fn area(&mut self, slot: u32) -> Area<'_, F, C> {
        let start = self.slot_start(slot);
        let records = start.saturating_add(self.room());
        Area::new(&mut self.flash, start, records)
    }

    /// The complete image of a slot.
    fn complete(&mut self, slot: u32) -> Result<Option<Image>, Reason> {
        let (offset, complete) = (self.slot_start(slot), self.area(slot).complete()?);
        Ok(complete.map(|(Begun { modified, name, .. }, Complete { sequence, size, crc64 })| {
            Image { offset, size, crc64, modified, slot, sequence, name }
        }))
    }

    fn finish(&mut self, slot: u32, size: u32, crc64: u64) -> Result<(), Reason> {
        self.area(slot).check(size, crc64)?;
        let sequence = self.image()?.map_or(0, |image| image.sequence.wrapping_add(1));
        self.area(slot).finish(&Complete { sequence, size, crc64 })
    }

    fn accept(&mut self, offer: &Offer<'_>) -> Result<u32, Reason> {
        let name = Name::new(offer.path).ok_or(Reason::NameTooLong)?;
        let room = self.room();
        let size = match offer.size.map(u32::try_from) {
            Some(Ok(size)) if size <= room => Some(size),
            None => None,
            Some(_) => return Err(Reason::TooLarge),
        };
        if offer.names_only {
            return Ok(0);
        }
        let image = self.image()?;
        if let (Some(image), Some(size)) = (&image, size)
            && (image.size, image.modified, &image.name) == (size, offer.modified, &name)
            && offer.modified.is_some()
            && size > 0
            && offer.resume >= size.into()
        {
            self.open = Open::Same(image.clone());
            return Ok(size);
        }
        let slot = image.map_or(0, |image| 1u32.saturating_sub(image.slot));
        let begun = Begun { size: offer.size, modified: offer.modified, name };
        let order = self.order;
        let mut area = self.area(slot);
        // A slot whose completion was cut has a damaged last record: it begins from position 0.
        let may_resume = area.begun()?.as_ref() == Some(&begun) && area.is_unfinished()?;
        let prefix = match size.filter(|_| may_resume) {
            Some(size) => area.prefix(size, offer.resume, order)?,
            None => 0,
        };
        area.erase(prefix, size.unwrap_or(room))?;
        if prefix == 0 {
            area.begin(&begun)?;
        }
        self.open = Open::Inbound { slot, size, end: prefix, crc64: None };
        Ok(prefix)
    }
}
