//! The descent from a root: one name at a time, through directories only.

use std::io;
use std::sync::Arc;

use cap_std::fs::Dir;

use super::making::{Made, NewDirectories};
use super::{Found, Id, id_of, is_removed, look, step};
use crate::fs::error::StoreError;
use crate::fs::names::{below, join, split};
use crate::fs::sys::dir_cursor::spelling::Spelling;
use crate::fs::sys::volumes::{Volume, Volumes};

/// The maximum number of directories that stay open; a server must not run out of open files.
const MAX_OPEN_DIRS: usize = 4;

/// A root and the directories down to the last opened one: the files of a tree arrive directory by
/// directory, and the parent follows a complete directory.
#[derive(Debug)]
pub(crate) struct DirCursor {
    root: Arc<Dir>,
    /// From the root to the directory that was opened last.
    path: String,
    steps: Vec<Step>,
    /// For a receiver: an existing name must be spelled as requested.
    spelling: Option<Spelling>,
    /// The file systems that were entered, if they are to be synchronised.
    volumes: Option<Volumes>,
    pub(super) new_directories: NewDirectories,
}

/// An opened directory.
#[derive(Debug)]
struct Step {
    /// The length of its path.
    length: usize,
    dir: StoredDir,
    /// It was just created by this cursor.
    is_new: bool,
    /// A directory was created in it since.
    has_directories: bool,
    /// Whether it may fold names, if that is known.
    may_fold: Option<bool>,
}

#[derive(Debug)]
enum StoredDir {
    Open(Arc<Dir>),
    /// Opened again on demand; its identity is compared then.
    Closed(Option<Id>),
}

impl DirCursor {
    /// A cursor for reading.
    pub(crate) fn new(root: Arc<Dir>) -> Self {
        Self {
            root,
            path: String::new(),
            steps: Vec::new(),
            spelling: None,
            volumes: None,
            new_directories: NewDirectories::default(),
        }
    }

    /// A cursor for storing.
    pub(crate) fn receiving(root: Arc<Dir>) -> Self {
        Self { spelling: Some(Spelling::default()), ..Self::new(root) }
    }

    pub(crate) fn root(&self) -> &Dir {
        &self.root
    }

    /// Closes all directories, which may have been moved: the next call begins at the root.
    pub(crate) fn forget(&mut self) {
        self.cut(0);
    }

    /// A name was removed or changed: the spelling of names is read again.
    pub(crate) fn forget_names(&mut self) {
        self.spelling.iter_mut().for_each(Spelling::forget);
    }

    /// Whether the root was removed: nothing can be stored in it any more.
    pub(crate) fn root_is_removed(&self) -> bool {
        is_removed(&self.root)
    }

    /// Opens the file systems that are entered from now on, to synchronise them.
    pub(crate) fn open_volumes(&mut self) {
        self.forget();
        self.volumes = Some(Volumes::default());
    }

    /// The file systems that were entered; no more are opened.
    pub(crate) fn take_volumes(&mut self) -> Volumes {
        self.volumes.take().unwrap_or_default()
    }

    /// [`Volumes::covers`].
    pub(crate) fn is_covered(&self, device: u64) -> bool {
        self.volumes.as_ref().is_some_and(|volumes| volumes.covers(device))
    }

    pub(crate) fn volumes(&self) -> &[Arc<Volume>] {
        self.volumes.as_ref().map_or(&[], Volumes::list)
    }

    /// Whether the directory opened last may fold names.
    pub(crate) fn may_fold(&mut self) -> bool {
        let Some(last) = self.steps.last_mut() else {
            let root = Arc::clone(&self.root);
            return self.spelling.as_mut().is_none_or(|it| it.root_may_fold(&root));
        };
        match &last.dir {
            StoredDir::Open(dir) => *last.may_fold.get_or_insert_with(|| Spelling::may_fold(dir)),
            StoredDir::Closed(_) => true,
        }
    }

    /// Whether the directory opened last was just created here, so that no file in it is searched for. An
    /// entry that another process has created since is replaced like any other.
    pub(crate) fn is_new(&self) -> bool {
        self.steps.last().is_some_and(|last| last.is_new)
    }

    /// Whether a directory was created in the one opened last.
    pub(crate) fn has_directories(&self) -> bool {
        self.steps.last().is_some_and(|last| last.has_directories)
    }

    /// The directory at `path`; `None` if it does not exist.
    pub(crate) fn existing(&mut self, path: &str) -> Result<Option<Arc<Dir>>, StoreError> {
        self.descend(path, |_, _, _| Ok(Made::Nothing))
    }

    /// The directory at `path` or, if that is missing, the last one on the way to it.
    pub(crate) fn nearest(&mut self, path: &str) -> Result<Arc<Dir>, StoreError> {
        match self.existing(path)? {
            Some(dir) => Ok(dir),
            None => self.reopen(),
        }
    }

    /// The entry at `path`. A receiver checks its spelling.
    pub(crate) fn look(&mut self, path: &str) -> Result<Found, StoreError> {
        let (parent, name) = split(path);
        match self.existing(parent)? {
            Some(dir) if name.is_empty() => Ok(Found::Directory(dir.dir_metadata()?)),
            Some(dir) => match look(&dir, name)? {
                Found::Missing => Ok(Found::Missing),
                found => {
                    let replaces = !matches!(found, Found::Directory(_));
                    self.check_spelling(&dir, name, replaces)?;
                    Ok(found)
                }
            },
            None => Ok(Found::Missing),
        }
    }

    /// Descends to `path`; `make` may create a missing directory, otherwise the descent ends there.
    pub(super) fn descend(
        &mut self,
        path: &str,
        make: impl Fn(&Dir, &str, bool) -> io::Result<Made>,
    ) -> Result<Option<Arc<Dir>>, StoreError> {
        let passed = |passed: &Step| below(path, self.path_of(passed)).is_some();
        self.cut(self.steps.partition_point(passed));
        let mut dir = self.reopen()?;
        let mut rest = match self.path.as_str() {
            "" => path,
            above => below(path, above).unwrap_or_default(),
        };
        if let Some(volumes) = &mut self.volumes
            && volumes.list().is_empty()
        {
            volumes.enter(&dir)?;
        }
        while !rest.is_empty() {
            let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
            let mut next = step(&dir, name)?;
            let mut is_new = false;
            if next.is_none() {
                match make(&dir, name, below.is_empty())? {
                    Made::Nothing => return Ok(None),
                    Made::Here(unset) => {
                        is_new = true;
                        if let Some(error) = unset {
                            self.new_directories.add_unset(join(&self.path, name), error);
                        }
                    }
                    Made::Elsewhere => {}
                }
                next = step(&dir, name)?;
            }
            let Some(next) = next else { return Ok(None) };
            if !is_new {
                self.check_spelling(&dir, name, false)?;
            } else if let Some(above) = self.steps.last_mut() {
                above.has_directories = true;
            }
            dir = Arc::new(next);
            if let Some(volumes) = &mut self.volumes {
                volumes.enter(&dir)?;
            }
            self.push(name, Arc::clone(&dir), is_new);
            rest = below;
        }
        Ok(Some(dir))
    }

    /// Checks the spelling of an existing name in the directory opened last. `replaces`: whether a file would
    /// be replaced.
    fn check_spelling(&mut self, dir: &Dir, name: &str, replaces: bool) -> Result<(), StoreError> {
        let Some(spelling) = &mut self.spelling else { return Ok(()) };
        let may_fold = match self.steps.last_mut() {
            Some(last) => *last.may_fold.get_or_insert_with(|| Spelling::may_fold(dir)),
            None => spelling.root_may_fold(dir),
        };
        if may_fold { spelling.check(dir, &self.path, name, replaces) } else { Ok(()) }
    }

    fn path_of(&self, passed: &Step) -> &str {
        self.path.get(..passed.length).unwrap_or_default()
    }

    /// Drops all but the first directories.
    fn cut(&mut self, count: usize) {
        self.steps.truncate(count);
        self.path.truncate(self.steps.last().map_or(0, |last| last.length));
    }

    fn push(&mut self, name: &str, dir: Arc<Dir>, is_new: bool) {
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        let (length, dir) = (self.path.len(), StoredDir::Open(dir));
        self.steps.push(Step { length, dir, is_new, has_directories: false, may_fold: None });
        self.close_far();
    }

    /// Closes all but the last directories.
    fn close_far(&mut self) {
        let far = self.steps.len().saturating_sub(MAX_OPEN_DIRS);
        for passed in self.steps.iter_mut().take(far).rev() {
            let StoredDir::Open(dir) = &passed.dir else { return };
            passed.dir = StoredDir::Closed(dir.dir_metadata().ok().and_then(|found| id_of(&found)));
        }
    }

    /// The last directory, opened again on demand. A directory that was replaced is not new; if one is missing
    /// the descent ends above it.
    fn reopen(&mut self) -> Result<Arc<Dir>, StoreError> {
        let is_open = |passed: &Step| matches!(passed.dir, StoredDir::Open(_));
        let first = self.steps.iter().rposition(is_open).map_or(0, |last| last + 1);
        let mut dir = match first.checked_sub(1).and_then(|last| self.steps.get(last)) {
            Some(Step { dir: StoredDir::Open(dir), .. }) => Arc::clone(dir),
            _ => Arc::clone(&self.root),
        };
        let mut from = match first.checked_sub(1).and_then(|last| self.steps.get(last)) {
            Some(passed) => passed.length,
            None => 0,
        };
        let far = self.steps.len().saturating_sub(MAX_OPEN_DIRS);
        for index in first..self.steps.len() {
            let Some(passed) = self.steps.get_mut(index) else { break };
            let name = self.path.get(from..passed.length).unwrap_or_default();
            from = passed.length;
            let Some(next) = step(&dir, name.trim_start_matches('/'))? else {
                self.cut(index);
                break;
            };
            let found = next.dir_metadata().ok().and_then(|found| id_of(&found));
            if !matches!(&passed.dir, StoredDir::Closed(id) if *id == found && id.is_some()) {
                passed.is_new = false;
                passed.may_fold = None;
            }
            dir = Arc::new(next);
            // The upper ones are only passed through.
            passed.dir = match index < far {
                true => StoredDir::Closed(found),
                false => StoredDir::Open(Arc::clone(&dir)),
            };
        }
        Ok(dir)
    }
}
