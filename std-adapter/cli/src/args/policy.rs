//! Options about how received files are stored.

use tinyferry::fs::{Chmod, Existing, Owner, Policy};

use crate::exit::{CliError, Exit};

#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// Change the permission bits of received files and directories: "640", "D755,F644" for directories and
    /// files, "go-w", "a+X"
    #[arg(long, value_name = "MODE")]
    chmod: Option<Chmod>,
    /// Remove these permission bits from received files and directories, before --chmod: "027"
    #[arg(long, value_name = "OCTAL", value_parser = octal)]
    umask: Option<u32>,
    /// Give received files and directories to a user and a group; only root can do that
    #[arg(long, value_name = "USER:GROUP", value_parser = owner)]
    chown: Option<Owner>,
    /// Refuse a file whose name another file has, unless it is the same
    #[arg(long)]
    no_replace: bool,
}

impl PolicyArgs {
    /// `keep_both`: a file whose name another file has gets another name.
    pub(crate) fn policy(&self, keep_both: bool) -> Result<Policy, CliError> {
        if self.chown.is_some() && !is_root() {
            let sentence = "--chown: only root can give files to another user";
            return Err(CliError::new(Exit::Usage, sentence));
        }
        let mut chmod = self.chmod.clone().unwrap_or_default();
        if let Some(umask) = self.umask {
            chmod = chmod.with_umask(umask);
        }
        let existing = match (self.no_replace, keep_both) {
            (true, _) => Existing::Refuse,
            (_, true) => Existing::KeepBoth,
            _ => Existing::Replace,
        };
        let owner = self.chown.unwrap_or_default();
        Ok(Policy { chmod, owner, existing, ..Policy::default() })
    }
}

fn octal(text: &str) -> Result<u32, String> {
    let bits = u32::from_str_radix(text, 8).ok().filter(|bits| *bits <= 0o777);
    bits.ok_or_else(|| "an octal number up to 777".to_owned())
}

/// Reads `USER`, `USER:GROUP` or `:GROUP`; each is a name or a number.
fn owner(text: &str) -> Result<Owner, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let id = |name: &str, what: &str, find: fn(&str) -> Option<u32>| match name {
        "" => Ok(None),
        _ => match find(name).or_else(|| name.parse().ok()) {
            // This number means "unchanged".
            None | Some(u32::MAX) => Err(format!("there is no {what} \"{}\"", name.escape_debug())),
            id => Ok(id),
        },
    };
    if user.is_empty() && group.is_empty() {
        return Err("a user, a group after a colon, or both".to_owned());
    }
    Ok(Owner { user: id(user, "user", user_id)?, group: id(group, "group", group_id)? })
}

#[cfg(unix)]
fn user_id(name: &str) -> Option<u32> {
    uzers::get_user_by_name(name).map(|user| user.uid())
}

#[cfg(unix)]
fn group_id(name: &str) -> Option<u32> {
    uzers::get_group_by_name(name).map(|group| group.gid())
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn user_id(_: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn group_id(_: &str) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_name_or_a_number() {
        let of = |user, group| Ok(Owner { user, group });
        assert_eq!(owner("root:root"), of(Some(0), Some(0)));
        assert_eq!(owner("root"), of(Some(0), None));
        assert_eq!(owner("12:34"), of(Some(12), Some(34)));
        assert_eq!(owner(":34"), of(None, Some(34)));
        for wrong in ["", ":", "no such user", "1:no such group", "4294967295", "-1"] {
            assert!(owner(wrong).is_err(), "{wrong}");
        }
    }
}
