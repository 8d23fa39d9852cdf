//! Small files that have no name until they are whole: nothing stands under a partial name, to be
//! locked and looked after. Only Linux has them; elsewhere, and on file systems without, every
//! file goes the long way.

#![cfg_attr(not(target_os = "linux"), expect(dead_code))]

use std::io::{self, ErrorKind};
use std::sync::Arc;

use cap_std::fs::Dir;

/// Makes them.
#[derive(Debug, Default)]
pub(super) struct Nameless {
    /// That it cannot be done here was seen.
    is_impossible: bool,
    /// Where a file was seen to get the very permission bits that it was made with, and which.
    kept: Option<(Arc<Dir>, u32)>,
}

/// Everything that a file gets.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) mode: Option<u32>,
    pub(super) modified: Option<i64>,
}

impl Nameless {
    pub(super) fn is_impossible(&self) -> bool {
        self.is_impossible
    }

    /// That it cannot be done here was seen by another.
    pub(super) fn give_up(&mut self) {
        self.is_impossible = true;
    }

    /// Puts a file into `dir` as `name`. Whether it stands there now: not where there is something
    /// already, nor for any other reason; the long way finds out which, and says so.
    pub(super) fn put(&mut self, dir: &Arc<Dir>, name: &str, whole: &Whole<'_>) -> bool {
        if self.is_impossible {
            return false;
        }
        let result = self.try_to_put(dir, name, whole);
        self.is_impossible =
            result.as_ref().is_err_and(|error| error.kind() != ErrorKind::AlreadyExists);
        result.is_ok()
    }

    #[cfg(target_os = "linux")]
    fn try_to_put(&mut self, dir: &Arc<Dir>, name: &str, whole: &Whole<'_>) -> io::Result<()> {
        use std::fs::File;

        use cap_std::fs::Metadata;
        use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat};

        use super::buffer::write_all_at;
        use super::facts::{Facts, set_mode, set_time};

        let Whole { bytes, mode, modified } = *whole;
        // Nobody may read it who may not in the end.
        let made_with = mode.map_or(0o666, |mode| mode & 0o777 | 0o600);
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = File::from(openat(dir, c".", flags, Mode::from_raw_mode(made_with))?);
        write_all_at(&file, bytes, 0)?;
        let keeps = |(kept, bits): &(_, u32)| Arc::ptr_eq(kept, dir) && mode == Some(*bits);
        if !self.kept.as_ref().is_some_and(keeps) {
            let now = Metadata::from_file(&file)?;
            set_mode(&file, &now, mode)?;
            let kept = mode.filter(|mode| Facts::of(&now).mode == Some(*mode));
            self.kept = kept.map(|mode| (Arc::clone(dir), mode));
        }
        set_time(&file, modified)?;
        Ok(linkat(&file, c"", dir, name, AtFlags::EMPTY_PATH)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn try_to_put(&mut self, _: &Arc<Dir>, _: &str, _: &Whole<'_>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
