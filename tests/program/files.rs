//! Files and directories of tests: made, compared.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::harness::Place;

/// Writes a file for its owner alone.
pub(crate) fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    set_mode(path, 0o600);
}

/// Sets permission bits.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("it is there").permissions().mode() & 0o777
}

/// The entries below a directory: path, then content, mode and time of files.
pub(crate) fn snapshot(root: &Path) -> BTreeMap<String, (Option<Vec<u8>>, u32, u128)> {
    fn walk(root: &Path, path: &Path, into: &mut BTreeMap<String, (Option<Vec<u8>>, u32, u128)>) {
        for entry in fs::read_dir(path).expect("a directory") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("metadata");
            let name = path.strip_prefix(root).expect("it is below").display().to_string();
            let mode = metadata.permissions().mode() & 0o777;
            let modified = metadata.modified().expect("a time");
            let modified = modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
            if metadata.is_dir() {
                into.insert(name, (None, mode, modified));
                walk(root, &path, into);
            } else {
                into.insert(name, (fs::read(&path).ok(), mode, modified));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

/// Fails unless two directories have the same content, times and modes included.
#[track_caller]
pub(crate) fn assert_same(a: &Path, b: &Path) -> usize {
    let (a, b) = (snapshot(a), snapshot(b));
    let names = |found: &BTreeMap<String, _>| found.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
    for (name, facts) in &a {
        let other = &b[name];
        assert!(facts.0 == other.0, "the content of {name} differs");
        assert_eq!((facts.1, facts.2), (other.1, other.2), "mode or time of {name}");
    }
    a.len()
}

/// Content that repeats nowhere near.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // Large files repeat a block, each time with another number in it.
        if length > 1 << 24
            && let Some(block) = bytes.get(..65_536).map(<[u8]>::to_vec)
        {
            bytes.extend_from_slice(&bytes.len().to_le_bytes());
            bytes.extend_from_slice(&block);
            continue;
        }
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Writes files of one byte with long names into the new directory `name` of `parent`. Returns their paths,
/// below `parent`.
pub(crate) fn write_many(parent: &Path, name: &str, count: usize) -> Vec<String> {
    fs::create_dir(parent.join(name)).expect("a directory");
    let path = |number| format!("{name}/a name of some length, so that it takes room {number:04}");
    let paths: Vec<_> = (0..count).map(path).collect();
    paths.iter().for_each(|path| fs::write(parent.join(path), "1").expect("a file"));
    paths
}

/// A tree with each kind of entry.
pub(crate) fn make_tree(place: &Place, files: usize) {
    let tree = place.here("tree");
    fs::create_dir_all(tree.join("deep/er/and deeper")).expect("directories");
    fs::create_dir_all(tree.join("empty")).expect("a directory");
    for number in 0..files {
        let directory = tree.join(format!("{} %", number % 17));
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join(format!("file {number} ü"));
        fs::write(&path, content(number * 97 % 9000, number as u64)).expect("a file");
        let mode = if number % 3 == 0 { 0o755 } else { 0o600 };
        set_mode(&path, mode);
    }
    fs::write(tree.join("deep/er/and deeper/leaf"), "leaf").expect("a file");
    set_mode(&tree.join("deep/er"), 0o500);
}
