//! One file or directory that is coming in, from its offer to its place. Knows nothing of the tree
//! around it.

mod expected;
mod unfinished;

use std::fs::File;

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;

use crate::fs::error::Trouble;
use crate::fs::event::Observer;
use crate::fs::names::split;
use crate::fs::recv::partial::Partial;
use crate::fs::recv::partial::UNIT;
use crate::fs::recv::partials::Left;
use crate::fs::recv::staged::Staged;
use crate::fs::recv::tmpfile::Whole;
use crate::fs::recv::tree::Bits;
use crate::fs::recv::tree::make_directory;
use crate::fs::sys::buffer::Buffer;
use crate::fs::sys::buffer::CAPACITY;
use crate::fs::sys::dir_cursor::Found;
use crate::fs::sys::dir_cursor::Place;
use crate::fs::sys::dir_cursor::look;
use crate::fs::sys::dir_cursor::open_file;
use crate::fs::sys::metadata::settled;
use crate::fs::sys::sync::Durable;
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::sync_failures;
use crate::fs::sys::times;

pub(crate) use self::expected::Access;
pub(crate) use self::expected::Wanted;
pub(crate) use self::unfinished::can_go_on_after;

/// How far before a partial's end it may have holes: the reach of the receiver's map.
const HOLES: u64 = 97 * 1024;

#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) wanted: Wanted,
    /// How much from the start was here, as an answer to the offer.
    pub(crate) held: u64,
    /// What it has left behind where it came to no place.
    pub(crate) left: Option<Left>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Directory,
    /// Nothing of the file is here.
    Awaited,
    /// It is small and its directory is new: what came of it, so many bytes, is in the buffer alone.
    Kept(u64),
    Partial(Partial),
    /// The file in place seems to be the very same.
    Same(File, Metadata),
}

impl Incoming {
    pub(crate) fn directory(place: &mut Place, wanted: Wanted) -> Result<Self, Trouble> {
        match place.look(&wanted.path)? {
            Found::Missing | Found::Directory(_) => {
                Ok(Self { wanted, held: 0, left: None, stage: Stage::Directory })
            }
            Found::File(_) => Err(Reason::NotDirectory.into()),
            Found::Other(what) => Err(Trouble::new(Reason::NotRegular, what)),
        }
    }

    /// A file, of which the part is looked for that is here already. `holes`: a partial may have
    /// some near its end.
    pub(crate) fn file(place: &mut Place, wanted: Wanted, holes: bool) -> Result<Self, Trouble> {
        let (parent, name) = split(&wanted.path);
        if name.is_empty() {
            return Err(Reason::BadPath.into());
        }
        let dir = match place.existing(parent)? {
            Some(dir) if !place.is_new() => dir,
            found => {
                // Of files nothing stands there but what this tree has brought.
                if let Some(dir) = found
                    && place.has_directories()
                    && let Found::Directory(_) = look(&dir, name)?
                {
                    return Err(Reason::IsDirectory.into());
                }
                let is_small = wanted.size.is_some_and(|size| size <= CAPACITY as u64);
                let stage = if is_small { Stage::Kept(0) } else { Stage::Awaited };
                return Ok(Self { wanted, held: 0, left: None, stage });
            }
        };
        match place.look(&wanted.path)? {
            Found::Directory(_) => return Err(Reason::IsDirectory.into()),
            Found::Other(what) => return Err(Trouble::new(Reason::NotRegular, what)),
            Found::File(metadata) if wanted.is(&metadata) => {
                // It may have changed since, or may not be read: then it is received.
                if let Ok((file, metadata)) = open_file(&dir, name)
                    && wanted.is(&metadata)
                    && is_stored(&file, &metadata, false)
                {
                    let held = metadata.len();
                    return Ok(Self {
                        wanted,
                        held,
                        left: None,
                        stage: Stage::Same(file, metadata),
                    });
                }
            }
            Found::File(_) | Found::Missing => {}
        }
        if wanted.resume >= UNIT
            && let Some(partial) = Partial::find(&dir, wanted.purpose())?
        {
            if !is_stored(&partial.file, &partial.metadata, wanted.durable) {
                partial.discard();
                return Ok(Self { wanted, held: 0, left: None, stage: Stage::Awaited });
            }
            let holes = if holes { HOLES } else { 0 };
            let held = wanted.resumes_from(partial.length.saturating_sub(holes));
            if held > 0 {
                return Ok(Self { wanted, held, left: None, stage: Stage::Partial(partial) });
            }
        }
        Ok(Self { wanted, held: 0, left: None, stage: Stage::Awaited })
    }

    pub(crate) fn write(
        &mut self,
        place: &mut Place,
        buffer: &mut Buffer,
        synced: bool,
        position: u64,
        bytes: &[u8],
    ) -> Result<(), Trouble> {
        let end = position.checked_add(bytes.len() as u64).ok_or(Reason::TooLarge)?;
        match &mut self.stage {
            Stage::Kept(kept) if buffer.keep(position, bytes) => {
                *kept = end;
                return Ok(());
            }
            Stage::Awaited | Stage::Kept(_) => {
                let mut partial = self.wanted.create(place, synced)?;
                partial.length = self.unfinished();
                self.stage = Stage::Partial(partial);
            }
            _ => {}
        }
        let Stage::Partial(partial) = &mut self.stage else {
            return Err(Trouble::new(Reason::Storage, "nothing is open that could be written to"));
        };
        partial.reserve(position, self.wanted.size.unwrap_or(0));
        buffer.store(&partial.file, position, bytes)?;
        partial.length = partial.length.max(end);
        if self.wanted.durable {
            partial.start_writing(end);
        }
        Ok(())
    }

    pub(crate) fn read(
        &self,
        buffer: &mut Buffer,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, Trouble> {
        match &self.stage {
            Stage::Partial(Partial { file, .. }) | Stage::Same(file, _) => {
                Ok(buffer.load(file, position, into)?)
            }
            Stage::Directory | Stage::Awaited | Stage::Kept(_) => Ok(0),
        }
    }

    /// Puts it in place. A directory's time and permission bits are left to be settled.
    pub(crate) fn commit(
        &mut self,
        place: &mut Place,
        buffer: &mut Buffer,
        durable: Durable,
        observer: &mut impl Observer,
    ) -> Result<Option<Bits>, Trouble> {
        let wanted = &self.wanted;
        let synced = durable.names;
        let partial = match std::mem::replace(&mut self.stage, Stage::Directory) {
            Stage::Directory => {
                let bits = Bits { mode: wanted.mode, modified: wanted.modified };
                // Of a directory that stands, only who may read changes anything.
                if wanted.access.is_blind && place.existing(&wanted.path)?.is_some() {
                    return Ok(None);
                }
                make_directory(place, &wanted.path, bits, synced)?;
                return Ok(Some(bits));
            }
            Stage::Same(file, metadata) => {
                settled(wanted.settle(&file, &metadata), &wanted.path, observer)?;
                if durable.content {
                    sync_failures::synchronise(&file)?;
                }
                if synced && let Some(dir) = place.existing(split(&wanted.path).0)? {
                    synchronise(&dir)?;
                }
                return Ok(None);
            }
            Stage::Kept(length) => {
                let mut partial = wanted.create(place, synced)?;
                partial.length = length;
                partial
            }
            Stage::Awaited => wanted.create(place, synced)?,
            Stage::Partial(partial) => partial,
        };
        let flushed = buffer.flush(&partial.file).map_err(Trouble::from);
        let placed = flushed.and_then(|()| wanted.place(place, &partial, durable, observer));
        match placed {
            Ok(()) => Ok(None),
            Err(trouble) => Err(self.give_up(partial, trouble)),
        }
    }

    /// Writes what is not yet written of a file; it gets its name later. Its size comes with it.
    pub(crate) fn stage(
        &mut self,
        place: &mut Place,
        buffer: &mut Buffer,
        synced: bool,
    ) -> Result<(Staged, u64), Trouble> {
        let wanted = &self.wanted;
        let mut partial = match std::mem::replace(&mut self.stage, Stage::Directory) {
            Stage::Same(file, metadata) => {
                let settled = wanted.settle(&file, &metadata);
                return Ok((Staged::Same(file, settled), 0));
            }
            Stage::Partial(partial) => partial,
            stage => {
                let mut partial = wanted.create(place, synced)?;
                partial.length = if let Stage::Kept(length) = stage { length } else { 0 };
                partial
            }
        };
        let flushed = buffer.flush(&partial.file).map_err(Trouble::from);
        match flushed.and_then(|()| wanted.complete(&partial)) {
            Ok(settled) => {
                let length = std::mem::take(&mut partial.length);
                Ok((Staged::Partial(Box::new(partial), settled), length))
            }
            Err(trouble) => Err(self.give_up(partial, trouble)),
        }
    }

    /// All of it, if it can be put in place by one stroke.
    pub(crate) fn whole<'a>(&self, buffer: &'a Buffer) -> Option<Whole<'a>> {
        let Wanted { mode, modified, size, .. } = self.wanted;
        let bytes = buffer.kept();
        // What became of an unusual time is looked at, the long way.
        let is_whole = matches!(self.stage, Stage::Kept(_))
            && size == Some(bytes.len() as u64)
            && modified.is_none_or(times::is_usual);
        is_whole.then_some(Whole { bytes, mode, modified })
    }

    /// Whether nothing was looked for, and nothing is written yet.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(self.stage, Stage::Kept(_))
    }

    /// How much of it stands under its partial name, in bytes.
    pub(crate) fn unfinished(&self) -> u64 {
        match &self.stage {
            Stage::Partial(partial) => partial.length,
            Stage::Kept(length) => *length,
            _ => 0,
        }
    }
}

/// Whether what a file contains is stored. It is then read from there and not from the cache, always
/// or where its file system has failed.
fn is_stored(file: &File, metadata: &Metadata, always: bool) -> bool {
    let is_checked = always || sync_failures::has(sync_failures::device(metadata));
    !is_checked || sync_failures::read_from_storage(file).is_ok()
}
