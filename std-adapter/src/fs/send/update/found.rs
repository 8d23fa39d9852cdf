//! The questions to the receiver, and the entries that are to be sent.

use super::*;
use crate::fs::filter::path_below;
use crate::fs::names::split;

/// A question about a path of the tree; the number is the index of its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    Directory(usize, String, Range),
    File(usize, String),
}

/// An entry that is to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Or a symbolic link.
    File(usize, String),
    /// And all below it.
    Directory(usize, String),
    /// A directory by itself: its permission bits may differ, or an entry in it is sent.
    Bits(usize, String),
    /// It is not sent: the receiver may have it, does not report it, and is to keep it.
    Unknown(usize, String),
}

impl Found {
    /// The directory that gets this entry, if it belongs to the source.
    fn directory_above(&self, origins: &[SourceRoot]) -> Option<(usize, String)> {
        let (Self::File(origin, path) | Self::Directory(origin, path)) = self else { return None };
        let (above, _) = split(path);
        let source = &origins.get(*origin)?.remote;
        let is_of_source = !above.is_empty() && path_below(above, source).is_some();
        is_of_source.then(|| (*origin, above.to_owned()))
    }
}

impl Update {
    /// Whether a directory that the receiver has keeps its permission bits.
    pub(crate) fn keeps_bits(&self) -> bool {
        self.skip == Skip::Existing
    }

    /// The next entry to send. Before the first entry of a directory comes the directory by itself: entries change
    /// its time at the receiver.
    pub(crate) fn next_found(&mut self, origins: &[SourceRoot]) -> Option<Found> {
        let above = self.found.front().and_then(|found| found.directory_above(origins));
        if let Some(above) = above.filter(|above| self.offered.as_ref() != Some(above)) {
            self.offered = Some(above.clone());
            return Some(Found::Bits(above.0, above.1));
        }
        let found = self.found.pop_front()?;
        match &found {
            Found::Directory(_, path) => self.walked.push(path.clone()),
            Found::Bits(origin, path) => self.offered = Some((*origin, path.clone())),
            Found::File(..) | Found::Unknown(..) => {}
        }
        Some(found)
    }
}
