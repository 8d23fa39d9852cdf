//! A file of more than 4 GiB, and its resume.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::harness::{Place, Server};
use crate::requirements::runs_long_tests;

const LENGTH: u64 = (4 << 30) + 123_457;
/// Positions of content in the sparse file: about the borders of 32 bits above all.
const MARKS: [u64; 7] =
    [0, 1023, (2 << 30) - 3, (2 << 30) + 1024, (4 << 30) - 5, (4 << 30) + 1, LENGTH - 5];

fn marked(path: &Path) -> bool {
    let file = fs::File::open(path).expect("a file");
    let length = file.metadata().expect("metadata").len();
    length == LENGTH
        && MARKS.iter().all(|at| {
            let mut mark = [0; 5];
            file.read_exact_at(&mut mark, *at).is_ok() && mark == at.to_le_bytes()[..5]
                || *at == 0 && mark == [9; 5]
        })
}

/// R8, R62.
#[test]
fn long_a_file_over_four_gibibytes_arrives_and_resumes() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(place.here("huge"));
    let file = file.expect("a file");
    file.set_len(LENGTH).expect("a length");
    for at in MARKS {
        let mark = if at == 0 { [9; 5] } else { at.to_le_bytes()[..5].try_into().expect("five") };
        file.write_all_at(&mark, at).expect("a mark");
    }
    drop(file);
    server.client(&place.here(""), &["put", "huge"]).well();
    assert!(marked(&place.served("huge")));

    // As if it had been cut past 4 GiB: only the rest is sent.
    fs::rename(place.served("huge"), place.served(".huge.tinyferry-part")).expect("a partial");
    let partial = OpenOptions::new().write(true).open(place.served(".huge.tinyferry-part"));
    partial.expect("it is there").set_len((4 << 30) + 5000).expect("a length");
    let ended = server.client(&place.here(""), &["put", "huge"]).well();
    assert!(ended.stdout.contains("KiB over the wire"), "{}", ended.stdout);
    assert!(marked(&place.served("huge")));

    fs::remove_file(place.here("huge")).expect("it is there");
    server.client(&place.here(""), &["get", "huge", "--sync", "never"]).well();
    assert!(marked(&place.here("huge")));
}
