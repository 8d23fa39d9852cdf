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
use crate::{ROUNDING, certain_prefix};

use self::fat::{cluster, content, edit, padded, reason, short, split, to_path, within};
use self::walk::Walk;

mod fat;
mod inbound;
mod walk;

/// Longest path on a card, in bytes.
pub const PATH: usize = 128;
/// The largest number of directories above a file of a tree that is sent.
pub const DEPTH: usize = 8;

const PARTIAL: &str = "TINYFRRY.PRT";
/// The largest number of bytes written between two updates of the directory.
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
    /// It is read: to be sent, or to be compared with the offered file.
    Reading(RawFile),
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
    /// The requested path.
    root: Path,
    /// The entry that is offered again, and the one that was offered last.
    again: Option<u32>,
    given: Option<u32>,
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

    /// The bare card. After a change there the file system is read again.
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
}

impl<D: BlockDevice> Store for Card<D> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.close();
        let accepted = |prefix: u32| Accepted { prefix: prefix.into(), in_order: false };
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
        let again = reason.wants_reoffer() && self.again.is_none() && self.given != Some(entry);
        if again {
            self.again = Some(entry);
        }
        again
    }
}
