//! A file that is followed: whether it has grown, and whether it still has its name.

use std::fs::File;
use std::time::{Duration, Instant};

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::source::{SourceEntry, SourceRoot};
use crate::fs::sys::dir_cursor::{Id, id_of};

/// The time between two looks at the file of the name.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The state of a followed file whose content was loaded.
#[derive(Debug)]
pub(crate) enum Growth {
    /// It has further content.
    Content,
    /// It may get further content.
    None,
    /// It gets no further content.
    Ended(StoreError),
}

/// The name of a followed file.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Where the name is looked up.
    origin: SourceRoot,
    /// The file that had the name at the beginning; `None`: the system tells no identity.
    id: Option<Id>,
    looked_at: Instant,
    /// Why the file has lost its name, once that was found.
    lost: Option<StoreError>,
}

impl Followed {
    /// The open `file`, which has the name at `origin`.
    pub(crate) fn new(origin: SourceRoot, file: &File) -> Result<Self, StoreError> {
        let id = id_of(&Metadata::from_file(file)?);
        Ok(Self { origin, id, looked_at: Instant::now(), lost: None })
    }

    /// The state of `file`, whose first `loaded` bytes were loaded.
    pub(crate) fn growth(&mut self, file: &File, loaded: u64) -> Growth {
        if self.lost.is_none() && self.looked_at.elapsed() >= LOOK_INTERVAL {
            self.looked_at = Instant::now();
            self.lost = self.lost_name();
        }
        // The content before the loss is sent.
        match (growth_of(file, loaded), &self.lost) {
            (Growth::None, Some(error)) => Growth::Ended(error.clone()),
            (growth, _) => growth,
        }
    }

    /// Why the file no longer has its name, if that is so.
    fn lost_name(&self) -> Option<StoreError> {
        let replaced = |detail| Some(StoreError::new(Reason::SourceChanged, detail));
        match self.origin.reach(&self.origin.remote) {
            Ok(SourceEntry::File(_, _, now)) if id_of(&now) == self.id => None,
            Ok(SourceEntry::File(..)) => replaced("another file has its name now"),
            Ok(SourceEntry::Directory(..) | SourceEntry::Link(..)) => {
                replaced("its name is not that of a file any more")
            }
            Err(error) if error.reason == Reason::NotFound => {
                Some(StoreError::new(Reason::NotFound, "it was removed or renamed"))
            }
            Err(error) => Some(error),
        }
    }
}

fn growth_of(file: &File, loaded: u64) -> Growth {
    match file.metadata() {
        Ok(now) if now.len() > loaded => Growth::Content,
        Ok(now) if now.len() < loaded => {
            Growth::Ended(StoreError::new(Reason::SourceChanged, "it was truncated"))
        }
        Ok(_) => Growth::None,
        Err(error) => Growth::Ended(error.into()),
    }
}
