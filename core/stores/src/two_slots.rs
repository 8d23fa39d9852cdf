//! One image in a partition of NOR flash, in one of two slots, without the flash: the decisions of `Slots` and
//! `AsyncSlots`. Both have the same layout and records: a partition of one is one of the other.

use tinyferry_core::Reason;
use tinyferry_core::store::{Entry, Kind, Offer};

use crate::area::{Begun, Name, Order};

pub use self::image::Image;
pub(crate) use self::image::Layout;

mod image;

/// An offer of an image that fits.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) begun: Begun,
    /// Size in bytes, where known.
    pub(crate) size: Option<u32>,
}

impl Incoming {
    pub(crate) fn new(offer: &Offer<'_>, room: u32) -> Result<Self, Reason> {
        if offer.kind != Kind::File || offer.path.contains('/') {
            return Err(Reason::NotAllowed);
        }
        let name = Name::new(offer.path).ok_or(Reason::NameTooLong)?;
        let size = match offer.size.map(u32::try_from) {
            Some(Ok(size)) if size <= room => Some(size),
            None => None,
            Some(_) => return Err(Reason::TooLarge),
        };
        Ok(Self { begun: Begun { size: offer.size, modified: offer.modified, name }, size })
    }

    /// Whether it is this image, which the sender can compare.
    fn is(&self, image: &Image, offer: &Offer<'_>) -> bool {
        let size = image.size;
        (self.size, &self.begun.name) == (Some(size), &image.name)
            && offer.modified.is_some()
            && offer.modified == image.modified
            && size > 0
            && offer.resume >= size.into()
    }

    /// Its size, if it may continue the image that has begun in its slot. A slot whose completion was cut has a damaged
    /// last record: it begins from position 0.
    pub(crate) fn resumes(&self, begun: Option<&Begun>, is_unfinished: bool) -> Option<u32> {
        self.size.filter(|_| begun == Some(&self.begun) && is_unfinished)
    }
}

#[derive(Debug, Clone, Copy)]
enum Open {
    Nothing,
    /// It comes in, into this slot.
    Inbound {
        slot: u32,
        size: Option<u32>,
        /// Where the furthest byte stored ends.
        end: u32,
    },
    /// It is there already, and is compared.
    Same {
        slot: u32,
        size: u32,
    },
    Outbound {
        slot: u32,
        size: u32,
    },
}

/// The next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Tree,
    Image,
    Nothing,
}

/// Where an offered image goes.
pub(crate) enum Target {
    /// It is in place.
    Same(u32),
    Slot(u32),
}

/// How an image is completed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending {
    /// It is in place.
    Same,
    Inbound {
        slot: u32,
        size: u32,
    },
}

/// What the store does at present.
#[derive(Debug)]
pub(crate) struct Work {
    open: Open,
    next: Next,
    order: Order,
    /// Whether the image that is sent was refused once and is offered again.
    is_anew: bool,
}

impl Work {
    pub(crate) const fn new() -> Self {
        let (open, next, order) = (Open::Nothing, Next::Nothing, Order::InOrder);
        Self { open, next, order, is_anew: false }
    }

    /// Content is taken as it comes.
    pub(crate) fn out_of_order(self) -> Self {
        Self { order: Order::AsItComes, ..self }
    }

    pub(crate) const fn order(&self) -> Order {
        self.order
    }

    /// An open file is closed.
    pub(crate) fn close(&mut self) {
        self.open = Open::Nothing;
    }

    pub(crate) fn abandon(&mut self) {
        self.close();
        self.next = Next::Nothing;
    }

    /// Chooses the slot of an image: the one that has not the current one.
    pub(crate) fn target(
        &mut self,
        incoming: &Incoming,
        offer: &Offer<'_>,
        image: Option<&Image>,
    ) -> Target {
        match image {
            Some(image) if incoming.is(image, offer) => {
                self.open = Open::Same { slot: image.slot, size: image.size };
                Target::Same(image.size)
            }
            image => Target::Slot(image.map_or(0, |image| 1u32.saturating_sub(image.slot))),
        }
    }

    /// The slot is ready.
    pub(crate) fn begin(&mut self, slot: u32, size: Option<u32>, prefix: u32) {
        self.open = Open::Inbound { slot, size, end: prefix };
    }

    /// The slot and the position of bytes to write.
    pub(crate) fn place_to_write(
        &mut self,
        position: u64,
        length: usize,
        room: u32,
    ) -> Result<(u32, u32), Reason> {
        let Open::Inbound { slot, .. } = self.open else { return Err(Reason::Storage) };
        let place = u32::try_from(position).ok().and_then(|position| {
            let to = position.checked_add(u32::try_from(length).ok()?)?;
            (to <= room).then_some((slot, position))
        });
        if place.is_none() {
            self.close();
        }
        place.ok_or(Reason::NoSpace)
    }

    /// So many bytes were written at this position.
    pub(crate) fn written(
        &mut self,
        position: u32,
        length: usize,
        result: Result<(), Reason>,
    ) -> Result<usize, Reason> {
        if let Open::Inbound { end, .. } = &mut self.open {
            let to = position.saturating_add(u32::try_from(length).unwrap_or(u32::MAX));
            *end = to.max(*end);
        }
        self.moved(length, result)
    }

    /// So many bytes were read or written. A flash that fails closes the file.
    pub(crate) fn moved(
        &mut self,
        length: usize,
        result: Result<(), Reason>,
    ) -> Result<usize, Reason> {
        if result.is_err() {
            self.close();
        }
        result.map(|()| length)
    }

    /// The slot and the position of bytes to read, and their number.
    pub(crate) fn place_to_read(
        &self,
        position: u64,
        length: usize,
    ) -> Result<(u32, u32, usize), Reason> {
        let (slot, size) = match self.open {
            Open::Nothing => return Err(Reason::Storage),
            Open::Inbound { slot, end, .. } => (slot, end),
            Open::Same { slot, size } | Open::Outbound { slot, size } => (slot, size),
        };
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let left = usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX);
        Ok((slot, position, left.min(length)))
    }

    /// How the open image is completed.
    pub(crate) fn ending(&self) -> Result<Ending, Reason> {
        match self.open {
            Open::Inbound { slot, size, end } => {
                Ok(Ending::Inbound { slot, size: size.unwrap_or(end) })
            }
            Open::Same { .. } => Ok(Ending::Same),
            Open::Nothing | Open::Outbound { .. } => Err(Reason::Storage),
        }
    }

    /// A request for a file or a tree.
    pub(crate) fn request(
        &mut self,
        path: &str,
        tree: bool,
        image: Option<&Image>,
    ) -> Result<(), Reason> {
        self.is_anew = false;
        self.next = match (path, tree) {
            ("", true) => Next::Tree,
            ("", false) => return Err(Reason::IsDirectory),
            _ => match image {
                Some(image) if image.name() == path && tree => return Err(Reason::NotDirectory),
                Some(image) if image.name() == path => Next::Image,
                _ => return Err(Reason::NotFound),
            },
        };
        Ok(())
    }

    /// The next entry of a request.
    pub(crate) fn next(
        &mut self,
        path: &mut [u8],
        image: Option<&Image>,
    ) -> Result<Option<Entry>, Reason> {
        let next = core::mem::replace(&mut self.next, Next::Nothing);
        let mut entry = Entry {
            kind: Kind::Tree,
            path: 0,
            size: Some(image.map_or(0, |image| image.size.into())),
            modified: None,
            mode: None,
            resumable: false,
            broken: None,
            content: None,
            operation: None,
        };
        match (next, image) {
            (Next::Tree, _) => self.next = Next::Image,
            (Next::Image, Some(image)) => {
                let name = image.name().as_bytes();
                path.get_mut(..name.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(name);
                entry.path = name.len();
                (entry.kind, entry.modified, entry.resumable) =
                    (Kind::File, image.modified, !self.is_anew);
                self.open = Open::Outbound { slot: image.slot, size: image.size };
            }
            _ => return Ok(None),
        }
        Ok(Some(entry))
    }

    /// The entry was refused; returns whether it is given again. There is but one, and it is given anew once.
    pub(crate) fn refused(&mut self, reason: Reason) -> bool {
        let again = reason.wants_reoffer() && !self.is_anew;
        if again {
            (self.next, self.is_anew) = (Next::Image, true);
        }
        again
    }
}
