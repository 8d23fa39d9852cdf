//! The way down from a root: one name at a time, through directories only.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::Found;
use super::Id;
use super::builder;
use super::id_of;
use super::look;
use super::step;
use crate::fs::error::Trouble;
use crate::fs::names::below;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::spelling::Spelling;
use crate::fs::sys::sync::synchronise;
use crate::fs::sys::volumes::Volume;
use crate::fs::sys::volumes::Volumes;

/// So many directories are kept open; files that are open at once are a server's scarce good.
const KEPT_OPEN: usize = 4;

/// A root and the way down to the directory that was opened last: a tree's files come side by
/// side, and it goes on in the parent when a directory is complete.
#[derive(Debug)]
pub(crate) struct Place {
    root: Arc<Dir>,
    /// From the root to the directory that was opened last.
    path: String,
    way: Vec<Passed>,
    /// Where something is stored, a name that is found must be spelled as it is asked for.
    spelling: Option<Spelling>,
    /// The file systems that were reached, where they are to be synchronised.
    volumes: Option<Volumes>,
}

/// A directory on the way.
#[derive(Debug)]
struct Passed {
    /// Its path is the way's up to here.
    length: usize,
    dir: Kept,
    /// It was made here just before.
    is_new: bool,
    /// A directory was made in it since.
    has_directories: bool,
    /// Whether it may take two names for one, where that is known.
    may_fold: Option<bool>,
}

#[derive(Debug)]
enum Kept {
    Open(Arc<Dir>),
    /// It is opened again when it is needed, and is still the same one then.
    Closed(Option<Id>),
}

/// The result of making a missing directory.
enum Made {
    Nothing,
    Here,
    /// Somebody else has made it meanwhile.
    Elsewhere,
}

impl Place {
    /// Where something is read.
    pub(crate) fn new(root: Arc<Dir>) -> Self {
        Self { root, path: String::new(), way: Vec::new(), spelling: None, volumes: None }
    }

    /// Where something is stored.
    pub(crate) fn receiving(root: Arc<Dir>) -> Self {
        Self { spelling: Some(Spelling::default()), ..Self::new(root) }
    }

    /// The directories passed may stand elsewhere by now: begin at the root.
    pub(crate) fn forget(&mut self) {
        self.cut(0);
    }

    /// Whether the root was removed: nothing can be stored in it any more.
    pub(crate) fn root_is_removed(&self) -> bool {
        #[cfg(unix)]
        return rustix::fs::fstat(&self.root).is_ok_and(|found| found.st_nlink == 0);
        #[cfg(not(unix))]
        false
    }

    /// From now on the file systems that are reached are opened, to be synchronised.
    pub(crate) fn open_volumes(&mut self) {
        self.forget();
        self.volumes = Some(Volumes::default());
    }

    /// The file systems that were reached; no more of them are opened.
    pub(crate) fn take_volumes(&mut self) -> Volumes {
        self.volumes.take().unwrap_or_default()
    }

    pub(crate) fn volumes(&self) -> &[Arc<Volume>] {
        self.volumes.as_ref().map_or(&[], Volumes::list)
    }

    /// Whether the directory opened last may take two names for one.
    pub(crate) fn may_fold(&mut self) -> bool {
        let Some(last) = self.way.last_mut() else {
            let root = Arc::clone(&self.root);
            return self.spelling.as_mut().is_none_or(|it| it.root_may_fold(&root));
        };
        match &last.dir {
            Kept::Open(dir) => *last.may_fold.get_or_insert_with(|| Spelling::may_fold(dir)),
            Kept::Closed(_) => true,
        }
    }

    /// Whether the directory opened last was made here just before, so that no file in it needs to
    /// be looked for. An entry that somebody else has made there since is replaced like any other.
    pub(crate) fn is_new(&self) -> bool {
        self.way.last().is_some_and(|last| last.is_new)
    }

    /// Whether a directory was made in the one opened last.
    pub(crate) fn has_directories(&self) -> bool {
        self.way.last().is_some_and(|last| last.has_directories)
    }

    /// The directory at `path`; `None` where there is nothing.
    pub(crate) fn existing(&mut self, path: &str) -> Result<Option<Arc<Dir>>, Trouble> {
        self.descend(path, |_, _, _| Ok(Made::Nothing))
    }

    /// The directory at `path`, made where it is missing, as are those above it. A new one gets
    /// permission bits `mode`, but those that let its owner put something into it in any case.
    pub(crate) fn made(
        &mut self,
        path: &str,
        mode: Option<u32>,
        synced: bool,
    ) -> Result<Arc<Dir>, Trouble> {
        let found = self.descend(path, |above, name, is_last| {
            match above.create_dir_with(name, &builder(mode.filter(|_| is_last))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Ok(Made::Elsewhere);
                }
                Err(error) => return Err(error),
            }
            if synced {
                synchronise(above)?;
            }
            Ok(Made::Here)
        })?;
        found.ok_or(Trouble::from(Reason::NotFound))
    }

    /// What stands at `path`. Where something is stored: if it is spelled so.
    pub(crate) fn look(&mut self, path: &str) -> Result<Found, Trouble> {
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

    /// Goes down to `path`; where a directory is missing, `make` may make it, or the way ends.
    fn descend(
        &mut self,
        path: &str,
        make: impl Fn(&Dir, &str, bool) -> io::Result<Made>,
    ) -> Result<Option<Arc<Dir>>, Trouble> {
        let passed = |passed: &Passed| below(path, self.path_of(passed)).is_some();
        self.cut(self.way.partition_point(passed));
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
                    Made::Here => is_new = true,
                    Made::Elsewhere => {}
                }
                next = step(&dir, name)?;
            }
            let Some(next) = next else { return Ok(None) };
            if !is_new {
                self.check_spelling(&dir, name, false)?;
            } else if let Some(above) = self.way.last_mut() {
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

    /// A name was found in the directory opened last: is it spelled so there? `replaces`: whether a
    /// file would be replaced.
    fn check_spelling(&mut self, dir: &Dir, name: &str, replaces: bool) -> Result<(), Trouble> {
        let Some(spelling) = &mut self.spelling else { return Ok(()) };
        let may_fold = match self.way.last_mut() {
            Some(last) => *last.may_fold.get_or_insert_with(|| Spelling::may_fold(dir)),
            None => spelling.root_may_fold(dir),
        };
        if may_fold { spelling.check(dir, &self.path, name, replaces) } else { Ok(()) }
    }

    fn path_of(&self, passed: &Passed) -> &str {
        self.path.get(..passed.length).unwrap_or_default()
    }

    /// Forgets all but the first directories on the way.
    fn cut(&mut self, count: usize) {
        self.way.truncate(count);
        self.path.truncate(self.way.last().map_or(0, |last| last.length));
    }

    fn push(&mut self, name: &str, dir: Arc<Dir>, is_new: bool) {
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        let (length, dir) = (self.path.len(), Kept::Open(dir));
        self.way.push(Passed { length, dir, is_new, has_directories: false, may_fold: None });
        self.close_far();
    }

    /// Closes all but the last directories on the way.
    fn close_far(&mut self) {
        let far = self.way.len().saturating_sub(KEPT_OPEN);
        for passed in self.way.iter_mut().take(far).rev() {
            let Kept::Open(dir) = &passed.dir else { return };
            passed.dir = Kept::Closed(dir.dir_metadata().ok().and_then(|found| id_of(&found)));
        }
    }

    /// The directory at the end of the way, opened again if need be. One that is not the same any
    /// more is not new; where one is missing the way ends above.
    fn reopen(&mut self) -> Result<Arc<Dir>, Trouble> {
        let is_open = |passed: &Passed| matches!(passed.dir, Kept::Open(_));
        let first = self.way.iter().rposition(is_open).map_or(0, |last| last + 1);
        let mut dir = match first.checked_sub(1).and_then(|last| self.way.get(last)) {
            Some(Passed { dir: Kept::Open(dir), .. }) => Arc::clone(dir),
            _ => Arc::clone(&self.root),
        };
        let mut from = match first.checked_sub(1).and_then(|last| self.way.get(last)) {
            Some(passed) => passed.length,
            None => 0,
        };
        let far = self.way.len().saturating_sub(KEPT_OPEN);
        for index in first..self.way.len() {
            let Some(passed) = self.way.get_mut(index) else { break };
            let name = self.path.get(from..passed.length).unwrap_or_default();
            from = passed.length;
            let Some(next) = step(&dir, name.trim_start_matches('/'))? else {
                self.cut(index);
                break;
            };
            let found = next.dir_metadata().ok().and_then(|found| id_of(&found));
            if !matches!(&passed.dir, Kept::Closed(id) if *id == found && id.is_some()) {
                passed.is_new = false;
                passed.may_fold = None;
            }
            dir = Arc::new(next);
            // Those far above are only passed.
            passed.dir = match index < far {
                true => Kept::Closed(found),
                false => Kept::Open(Arc::clone(&dir)),
            };
        }
        Ok(dir)
    }
}
