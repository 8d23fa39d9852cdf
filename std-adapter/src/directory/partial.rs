//! A file while it comes in: under a name of its own, for one session alone, and only ever a file
//! that the store itself made. Knows nothing of offers.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_std::fs::{Dir, Metadata, OpenOptions};
use tinyferry_core::error::Reason;
use tinyferry_core::path::NAME_MAX;

use super::place::{Found, look, open_with};
use super::trouble::Trouble;

const SUFFIX: &str = ".tinyferry-part";

/// What is set aside at once, in bytes.
const PIECE: u64 = 4 << 20;

/// How often a name that is taken away under our hands is tried again.
const TRIES: u8 = 16;

/// A locked file under its partial name.
#[derive(Debug)]
pub(super) struct Partial {
    dir: Arc<Dir>,
    name: String,
    pub(super) file: File,
    /// As of when it was locked.
    pub(super) metadata: Metadata,
    /// In bytes, with what is not yet written.
    pub(super) length: u64,
    /// Room was set aside for everything before.
    reserved: u64,
}

impl Partial {
    /// What an earlier transfer to `target` left behind.
    pub(super) fn find(dir: &Arc<Dir>, target: &str) -> Result<Option<Self>, Trouble> {
        Self::open(dir, name_for(target))
    }

    /// An empty one for `target`. Where its permission bits are known, nobody else may read it
    /// meanwhile who may not in the end.
    pub(super) fn create(dir: &Arc<Dir>, target: &str, mode: Option<u32>) -> Result<Self, Trouble> {
        let name = name_for(target);
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            if let Some(mode) = mode {
                cap_std::fs::OpenOptionsExt::mode(&mut options, mode & 0o777 | 0o600);
            }
            #[cfg(not(unix))]
            let _ = mode;
            let claimed = match open_with(dir, &name, &mut options) {
                Ok((file, metadata)) => Self::claim(dir, name.clone(), file, metadata)?,
                Err(trouble) => match Self::open(dir, name.clone())? {
                    // It was there, and it is gone.
                    None if trouble.reason == Reason::Storage => None,
                    None => return Err(trouble),
                    found => found,
                },
            };
            if let Some(mut partial) = claimed {
                if partial.length > 0 {
                    partial.file.set_len(0)?;
                    partial.length = 0;
                }
                return Ok(partial);
            }
        }
        Err(in_use())
    }

    /// Before something is stored at `position`: sets room aside for what follows of `size` bytes
    /// in all, a piece at a time, so that who lies about the size gains nothing. The length of the
    /// file stays. It makes writing cheaper; where it cannot be done, that is no failure.
    pub(super) fn reserve(&mut self, position: u64, size: u64) {
        if position >= self.reserved && size.saturating_sub(position) >= PIECE {
            self.reserved = match set_aside(&self.file, position) {
                Ok(()) => position.saturating_add(PIECE),
                Err(_) => u64::MAX,
            };
        }
    }

    /// Gives back what was set aside and not used.
    pub(super) fn release(&self) {
        // What is not yet written does not count.
        if self.reserved > 0
            && let Ok(now) = self.file.metadata()
        {
            let _ = self.file.set_len(now.len());
        }
    }

    /// Puts it in place as `target`, instead of what stands there; returns the directory, the same
    /// for both.
    pub(super) fn place(&self, target: &str) -> Result<&Dir, Trouble> {
        if !self.is_in_place()? {
            return Err(Trouble::new(Reason::Storage, "the partial file was taken away"));
        }
        self.dir.rename(&self.name, &self.dir, target)?;
        Ok(&self.dir)
    }

    /// Takes it away.
    pub(super) fn discard(self) {
        if self.is_in_place().is_ok_and(|is_in_place| is_in_place) {
            // If it stays, the next offer finds that it is of no use.
            let _ = self.dir.remove_file(&self.name);
        }
    }

    /// The partial of that name. What is not a file of ours is taken away and never written to: a
    /// link, a FIFO, a file that has another name besides.
    fn open(dir: &Arc<Dir>, name: String) -> Result<Option<Self>, Trouble> {
        let is_single = match look(dir, &name)? {
            Found::Missing => return Ok(None),
            Found::Directory(_) => return Err(Reason::IsDirectory.into()),
            Found::File(metadata) => is_single(&metadata),
            Found::Other(_) => false,
        };
        if is_single {
            match open_with(dir, &name, OpenOptions::new().read(true).write(true)) {
                Ok((file, metadata)) => return Self::claim(dir, name, file, metadata),
                // It has got the bits of a file that may not be written, but not yet its name.
                Err(trouble) if trouble.reason == Reason::NoPermission => {}
                Err(trouble) if trouble.reason == Reason::NotFound => return Ok(None),
                Err(trouble) => return Err(trouble),
            }
        }
        match dir.remove_file(&name) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(None),
        }
    }

    /// Locks an open file. `None` if the name stands for another one by now: its last owner has
    /// put it in place meanwhile.
    fn claim(
        dir: &Arc<Dir>,
        name: String,
        file: File,
        metadata: Metadata,
    ) -> Result<Option<Self>, Trouble> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            // A file system without locks; most have one user then.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        match look(dir, &name)? {
            Found::File(now) if is_single(&now) && is_same(&now, &metadata) => {
                let length = now.len();
                let dir = Arc::clone(dir);
                Ok(Some(Self { dir, name, file, metadata: now, length, reserved: 0 }))
            }
            _ => Ok(None),
        }
    }

    /// Whether its name still stands for this very file.
    fn is_in_place(&self) -> Result<bool, Trouble> {
        let found = look(&self.dir, &self.name)?;
        Ok(matches!(found, Found::File(found) if is_same(&found, &self.metadata)))
    }
}

/// Whether `name` is one that partial files have; also where case makes no difference.
pub(super) fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let end = bytes.len().saturating_sub(SUFFIX.len());
    name.starts_with('.')
        && bytes.get(end..).is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX.as_bytes()))
}

/// The name that `target` has while it comes in. Where that would be too long, its end gives way
/// to a hash of the whole.
fn name_for(target: &str) -> String {
    if target.len() + SUFFIX.len() < NAME_MAX {
        return format!(".{target}{SUFFIX}");
    }
    let hash = format!("-{:016x}", fnv(target.as_bytes()));
    let mut kept = NAME_MAX - 1 - hash.len() - SUFFIX.len();
    while !target.is_char_boundary(kept) {
        kept -= 1;
    }
    format!(".{}{hash}{SUFFIX}", target.get(..kept).unwrap_or_default())
}

/// FNV-1a: the same in every version of the program, as the name of a partial must be.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn in_use() -> Trouble {
    Reason::InUse.into()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_aside(file: &File, position: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};

    Ok(fallocate(file, FallocateFlags::KEEP_SIZE, position, PIECE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_aside(_: &File, _: u64) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(unix)]
fn is_single(metadata: &Metadata) -> bool {
    cap_fs_ext::MetadataExt::nlink(metadata) == 1
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use cap_fs_ext::MetadataExt;

    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// An open file keeps its name there.
#[cfg(not(unix))]
fn is_single(_: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_are_recognised() {
        let long = "é".repeat(127) + "x";
        assert_eq!(name_for("a.txt"), ".a.txt.tinyferry-part");
        for target in ["a", &"n".repeat(239), &"n".repeat(240), &"n".repeat(255), &long] {
            let name = name_for(target);
            assert!(name.len() <= NAME_MAX && is_name(&name), "{name}");
        }
        assert_ne!(name_for(&"n".repeat(254)), name_for(&"n".repeat(255)));
        assert!(!is_name("a.tinyferry-part") && !is_name(".a") && is_name(".a.TinyFerry-Part"));
    }
}
