//! Files and trees on a FAT16 or FAT32 card.
//!
//! # Refused names
//!
//! Names are 8.3, of ASCII, and lower case is upper case: `readme.txt` becomes `README.TXT`. A
//! longer name is refused, and so is one with a character that FAT does not know, and a path of
//! more than [`PATH`] bytes or [`DEPTH`] directories; the other entries of a tree are stored. Two names that
//! differ in case only are one file. Times are kept to two seconds and taken for UTC, modes not at
//! all.
//!
//! # Operations
//!
//! With a profile that has operations, files and empty directories are removed, and renamed within their
//! directory. A rename replaces a file that has the new name. If both entries are in one block of the directory, which
//! has 16 entries, one write replaces it; else the content is copied, which takes space and time for a second copy. A
//! removal, and a rename that replaces, drop the partial of an interrupted transfer in the same directory. The size and
//! the time of a file are known.
//!
//! # State after a power cut
//!
//! A file comes in as `TINYFRRY.PRT`, in the directory it is for, and a transfer that was cut
//! resumes from there. When it is complete, one write of one block gives it its name, or gives the
//! name that is there its content: the old file or the new one, never a third. Clusters may then be
//! allocated without an entry. Directories come before the files in them. A removal leaves the whole entry, or
//! no entry of its name; a rename leaves the old name or the new one. A rename that replaces leaves the old file or the
//! new one under the new name, and may leave the new one under its old name as well. A repeated rename ends that.

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
use crate::reoffers::{Reoffers, Turn};
use crate::time::{Stamp, from_fat, to_fat};
use crate::{ROUNDING, certain_prefix};

use self::fat::{
    Changes, cluster, content, edit, edit_together, padded, reason, short, split, to_path, within,
};
use self::walk::{Walk, is_hidden};

mod clusters;
mod fat;
mod inbound;
mod operate;
mod store;
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
    Entries(Walk),
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
    reoffers: Reoffers,
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
            reoffers: Reoffers::new(),
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
