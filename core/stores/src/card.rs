//! Files and trees on a FAT16 or FAT32 card.
//!
//! # What is refused
//!
//! Names are 8.3, of ASCII, and lower case is upper case: `readme.txt` becomes `README.TXT`. A
//! longer name is refused, and so is one with a character that FAT does not know, and a path of
//! more than [`PATH`] bytes or [`DEPTH`] directories; the rest of a tree goes on. Two names that
//! differ in case only are one file. Times are kept to two seconds and taken for UTC, modes not at
//! all.
//!
//! # What a power cut leaves
//!
//! A file comes in as `TINYFRRY.PRT`, in the directory it is for, and a transfer that was cut
//! resumes from there. When it is whole, one write of one block gives it its name, or gives the
//! name that is there its content: the old file or the new one, never a third. Clusters may then be
//! left over that belong to nothing. Directories come before the files in them.

use core::ops::ControlFlow;

use embedded_sdmmc::{
    Block, BlockDevice, BlockIdx, DirEntry, Error, Mode, RawDirectory, RawFile, RawVolume,
    ShortFileName, TimeSource, Timestamp, VolumeIdx, VolumeManager,
};
use heapless::{String, Vec};
use tinyferry_core::path::join;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer};
use tinyferry_core::{Reason, Store};

use crate::partition::{Fault, Partition};
use crate::time::{Stamp, from_fat, to_fat};
use crate::{REACH, ROUNDING};

/// Longest path on a card, in bytes.
pub const PATH: usize = 128;
/// So many directories at most above a file of a tree that is sent.
pub const DEPTH: usize = 8;

const PARTIAL: &str = "TINYFRRY.PRT";
/// So much may be written before the directory knows of it, in bytes.
const FLUSH: u32 = 32 << 10;

type Path = String<PATH>;
type Manager<D> = VolumeManager<Partition<D>, NoTime, 4, 2, 1>;

/// Times are those of the files that come; this is for directories.
#[derive(Debug)]
struct NoTime;

impl TimeSource for NoTime {
    fn get_timestamp(&self) -> Timestamp {
        Timestamp::from_fat(0x21, 0)
    }
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is one or the other, and nothing can be boxed")]
enum Mount<D: BlockDevice> {
    Device(D),
    Volume(Manager<D>, RawVolume),
    /// Only while it changes.
    Between,
}

#[derive(Debug)]
enum Open {
    Nothing,
    Directory(Path),
    Inbound {
        path: Path,
        file: RawFile,
        modified: Option<i64>,
        end: u32,
        unflushed: u32,
    },
    /// It is read: to be sent, or because it seems to be what is offered.
    Reading(RawFile),
}

/// Goes through a tree without holding it.
#[derive(Debug, Default)]
struct Walk {
    root: Path,
    below: Path,
    /// How many entries were passed, in each directory down to `below`.
    passed: Vec<u16, DEPTH>,
}

#[derive(Debug)]
enum Sending {
    Nothing,
    File(Path),
    Tree(Walk),
    Entries(Walk, u32),
}

/// A store over the first partition of a card.
#[derive(Debug)]
pub struct Card<D: BlockDevice> {
    mount: Mount<D>,
    open: Open,
    /// The tree that comes in.
    tree: Path,
    sending: Sending,
    /// What was asked for.
    root: Path,
    /// To be given once more, and what was.
    again: Option<u32>,
    given: Option<u32>,
}

fn reason<E: core::error::Error>(error: Error<Fault<E>>) -> Reason {
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
fn short(name: &str) -> Result<ShortFileName, Reason> {
    if !name.is_ascii() || name.ends_with('.') || name.eq_ignore_ascii_case(PARTIAL) {
        return Err(Reason::BadPath);
    }
    ShortFileName::create_from_str(name).map_err(|error| match error {
        embedded_sdmmc::FilenameError::NameTooLong => Reason::NameTooLong,
        _ => Reason::BadPath,
    })
}

/// The name as a directory holds it: 11 bytes.
fn padded(name: &ShortFileName) -> [u8; 11] {
    let mut bytes = [b' '; 11];
    let (base, extension) = bytes.split_at_mut(8);
    for (part, from) in [(base, name.base_name()), (extension, name.extension())] {
        for (to, from) in part.iter_mut().zip(from) {
            *to = *from;
        }
    }
    bytes
}

fn to_path(path: &str) -> Result<Path, Reason> {
    Path::try_from(path).map_err(|_| Reason::NameTooLong)
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn directory<D: BlockDevice>(
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
fn within<D: BlockDevice, T>(
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

/// Changes an entry where it stands: one write of one block.
fn edit<D: BlockDevice>(
    device: &D,
    entry: &DirEntry,
    changes: &[(usize, &[u8])],
) -> Result<(), Reason> {
    let mut blocks = [Block::new()];
    let at: BlockIdx = entry.entry_block;
    device.read(&mut blocks, at).map_err(|_| Reason::Storage)?;
    let [block] = &mut blocks;
    let start = usize::try_from(entry.entry_offset).map_err(|_| Reason::Storage)?;
    for (offset, bytes) in changes {
        let field = block.contents.iter_mut().skip(start.saturating_add(*offset));
        for (to, from) in field.zip(*bytes) {
            *to = *from;
        }
    }
    device.write(&blocks, at).map_err(|_| Reason::Storage)
}

/// Where an entry's content begins: both halves of its first cluster, as they stand there.
fn cluster<D: BlockDevice>(device: &D, entry: &DirEntry) -> Result<[[u8; 2]; 2], Reason> {
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
fn content<D: BlockDevice>(
    device: &D,
    entry: &DirEntry,
    first: u8,
    ([high, low], size, stamp): ([[u8; 2]; 2], u32, Stamp),
) -> Result<(), Reason> {
    let changes: [(usize, &[u8]); 5] =
        [(0, &[first]), (20, &high), (22, &stamp.0), (26, &low), (28, &size.to_le_bytes())];
    edit(device, entry, &changes)
}

impl<D: BlockDevice> Card<D> {
    /// Takes a card, which it looks at when it is asked for something first.
    pub const fn new(device: D) -> Self {
        Self {
            mount: Mount::Device(device),
            open: Open::Nothing,
            tree: Path::new(),
            sending: Sending::Nothing,
            root: Path::new(),
            again: None,
            given: None,
        }
    }

    /// The card back; `None` if it was lost in an error.
    pub fn into_inner(mut self) -> Option<D> {
        self.close();
        match self.mount {
            Mount::Device(device) => Some(device),
            Mount::Volume(manager, _) => Some(manager.free().0.device),
            Mount::Between => None,
        }
    }

    fn volume(&mut self) -> Result<(&Manager<D>, RawVolume), Reason> {
        self.mount = match core::mem::replace(&mut self.mount, Mount::Between) {
            Mount::Device(device) => {
                let manager = Manager::new_with_limits(Partition::new(device), NoTime, 1);
                match manager.open_raw_volume(VolumeIdx(0)) {
                    Ok(volume) => Mount::Volume(manager, volume),
                    Err(_) => Mount::Device(manager.free().0.device),
                }
            }
            mount => mount,
        };
        match &self.mount {
            Mount::Volume(manager, volume) => Ok((manager, *volume)),
            _ => Err(Reason::Storage),
        }
    }

    /// The bare card, so that what is changed there is read anew afterwards.
    fn device(&mut self) -> Result<&D, Reason> {
        self.mount = match core::mem::replace(&mut self.mount, Mount::Between) {
            Mount::Volume(manager, _) => Mount::Device(manager.free().0.device),
            mount => mount,
        };
        match &self.mount {
            Mount::Device(device) => Ok(device),
            _ => Err(Reason::Storage),
        }
    }

    fn close(&mut self) {
        let open = core::mem::replace(&mut self.open, Open::Nothing);
        if let (Open::Inbound { file, .. } | Open::Reading(file), Mount::Volume(manager, _)) =
            (open, &self.mount)
        {
            let _ = manager.close_file(file);
        }
    }

    fn read_file(&mut self, path: &str) -> Result<(RawFile, DirEntry), Reason> {
        let (above, name) = split(path);
        let name = short(name)?;
        let (manager, volume) = self.volume()?;
        within(manager, volume, (above, false), |directory| {
            let entry = manager.find_directory_entry(directory, name).map_err(reason)?;
            let file = manager.open_file_in_dir(directory, name, Mode::ReadOnly);
            Ok((file.map_err(reason)?, entry))
        })
    }

    fn accept(&mut self, offer: &Offer<'_>, path: Path) -> Result<u32, Reason> {
        let (above, name) = split(&path);
        let name = short(name)?;
        let size = offer.size.map(u32::try_from).transpose().map_err(|_| Reason::TooLarge)?;
        let modified = offer.modified;
        let (manager, volume) = self.volume()?;
        let stamp = modified.and_then(to_fat);
        let (file, held, is_same) = within(manager, volume, (above, true), |directory| {
            match manager.find_directory_entry(directory, name) {
                Ok(entry) if entry.attributes.is_directory() => return Err(Reason::IsDirectory),
                Ok(entry) if entry.attributes.is_read_only() => return Err(Reason::NoPermission),
                Ok(entry)
                    if stamp
                        .is_some_and(|stamp| Stamp(entry.mtime.serialize_to_fat()) == stamp)
                        && Some(entry.size) == size
                        && entry.size > 0
                        && offer.resume >= entry.size.into() =>
                {
                    let file = manager.open_file_in_dir(directory, name, Mode::ReadOnly);
                    return Ok((file.map_err(reason)?, entry.size, true));
                }
                Ok(_) | Err(Error::NotFound) => {}
                Err(error) => return Err(reason(error)),
            }
            let there = manager.find_directory_entry(directory, PARTIAL).map_or(0, |it| it.size);
            let held = match size {
                Some(size) if there <= size => u64::from(there.saturating_sub(REACH)),
                _ => 0,
            };
            let held = u32::try_from(held.min(offer.resume)).unwrap_or(0);
            let held = held.saturating_sub(held.checked_rem(ROUNDING).unwrap_or(0));
            let mode = match held {
                0 => Mode::ReadWriteCreateOrTruncate,
                _ => Mode::ReadWriteAppend,
            };
            let file = manager.open_file_in_dir(directory, PARTIAL, mode).map_err(reason)?;
            Ok((file, held, false))
        })?;
        let end = manager.file_length(file).unwrap_or(0);
        self.open = match is_same {
            true => Open::Reading(file),
            false => Open::Inbound { path, file, modified, end, unflushed: 0 },
        };
        Ok(held)
    }

    fn write(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let length = u32::try_from(bytes.len()).map_err(|_| Reason::TooLarge)?;
        let to = position.checked_add(length).ok_or(Reason::TooLarge)?;
        let Mount::Volume(manager, _) = &self.mount else { return Err(Reason::Storage) };
        let Open::Inbound { file, end, unflushed, .. } = &mut self.open else {
            return Err(Reason::Storage);
        };
        // What is missing before it comes later; FAT knows no holes.
        while *end < position {
            manager.file_seek_from_start(*file, *end).map_err(reason)?;
            let gap = usize::try_from(position.saturating_sub(*end)).unwrap_or(0).min(256);
            manager.write(*file, [0; 256].get(..gap).unwrap_or_default()).map_err(reason)?;
            *end = end.saturating_add(u32::try_from(gap).unwrap_or(0));
        }
        manager.file_seek_from_start(*file, position).map_err(reason)?;
        manager.write(*file, bytes).map_err(reason)?;
        *end = to.max(*end);
        *unflushed = unflushed.saturating_add(length);
        if *unflushed >= FLUSH {
            *unflushed = 0;
            manager.flush_file(*file).map_err(reason)?;
        }
        Ok(())
    }

    /// The file that came in gets its name.
    fn put_in_place(&mut self, path: &str, modified: Option<i64>, end: u32) -> Result<(), Reason> {
        let (above, name) = split(path);
        let name = short(name)?;
        let (manager, volume) = self.volume()?;
        let (partial, target) = within(manager, volume, (above, false), |directory| {
            let partial = manager.find_directory_entry(directory, PARTIAL).map_err(reason)?;
            Ok((partial, manager.find_directory_entry(directory, name).ok()))
        })?;
        let stamp = modified.and_then(to_fat);
        let stamp = stamp.unwrap_or(Stamp(partial.mtime.serialize_to_fat()));
        let device = self.device()?;
        let Some(target) = target else {
            let size = end.to_le_bytes();
            return edit(device, &partial, &[(0, &padded(&name)), (22, &stamp.0), (28, &size)]);
        };
        // Never do two entries name the same clusters: the partial is gone before its clusters are
        // the target's, and comes back with those that were.
        let (first, other) = (padded(&partial.name), padded(&name));
        let ([first, ..], [other, ..]) = (first, other);
        let old = Stamp(target.mtime.serialize_to_fat());
        let (fresh, stale) = (cluster(device, &partial)?, cluster(device, &target)?);
        edit(device, &partial, &[(0, &[0xE5])])?;
        content(device, &target, other, (fresh, end, stamp))?;
        content(device, &partial, first, (stale, target.size, old))?;
        let (manager, volume) = self.volume()?;
        within(manager, volume, (above, false), |directory| {
            let file = manager.open_file_in_dir(directory, PARTIAL, Mode::ReadWriteTruncate);
            manager.close_file(file.map_err(reason)?).map_err(reason)
        })
    }

    /// The next entry of a tree: its path goes to `walk.below` if it is a directory.
    fn step(&mut self, walk: &mut Walk) -> Result<Option<(Path, DirEntry)>, Reason> {
        let (manager, volume) = self.volume()?;
        loop {
            let Some(passed) = walk.passed.last().copied() else { return Ok(None) };
            let whole = join(&walk.root, &walk.below).ok_or(Reason::NameTooLong)?;
            let (mut found, mut left) = (None, passed);
            within(manager, volume, (&whole, false), |directory| {
                let looked = manager.iterate_dir(directory, |entry| {
                    let hidden = entry.attributes.is_volume()
                        || entry.name == ShortFileName::this_dir()
                        || entry.name == ShortFileName::parent_dir()
                        || padded(&entry.name) == *b"TINYFRRYPRT";
                    if hidden {
                        return ControlFlow::Continue(());
                    }
                    if left > 0 {
                        left = left.saturating_sub(1);
                        return ControlFlow::Continue(());
                    }
                    found = Some(entry.clone());
                    ControlFlow::Break(())
                });
                looked.map_err(reason)
            })?;
            let Some(entry) = found else {
                walk.passed.pop();
                walk.below = to_path(split(&walk.below).0)?;
                continue;
            };
            if let Some(last) = walk.passed.last_mut() {
                *last = last.saturating_add(1);
            }
            let mut path = walk.below.clone();
            let mut push = |text: &[u8]| -> Result<(), Reason> {
                for byte in text {
                    let letter = if byte.is_ascii_graphic() { char::from(*byte) } else { '_' };
                    path.push(letter).map_err(|_| Reason::NameTooLong)?;
                }
                Ok(())
            };
            if !walk.below.is_empty() {
                push(b"/")?;
            }
            push(entry.name.base_name())?;
            if !entry.name.extension().is_empty() {
                push(b".")?;
                push(entry.name.extension())?;
            }
            if entry.attributes.is_directory() {
                walk.below = path.clone();
                walk.passed.push(0).map_err(|_| Reason::NameTooLong)?;
            }
            return Ok(Some((path, entry)));
        }
    }

    fn found(
        &mut self,
        path: &str,
        entry: &DirEntry,
        anew: bool,
        into: &mut [u8],
    ) -> Result<Entry, Reason> {
        into.get_mut(..path.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(path.as_bytes());
        let is_directory = entry.attributes.is_directory();
        let mut broken = None;
        if !is_directory {
            let root = self.root.clone();
            let whole =
                join(&root, if matches!(self.sending, Sending::File(_)) { "" } else { path });
            match whole.ok_or(Reason::NameTooLong).and_then(|whole| self.read_file(&whole)) {
                Ok((file, _)) => self.open = Open::Reading(file),
                Err(reason) => broken = Some(reason),
            }
        }
        let [a, b, c, d] = entry.mtime.serialize_to_fat();
        Ok(Entry {
            kind: if is_directory { Kind::Directory } else { Kind::File },
            path: path.len(),
            size: Some(entry.size.into()),
            modified: from_fat(Stamp([a, b, c, d])),
            mode: None,
            resumable: !anew,
            broken,
        })
    }

    fn walk(&self) -> Walk {
        let mut passed = Vec::new();
        // It has room for one.
        let _ = passed.push(0);
        Walk { root: self.root.clone(), below: Path::new(), passed }
    }
}

impl<D: BlockDevice> Store for Card<D> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.close();
        let accepted = |held: u32| Accepted { held: held.into(), in_order: false };
        if offer.kind == Kind::Tree {
            for name in offer.path.split('/').filter(|name| !name.is_empty()) {
                short(name)?;
            }
            self.tree = to_path(offer.path)?;
            return Ok(accepted(0));
        }
        let path = join(&self.tree, offer.path).ok_or(Reason::NameTooLong)?;
        let path = to_path(&path)?;
        for name in path.split('/') {
            short(name)?;
        }
        if offer.names_only {
            return Ok(accepted(0));
        }
        if offer.kind == Kind::Directory {
            self.open = Open::Directory(path);
            return Ok(accepted(0));
        }
        self.accept(offer, path).map(accepted)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let position = u32::try_from(position).map_err(|_| Reason::TooLarge);
        match position.and_then(|position| self.write(position, bytes)) {
            Ok(()) => Ok(bytes.len()),
            Err(reason) => {
                self.close();
                Err(reason)
            }
        }
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let (Open::Inbound { file, .. } | Open::Reading(file)) = &self.open else {
            return Err(Reason::Storage);
        };
        let Mount::Volume(manager, _) = &self.mount else { return Err(Reason::Storage) };
        let position = u32::try_from(position).map_err(|_| Reason::Storage)?;
        let loaded = match manager.file_seek_from_start(*file, position) {
            Ok(()) => manager.read(*file, into).map_err(reason),
            Err(Error::InvalidOffset) => Ok(0),
            Err(error) => Err(reason(error)),
        };
        if loaded.is_err() {
            self.close();
        }
        loaded
    }

    fn commit(&mut self) -> Result<(), Reason> {
        match core::mem::replace(&mut self.open, Open::Nothing) {
            Open::Inbound { path, file, modified, end, .. } => {
                let (manager, _) = self.volume()?;
                manager.close_file(file).map_err(reason)?;
                self.put_in_place(&path, modified, end)
            }
            Open::Reading(file) => self.volume()?.0.close_file(file).map_err(reason),
            Open::Directory(path) => {
                let (manager, volume) = self.volume()?;
                within(manager, volume, (&path, true), |_| Ok(()))
            }
            Open::Nothing => {
                let tree = core::mem::take(&mut self.tree);
                let (manager, volume) = self.volume()?;
                within(manager, volume, (&tree, true), |_| Ok(()))
            }
        }
    }

    fn abandon(&mut self, _: Reason, all: bool) {
        self.close();
        if all {
            self.tree.clear();
            self.sending = Sending::Nothing;
        }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.close();
        self.tree.clear();
        (self.again, self.given) = (None, None);
        self.root = to_path(path)?;
        if tree {
            let (manager, volume) = self.volume()?;
            within(manager, volume, (path, false), |_| Ok(()))?;
            self.sending = Sending::Tree(self.walk());
        } else if path.is_empty() {
            return Err(Reason::IsDirectory);
        } else {
            let (file, _) = self.read_file(path)?;
            self.volume()?.0.close_file(file).map_err(reason)?;
            self.sending = Sending::File(self.root.clone());
        }
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.close();
        let again = self.again.take();
        match core::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => Ok(None),
            Sending::File(name) if again.is_some() || self.given.is_none() => {
                let (file, entry) = self.read_file(&name)?;
                self.volume()?.0.close_file(file).map_err(reason)?;
                let anew = again.is_some();
                self.given = again.or(Some(u32::MAX));
                self.sending = Sending::File(name.clone());
                self.found(&name, &entry, anew, path).map(Some)
            }
            Sending::File(name) => {
                self.sending = Sending::File(name);
                Ok(None)
            }
            Sending::Tree(walk) => {
                let name = self.root.as_bytes();
                path.get_mut(..name.len()).ok_or(Reason::NameTooLong)?.copy_from_slice(name);
                let entry = Entry {
                    kind: Kind::Tree,
                    path: name.len(),
                    size: None,
                    modified: None,
                    mode: None,
                    resumable: false,
                    broken: None,
                };
                self.sending = Sending::Entries(walk, 0);
                Ok(Some(entry))
            }
            Sending::Entries(mut walk, count) => {
                let found = match again {
                    // The card is as it was: the same way leads there.
                    Some(again) => {
                        let mut second = self.walk();
                        let mut found = None;
                        for _ in 0..=again {
                            found = self.step(&mut second)?;
                        }
                        found
                    }
                    None => self.step(&mut walk)?,
                };
                let count = count.saturating_add(u32::from(found.is_some()));
                self.sending = Sending::Entries(walk, count);
                self.given = again.or(self.given);
                match found {
                    Some((name, entry)) => {
                        self.found(&name, &entry, again.is_some(), path).map(Some)
                    }
                    None => Ok(None),
                }
            }
        }
    }

    fn refused(&mut self, entry: u32, reason: Reason, _: &str) -> bool {
        let again = reason.wants_fresh_offer() && self.again.is_none() && self.given != Some(entry);
        if again {
            self.again = Some(entry);
        }
        again
    }
}
