//! The sources of a transfer, as the system reports their changes.

use std::fs::Metadata;
use std::path::{Path, PathBuf, absolute};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tinyferry::fs::Filter;

use super::passing;
use crate::exit::CliError;
use crate::put::sources::is_content;

/// A source: a file, or a directory with all entries below.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// Its absolute path, with all links.
    absolute: PathBuf,
    /// `None`: it does not exist.
    identity: Option<Identity>,
    /// Its path, without links in its directory.
    path: PathBuf,
    /// Where a link leads, if it is one.
    target: PathBuf,
    /// Its path in the transferred tree.
    name: PathBuf,
    is_directory: bool,
}

/// Tells a file from another one at the same path. Where there are no inodes, only its existence is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            Self { device: metadata.dev(), inode: metadata.ino() }
        }
        #[cfg(not(unix))]
        {
            let _ = metadata;
            Self {}
        }
    }
}

/// The part of a source that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// An entry below.
    Entry,
    /// The source itself, or a directory above.
    Itself,
}

/// The sources at these paths.
pub(super) fn find(paths: &[PathBuf]) -> Vec<Source> {
    let is_single = paths.len() == 1;
    paths.iter().map(|path| Source::new(path, is_single)).collect()
}

impl Source {
    /// `is_single`: it is the whole tree.
    fn new(path: &Path, is_single: bool) -> Self {
        let whole = absolute(path).unwrap_or_else(|_| path.to_owned());
        // Before it is watched: one that is replaced meanwhile is found by the next look.
        let metadata = whole.metadata().ok();
        let target = whole.canonicalize();
        let place = match (whole.parent(), whole.file_name()) {
            (Some(parent), Some(name)) => {
                parent.canonicalize().ok().map(|parent| parent.join(name))
            }
            _ => target.as_ref().ok().cloned(),
        };
        let place = place.unwrap_or_else(|| whole.clone());
        let name = match path.file_name() {
            Some(name) if !is_single && !is_content(path) => name.into(),
            _ => PathBuf::new(),
        };
        let target = target.unwrap_or_else(|_| place.clone());
        let identity = metadata.as_ref().map(Identity::of);
        let is_directory = metadata.is_some_and(|metadata| metadata.is_dir());
        Self { absolute: whole, identity, path: place, target, name, is_directory }
    }

    /// Whether its path is another file now, or was none and is one, or is none any more.
    pub(super) fn is_replaced(&self) -> bool {
        let metadata = self.absolute.metadata().ok();
        metadata.as_ref().map(Identity::of) != self.identity
    }

    /// The directories that it is in. A program that saves a file may replace it.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        [&self.path, &self.target].into_iter().filter_map(|path| path.parent())
    }

    /// Whether a directory is in it.
    pub(super) fn has(&self, directory: &Path) -> bool {
        directory.starts_with(&self.target)
    }

    /// The consequence of a change at `path` for it; `None`: nothing.
    pub(super) fn touch(&self, path: &Path, filter: &Filter) -> Option<Touch> {
        let is_above = |own: &PathBuf| own.starts_with(path);
        if is_above(&self.path) || is_above(&self.target) {
            return Some(Touch::Itself);
        }
        let below = path.strip_prefix(&self.target).ok()?;
        (!self.excludes(below, false, filter)).then_some(Touch::Entry)
    }

    /// Whether the filter excludes the entry at `below`, a path in this source.
    fn excludes(&self, below: &Path, is_directory: bool, filter: &Filter) -> bool {
        let path = self.name.join(below);
        let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
        filter.excludes(&names.join("/"), is_directory)
    }

    /// Watches all of it.
    pub(super) fn watch(
        &self,
        watcher: &mut RecommendedWatcher,
        filter: &Filter,
    ) -> Result<(), CliError> {
        match self.is_directory {
            true => self.watch_below(watcher, self.target.clone(), filter),
            // Its directory is watched.
            false => Ok(()),
        }
    }

    /// Watches a directory in it, with all directories below. The filter saves watches, whose number is limited.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn watch_below(
        &self,
        watcher: &mut RecommendedWatcher,
        directory: PathBuf,
        filter: &Filter,
    ) -> Result<(), CliError> {
        let mut waiting = vec![directory];
        while let Some(directory) = waiting.pop() {
            let below = directory.strip_prefix(&self.target).unwrap_or(&directory);
            if below != Path::new("") && self.excludes(below, true, filter) {
                continue;
            }
            // Before its entries are read, so that none is missed.
            passing(watcher.watch(&directory, RecursiveMode::NonRecursive))?;
            let Ok(entries) = std::fs::read_dir(&directory) else { continue };
            let entries = entries.flatten();
            let is_dir =
                |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
            waiting.extend(entries.filter(is_dir).map(|entry| entry.path()));
        }
        Ok(())
    }

    /// Watches a directory in it. The system watches those below too.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(super) fn watch_below(
        &self,
        watcher: &mut RecommendedWatcher,
        directory: PathBuf,
        _: &Filter,
    ) -> Result<(), CliError> {
        if directory != self.target {
            return Ok(());
        }
        passing(watcher.watch(&directory, RecursiveMode::Recursive))
    }
}
