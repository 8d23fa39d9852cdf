//! Trees on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::{Content, Node, Tree};

/// Makes a tree below the directory `root`, which is empty.
pub(crate) fn write(root: &Path, tree: &Tree) {
    for (path, node) in tree {
        let path = root.join(path);
        match node {
            Node::Directory { .. } => fs::create_dir(&path).expect("a directory"),
            Node::Link { target } => symlink(target, &path).expect("a link"),
            Node::File { content, time, mode } => {
                fs::write(&path, content.bytes()).expect("a file");
                set_time(&path, *time);
                set_mode(&path, *mode);
            }
        }
    }
    for (path, node) in tree {
        if let Node::Directory { mode } = node {
            set_mode(&root.join(path), *mode);
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permission bits");
}

fn set_time(path: &Path, time: i64) {
    use std::time::{Duration, UNIX_EPOCH};

    let since = Duration::from_nanos(time.unsigned_abs());
    let time = if time < 0 { UNIX_EPOCH - since } else { UNIX_EPOCH + since };
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_modified(time).expect("a time");
}

fn is_partial(name: &str) -> bool {
    name.ends_with(".tinyferry-part")
}

/// The names of partial files below a directory.
pub(crate) fn partials(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(root, "", &mut |path, _| {
        if is_partial(path) {
            found.insert(path.to_owned());
        }
    });
    found
}

/// The tree below a directory, but for partial files. Files whose content none of `contents` is have the
/// seed 255.
pub(crate) fn read(root: &Path, contents: &BTreeSet<Content>) -> Tree {
    let mut tree = Tree::new();
    walk(root, "", &mut |path, metadata| {
        let mode = metadata.mode() & 0o777;
        let node = if metadata.is_dir() {
            Node::Directory { mode }
        } else if metadata.is_symlink() {
            let target = fs::read_link(root.join(path)).expect("a target");
            Node::Link { target: target.into_os_string().into_string().expect("UTF-8") }
        } else {
            let bytes = fs::read(root.join(path)).unwrap_or_default();
            let known = contents
                .iter()
                .find(|content| content.size == bytes.len() && content.bytes() == bytes);
            let content = known.copied().unwrap_or(Content { size: bytes.len(), seed: 255 });
            let time = metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec();
            Node::File { content, time, mode }
        };
        if !is_partial(path) {
            tree.insert(path.to_owned(), node);
        }
    });
    tree
}

fn walk(root: &Path, above: &str, each: &mut impl FnMut(&str, &fs::Metadata)) {
    for entry in fs::read_dir(root.join(above)).expect("a directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        let path = if above.is_empty() { name } else { format!("{above}/{name}") };
        let metadata = root.join(&path).symlink_metadata().expect("it is there");
        each(&path, &metadata);
        if metadata.is_dir() {
            walk(root, &path, each);
        }
    }
}
