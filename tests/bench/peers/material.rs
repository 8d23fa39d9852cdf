//! The files of the workloads, and the comparison of results. Knows nothing of transfers.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use crate::Done;

/// Files in one directory of a tree.
const SIDE_BY_SIDE: u64 = 100;

/// A file that repeats nowhere near.
pub(crate) fn file(path: &Path, length: u64) -> Done {
    let mut file = BufWriter::with_capacity(1 << 16, File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut left = length;
    while left > 0 {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let bytes = (state ^ state >> 29).to_le_bytes();
        let count = left.min(8) as usize;
        file.write_all(&bytes[..count])?;
        left -= count as u64;
    }
    Ok(file.flush()?)
}

/// A tree of this number of small files, of 100 to 4,000 bytes each, a hundred to a directory.
pub(crate) fn tree(root: &Path, files: u64) -> Done {
    fs::create_dir(root)?;
    let content: Vec<u8> =
        (0..4100u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for number in 0..files {
        let dir = root.join(format!("{:05}", number / SIDE_BY_SIDE));
        if number % SIDE_BY_SIDE == 0 {
            fs::create_dir(&dir)?;
        }
        let length = 100 + (number * 1_327 % 3_901) as usize;
        let skip = (number % 97) as usize;
        fs::write(dir.join(format!("{number:06}.txt")), &content[skip..skip + length])?;
    }
    Ok(())
}

/// Whether two files, or two trees, have the same content.
pub(crate) fn same(one: &Path, other: &Path) -> Done {
    if one.is_dir() {
        let mut names: Vec<_> =
            fs::read_dir(one)?.map(|entry| Ok(entry?.file_name())).collect::<Done<_>>()?;
        names.sort();
        if fs::read_dir(other)?.count() != names.len() {
            return Err("the trees differ".into());
        }
        return names.iter().try_for_each(|name| same(&one.join(name), &other.join(name)));
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Err("the lengths differ".into());
    }
    let (mut left, mut right) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let count = one.read(&mut left)?;
        other.read_exact(&mut right[..count])?;
        if left[..count] != right[..count] {
            return Err("the contents differ".into());
        }
        if count == 0 {
            return Ok(());
        }
    }
}

/// Takes away all that is in a directory.
pub(crate) fn clear(dir: &Path) -> Done {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(())
}

/// Whether there is room for this number of bytes.
pub(crate) fn fits(dir: &Path, bytes: u64) -> bool {
    rustix::fs::statvfs(dir).is_ok_and(|room| room.f_bavail * room.f_frsize > bytes + bytes / 8)
}
