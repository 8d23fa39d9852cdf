//! Trees of more entries than there are numbers for transfers.

use std::fs::{self, File};
use std::path::Path;

use crate::harness::{Place, Server};

const ENTRIES: usize = 70_000;

/// Files without content, in directories of so many.
fn make_tree(root: &Path) {
    const IN_ONE: usize = 10_000;
    for directory in 0..ENTRIES / IN_ONE {
        let path = root.join(directory.to_string());
        fs::create_dir_all(&path).expect("a directory");
        for number in 0..IN_ONE {
            File::create(path.join(number.to_string())).expect("a file");
        }
    }
}

fn count(root: &Path) -> usize {
    let directories = fs::read_dir(root).expect("a directory");
    let files = |path| fs::read_dir(path).expect("a directory").count();
    directories.map(|entry| files(entry.expect("an entry").path())).sum()
}

#[test]
fn a_tree_of_seventy_thousand_files_is_put_listed_and_got() {
    let place = Place::in_memory();
    make_tree(&place.here("t"));
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let here = place.here("");
    server.client(&here, &["put", "t"]).well();
    assert_eq!(count(&place.served("t")), ENTRIES);
    let listed = server.client(&here, &["ls", "-R", "t"]).well().stdout;
    assert_eq!(listed.lines().filter(|line| !line.ends_with('/')).count(), ENTRIES);
    server.client(&here, &["get", "t", "--into", "back", "--sync", "never"]).well();
    assert_eq!(count(&place.here("back/t")), ENTRIES);
}
