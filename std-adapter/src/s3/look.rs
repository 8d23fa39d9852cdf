//! What is at a path: an object, a directory, or nothing. A directory is a prefix of keys: it exists if there is an
//! object below it, or the marker, an empty object whose key ends with `/`.

use std::collections::HashMap;
use std::time::Duration;

use tinyferry_core::error::Reason;

use super::bucket::Bucket;
use super::facts::Facts;
use super::fault::Fault;
use super::listing::PAGE;
use crate::fs::error::StoreError;
use crate::fs::names::{ancestors, below};

/// The maximum number of directories whose names are known.
const KNOWN_MAX: usize = 256;

/// The entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Missing,
    File(Facts),
    Directory,
}

/// Finds the entry at a path below the prefix of the bucket.
pub(super) fn look(bucket: &Bucket, path: &str, patience: Duration) -> Result<Found, Fault> {
    if path.is_empty() {
        return Ok(Found::Directory);
    }
    let key = bucket.key(path);
    if let Some(facts) = bucket.head(&key, patience)? {
        return Ok(Found::File(facts));
    }
    let page = bucket.list(&marker(&key), false, None, 1, patience)?;
    Ok(if page.objects.is_empty() { Found::Missing } else { Found::Directory })
}

/// The key of a directory's marker, and the begin of the keys below it.
pub(super) fn marker(key: &str) -> String {
    if key.is_empty() || key.ends_with('/') { key.to_owned() } else { [key, "/"].concat() }
}

/// The kind of a name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    File,
    Directory,
}

/// The names of some directories, so that the files of a tree cost no requests about them. Other servers may change
/// them meanwhile; the conditions of a request decide then.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// `None`: it has too many names.
    directories: HashMap<String, Option<HashMap<String, Name>>>,
}

/// What is known about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knowledge {
    /// Nothing: its directory is to be listed first.
    Unlisted,
    /// Nothing: its directory has too many names.
    TooMany,
    Missing,
    Is(Name),
}

impl Known {
    pub(super) fn about(&self, above: &str, name: &str) -> Knowledge {
        match self.directories.get(above) {
            None => Knowledge::Unlisted,
            Some(None) => Knowledge::TooMany,
            Some(Some(names)) => {
                names.get(name).map_or(Knowledge::Missing, |name| Knowledge::Is(*name))
            }
        }
    }

    /// The directory was listed.
    pub(super) fn learn(&mut self, directory: &str, names: Option<HashMap<String, Name>>) {
        if self.directories.len() >= KNOWN_MAX {
            self.directories.clear();
        }
        self.directories.insert(directory.to_owned(), names);
    }

    /// The entry is in place.
    pub(super) fn add(&mut self, above: &str, name: &str, kind: Name) {
        if let Some(Some(names)) = self.directories.get_mut(above) {
            names.insert(name.to_owned(), kind);
        }
    }

    /// Everything may have changed.
    pub(super) fn forget(&mut self) {
        self.directories.clear();
    }
}

/// The names of a directory; `None`: there are more than a page has.
pub(super) fn names(
    bucket: &Bucket,
    directory: &str,
    patience: Duration,
) -> Result<Option<HashMap<String, Name>>, Fault> {
    let prefix = if directory.is_empty() { bucket.key("") } else { marker(&bucket.key(directory)) };
    let page = bucket.list(&prefix, true, None, PAGE, patience)?;
    if page.next.is_some() {
        return Ok(None);
    }
    let name =
        |key: &str| key.strip_prefix(&prefix).map(|name| name.trim_end_matches('/').to_owned());
    let files = page.objects.iter().filter_map(|object| Some((name(&object.key)?, Name::File)));
    let directories = page.prefixes.iter().filter_map(|key| Some((name(key)?, Name::Directory)));
    Ok(Some(files.chain(directories).filter(|(name, _)| !name.is_empty()).collect()))
}

/// A path below `root`; `None`: it is not below.
pub(super) fn inside<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    if root.is_empty() { Some(path) } else { below(path, root) }
}

/// Fails if one of the directories above `path` is a file; those above `root` and itself are not asked for.
pub(super) fn check_above(
    bucket: &Bucket,
    path: &str,
    root: &str,
    patience: Duration,
) -> Result<(), StoreError> {
    for above in
        ancestors(path).filter(|above| inside(above, root).is_some_and(|it| !it.is_empty()))
    {
        if bucket.head(&bucket.key(above), patience)?.is_some() {
            let detail = format!("\"{}\" is a file", above.escape_debug());
            return Err(StoreError::new(Reason::NotDirectory, &detail));
        }
    }
    Ok(())
}
