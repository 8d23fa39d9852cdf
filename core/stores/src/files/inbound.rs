//! A file that is received: as a partial, and then in its place.

use heapless::String;
use tinyferry_core::Reason;
use tinyferry_core::store::Offer;

use super::file_store::{FileStore, Open, partial_of, split};
use super::partial::{Inbound, Partial};
use super::{Files, Info, Mode, rounded};
use crate::{MAX_HOLE_DISTANCE, ROUNDING};

/// The largest number of bytes between two closings of the partial: a power cut may lose them.
const FLUSH: u64 = 32 << 10;
/// Files up to this size, in bytes, are received without a look at the free space, which may take long.
const SMALL: u64 = 32 << 10;

/// The length of the part of a partial that certainly has no holes.
fn certain_prefix(in_order: bool, length: u64, resume: u64) -> u64 {
    let hole = if in_order { 0 } else { MAX_HOLE_DISTANCE.into() };
    let certain = length.saturating_sub(hole);
    // Content is continued at the end only.
    let certain = if certain > resume { 0 } else { certain };
    let rest = certain.checked_rem(ROUNDING.into());
    certain.saturating_sub(rest.unwrap_or(0))
}

impl<F: Files, const PATH: usize, const DEPTH: usize> FileStore<F, PATH, DEPTH> {
    /// Opens an offered file. Returns the length of the part that is stored already.
    pub(super) fn accept(&mut self, offer: &Offer<'_>, path: String<PATH>) -> Result<u64, Reason> {
        let partial_path = partial_of::<F, PATH>(&path)?;
        let above = split(&path).0;
        if let Some(Info::File { .. }) = self.look_up(above)? {
            return Err(Reason::NotDirectory);
        }
        let stored = match self.look_up(&path)? {
            Some(Info::Directory) => return Err(Reason::IsDirectory),
            Some(Info::File { size, modified }) if offer.size == Some(size) => Some(modified),
            Some(Info::File { .. }) | None => None,
        };
        // Of files without a time only the size is compared. The content is, in each case, by the session.
        let offered = offer.modified.map(|modified| rounded(modified, F::TIME_UNIT));
        let (same_time, maybe_same) = match stored {
            Some(stored) if stored.is_some() && offered.is_some() => (stored == offered, false),
            Some(_) => (false, true),
            None => (false, false),
        };
        let size = offer.size.unwrap_or(0);
        if same_time && let Some(prefix) = self.open_in_place(&path, size, offer.resume)? {
            return Ok(prefix);
        }
        let partial = match self.look_up(&partial_path)? {
            Some(Info::File { size: length, .. }) if length <= size && size > 0 => length,
            _ => 0,
        };
        let prefix = match partial {
            whole if whole == size && F::IN_ORDER && offer.resume >= size => size,
            length => certain_prefix(F::IN_ORDER, length, offer.resume),
        };
        if prefix == 0
            && maybe_same
            && let Some(prefix) = self.open_in_place(&path, size, offer.resume)?
        {
            return Ok(prefix);
        }
        if size > SMALL
            && let Ok(space) = self.files.space()
            && space.free.saturating_add(partial) < size
        {
            return Err(Reason::NoSpace);
        }
        let modified = offer.modified;
        let partial = match prefix {
            0 => Partial::Unopened,
            _ => Partial::Open {
                file: self.files.open(&partial_path, Mode::Continue)?,
                end: partial,
                unflushed: 0,
            },
        };
        self.open = Open::Inbound(Inbound { path, modified, partial });
        Ok(prefix)
    }

    /// Opens the file in place, which has the offered size, if it can be compared with the offered one. Returns its
    /// size.
    fn open_in_place(&mut self, path: &str, size: u64, resume: u64) -> Result<Option<u64>, Reason> {
        self.open = match size {
            0 => Open::EmptyInPlace,
            size if size <= resume => Open::InPlace(self.files.open(path, Mode::Read)?),
            _ => return Ok(None),
        };
        Ok(Some(size))
    }

    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        let Open::Inbound(inbound) = &mut self.open else { return Err(Reason::Storage) };
        let to = position.checked_add(bytes.len() as u64).ok_or(Reason::TooLarge)?;
        if let Partial::Unopened = inbound.partial {
            self.open_partial()?;
        }
        let Open::Inbound(Inbound { path, partial, .. }) = &mut self.open else {
            return Err(Reason::Storage);
        };
        let Partial::Open { file, end, unflushed } = partial else { return Err(Reason::Storage) };
        // The bytes before the position come later.
        while *end < position {
            let gap = position.saturating_sub(*end).min(256);
            let zeros = usize::try_from(gap).ok().and_then(|gap| [0; 256].get(..gap));
            self.files.write(file, *end, zeros.unwrap_or_default())?;
            *end = end.saturating_add(gap);
        }
        self.files.write(file, position, bytes)?;
        *end = to.max(*end);
        *unflushed = unflushed.saturating_add(bytes.len() as u64);
        if *unflushed < FLUSH {
            return Ok(());
        }
        let (path, end) = (partial_of::<F, PATH>(path)?, *end);
        if let Partial::Open { file, .. } = core::mem::replace(partial, Partial::Unopened) {
            self.files.close(file)?;
        }
        let file = self.files.open(&path, Mode::Continue)?;
        *partial = Partial::Open { file, end, unflushed: 0 };
        Ok(())
    }

    /// Creates the partial, empty, and the directory that it is in.
    fn open_partial(&mut self) -> Result<(), Reason> {
        let Open::Inbound(inbound) = core::mem::replace(&mut self.open, Open::Nothing) else {
            return Err(Reason::Storage);
        };
        self.create_directories(split(&inbound.path).0)?;
        let file = self.files.open(&partial_of::<F, PATH>(&inbound.path)?, Mode::Create)?;
        let partial = Partial::Open { file, end: 0, unflushed: 0 };
        self.open = Open::Inbound(Inbound { partial, ..inbound });
        Ok(())
    }

    /// Gives the complete partial its name and its time.
    pub(super) fn put_in_place(&mut self, inbound: Inbound<F::File, PATH>) -> Result<(), Reason> {
        let is_empty = matches!(inbound.partial, Partial::Unopened);
        self.open = Open::Inbound(inbound);
        if is_empty {
            self.open_partial()?;
        }
        let Open::Inbound(Inbound { path, modified, partial }) =
            core::mem::replace(&mut self.open, Open::Nothing)
        else {
            return Err(Reason::Storage);
        };
        if let Partial::Open { file, .. } = partial {
            self.files.close(file)?;
        }
        let partial = partial_of::<F, PATH>(&path)?;
        if let Some(modified) = modified {
            self.files.set_time(&partial, rounded(modified, F::TIME_UNIT))?;
        }
        self.files.rename(&partial, &path)
    }

    /// Closes the open file. A partial whose content is known to be wrong is removed.
    pub(super) fn give_up(&mut self, reason: Reason) {
        let partial = match &self.open {
            Open::Inbound(Inbound { path, partial: Partial::Open { .. }, .. })
                if reason.wants_reoffer() =>
            {
                partial_of::<F, PATH>(path).ok()
            }
            _ => None,
        };
        let _ = self.close();
        if let Some(partial) = partial {
            let _ = self.files.remove(&partial);
        }
    }
}
