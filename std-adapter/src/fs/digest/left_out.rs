//! The entries of a source that cannot be sent: a digest does not contain them.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use cap_std::fs::Dir;
use tinyferry_core::path::is_sound;

use crate::fs::error::StoreError;
use crate::fs::names::partial_name::{self, UNIT};
use crate::fs::names::{join, unsendable};
use crate::fs::sys::dir_cursor::{Found, look};
use crate::fs::sys::lock::Lock;

/// The number of entries that are kept by their paths; the others are counted.
const KEPT_MAX: usize = 10_000;

/// By their paths below the tree's root.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    entries: BTreeMap<Vec<u8>, StoreError>,
    /// The number of further ones.
    others: u32,
    /// Partials of uploads are no part of a served tree.
    is_served: bool,
    /// `false`: this end receives, and reports nothing.
    is_noted: bool,
}

impl LeftOut {
    /// Notes the entries of a source.
    pub(crate) fn note(&mut self) {
        self.is_noted = true;
    }

    /// The source is a directory that this program serves.
    pub(crate) fn serve(&mut self) {
        self.is_served = true;
    }

    /// An entry that is neither a file nor a directory.
    pub(crate) fn add(&mut self, above: &str, name: &OsStr, error: StoreError) {
        if !self.is_noted {
            return;
        }
        if self.entries.len() >= KEPT_MAX {
            self.others = self.others.saturating_add(1);
            return;
        }
        let separator = if above.is_empty() { "" } else { "/" };
        let path = [above.as_bytes(), separator.as_bytes(), name.as_encoded_bytes()].concat();
        self.entries.insert(path, error);
    }

    /// An entry of `dir` whose name cannot be sent.
    pub(crate) fn add_name(&mut self, dir: &Dir, above: &str, name: &str) {
        let path = &join(above, name);
        if self.is_noted && !(self.is_served && is_upload(dir, path, name)) {
            self.add(above, name.as_ref(), unsendable(path, name));
        }
    }

    /// The number of entries whose paths were not kept.
    pub(crate) fn others(&self) -> u32 {
        self.others
    }

    /// Removes those below a directory of `walked`: a walk has reported them.
    pub(crate) fn remove_walked(&mut self, walked: &[String]) {
        self.entries.retain(|path, _| {
            !walked.iter().any(|above| {
                let rest = path.strip_prefix(above.as_bytes());
                rest.is_some_and(|rest| above.is_empty() || rest.first() == Some(&b'/'))
            })
        });
    }

    /// Removes the first one, and returns its path and why it cannot be sent.
    pub(crate) fn pop(&mut self) -> Option<(Vec<u8>, StoreError)> {
        self.entries.pop_first()
    }
}

/// Whether the entry `name` of `dir` is the partial of an upload, which is no part of a served tree before it
/// is complete. Only one that can be resumed is kept.
pub(crate) fn is_upload(dir: &Dir, path: &str, name: &str) -> bool {
    is_sound(path)
        && partial_name::is_name(name)
        && matches!(
            look(dir, name),
            Ok(Found::File(metadata)) if metadata.len() >= UNIT || Lock::is_taken_here(&metadata)
        )
}
