//! A file while it comes in: under a name of its own, for one session alone, and only ever a file
//! of the user that runs this program. Knows nothing of offers.

mod lock;
mod owner;
mod room;
mod system;
pub(crate) mod undeletable;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, OpenOptions};
use tinyferry_core::error::Reason;

use crate::fs::error::Trouble;
use crate::fs::names::join;
use crate::fs::recv::partials::Kept;
use crate::fs::recv::partials::Left;
use crate::fs::sys::dir_cursor::Found;
use crate::fs::sys::dir_cursor::id_of;
use crate::fs::sys::dir_cursor::look;
use crate::fs::sys::dir_cursor::open_with;
use crate::fs::sys::metadata::Facts;
use crate::fs::sys::metadata::set_mode;

pub(crate) use self::lock::Lock;
pub(crate) use self::owner::Whose;
use self::system::is_own;
use self::system::is_same;
use self::system::is_single;
pub(crate) use crate::fs::partial_name::is_name;
use crate::fs::partial_name::name_for;

/// A position to resume from is a multiple of this.
pub(crate) const UNIT: u64 = 1024;

/// The permission bits by which others than its owner read and write a file.
const OTHERS: u32 = 0o066;

/// How often a partial is opened again if its name is removed or replaced meanwhile.
const TRIES: u8 = 16;

/// The purpose of a partial.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purpose<'a> {
    pub(crate) whose: &'a Whose,
    /// The index of partials without a transfer; a locked one is not in it.
    pub(crate) kept: Option<&'a Kept>,
    /// The last name of the path where the file goes.
    pub(crate) target: &'a str,
    /// The permission bits that the file gets in the end, where they are known.
    pub(crate) mode: Option<u32>,
}

/// A locked file under its partial name.
#[derive(Debug)]
pub(crate) struct Partial {
    dir: Arc<Dir>,
    name: String,
    pub(crate) file: File,
    _lock: Lock,
    /// As of when it was locked.
    pub(crate) metadata: Metadata,
    /// In bytes, with content that is not written yet.
    pub(crate) length: u64,
    /// Room was set aside for everything before.
    reserved: u64,
    /// Everything before is on its way to the storage.
    started: u64,
    /// Whether a later transfer finds it, and may use it.
    is_resumable: bool,
}

/// The entry under the name of a partial.
enum Standing {
    Nothing,
    Usable(Box<Partial>),
    /// It belongs to another user, or it is no file: it is not touched.
    Foreign,
}

impl Partial {
    /// The partial of an earlier transfer.
    pub(crate) fn find(dir: &Arc<Dir>, purpose: Purpose<'_>) -> Result<Option<Self>, Trouble> {
        for label in purpose.whose.labels() {
            match Self::open(dir, name_for(purpose.target, &label), purpose)? {
                Standing::Usable(partial) => return Ok(Some(*partial)),
                Standing::Nothing => return Ok(None),
                Standing::Foreign => {}
            }
        }
        Ok(None)
    }

    /// An empty one. Where its permission bits are known, nobody else may read it before it is in
    /// place. Where another user's file has its name it gets another one.
    pub(crate) fn create(dir: &Arc<Dir>, purpose: Purpose<'_>) -> Result<Self, Trouble> {
        undeletable::check(dir)?;
        for label in purpose.whose.labels() {
            if let Some(partial) = Self::create_as(dir, name_for(purpose.target, &label), purpose)?
            {
                return Ok(partial);
            }
        }
        let partial = Self::create_as(dir, temporary(purpose.target)?, purpose)?;
        let partial = partial.ok_or_else(|| Trouble::from(Reason::InUse))?;
        Ok(Self { is_resumable: false, ..partial })
    }

    /// `None` if a file of another user has the name.
    fn create_as(
        dir: &Arc<Dir>,
        name: String,
        purpose: Purpose<'_>,
    ) -> Result<Option<Self>, Trouble> {
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            if purpose.mode.is_some() {
                cap_std::fs::OpenOptionsExt::mode(&mut options, 0o600);
            }
            match dir.open_with(&name, &options) {
                Ok(file) => {
                    let file = file.into_std();
                    let metadata = Metadata::from_file(&file)?;
                    if let Some(partial) = Self::claim(dir, name.clone(), purpose, file, metadata)?
                    {
                        return Ok(Some(partial));
                    }
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    match Self::open(dir, name.clone(), purpose)? {
                        Standing::Nothing => {}
                        Standing::Usable(mut partial) => {
                            partial.file.set_len(0)?;
                            partial.length = 0;
                            return Ok(Some(*partial));
                        }
                        Standing::Foreign => return Ok(None),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Reason::InUse.into())
    }

    /// Renames it to `target` and replaces an existing file; returns the directory, the same for both.
    pub(crate) fn place(&self, target: &str) -> Result<&Dir, Trouble> {
        if !self.is_in_place()? {
            return Err(Trouble::new(Reason::Storage, "the partial file was taken away"));
        }
        self.dir.rename(&self.name, &self.dir, target)?;
        Ok(&self.dir)
    }

    /// Whether a later transfer could go on from it.
    pub(crate) fn is_of_use(&self) -> bool {
        self.is_resumable && self.length >= UNIT
    }

    /// Its entry in the index, if its directory is at `parent`.
    pub(crate) fn left(&self, parent: &str) -> Left {
        let (path, id) = (join(parent, &self.name), id_of(&self.metadata));
        Left { path, id, bytes: self.length }
    }

    /// Removes it. If it stays, the result is a clause that says so.
    pub(crate) fn discard(self) -> Option<String> {
        if self.is_in_place().is_ok_and(|is_in_place| is_in_place) {
            undeletable::remove(&self.dir, &self.name, &self.file)
        } else {
            None
        }
    }

    /// Removes it because of a failure, which tells if it stays.
    pub(crate) fn discard_after(self, trouble: Trouble) -> Trouble {
        match self.discard() {
            Some(clause) if trouble.detail.is_empty() => Trouble::new(trouble.reason, &clause),
            _ => trouble,
        }
    }

    /// The partial of that name. What this program cannot have left is never written to: a link, a
    /// FIFO or a file with a second name is removed, a file of another user is left alone.
    fn open(dir: &Arc<Dir>, name: String, purpose: Purpose<'_>) -> Result<Standing, Trouble> {
        let found = match look(dir, &name)? {
            Found::Missing => return Ok(Standing::Nothing),
            Found::Directory(_) => return Ok(Standing::Foreign),
            Found::File(metadata) if is_single(&metadata) => Some(metadata),
            Found::File(_) | Found::Other(_) => None,
        };
        if let Some(found) = found {
            if !is_own(&found) {
                return Ok(Standing::Foreign);
            }
            match open_with(dir, &name, OpenOptions::new().read(true).write(true)) {
                Ok((file, metadata)) => {
                    match Self::claim(dir, name.clone(), purpose, file, metadata)? {
                        Some(mut partial) => {
                            if partial.make_private(purpose)? {
                                return Ok(Standing::Usable(Box::new(partial)));
                            }
                            partial.discard();
                            return Ok(Standing::Nothing);
                        }
                        None => return Ok(Standing::Nothing),
                    }
                }
                // It has got the bits of a file that may not be written, but not yet its name.
                Err(trouble) if trouble.reason == Reason::NoPermission => {}
                Err(trouble) if trouble.reason == Reason::NotFound => return Ok(Standing::Nothing),
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(match dir.remove_file(&name) {
            Ok(()) => Standing::Nothing,
            Err(error) if error.kind() == ErrorKind::NotFound => Standing::Nothing,
            Err(_) => Standing::Foreign,
        })
    }

    /// Locks an open file. `None` if the name stands for another one by now: its last owner has
    /// put it in place meanwhile.
    fn claim(
        dir: &Arc<Dir>,
        name: String,
        purpose: Purpose<'_>,
        file: File,
        metadata: Metadata,
    ) -> Result<Option<Self>, Trouble> {
        let Some(lock) = Lock::take(&file, &metadata) else { return Err(Reason::InUse.into()) };
        match look(dir, &name)? {
            Found::File(now) if is_single(&now) && is_same(&now, &metadata) => {
                if let Some(kept) = purpose.kept {
                    kept.take_up(id_of(&now));
                }
                let (length, is_resumable) = (now.len(), is_own(&now));
                Ok(Some(Self {
                    dir: Arc::clone(dir),
                    name,
                    file,
                    _lock: lock,
                    metadata: now,
                    length,
                    reserved: 0,
                    started: 0,
                    is_resumable,
                }))
            }
            _ => Ok(None),
        }
    }

    /// Takes everybody's rights but its owner's, before anything is written. `false` if somebody had
    /// more than the offer gives: he may have opened it, and would read or change what comes.
    fn make_private(&mut self, purpose: Purpose<'_>) -> Result<bool, Trouble> {
        let (Some(found), Some(offered)) = (Facts::of(&self.metadata).mode, purpose.mode) else {
            return Ok(true);
        };
        if found & OTHERS == 0 {
            return Ok(true);
        }
        // A file system that keeps no permission bits may refuse, or say nothing and change nothing.
        let _ = set_mode(&self.file, &self.metadata, Some(found & !OTHERS));
        self.metadata = Metadata::from_file(&self.file)?;
        let now = Facts::of(&self.metadata).mode.unwrap_or(found);
        Ok(now == found || found & OTHERS & !offered == 0)
    }

    /// Whether its name still stands for this very file.
    fn is_in_place(&self) -> Result<bool, Trouble> {
        let found = look(&self.dir, &self.name)?;
        Ok(matches!(found, Found::File(found) if is_same(&found, &self.metadata)))
    }
}

/// A name that nobody can foresee and take, nor find again.
pub(crate) fn temporary(target: &str) -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(name_for(target, &format!("~r{:016x}", u64::from_le_bytes(random))))
}
