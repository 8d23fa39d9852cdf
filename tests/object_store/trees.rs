//! Trees: directories, mirrors, lists.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::programs::{Server, content};
use crate::storage::storage;

/// Each entry: its path, kind, permission bits, time of a file, content.
fn snapshot(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let mode = metadata.permissions().mode() & 0o777;
            if metadata.is_dir() {
                lines.push(format!("{name}/ {mode:o}"));
                directories.push(path);
            } else {
                let modified = metadata.modified().unwrap();
                lines.push(format!("{name} {mode:o} {modified:?} {:?}", fs::read(&path).unwrap()));
            }
        }
    }
    lines.sort();
    lines
}

fn make(root: &Path) {
    for directory in ["empty", "a/b/c", "a.d", "a-b", "ü"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for (index, name) in
        ["x", "a/x", "a/b/c/deep", "a.d/y", "a-b/z", "ü/+ %41&", "a/empty file"].iter().enumerate()
    {
        fs::write(root.join(name), content(if index == 6 { 0 } else { 1000 * index + 7 }, 5))
            .unwrap();
    }
    for number in 0..60 {
        fs::write(root.join(format!("a/many {number}")), content(100 + number, 9)).unwrap();
    }
    fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(root.join("x"), fs::Permissions::from_mode(0o400)).unwrap();
}

#[test]
fn a_tree_comes_back_with_its_empty_directories_times_and_permission_bits() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let (tree, back) = (place.path().join("tree"), place.path().join("back"));
    make(&tree);
    let server = Server::start(&storage.url(&bucket, "p"), &[]);
    server.run(place.path(), &["put", "tree"]);
    server.run(place.path(), &["get", "tree", "--into", "back"]);
    assert_eq!(snapshot(&tree), snapshot(&back.join("tree")));
    let listed = server.run(place.path(), &["ls", "tree"]);
    for name in ["empty", "a.d", "x", "ü"] {
        assert!(listed.contains(name), "{listed}");
    }
    assert!(!listed.contains("deep"), "{listed}");
    // All of the server, from its root.
    server.run(place.path(), &["get", ".", "--into", "all"]);
    assert_eq!(snapshot(&tree), snapshot(&place.path().join("all/tree")));
}

#[test]
fn a_second_put_sends_what_has_changed() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let tree = place.path().join("tree");
    make(&tree);
    let server = Server::start(&storage.url(&bucket, ""), &[]);
    server.run(place.path(), &["put", "tree"]);
    let again = server.run(place.path(), &["put", "tree", "--json"]);
    assert!(!again.contains("\"many 3\"") && !again.contains("tree/a/x"), "{again}");
    fs::write(tree.join("a/x"), "new").unwrap();
    let again = server.run(place.path(), &["put", "tree", "--json"]);
    assert!(again.contains("tree/a/x") && !again.contains("many 3"), "{again}");
    // And the other way.
    server.run(place.path(), &["get", "tree", "--into", "back"]);
    fs::write(place.path().join("back/tree/a/x"), "other").unwrap();
    let got = server.run(place.path(), &["get", "tree", "--into", "back", "--json"]);
    assert!(!got.contains("many 3"), "{got}");
    assert_eq!(snapshot(&tree), snapshot(&place.path().join("back/tree")));
}

#[test]
fn a_mirror_in_a_bucket_has_no_other_entries() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let tree = place.path().join("tree");
    make(&tree);
    let server = Server::start(&storage.url(&bucket, "p"), &["--allow-remove"]);
    server.run(place.path(), &["mirror", "tree", "copy"]);
    fs::remove_dir_all(tree.join("a/b")).unwrap();
    fs::remove_file(tree.join("a/many 7")).unwrap();
    fs::remove_dir_all(tree.join("empty")).unwrap();
    fs::write(tree.join("empty"), "a file now").unwrap();
    fs::remove_file(tree.join("x")).unwrap();
    fs::create_dir(tree.join("x")).unwrap();
    fs::write(tree.join("x/inside"), "a directory now").unwrap();
    server.run(place.path(), &["mirror", "tree", "copy"]);
    server.run(place.path(), &["mirror", "--get", "copy", "back"]);
    assert_eq!(snapshot(&tree), snapshot(&place.path().join("back")));
    fs::write(place.path().join("back/more"), "").unwrap();
    server.run(place.path(), &["mirror", "--get", "copy", "back"]);
    assert_eq!(snapshot(&tree), snapshot(&place.path().join("back")));
    server.run(place.path(), &["rm", "-r", "copy"]);
    assert_eq!(server.run(place.path(), &["ls"]).trim(), "");
}

/// The storage lists at most 1,000 keys at once.
#[test]
fn a_directory_may_have_more_names_than_one_page_of_a_list() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let tree = place.path().join("tree");
    fs::create_dir_all(tree.join("f0500")).unwrap();
    fs::write(tree.join("f0500/inside"), "1").unwrap();
    for number in (0..2100).filter(|number| *number != 500) {
        fs::write(tree.join(format!("f{number:04}")), content(10 + number % 50, 7)).unwrap();
    }
    let server = Server::start(&storage.url(&bucket, "p"), &["--allow-remove"]);
    server.run(place.path(), &["put", "tree"]);
    let listed = server.run(place.path(), &["ls", "tree"]);
    assert_eq!(listed.lines().count(), 2100, "{listed}");
    let again = server.run(place.path(), &["put", "tree", "--json"]);
    assert!(!again.contains("tree/f"), "{again}");
    server.run(place.path(), &["get", "tree", "--into", "back"]);
    assert_eq!(snapshot(&tree), snapshot(&place.path().join("back/tree")));
    server.run(place.path(), &["rm", "-r", "tree"]);
    assert_eq!(server.run(place.path(), &["ls"]).trim(), "");
}
