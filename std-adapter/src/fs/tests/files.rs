//! Files and directories on the disk, as tests make and read them.

use super::*;

pub(super) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn modified(path: &Path) -> i64 {
    let metadata = fs::symlink_metadata(path).unwrap();
    metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()
}

pub(super) fn set_modified(path: &Path, nanoseconds: u64) {
    let time = std::time::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Not by a program: a process between fork and exec has the locks of all tests.
pub(super) fn make_fifo(path: &Path) {
    use rustix::fs::{CWD, Mode, mkfifoat};
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

/// All names in a directory, sorted.
pub(super) fn listing(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
