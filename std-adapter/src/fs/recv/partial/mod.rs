//! A file that is being received: under a name of its own, locked for one session, and owned by the user
//! that runs this program. Knows nothing of offers.

mod hole;
mod owner;
mod room;
mod system;

use std::borrow::Cow;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, OpenOptions};
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::limits::partial_index::{LeftPartial, PartialIndex};
use crate::fs::names::join;
use crate::fs::names::partial_name::{UNIT, name_for, temporary};
use crate::fs::policy::Existing;
use crate::fs::recv::naming;
use crate::fs::sys::dir_cursor::{Found, id_of, look, open_with};
use crate::fs::sys::lock::Lock;
use crate::fs::sys::metadata::{FileMetadata, allocated, set_mode};
use crate::fs::sys::undeletable;

pub(crate) use self::owner::PartialOwner;
use self::system::{is_own, is_same, is_single};

/// The permission bits by which other users read and write a file.
const OTHERS_MODE: u32 = 0o066;

/// The maximum number of attempts to open a partial whose name is removed or replaced meanwhile.
const MAX_TRIES: u8 = 16;

/// A request for a partial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartialRequest<'a> {
    pub(crate) owner: &'a PartialOwner,
    /// The index of partials without a transfer; a locked one is not in it.
    pub(crate) index: Option<&'a PartialIndex>,
    /// The last name of the file's path.
    pub(crate) target: &'a str,
    /// The permission bits of the complete file, if they are offered.
    pub(crate) mode: Option<u32>,
}

/// A locked file under its partial name.
#[derive(Debug)]
pub(crate) struct Partial {
    dir: Arc<Dir>,
    name: String,
    pub(crate) file: File,
    _lock: Lock,
    /// The metadata at the time of the lock.
    pub(crate) metadata: Metadata,
    /// The length in bytes, with buffered content.
    pub(crate) length: u64,
    /// The end of the content, with the buffered bytes. From there to the length is a hole.
    pub(crate) solid: u64,
    /// The end of the reserved room.
    reserved: u64,
    /// The end of the content whose writing to the storage has started.
    started: u64,
    /// Whether a later transfer can find and use it.
    is_resumable: bool,
}

/// The entry under the name of a partial.
enum FoundPartial {
    Nothing,
    Usable(Box<Partial>),
    /// It belongs to another user, or is not a file: it is left unchanged.
    Foreign,
}

impl Partial {
    /// The partial of an earlier transfer.
    pub(crate) fn find(
        dir: &Arc<Dir>,
        request: PartialRequest<'_>,
    ) -> Result<Option<Self>, StoreError> {
        for label in request.owner.labels() {
            match Self::open(dir, name_for(request.target, &label), request)? {
                FoundPartial::Usable(partial) => return Ok(Some(*partial)),
                FoundPartial::Nothing => return Ok(None),
                FoundPartial::Foreign => {}
            }
        }
        Ok(None)
    }

    /// Creates an empty partial. If permission bits are offered, no other user can read it before it is in
    /// place. If a file of another user has the name, the partial gets another one.
    pub(crate) fn create(dir: &Arc<Dir>, request: PartialRequest<'_>) -> Result<Self, StoreError> {
        undeletable::check(dir)?;
        for label in request.owner.labels() {
            if let Some(partial) = Self::create_as(dir, name_for(request.target, &label), request)?
            {
                return Ok(partial);
            }
        }
        let partial = Self::create_as(dir, temporary(request.target)?, request)?;
        let partial = partial.ok_or_else(|| StoreError::from(Reason::InUse))?;
        Ok(Self { is_resumable: false, ..partial })
    }

    /// `None` if a file of another user has the name.
    fn create_as(
        dir: &Arc<Dir>,
        name: String,
        request: PartialRequest<'_>,
    ) -> Result<Option<Self>, StoreError> {
        for _ in 0..MAX_TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            if request.mode.is_some() {
                cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            match dir.open_with(&name, &options) {
                Ok(file) => {
                    let file = file.into_std();
                    let metadata = Metadata::from_file(&file)?;
                    if let Some(partial) = Self::claim(dir, name.clone(), request, file, metadata)?
                    {
                        return Ok(Some(partial));
                    }
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    match Self::open(dir, name.clone(), request)? {
                        FoundPartial::Nothing => {}
                        FoundPartial::Usable(mut partial) => {
                            partial.file.set_len(0)?;
                            (partial.length, partial.solid) = (0, 0);
                            return Ok(Some(*partial));
                        }
                        FoundPartial::Foreign => return Ok(None),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::InUse.into())
    }

    /// Renames it to `target`, or as the policy says if a file has that name. Returns its final name, and its
    /// directory.
    pub(crate) fn place<'a>(
        &self,
        target: &'a str,
        existing: Existing,
    ) -> Result<(Cow<'a, str>, &Dir), StoreError> {
        if !self.is_in_place()? {
            return Err(StoreError::new(Reason::Storage, "the partial file was taken away"));
        }
        Ok((naming::rename(&self.dir, &self.name, target, existing)?, &self.dir))
    }

    /// Whether a later transfer could resume from it.
    pub(crate) fn is_of_use(&self) -> bool {
        self.is_resumable && self.length >= UNIT
    }

    /// Its entry in the index, if its directory is at `parent`.
    pub(crate) fn left(&self, parent: &str) -> LeftPartial {
        let (path, id) = (join(parent, &self.name), id_of(&self.metadata));
        let occupied = Metadata::from_file(&self.file).map_or(self.length, |now| allocated(&now));
        LeftPartial { path, id, occupied }
    }

    /// Removes it. Returns a clause if it could not be removed.
    pub(crate) fn discard(self) -> Option<String> {
        if self.is_in_place().is_ok_and(|is_in_place| is_in_place) {
            undeletable::remove(&self.dir, &self.name, &self.file)
        } else {
            None
        }
    }

    /// Removes it after a failure. The returned error says if it could not be removed.
    pub(crate) fn discard_after(self, error: StoreError) -> StoreError {
        match self.discard() {
            Some(clause) if error.detail.is_empty() => StoreError::new(error.reason, &clause),
            _ => error,
        }
    }

    /// Opens the partial of that name. An entry that this program cannot have created is never written to: a
    /// link, a FIFO or a file with a second name is removed, a file of another user is left unchanged.
    fn open(
        dir: &Arc<Dir>,
        name: String,
        request: PartialRequest<'_>,
    ) -> Result<FoundPartial, StoreError> {
        let found = match look(dir, &name)? {
            Found::Missing => return Ok(FoundPartial::Nothing),
            Found::Directory(_) => return Ok(FoundPartial::Foreign),
            Found::File(metadata) if is_single(&metadata) => Some(metadata),
            Found::File(_) | Found::Other(_) => None,
        };
        if let Some(found) = found {
            if !is_own(&found) {
                return Ok(FoundPartial::Foreign);
            }
            match open_with(dir, &name, OpenOptions::new().read(true).write(true)) {
                Ok((file, metadata)) => {
                    match Self::claim(dir, name.clone(), request, file, metadata)? {
                        Some(mut partial) => {
                            if partial.make_private(request)? {
                                return Ok(FoundPartial::Usable(Box::new(partial)));
                            }
                            partial.discard();
                            return Ok(FoundPartial::Nothing);
                        }
                        None => return Ok(FoundPartial::Nothing),
                    }
                }
                // An interrupted commit has made it read-only, and not renamed it.
                Err(error) if error.reason == Reason::NoPermission => {}
                Err(error) if error.reason == Reason::NotFound => return Ok(FoundPartial::Nothing),
                Err(error) => return Err(error),
            }
        }
        Ok(match dir.remove_file(&name) {
            Ok(()) => FoundPartial::Nothing,
            Err(error) if error.kind() == ErrorKind::NotFound => FoundPartial::Nothing,
            Err(_) => FoundPartial::Foreign,
        })
    }

    /// Locks an open file. `None` if the name belongs to another file now: the previous transfer has put
    /// this one in place meanwhile.
    fn claim(
        dir: &Arc<Dir>,
        name: String,
        request: PartialRequest<'_>,
        file: File,
        metadata: Metadata,
    ) -> Result<Option<Self>, StoreError> {
        let Some(lock) = Lock::take(&file, &metadata) else { return Err(Reason::InUse.into()) };
        match look(dir, &name)? {
            Found::File(now) if is_single(&now) && is_same(&now, &metadata) => {
                if let Some(index) = request.index {
                    index.take_up(id_of(&now));
                }
                let (length, is_resumable) = (now.len(), is_own(&now));
                Ok(Some(Self {
                    dir: Arc::clone(dir),
                    name,
                    file,
                    _lock: lock,
                    metadata: now,
                    length,
                    solid: length,
                    reserved: 0,
                    started: 0,
                    is_resumable,
                }))
            }
            _ => Ok(None),
        }
    }

    /// Removes the rights of other users before content is written. `false` if another user had more rights
    /// than the offer gives: a process of that user may have it open, and could read or change the content.
    fn make_private(&mut self, request: PartialRequest<'_>) -> Result<bool, StoreError> {
        let (Some(found), Some(offered)) = (FileMetadata::of(&self.metadata).mode, request.mode)
        else {
            return Ok(true);
        };
        if found & OTHERS_MODE == 0 {
            return Ok(true);
        }
        // A file system without permission bits may refuse, or ignore the call.
        let _ = set_mode(&self.file, &self.metadata, Some(found & !OTHERS_MODE));
        self.metadata = Metadata::from_file(&self.file)?;
        let now = FileMetadata::of(&self.metadata).mode.unwrap_or(found);
        Ok(now == found || found & OTHERS_MODE & !offered == 0)
    }

    /// Whether its name still belongs to this file.
    fn is_in_place(&self) -> Result<bool, StoreError> {
        let found = look(&self.dir, &self.name)?;
        Ok(matches!(found, Found::File(found) if is_same(&found, &self.metadata)))
    }
}
