//! The calls of a session to the slots.

use super::*;

impl<F: NorFlash, C: Checksums> Store for Slots<F, C> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.open = Open::Nothing;
        if offer.kind != Kind::File || offer.path.contains('/') {
            return Err(Reason::NotAllowed);
        }
        let prefix = self.accept(offer)?.into();
        Ok(Accepted { prefix, in_order: self.order == Order::InOrder })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let Open::Inbound { slot, end, .. } = self.open else { return Err(Reason::Storage) };
        let place = u32::try_from(position).ok().and_then(|position| {
            let to = position.checked_add(u32::try_from(bytes.len()).ok()?)?;
            (to <= self.room()).then_some((position, to))
        });
        let Some((position, to)) = place else {
            self.open = Open::Nothing;
            return Err(Reason::NoSpace);
        };
        if let Err(reason) = self.area(slot).write(position, bytes) {
            self.open = Open::Nothing;
            return Err(reason);
        }
        if let Open::Inbound { end: furthest, .. } = &mut self.open {
            *furthest = end.max(to);
        }
        Ok(bytes.len())
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (slot, size) = match &self.open {
            Open::Nothing => return Err(Reason::Storage),
            Open::Inbound { slot, end, .. } => (*slot, *end),
            Open::Same(image) | Open::Outbound(image) => (image.slot, image.size),
        };
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        let left = usize::try_from(size.saturating_sub(position)).unwrap_or(usize::MAX);
        let count = left.min(into.len());
        let into = into.get_mut(..count).unwrap_or_default();
        if let Err(reason) = self.area(slot).read(position, into) {
            self.open = Open::Nothing;
            return Err(reason);
        }
        Ok(count)
    }

    fn verified(&mut self, digests: &Digests) {
        if let Open::Inbound { crc64, .. } = &mut self.open {
            *crc64 = Some(digests.crc64);
        }
    }

    fn commit(&mut self) -> Result<(), Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { slot, size, end, crc64: Some(crc64) } => {
                self.finish(slot, size.unwrap_or(end), crc64)
            }
            Open::Same(_) => Ok(()),
            _ => Err(Reason::Storage),
        }
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        self.open = Open::Nothing;
        self.next = Next::Nothing;
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let image = self.image()?;
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

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let image = self.image()?;
        let next = core::mem::replace(&mut self.next, Next::Nothing);
        let mut entry = Entry {
            kind: Kind::Tree,
            path: 0,
            size: Some(image.as_ref().map_or(0, |image| image.size.into())),
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
                self.open = Open::Outbound(image);
            }
            _ => return Ok(None),
        }
        Ok(Some(entry))
    }

    fn refused(&mut self, _: u32, reason: Reason, _: &str) -> bool {
        // There is but one, and it is given anew once.
        let again = reason.wants_reoffer() && !self.is_anew;
        if again {
            (self.next, self.is_anew) = (Next::Image, true);
        }
        again
    }
}
