//! Reads and sets the size, the time and the permission bits of a file.

use std::fs::{File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cap_std::fs::Metadata;

use crate::describe;

use crate::fs::error::StoreError;
use crate::fs::event::{Event, Observer};
use crate::fs::policy::Owner;
use crate::fs::sys::times;

/// The metadata that is sent with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileMetadata {
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: Option<i64>,
    /// The nine permission bits.
    pub(crate) mode: Option<u32>,
    /// Whether its content occupies storage, if that is known.
    pub(crate) has_blocks: bool,
    /// The bytes that its content occupies.
    pub(crate) allocated: u64,
}

impl FileMetadata {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().map(|time| nanoseconds(time.into_std()));
        let (mode, has_blocks) = (mode_of(metadata), has_blocks(metadata));
        let allocated = allocated(metadata);
        Self { size: metadata.len(), modified, mode, has_blocks, allocated }
    }
}

/// The metadata that a received entry gets, where it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attributes {
    /// The nine permission bits.
    pub(crate) mode: Option<u32>,
    /// Nanoseconds since 1970.
    pub(crate) modified: Option<i64>,
    pub(crate) owner: Owner,
}

impl Attributes {
    /// Whether nothing is to be set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Sets the owner, the permission bits and the time of an open file or directory, if they differ. Tries all;
/// returns the first failure, also if the file system did not keep the time.
pub(crate) fn set_metadata(
    file: &File,
    now: &Metadata,
    Attributes { mode, modified, owner }: Attributes,
) -> io::Result<()> {
    // Another owner may lose bits.
    let set_owner = set_owner(file, Some(now), owner);
    let (set_mode, set_time) = (set_mode(file, now, mode), set_time(file, modified));
    set_owner.and(set_mode).and(set_time)?;
    let Some(offered) = modified.filter(|time| !times::is_usual(*time)) else { return Ok(()) };
    match FileMetadata::of(&Metadata::from_file(file)?).modified {
        Some(found) if !times::is_cut(offered, found) => {
            let detail = "the file system cannot keep a time so far from now";
            Err(io::Error::new(io::ErrorKind::Unsupported, detail))
        }
        _ => Ok(()),
    }
}

/// Sets the time of last modification, in nanoseconds since 1970.
pub(crate) fn set_time(file: &File, modified: Option<i64>) -> io::Result<()> {
    match modified.and_then(system_time) {
        Some(time) => file.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}

/// Whether metadata could not be set because the file system or the system does not allow it.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};

    matches!(error.kind(), PermissionDenied | Unsupported | InvalidInput)
}

/// Reports that the file system has no such bits or times, which is no failure.
pub(crate) fn report_unset(
    result: io::Result<()>,
    path: &str,
    observer: &mut impl Observer,
) -> Result<(), StoreError> {
    match result {
        Err(error) if is_unsupported(&error) => {
            observer.event(Event::Unset { path, detail: &describe::os_error(&error) });
            Ok(())
        }
        result => Ok(result?),
    }
}

#[cfg(unix)]
fn mode_of(metadata: &Metadata) -> Option<u32> {
    use cap_std::fs::MetadataExt;

    Some(metadata.mode() & 0o777)
}

#[cfg(unix)]
fn has_blocks(metadata: &Metadata) -> bool {
    use cap_std::fs::MetadataExt;

    metadata.blocks() > 0
}

#[cfg(not(unix))]
fn has_blocks(_: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn mode_of(_: &Metadata) -> Option<u32> {
    None
}

/// The bytes that the content of a file occupies, without its holes.
#[cfg(unix)]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    use cap_std::fs::MetadataExt;

    metadata.blocks().saturating_mul(512).min(metadata.len())
}

#[cfg(not(unix))]
pub(crate) fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Sets the nine permission bits; a directory keeps its set-group-id bit.
#[cfg(unix)]
pub(crate) fn set_mode(file: &File, now: &Metadata, mode: Option<u32>) -> io::Result<()> {
    use cap_std::fs::MetadataExt;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    match mode.map(|mode| mode & 0o777) {
        Some(mode) if now.mode() & 0o777 != mode => {
            file.set_permissions(Permissions::from_mode(now.mode() & 0o7000 | mode))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &File, _: &Metadata, _: Option<u32>) -> io::Result<()> {
    Ok(())
}

/// Sets the owner of an open file or directory, if it is not known to have it.
#[cfg(unix)]
pub(crate) fn set_owner(
    file: impl std::os::fd::AsFd,
    now: Option<&Metadata>,
    Owner { user, group }: Owner,
) -> io::Result<()> {
    use cap_std::fs::MetadataExt;
    use rustix::fs::{Gid, Uid, fchown};

    let user = user.filter(|user| now.is_none_or(|now| now.uid() != *user));
    let group = group.filter(|group| now.is_none_or(|now| now.gid() != *group));
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    Ok(fchown(file, user.map(Uid::from_raw), group.map(Gid::from_raw))?)
}

#[cfg(not(unix))]
pub(crate) fn set_owner(_: &File, _: Option<&Metadata>, owner: Owner) -> io::Result<()> {
    if owner == Owner::default() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// The owner of an entry.
#[cfg(unix)]
pub(crate) fn owner_of(metadata: &Metadata) -> Owner {
    use cap_std::fs::MetadataExt;

    Owner { user: Some(metadata.uid()), group: Some(metadata.gid()) }
}

#[cfg(not(unix))]
pub(crate) fn owner_of(_: &Metadata) -> Owner {
    Owner::default()
}

/// Saturates at the years 1677 and 2262.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(-i64::MAX, |it| -it),
    }
}

/// The time that is this many nanoseconds after 1970, if the system can represent it.
pub(crate) fn system_time(nanoseconds: i64) -> Option<SystemTime> {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    }
}
