//! Errors of this end: the reason for the wire, and a detail for people. Maps the errors of the operating
//! system to reasons.

use std::io::{Error, ErrorKind};

use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::event::{Direction, Event, Observer};

/// An error of the store.
#[derive(Debug, Clone)]
pub(crate) struct StoreError {
    pub(crate) reason: Reason,
    /// A clause; empty if the reason is enough.
    pub(crate) detail: String,
}

impl StoreError {
    pub(crate) fn new(reason: Reason, detail: &str) -> Self {
        Self { reason, detail: detail.to_owned() }
    }

    /// Reports the failure of `path`; returns the error for the other end.
    pub(crate) fn report(
        self,
        path: &str,
        direction: Direction,
        observer: &mut impl Observer,
    ) -> Self {
        let (reason, detail) = (self.reason, &self.detail);
        observer.event(Event::Failed { path, direction, reason, detail, at_peer: false });
        self
    }
}

impl From<Reason> for StoreError {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: String::new() }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        // The other reasons need no detail.
        let reason = reason_of(&error);
        let has_words = [Reason::Storage, Reason::ReadOnly].contains(&reason);
        let detail = if has_words { describe::os_error(&error) } else { String::new() };
        Self { reason, detail }
    }
}

fn reason_of(error: &Error) -> Reason {
    #[cfg(unix)]
    if let Some(errno) = rustix::io::Errno::from_io_error(error) {
        use rustix::io::Errno;
        // A link that is not followed; then a FIFO or a socket that was opened without blocking.
        if errno == Errno::LOOP {
            return Reason::SymbolicLink;
        }
        if errno == Errno::NXIO || errno == Errno::OPNOTSUPP {
            return Reason::NotRegular;
        }
    }
    match error.kind() {
        ErrorKind::NotFound => Reason::NotFound,
        // A capability's own refusal has no number of the operating system.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Reason::BadPath,
        ErrorKind::PermissionDenied => Reason::NoPermission,
        ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Reason::NoSpace,
        ErrorKind::FileTooLarge => Reason::TooLarge,
        ErrorKind::InvalidFilename => Reason::NameTooLong,
        ErrorKind::NotADirectory => Reason::NotDirectory,
        ErrorKind::IsADirectory => Reason::IsDirectory,
        _ => Reason::Storage,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use cap_std::ambient_authority;
    use cap_std::fs::Dir;
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn errors_of_the_system_have_reasons() {
        for (errno, reason) in [
            (Errno::NOENT, Reason::NotFound),
            (Errno::ACCESS, Reason::NoPermission),
            (Errno::PERM, Reason::NoPermission),
            (Errno::ROFS, Reason::ReadOnly),
            (Errno::NOSPC, Reason::NoSpace),
            (Errno::DQUOT, Reason::NoSpace),
            (Errno::FBIG, Reason::TooLarge),
            (Errno::NAMETOOLONG, Reason::NameTooLong),
            (Errno::LOOP, Reason::SymbolicLink),
            (Errno::NXIO, Reason::NotRegular),
            (Errno::NOTDIR, Reason::NotDirectory),
            (Errno::ISDIR, Reason::IsDirectory),
            (Errno::IO, Reason::Storage),
        ] {
            let error = StoreError::from(Error::from(errno));
            assert_eq!(error.reason, reason);
            let has_words = [Reason::Storage, Reason::ReadOnly].contains(&reason);
            assert_eq!(error.detail.is_empty(), !has_words);
        }
        let dir = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(dir.path(), ambient_authority()).unwrap();
        let escape = dir.open("../x").unwrap_err();
        assert_eq!(StoreError::from(escape).reason, Reason::BadPath);
    }
}
