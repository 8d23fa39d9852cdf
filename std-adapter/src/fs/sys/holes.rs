//! The holes of a file: parts that take no space and read as zeros.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use cap_std::fs::{Dir, Metadata, OpenOptions};

use crate::fs::names::partial_name::temporary;
use crate::fs::sys::metadata::allocated;
use crate::fs::sys::{sync_failures, undeletable};

/// A hole begins and ends on a multiple of it, in bytes, or with the file: so it is a whole number of blocks on any
/// link.
const UNIT: u64 = 1024;

/// The maximum number of parts that are counted when a file is opened.
const MAX_COUNTED: usize = 4096;

/// The holes of one file, as the file system reports them. Each part is queried once.
#[derive(Debug)]
pub(crate) struct Holes {
    /// The length of the file, in bytes.
    length: u64,
    /// The bytes that are in no hole.
    pub(crate) content: u64,
    /// The part that was found last.
    filled: Range<u64>,
    hole: Range<u64>,
}

impl Holes {
    /// Those of a file of `length` bytes that takes `allocated` bytes of space; `None` if it has none. A compressed
    /// file has none either.
    pub(crate) fn of(file: &File, length: u64, allocated: u64) -> Option<Self> {
        if allocated >= length {
            return None;
        }
        let mut holes = Self { length, content: 0, filled: 0..0, hole: 0..0 };
        holes.content = holes.count(file);
        (holes.content < length).then_some(holes)
    }

    /// Counts the bytes that are in no hole; past many parts, all are.
    fn count(&mut self, file: &File) -> u64 {
        let (mut content, mut position) = (0, 0);
        for _ in 0..MAX_COUNTED {
            if position >= self.length {
                break;
            }
            let end = match find(file, position, self.length) {
                Found::Hole(end) => end,
                Found::Content(end) => {
                    content += end.min(self.length) - position;
                    end
                }
            };
            position = end;
        }
        content + self.length.saturating_sub(position)
    }

    /// The number of zeros at `position`, if there is a hole. If the file system reports no holes, all is content.
    pub(crate) fn at(&mut self, file: &File, position: u64) -> Option<u64> {
        if self.filled.contains(&position) || position >= self.length {
            return None;
        }
        if !self.hole.contains(&position) {
            match find(file, position, self.length) {
                Found::Hole(end) => {
                    let end = if end < self.length { end - end % UNIT } else { self.length };
                    self.hole = position.next_multiple_of(UNIT)..end;
                }
                Found::Content(end) => self.filled = position..end,
            }
        }
        self.hole.contains(&position).then(|| self.hole.end - position)
    }
}

/// The length of the file that shows whether a file system keeps holes, in bytes.
const PROBED: u64 = 1 << 20;

/// Whether file systems keep holes, by their numbers. Each is probed once.
#[derive(Debug, Default)]
pub(crate) struct HoleSupport(BTreeMap<u64, bool>);

impl HoleSupport {
    /// Whether the file system of `dir` keeps holes. If that cannot be found out, it does not.
    pub(crate) fn is_in(&mut self, dir: &Dir) -> bool {
        let Ok(metadata) = dir.dir_metadata() else { return false };
        let probe = || keeps_holes(dir).unwrap_or(false);
        *self.0.entry(sync_failures::device(&metadata)).or_insert_with(probe)
    }
}

/// Makes a file that is one hole, and removes it.
fn keeps_holes(dir: &Dir) -> io::Result<bool> {
    if undeletable::check(dir).is_err() {
        return Ok(false);
    }
    let name = temporary("hole")?;
    let file = dir.open_with(&name, OpenOptions::new().write(true).create_new(true))?.into_std();
    let probed = file.set_len(PROBED).and_then(|()| Metadata::from_file(&file));
    dir.remove_file(&name)?;
    Ok(allocated(&probed?) < PROBED / 2)
}

/// The part of a file at a position, with its end.
enum Found {
    #[cfg_attr(
        not(any(
            target_os = "linux",
            target_os = "android",
            target_os = "macos",
            target_os = "freebsd"
        )),
        expect(dead_code)
    )]
    Hole(u64),
    Content(u64),
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "freebsd"))]
fn find(file: &File, position: u64, length: u64) -> Found {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    // Reads and writes name their positions: the offset of the file is not used.
    match seek(file, SeekFrom::Data(position)) {
        Ok(content) if content > position => Found::Hole(content.min(length)),
        Err(Errno::NXIO) => Found::Hole(length),
        Ok(content) if content == position => match seek(file, SeekFrom::Hole(position)) {
            Ok(hole) if hole > position => Found::Content(hole),
            _ => Found::Content(length),
        },
        _ => Found::Content(length),
    }
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "freebsd"
)))]
fn find(_: &File, _: u64, length: u64) -> Found {
    Found::Content(length)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn holes_of(file: &File) -> Vec<Range<u64>> {
        let length = file.metadata().unwrap().len();
        let Some(mut holes) = Holes::of(file, length, 0) else { return Vec::new() };
        let (mut position, mut found) = (0, Vec::new());
        while position < length {
            match holes.at(file, position) {
                Some(length) => {
                    found.push(position..position + length);
                    position += length;
                }
                None => position += 512,
            }
        }
        let zeros: u64 = found.iter().map(|hole| hole.end - hole.start).sum();
        assert!(zeros <= length - holes.content && zeros + 2048 * 8 > length - holes.content);
        found
    }

    #[test]
    fn holes_are_found_with_whole_blocks_and_content_is_none() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(holes_of(&file), []);
        file.write_all_at(&[1; 5_000], 0).unwrap();
        assert_eq!(holes_of(&file), []);
        file.set_len(10_000_001).unwrap();
        file.write_all_at(&[2; 10], 5_000_000).unwrap();
        let found = holes_of(&file);
        if found.is_empty() {
            return println!("skipped: this file system has no holes");
        }
        let mut content = vec![0; 10_000_001];
        file.read_exact_at(&mut content, 0).unwrap();
        let mut zeros = 0;
        for Range { start, end } in &found {
            assert!(start % 1024 == 0 && (end % 1024 == 0 || *end == 10_000_001));
            assert!(content[*start as usize..*end as usize].iter().all(|byte| *byte == 0));
            zeros += end - start;
        }
        assert!(zeros > 9_500_000, "{found:?}");
    }

    #[test]
    fn a_file_without_content_is_one_hole() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(70_001).unwrap();
        let found = holes_of(&file);
        assert!(found.is_empty() || found.first() == Some(&(0..70_001)), "{found:?}");
    }

    #[test]
    fn a_hole_that_is_shorter_than_a_block_is_content() {
        let mut holes = Holes { length: 9_000, content: 0, filled: 0..0, hole: 1_024..1_024 };
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[1; 9_000], 0).unwrap();
        assert_eq!(holes.at(&file, 1_024), None);
        assert_eq!(holes.filled, 1_024..9_000);
    }
}
