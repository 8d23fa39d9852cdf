//! The calls of a FAT, with the errors of a store.

use super::*;

pub(super) fn reason<E: core::error::Error>(error: Error<Fault<E>>) -> Reason {
    match error {
        Error::DeviceError(Fault::Full) => Reason::NoSpace,
        Error::NotFound => Reason::NotFound,
        Error::OpenedFileAsDir => Reason::NotDirectory,
        Error::OpenedDirAsFile => Reason::IsDirectory,
        Error::ReadOnly => Reason::NoPermission,
        Error::DiskFull | Error::NotEnoughSpace | Error::AllocationError => Reason::NoSpace,
        _ => Reason::Storage,
    }
}

/// The name as FAT has it.
pub(super) fn short(name: &str) -> Result<ShortFileName, Reason> {
    if !name.is_ascii() || name.ends_with('.') || name.eq_ignore_ascii_case(PARTIAL) {
        return Err(Reason::BadPath);
    }
    ShortFileName::create_from_str(name).map_err(|error| match error {
        embedded_sdmmc::FilenameError::NameTooLong => Reason::NameTooLong,
        _ => Reason::BadPath,
    })
}

/// The name in the format of a directory: 11 bytes.
pub(super) fn padded(name: &ShortFileName) -> [u8; 11] {
    let mut bytes = [b' '; 11];
    let (base, extension) = bytes.split_at_mut(8);
    for (part, from) in [(base, name.base_name()), (extension, name.extension())] {
        for (to, from) in part.iter_mut().zip(from) {
            *to = *from;
        }
    }
    bytes
}

pub(super) fn to_path(path: &str) -> Result<Path, Reason> {
    Path::try_from(path).map_err(|_| Reason::NameTooLong)
}

pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

pub(super) fn directory<D: BlockDevice>(
    manager: &Manager<D>,
    volume: RawVolume,
    path: &str,
    create: bool,
) -> Result<RawDirectory, Reason> {
    let mut directory = manager.open_root_dir(volume).map_err(reason)?;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let next = short(name).and_then(|name| match manager.open_dir(directory, name) {
            Err(Error::NotFound) if create => manager
                .make_dir_in_dir(directory, name)
                .and_then(|()| manager.open_dir(directory, name))
                .map_err(reason),
            opened => opened.map_err(reason),
        });
        let _ = manager.close_dir(directory);
        directory = next?;
    }
    Ok(directory)
}

/// Does something in a directory, which is closed again.
pub(super) fn within<D: BlockDevice, T>(
    manager: &Manager<D>,
    volume: RawVolume,
    (path, create): (&str, bool),
    work: impl FnOnce(RawDirectory) -> Result<T, Reason>,
) -> Result<T, Reason> {
    let directory = directory(manager, volume, path, create)?;
    let result = work(directory);
    let _ = manager.close_dir(directory);
    result
}

/// New bytes of an entry, each at an offset from its start.
pub(super) type Changes<'a> = &'a [(usize, &'a [u8])];

/// Changes an entry in its place: one write of one block.
pub(super) fn edit<D: BlockDevice>(
    device: &D,
    entry: &DirEntry,
    changes: Changes<'_>,
) -> Result<(), Reason> {
    edit_together(device, entry.entry_block, &[(entry, changes)])
}

/// Changes entries of one block: one write of this block.
pub(super) fn edit_together<D: BlockDevice>(
    device: &D,
    at: BlockIdx,
    entries: &[(&DirEntry, Changes<'_>)],
) -> Result<(), Reason> {
    let mut blocks = [Block::new()];
    device.read(&mut blocks, at).map_err(|_| Reason::Storage)?;
    let [block] = &mut blocks;
    for (entry, changes) in entries {
        let start = usize::try_from(entry.entry_offset).map_err(|_| Reason::Storage)?;
        for (offset, bytes) in *changes {
            let field = block.contents.iter_mut().skip(start.saturating_add(*offset));
            for (to, from) in field.zip(*bytes) {
                *to = *from;
            }
        }
    }
    device.write(&blocks, at).map_err(|_| Reason::Storage)
}

/// The start of an entry's content: both halves of its first cluster, in the format of the entry.
pub(super) fn cluster<D: BlockDevice>(
    device: &D,
    entry: &DirEntry,
) -> Result<[[u8; 2]; 2], Reason> {
    let mut blocks = [Block::new()];
    device.read(&mut blocks, entry.entry_block).map_err(|_| Reason::Storage)?;
    let [block] = &blocks;
    let start = usize::try_from(entry.entry_offset).map_err(|_| Reason::Storage)?;
    let half = |at: usize| {
        let bytes = block.contents.get(start.saturating_add(at)..)?;
        bytes.first_chunk::<2>().copied()
    };
    half(20).zip(half(26)).map(|(high, low)| [high, low]).ok_or(Reason::Storage)
}

/// Gives an entry other content.
pub(super) fn content<D: BlockDevice>(
    device: &D,
    entry: &DirEntry,
    first: u8,
    ([high, low], size, stamp): ([[u8; 2]; 2], u32, Stamp),
) -> Result<(), Reason> {
    let changes: [(usize, &[u8]); 5] =
        [(0, &[first]), (20, &high), (22, &stamp.0), (26, &low), (28, &size.to_le_bytes())];
    edit(device, entry, &changes)
}
