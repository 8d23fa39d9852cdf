//! Trees of more entries than there are numbers for transfers.

use std::fs::{self, File};
use std::path::Path;

use crate::harness::{Place, Server};

/// More than half of the numbers; in a campaign, more than all of them.
fn entries() -> usize {
    if std::env::var_os("TINYFERRY_LONG").is_some() { 70_000 } else { 40_000 }
}

/// Makes this number of empty files, in directories of 10,000.
fn make_tree(root: &Path, entries: usize) {
    const IN_ONE: usize = 10_000;
    for directory in 0..entries / IN_ONE {
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
fn a_tree_of_more_files_than_transfer_ids_is_put_listed_and_got() {
    let place = Place::new();
    let entries = entries();
    make_tree(&place.here("t"), entries);
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let here = place.here("");
    server.client(&here, &["put", "t"]).well();
    assert_eq!(count(&place.served("t")), entries);
    let listed = server.client(&here, &["ls", "-R", "t"]).well().stdout;
    assert_eq!(listed.lines().filter(|line| !line.ends_with('/')).count(), entries);
    server.client(&here, &["get", "t", "--into", "back", "--sync", "never"]).well();
    assert_eq!(count(&place.here("back/t")), entries);
}
