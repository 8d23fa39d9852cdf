//! Finds the partial files of interrupted transfers, and removes old ones. Locked files stay: a transfer
//! writes to them.

use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

use cap_std::fs::{Dir, Metadata};
use tinyferry_core::error::Reason;

use crate::describe;
use crate::fs::error::StoreError;
use crate::fs::names::join;
use crate::fs::names::partial_name;
use crate::fs::root::Root;
use crate::fs::sys::dir_cursor::{Id, id_of, open_below, open_file};
use crate::fs::sys::lock::Lock;
use crate::fs::sys::metadata::allocated;

/// A partial file, of an interrupted transfer or of one that writes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its own path below the root. Names come from a file system: escape them before showing.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How long ago it was last written to.
    pub age: Duration,
    /// Whether a transfer is writing to it: then it is not removed.
    pub is_in_use: bool,
    /// The bytes that its content occupies, without its holes.
    pub(crate) occupied: u64,
    /// The identity of the file.
    pub(crate) id: Option<Id>,
}

/// Finds all partial files below `root`. Calls `visit` for each; it returns whether to remove the file, if
/// no transfer is writing to it. Returns the number of removed files. Calls `failed` with the action
/// (`read`, `remove`), the path, and the reason for each directory or file below `root` where it fails.
///
/// # Errors
/// Those of `root` itself.
pub fn leftovers(
    root: &Root,
    visit: impl FnMut(&Leftover) -> bool,
    failed: impl FnMut(&str, &str, &str),
) -> io::Result<u64> {
    leftovers_below(&root.0, visit, failed)
}

/// [`leftovers`] below an open directory.
pub(crate) fn leftovers_below(
    root: &Dir,
    mut visit: impl FnMut(&Leftover) -> bool,
    mut failed: impl FnMut(&str, &str, &str),
) -> io::Result<u64> {
    let mut removed = 0;
    // Paths, and not open directories: these could exceed the limit of open files.
    let mut waiting = vec![String::new()];
    while let Some(path) = waiting.pop() {
        let opened = open_below(root, &path);
        let (dir, entries) = match opened.and_then(|dir| dir.entries().map(|all| (dir, all))) {
            Ok(opened) => opened,
            Err(error) if path.is_empty() => return Err(error),
            Err(error) => {
                report("read", &path, error.into(), &mut failed);
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    report("read", &path, error.into(), &mut failed);
                    break;
                }
            };
            let Ok(name) = entry.file_name().into_string() else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                waiting.push(join(&path, &name));
            } else if kind.is_file() && partial_name::is_name(&name) {
                let (locked, leftover) = match inspect(&dir, &path, &name) {
                    Ok(found) => found,
                    Err(error) => {
                        report("read", &join(&path, &name), error, &mut failed);
                        continue;
                    }
                };
                if visit(&leftover) && locked.is_some() {
                    match dir.remove_file(&name) {
                        Ok(()) => removed += 1,
                        Err(error) => report("remove", &leftover.path, error.into(), &mut failed),
                    }
                }
                // The lock kept transfers from the file until here.
                drop(locked);
            }
        }
    }
    Ok(removed)
}

/// Reports an error, unless the entry was removed meanwhile.
fn report(action: &str, path: &str, error: StoreError, failed: &mut impl FnMut(&str, &str, &str)) {
    if error.reason != Reason::NotFound {
        failed(action, path, &describe::failure(error.reason, &error.detail, false));
    }
}

/// A partial that is open and locked.
type Locked = (File, Lock);

/// Locks a partial, unless a transfer has it.
fn inspect(dir: &Dir, path: &str, name: &str) -> Result<(Option<Locked>, Leftover), StoreError> {
    let (file, opened) = open_file(dir, name)?;
    let lock = Lock::take(&file, &opened);
    let metadata = Metadata::from_file(&file)?;
    let modified = metadata.modified().ok().map(|at| at.into_std());
    let age = modified.and_then(|at| SystemTime::now().duration_since(at).ok());
    let (path, bytes, occupied) = (join(path, name), metadata.len(), allocated(&metadata));
    let (age, id, is_in_use) = (age.unwrap_or_default(), id_of(&opened), lock.is_none());
    let locked = lock.map(|lock| (file, lock));
    Ok((locked, Leftover { path, bytes, age, is_in_use, occupied, id }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn many_directories_are_not_open_at_once() {
        let place = tempfile::tempdir().unwrap();
        for number in 0..200 {
            let below = place.path().join(format!("{number}/below/more"));
            fs::create_dir_all(&below).unwrap();
            fs::write(below.join(".x.tinyferry-part"), "").unwrap();
        }
        let root = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let inside = place.path().canonicalize().unwrap();
        let open = || {
            let all = fs::read_dir("/proc/self/fd").unwrap().flatten();
            let targets = all.filter_map(|entry| fs::read_link(entry.path()).ok());
            targets.filter(|target| target.starts_with(&inside)).count()
        };
        let mut most = 0;
        let removed = leftovers_below(
            &root,
            |_| {
                most = most.max(open());
                true
            },
            |_, _, _| {},
        );
        assert_eq!(removed.unwrap(), 200);
        assert!(most <= 5, "{most} were open");
    }

    #[test]
    fn old_partials_are_removed_and_locked_ones_stay() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        let names = [".x.tinyferry-part", "a/.y.tinyferry-part", "a/b/.z.tinyferry-part"];
        for name in names.into_iter().chain(["a/y", "a/.hidden"]) {
            fs::write(path(name), "12345").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("/", path("out")).unwrap();
        let old = SystemTime::now() - Duration::from_secs(1000);
        for name in &names[..2] {
            let file = File::options().write(true).open(path(name)).unwrap();
            file.set_modified(old).unwrap();
        }
        let taken = File::open(path(names[0])).unwrap();
        taken.lock().unwrap();

        let root = Dir::open_ambient_dir(place.path(), ambient_authority()).unwrap();
        let mut found = Vec::new();
        let removed = leftovers_below(
            &root,
            |leftover| {
                assert_eq!(leftover.bytes, 5);
                assert_eq!(leftover.is_in_use, leftover.path == names[0]);
                found.push(leftover.path.clone());
                leftover.age > Duration::from_secs(500)
            },
            |_, _, _| {},
        );
        found.sort();
        assert_eq!((removed.unwrap(), found), (1, names.map(ToOwned::to_owned).to_vec()));
        assert!(!path(names[1]).exists());
        for name in [names[0], names[2], "a/y", "a/.hidden"] {
            assert!(path(name).exists(), "{name}");
        }
    }
}
