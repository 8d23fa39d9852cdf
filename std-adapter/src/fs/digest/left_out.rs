//! The entries of a source that cannot be sent: a digest does not contain them.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::event::{Direction, Event, Observer};
use crate::fs::names::{join, unfinished};
use crate::fs::partial_name;

/// The number of entries that are kept; the others are counted.
const KEPT_MAX: usize = 10_000;

/// By their paths below the tree's root.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    entries: BTreeMap<Vec<u8>, StoreError>,
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
        if !self.is_noted || self.entries.len() >= KEPT_MAX {
            return;
        }
        let separator = if above.is_empty() { "" } else { "/" };
        let path = [above.as_bytes(), separator.as_bytes(), name.as_encoded_bytes()].concat();
        self.entries.insert(path, error);
    }

    /// An entry whose name cannot be sent.
    pub(crate) fn add_name(&mut self, above: &str, name: &str) {
        let is_partial = partial_name::is_name(name);
        if is_partial && self.is_served {
            return;
        }
        let what = "its name contains control characters, or its path is too long";
        let error = if is_partial { unfinished() } else { StoreError::new(Reason::BadPath, what) };
        self.add(above, name.as_ref(), error);
    }

    /// Reports those that are not below a directory of `walked`, where a walk has reported them.
    pub(crate) fn report(self, tree: &str, walked: &[String], observer: &mut impl Observer) {
        let direction = Direction::Sending;
        for (path, error) in self.entries {
            let is_walked = |above: &String| {
                let rest = path.strip_prefix(above.as_bytes());
                rest.is_some_and(|rest| above.is_empty() || rest.first() == Some(&b'/'))
            };
            if walked.iter().any(is_walked) {
                continue;
            }
            match std::str::from_utf8(&path) {
                Ok(path) => drop(error.report(&join(tree, path), direction, observer)),
                Err(_) => {
                    let separator = if tree.is_empty() { "" } else { "/" };
                    let path = &[tree.as_bytes(), separator.as_bytes(), &path].concat();
                    observer.event(Event::NotUtf8 { path, direction, reason: Reason::BadPath });
                }
            }
        }
    }
}
