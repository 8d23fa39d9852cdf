//! Removals from directories whose permission bits forbid their owner to change them. They have their bits again
//! afterwards.

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use super::RecvStore;
use crate::fs::error::StoreError;
use crate::fs::names::split;
use crate::fs::sys::dir_cursor::{admit_owner, restricted_mode, set_directory_mode};

impl RecvStore {
    /// Changes the directory `dir` at `path` by `work`. If its bits forbid that, its owner may do it for this time.
    pub(super) fn change<T>(
        &mut self,
        path: &str,
        dir: &Dir,
        work: impl Fn(&Dir) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = work(dir);
        let (parent, name) = split(path);
        let is_denied = matches!(&result, Err(error) if error.reason == Reason::NoPermission);
        if !is_denied || name.is_empty() {
            return result;
        }
        let Some(mode) = restricted_mode(dir) else { return result };
        let Ok(Some(above)) = self.cursor.existing(parent) else { return result };
        admit_owner(&above, name, dir)?;
        // The error of the work says more than that of the bits.
        let result = work(dir);
        let restored = set_directory_mode(&above, name, mode);
        result.and_then(|value| Ok(restored.map(|()| value)?))
    }
}
