//! Removals from directories whose permission bits forbid their owner to change them. They have their bits again
//! afterwards.

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::set_directory_mode;

impl RecvStore {
    /// Changes the directory `dir` at `path` by `work`. If its bits forbid that, its owner may do it for this time.
    pub(super) fn change<T>(
        &mut self,
        path: &str,
        dir: &Dir,
        work: impl Fn(&Dir) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = work(dir);
        let is_denied = matches!(&result, Err(error) if error.reason == Reason::NoPermission);
        let Some(mode) = is_denied.then(|| self.cursor.admit(path)).flatten() else {
            return result;
        };
        // The error of the work says more than that of the bits.
        let result = work(dir);
        let (parent, name) = split(path);
        let restored = match self.cursor.existing(parent)? {
            Some(above) => set_directory_mode(&above, name, mode),
            None => Ok(()),
        };
        result.and_then(|value| Ok(restored.map(|()| value)?))
    }
}
