//! The errors of opening a port in sentences: who uses it, and who may.

use std::io::{self, ErrorKind};
use std::path::Path;
#[cfg(unix)]
use std::time::{Duration, SystemTime};

use crate::transport::serial::select;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod users;

/// The age at which a device file has its permission bits.
#[cfg(unix)]
const NEW_FILE: Duration = Duration::from_secs(2);

/// An error of opening the port at `path`, with its cause and the remedy.
pub(super) fn explained(path: &str, error: io::Error) -> io::Error {
    #[cfg(unix)]
    if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::NOTTY) {
        return io::Error::new(ErrorKind::InvalidInput, "it is no serial port");
    }
    match error.kind() {
        ErrorKind::NotFound => with(&error, &select::others()),
        ErrorKind::ResourceBusy => in_use(path),
        #[cfg(unix)]
        ErrorKind::PermissionDenied => with(&error, &permission(path).unwrap_or_default()),
        _ => error,
    }
}

fn with(error: &io::Error, clause: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{}{clause}", crate::describe::os_error(error)))
}

/// The error of a port that another program uses.
pub(super) fn in_use(path: &str) -> io::Error {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let message = match users::holders(path)[..] {
        [] => format!(
            "another program uses it, which this user may not see; \"sudo fuser -v {}\" shows it",
            path.escape_debug()
        ),
        [ref holder] if holder.is_this() => "this program uses it already".to_owned(),
        ref holders => format!("another program uses it: {}", users::list(holders)),
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let message = {
        let _ = path;
        "another program uses it"
    };
    io::Error::new(ErrorKind::ResourceBusy, message)
}

/// The other programs that have the port at `path` open, as far as the system shows them.
#[cfg(unix)]
pub(super) fn other_users(path: &str) -> Option<String> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let others = Some(users::openers(path)).filter(|others| !others.is_empty());
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let others = others.map(|others| users::list(&others));
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let others = {
        let _ = path;
        None
    };
    others
}

/// Whether the device file has only just been made: its permission bits may not be those that it will have.
pub(super) fn is_new(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let age = std::fs::metadata(path).ok().and_then(|found| {
            let (seconds, part) =
                (found.ctime().try_into().ok()?, found.ctime_nsec().try_into().ok()?);
            SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, part))?.elapsed().ok()
        });
        age.is_some_and(|age| age < NEW_FILE)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Who may use the port at `path`, and how this user becomes one of them.
#[cfg(unix)]
fn permission(path: &str) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    let user = rustix::process::geteuid();
    if user.is_root() {
        // The system does not ask for permission bits: a container has no right to the device.
        return Some("; a container must be given the device".to_owned());
    }
    let group = uzers::get_group_by_gid(found.gid());
    let name = group.map(|group| group.name().to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| found.gid().to_string());
    let name = name.escape_debug();
    let mut groups = rustix::process::getgroups().unwrap_or_default();
    groups.push(rustix::process::getegid());
    let is_in_login = groups.iter().any(|group| group.as_raw() == found.gid());
    if found.mode() & 0o060 != 0o060 || found.gid() == 0 || is_in_login {
        let owner = uzers::get_user_by_uid(found.uid());
        let owner = owner.map(|owner| owner.name().to_string_lossy().into_owned());
        let owner = owner.unwrap_or_else(|| found.uid().to_string());
        let (owner, mode) = (owner.escape_debug(), found.mode() & 0o777);
        return Some(format!(
            "; it belongs to the user \"{owner}\" and the group \"{name}\", and its permission bits are {mode:03o}"
        ));
    }
    let is_member = uzers::get_user_by_uid(user.as_raw())
        .and_then(|user| uzers::get_user_groups(user.name(), user.primary_group_id()))
        .is_some_and(|groups| groups.iter().any(|group| group.gid() == found.gid()));
    let remedy = match (is_member, cfg!(any(target_os = "linux", target_os = "android"))) {
        (true, _) => {
            "this user is in that group since the last login: log out and in again".to_owned()
        }
        (false, true) => format!(
            "this user is not in that group: run \"sudo usermod -aG {name} $USER\", then log out and in again"
        ),
        (false, false) => "add this user to that group, then log out and in again".to_owned(),
    };
    Some(format!("; it belongs to the group \"{name}\", and {remedy}"))
}
