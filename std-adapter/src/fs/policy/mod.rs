//! The policy of a receiver for the entries that it stores. It is the same for all senders.
//! Knows no file system.

mod chmod;
mod links;

use tinyferry_core::store::Kind;

pub use self::chmod::{Chmod, InvalidChmod};
pub use self::links::Links;

/// How a receiver stores the entries that it accepts.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The permission bits of files and directories. By default they are those of the offer.
    pub chmod: Chmod,
    /// The owner of files and directories; only root can set another one.
    pub owner: Owner,
    /// The treatment of a received file whose name exists.
    pub existing: Existing,
    /// The symbolic links that are made.
    pub links: Links,
    /// Whether a file that the sender offers as a further name of another one becomes a hard link of that;
    /// otherwise its content is received once more. Never where both of two files are kept
    /// ([`Existing::KeepBoth`]), and not for a client that may not read.
    pub hard_links: bool,
}

/// The owner of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owner {
    /// The number of the user; `None`: the one that runs this program.
    pub user: Option<u32>,
    /// The number of the group; `None`: the one that the system chooses.
    pub group: Option<u32>,
}

/// The treatment of a received file whose name another file has. A directory is merged into one that exists in
/// any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// It replaces the file.
    #[default]
    Replace,
    /// It is refused with [`Reason::Exists`](tinyferry_core::Reason::Exists), unless the file is the same.
    Refuse,
    /// It is stored as `NAME~1`, or the next number that is free, unless one of these files is the same. The other
    /// end cannot remove `NAME~1` as long as `NAME` exists.
    KeepBoth,
}

impl Policy {
    /// The permission bits of an entry that is offered with the bits `offered`; `None`: the system chooses.
    pub(crate) fn mode(&self, kind: Kind, offered: Option<u32>) -> Option<u32> {
        self.chmod.apply(kind != Kind::File, offered)
    }

    /// Whether entries may get other permission bits than those of their offers.
    pub(crate) fn changes_modes(&self) -> bool {
        !self.chmod.is_empty()
    }
}
