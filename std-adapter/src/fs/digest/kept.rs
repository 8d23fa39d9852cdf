//! The facts that a file system keeps, and how precisely it keeps times: known for its kind, or measured,
//! or guessed from times that it has given.

use std::io;

use cap_std::fs::{Dir, Metadata, OpenOptions};

use super::record::{Facts, Granularity};
use crate::fs::names::partial_name::temporary;
use crate::fs::sys::metadata::{FileMetadata, set_mode, set_time};
use crate::fs::sys::undeletable;

/// The number of entries whose times are read.
const SAMPLE: usize = 16;

/// A time whose digits are all needed, at an odd second.
const PROBE_TIME: i64 = 1_700_000_001_123_456_789;
/// Permission bits that no file gets by default.
const PROBE_MODE: u32 = 0o610;

/// The units of file systems, each of which divides the next.
const UNITS: [Granularity; 7] = [
    Granularity::NANOSECOND,
    Granularity::HUNDRED_NANOSECONDS,
    Granularity::MICROSECOND,
    Granularity::MILLISECOND,
    Granularity::TEN_MILLISECONDS,
    Granularity::SECOND,
    Granularity::TWO_SECONDS,
];

/// The facts of its files that a file system keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) facts: Facts,
    pub(crate) granularity: Granularity,
}

impl Kept {
    /// The facts that the file system of a source keeps.
    pub(crate) fn of_source(dir: &Dir) -> Self {
        known(dir).unwrap_or_else(|| guess(dir))
    }

    /// The same for a directory that files are stored in. May create a file there, with the name of a
    /// partial, and removes it.
    pub(crate) fn of_target(dir: &Dir) -> Self {
        known(dir).or_else(|| measure(dir)).unwrap_or_else(|| guess(dir))
    }

    fn all(granularity: Granularity) -> Self {
        Self { facts: possible(), granularity }
    }
}

/// The facts that this system has.
pub(crate) fn possible() -> Facts {
    if cfg!(unix) { Facts::ALL.with(Facts::LINKS) } else { Facts::ALL.without(Facts::MODE) }
}

/// The facts that file systems of this kind keep; `None`: they differ.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn known(dir: &Dir) -> Option<Kept> {
    /// XFS, Btrfs, tmpfs, ramfs, F2FS, bcachefs.
    const PRECISE: [u64; 6] =
        [0x5846_5342, 0x9123_683E, 0x0102_1994, 0x8584_58F6, 0xF2F5_2010, 0xCA45_1A4E];
    /// ext2 to ext4: seconds or nanoseconds.
    const EXT: u64 = 0xEF53;
    const FAT: u64 = 0x4D44;
    const EXFAT: u64 = 0x2011_BAB0;

    let found = rustix::fs::fstatfs(dir).ok()?;
    #[allow(clippy::unnecessary_cast, reason = "its type is another one on other machines")]
    let kind = found.f_type as u64 & 0xFFFF_FFFF;
    let without_mode = |granularity| {
        let facts = possible().without(Facts::MODE);
        Some(Kept { facts, granularity })
    };
    match kind {
        FAT => without_mode(Granularity::TWO_SECONDS),
        EXFAT => without_mode(Granularity::TEN_MILLISECONDS),
        EXT if guess(dir).granularity < Granularity::SECOND => {
            Some(Kept::all(Granularity::NANOSECOND))
        }
        EXT => Some(Kept::all(Granularity::SECOND)),
        _ => PRECISE.contains(&kind).then_some(Kept::all(Granularity::NANOSECOND)),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn known(_: &Dir) -> Option<Kept> {
    None
}

/// Sets and reads the facts of a new file; `None`: there can be none.
fn measure(dir: &Dir) -> Option<Kept> {
    undeletable::check(dir).ok()?;
    let name = temporary("probe").ok()?;
    let file = dir.open_with(&name, OpenOptions::new().write(true).create_new(true)).ok()?;
    let file = file.into_std();
    let kept = || -> io::Result<Kept> {
        let before = Metadata::from_file(&file)?;
        let is_set = set_mode(&file, &before, Some(PROBE_MODE)).is_ok();
        let time = set_time(&file, Some(PROBE_TIME)).ok();
        let after = FileMetadata::of(&Metadata::from_file(&file)?);
        let unit = time.and(after.modified).and_then(|found| unit_of(PROBE_TIME, found));
        let mut facts = possible();
        if !is_set || after.mode != Some(PROBE_MODE) {
            facts = facts.without(Facts::MODE);
        }
        if unit.is_none() {
            facts = facts.without(Facts::TIME);
        }
        Ok(Kept { facts, granularity: unit.unwrap_or(Granularity::NANOSECOND) })
    };
    let kept = kept();
    // A file that cannot be removed is empty, and another transfer removes it later.
    let _ = undeletable::remove(dir, &name, &file);
    kept.ok()
}

/// The unit by which `set` became `found`; `None`: by none.
fn unit_of(set: i64, found: i64) -> Option<Granularity> {
    let is_cut = |unit: &Granularity| {
        let cut = unit.round_down(set);
        found == cut || (*unit == Granularity::TWO_SECONDS && found == cut + unit.unit())
    };
    UNITS.into_iter().find(is_cut)
}

/// The largest unit of which all seen times are multiples.
fn guess(dir: &Dir) -> Kept {
    let entries = dir.entries().into_iter().flatten().flatten();
    let sample = entries.take(SAMPLE).filter_map(|entry| entry.metadata().ok());
    let times: Vec<_> = dir.dir_metadata().ok().into_iter().chain(sample).flat_map(given).collect();
    Kept::all(largest_unit(&times))
}

fn largest_unit(times: &[i64]) -> Granularity {
    let divides = |unit: &Granularity| {
        // A few seconds may be even by chance.
        let are_enough = *unit < Granularity::TWO_SECONDS || times.len() >= SAMPLE;
        are_enough && times.iter().all(|time| time % unit.unit() == 0)
    };
    let unit = UNITS.into_iter().rev().find(divides).filter(|_| !times.is_empty());
    unit.unwrap_or(Granularity::NANOSECOND)
}

/// The times that the file system has given to an entry itself, in nanoseconds: programs do not set them.
#[cfg(unix)]
fn given(metadata: Metadata) -> impl Iterator<Item = i64> {
    use cap_std::fs::MetadataExt;

    let nanoseconds =
        metadata.ctime_nsec().checked_add(metadata.ctime().checked_mul(1_000_000_000).unwrap_or(0));
    nanoseconds.into_iter()
}

#[cfg(not(unix))]
fn given(metadata: Metadata) -> impl Iterator<Item = i64> {
    FileMetadata::of(&metadata).modified.into_iter()
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use cap_std::ambient_authority;

    use super::*;

    fn open(directory: &tempfile::TempDir) -> Dir {
        Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap()
    }

    #[test]
    fn a_unit_is_found_by_the_digits_that_are_lost() {
        for unit in UNITS {
            assert_eq!(unit_of(PROBE_TIME, unit.round_down(PROBE_TIME)), Some(unit));
        }
        let rounded_up = 1_700_000_002 * 1_000_000_000;
        assert_eq!(unit_of(PROBE_TIME, rounded_up), Some(Granularity::TWO_SECONDS));
        for found in [PROBE_TIME + 1, 0, i64::MAX, i64::MIN] {
            assert_eq!(unit_of(PROBE_TIME, found), None);
        }
    }

    #[test]
    fn a_unit_is_guessed_if_all_times_are_multiples() {
        let second = 1_000_000_000;
        assert_eq!(largest_unit(&[]), Granularity::NANOSECOND);
        assert_eq!(largest_unit(&[PROBE_TIME, 4 * second]), Granularity::NANOSECOND);
        assert_eq!(largest_unit(&[PROBE_TIME - 89, 4 * second]), Granularity::HUNDRED_NANOSECONDS);
        assert_eq!(largest_unit(&[4 * second; 2]), Granularity::SECOND);
        assert_eq!(largest_unit(&[4 * second; SAMPLE]), Granularity::TWO_SECONDS);
        assert_eq!(largest_unit(&[5 * second; SAMPLE]), Granularity::SECOND);
    }

    #[test]
    fn a_measurement_leaves_no_file_and_agrees_with_the_known_granularity() {
        for directory in
            [tempfile::tempdir_in("/dev/shm"), tempfile::tempdir()].into_iter().flatten()
        {
            let dir = open(&directory);
            let measured = measure(&dir).unwrap();
            let known = known(&dir);
            assert!(known.is_none_or(|known| known == measured), "{known:?}, {measured:?}");
            assert_eq!(Kept::of_target(&dir), measured);
            assert_eq!(Kept::of_source(&dir).facts, Facts::ALL.with(Facts::LINKS));
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_directory_that_may_not_be_written_is_not_measured() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let dir = open(&directory);
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
        if rustix::process::geteuid().is_root() {
            println!("skipped: root may write everywhere");
        } else {
            assert_eq!(measure(&dir), None);
        }
        assert_eq!(Kept::of_target(&dir), Kept::of_source(&dir));
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
