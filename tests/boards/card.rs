//! Trees and files on a FAT card.

use std::fs;

use tempfile::TempDir;
use tinyferry_kit::content;

use super::{tinyferry, well};

/// `ping`, `put` and `get` of a tree and of files, and names that FAT does not have.
pub(super) fn trees_go_there_and_back(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    a_card_is_mirrored_by_names_in_lower_case(url);
    let files = [("TREE/A.BIN", 60_000), ("TREE/SUB/B.TXT", 700), ("TREE/SUB/EMPTY", 0)];
    for round in 0..2u64 {
        fs::create_dir_all(here.join("TREE/SUB/NONE")).expect("directories");
        for (path, size) in files {
            fs::write(here.join(path), content(size, round + 1)).expect("a file");
        }
        well(url, here, &["put", "TREE"]);
        well(url, here, &["get", "TREE", "--into", "back"]);
        for (path, size) in files {
            let back = fs::read(here.join("back").join(path)).expect("it came back");
            assert!(back == content(size, round + 1), "{url}: {path}");
        }
        assert!(here.join("back/TREE/SUB/NONE").is_dir(), "{url}");
        fs::remove_dir_all(here.join("back")).expect("it is there");
    }
    fs::write(here.join("TREE/a name too long"), content(10, 1)).expect("a file");
    let (code, said) = tinyferry(url, here, &["put", "TREE"]);
    assert!(code == Some(3) && said.contains("a name too long"), "{url}: {code:?} {said}");
    let (code, said) = tinyferry(url, here, &["get", "OTHER"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
    well(url, here, &["get", "TREE/A.BIN", "--into", "back"]);
    assert!(
        fs::read(here.join("back/A.BIN")).expect("it came back") == content(60_000, 2),
        "{url}"
    );
    // Entries are renamed and removed; a full directory stays.
    well(url, here, &["mv", "TREE/A.BIN", "TREE/C.BIN"]);
    well(url, here, &["get", "TREE/C.BIN", "--into", "back"]);
    assert!(
        fs::read(here.join("back/C.BIN")).expect("it came back") == content(60_000, 2),
        "{url}"
    );
    let (code, said) = tinyferry(url, here, &["rm", "TREE/SUB"]);
    assert!(code == Some(6) && said.contains("is a directory with files in it"), "{url}: {said}");
    well(url, here, &["rm", "TREE/C.BIN"]);
    well(url, here, &["rm", "-r", "TREE"]);
    let (code, said) = tinyferry(url, here, &["get", "TREE"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
}

/// FAT lists names in capitals, and finds them in any case.
fn a_card_is_mirrored_by_names_in_lower_case(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    fs::create_dir_all(here.join("low/sub")).expect("directories");
    for name in ["a.txt", "old.txt", "sub/b.txt"] {
        fs::write(here.join("low").join(name), name).expect("a file");
    }
    let mirror = ["mirror", "low", "low", "--max-delete", "100%"];
    for _ in 0..2 {
        well(url, here, &mirror);
        well(url, here, &["get", "low", "--into", "back"]);
        let back = here.join("back/low");
        for name in ["a.txt", "old.txt", "sub/b.txt"] {
            let read = fs::read_to_string(back.join(name.to_uppercase())).expect("it came back");
            assert_eq!(read, name, "{url}");
        }
        fs::remove_dir_all(here.join("back")).expect("it is there");
    }
    fs::remove_file(here.join("low/old.txt")).expect("it is there");
    let (code, output) = tinyferry(url, here, &["mirror", "low", "low", "--dry-run"]);
    assert!(code == Some(0) && output.contains("2 unchanged, 1 to remove"), "{url}: {output}");
    well(url, here, &mirror);
    let (_, output) = tinyferry(url, here, &["ls", "-R", "low"]);
    assert!(output.contains("A.TXT") && !output.contains("OLD.TXT"), "{url}: {output}");
    well(url, here, &["rm", "-r", "low"]);
}
