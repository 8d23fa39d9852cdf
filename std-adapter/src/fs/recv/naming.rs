//! Gives complete files their names: replaces a file of the name, refuses, or takes another name. Knows nothing
//! of content.

use std::borrow::Cow;
use std::io::{self, ErrorKind};

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::policy::Existing;
use crate::fs::sys::dir_cursor::{Found, look};

/// The largest number behind a name.
const MAX_NUMBER: u32 = 9_999;

/// The name itself, then `NAME~1` and so on.
pub(crate) fn candidates(name: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let numbered = (1..=MAX_NUMBER).map(move |number| Cow::Owned(format!("{name}~{number}")));
    std::iter::once(Cow::Borrowed(name)).chain(numbered)
}

/// The name beside which a file of this name is kept: `NAME` for `NAME~1`. `None`: it is no such name.
pub(crate) fn original(name: &str) -> Option<&str> {
    let (original, number) = name.rsplit_once('~')?;
    let is_number = number
        .parse()
        .is_ok_and(|value: u32| (1..=MAX_NUMBER).contains(&value) && value.to_string() == number);
    (is_number && !original.is_empty()).then_some(original)
}

/// Why a file is not stored.
pub(crate) fn exists() -> StoreError {
    Reason::Exists.into()
}

/// Renames the file `from` in `dir` to `name`. Returns its final name.
pub(crate) fn rename<'a>(
    dir: &Dir,
    from: &str,
    name: &'a str,
    existing: Existing,
) -> Result<Cow<'a, str>, StoreError> {
    if existing == Existing::Replace {
        dir.rename(from, dir, name)?;
        return Ok(Cow::Borrowed(name));
    }
    first_free(name, existing, |name| rename_new(dir, from, dir, name))
}

/// Calls `take` with the names that the policy allows, until one is free.
pub(crate) fn first_free<'a>(
    name: &'a str,
    existing: Existing,
    mut take: impl FnMut(&str) -> io::Result<()>,
) -> Result<Cow<'a, str>, StoreError> {
    let most = if existing == Existing::KeepBoth { usize::MAX } else { 1 };
    for name in candidates(name).take(most) {
        match take(&name) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(exists())
}

/// Renames the entry `from` of `dir` to `name` in `target`, and replaces nothing.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`], if an entry has the name.
pub(crate) fn rename_new(dir: &Dir, from: &str, target: &Dir, name: &str) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;

        match renameat_with(dir, from, target, name, RenameFlags::NOREPLACE) {
            // The file system, or an older kernel, cannot do that; or a directory would go below itself.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return Ok(result?),
        }
    }
    match dir.hard_link(from, target, name) {
        Ok(()) => return dir.remove_file(from),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    // Without links another program may take the name between these calls.
    match look(target, name)? {
        Found::Missing => dir.rename(from, target, name),
        _ => Err(ErrorKind::AlreadyExists.into()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn a_file_that_exists_is_replaced_kept_or_gets_company() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let read = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
        let put = |content: &str, existing| {
            fs::write(place.path().join("new"), content).unwrap();
            rename(&dir, "new", "f", existing).map(Cow::into_owned)
        };
        assert_eq!(put("1", Existing::Refuse).unwrap(), "f");
        assert_eq!(put("2", Existing::Refuse).unwrap_err().reason, Reason::Exists);
        assert_eq!((read("f").as_str(), read("new").as_str()), ("1", "2"));
        assert_eq!(put("3", Existing::KeepBoth).unwrap(), "f~1");
        assert_eq!(put("4", Existing::KeepBoth).unwrap(), "f~2");
        assert_eq!((read("f"), read("f~1"), read("f~2")), ("1".into(), "3".into(), "4".into()));
        assert_eq!(put("5", Existing::Replace).unwrap(), "f");
        assert_eq!(read("f"), "5");
    }

    #[test]
    fn the_names_of_kept_files_are_known() {
        for (name, expected) in
            [("f~1", Some("f")), ("f~1~9999", Some("f~1")), ("a b.c~20", Some("a b.c"))]
        {
            assert_eq!(original(name), expected, "{name}");
        }
        for name in ["f", "~1", "f~", "f~0", "f~01", "f~10000", "f~+1", "f~1.c"] {
            assert_eq!(original(name), None, "{name}");
        }
        for name in candidates("f").skip(1) {
            assert_eq!(original(&name), Some("f"));
        }
    }

    #[test]
    fn an_entry_of_another_directory_is_not_replaced() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("d")).unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let target = dir.open_dir("d").unwrap();
        for is_directory in [false, true] {
            let make = |path: &str| match is_directory {
                true => fs::create_dir(place.path().join(path)).unwrap(),
                false => fs::write(place.path().join(path), path).unwrap(),
            };
            make("from");
            make("d/to");
            let refused = rename_new(&dir, "from", &target, "to").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
            assert!(place.path().join("from").exists());
            rename_new(&dir, "from", &target, &format!("free{is_directory}")).unwrap();
            assert!(!place.path().join("from").exists());
            let _ = fs::remove_file(place.path().join("d/to"));
        }
    }

    #[test]
    fn a_link_of_the_name_is_not_replaced_either() {
        let place = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        std::os::unix::fs::symlink("nowhere", place.path().join("f")).unwrap();
        fs::write(place.path().join("new"), "1").unwrap();
        assert!(rename(&dir, "new", "f", Existing::Refuse).is_err());
        assert_eq!(rename(&dir, "new", "f", Existing::KeepBoth).unwrap(), "f~1");
        assert!(place.path().join("f").is_symlink());
    }
}
