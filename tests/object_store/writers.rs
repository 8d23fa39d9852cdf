//! Several clients that put one path at the same time, by two servers.

use std::fs;
use std::path::Path;
use std::process::Child;

use crate::programs::{Server, content, text};
use crate::resume::wait_until;
use crate::storage::{Storage, storage};

const SIZE: usize = 30 << 20;

/// Makes a directory with a file of this content.
fn file(place: &Path, directory: &str, size: usize, seed: u64) -> std::path::PathBuf {
    let directory = place.join(directory);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("f"), content(size, seed)).unwrap();
    directory
}

fn begin(server: &Server, directory: &Path) -> Child {
    server.command(directory, &["put", "f"]).spawn().unwrap()
}

fn is_recorded(storage: &Storage, bucket: &str) -> bool {
    text(&storage.content(bucket, ".tinyferry-part/f")).contains("\npart ")
}

#[test]
fn of_two_files_that_come_at_once_the_last_one_is_in_place_as_a_whole() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let directories = [1, 2].map(|seed| file(place.path(), &seed.to_string(), SIZE, seed));
    let servers = [(); 2].map(|()| Server::start(&storage.url(&bucket, ""), &["--limit", "20M"]));
    let first = begin(&servers[0], &directories[0]);
    wait_until("no part is recorded", || is_recorded(&storage, &bucket));
    let second = begin(&servers[1], &directories[1]);
    for client in [first, second] {
        let ended = client.wait_with_output().unwrap();
        assert!(ended.status.success(), "{}", text(&ended.stderr));
    }
    servers[0].run(place.path(), &["get", "f", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 2));
    assert!(!storage.has(&bucket, ".tinyferry-part/f"));
}

/// The second client finds the record of the first one, and continues its upload.
#[test]
fn a_file_that_two_clients_put_at_once_is_in_place_and_a_second_put_finds_it() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let directory = file(place.path(), "1", SIZE, 1);
    let servers = [(); 2].map(|()| Server::start(&storage.url(&bucket, ""), &["--limit", "20M"]));
    let first = begin(&servers[0], &directory);
    wait_until("no part is recorded", || is_recorded(&storage, &bucket));
    let second = begin(&servers[1], &directory);
    let ended = [first, second].map(|client| client.wait_with_output().unwrap());
    let failures = ended.iter().filter(|ended| !ended.status.success()).count();
    println!("{failures} of two clients that put one file at once have failed");
    assert!(failures < 2, "{}{}", text(&ended[0].stderr), text(&ended[1].stderr));
    servers[1].run(&directory, &["put", "f"]);
    servers[1].run(place.path(), &["get", "f", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 1));
}

/// Both find no file of that name; the storage decides.
#[test]
fn of_two_new_files_the_first_one_stays_where_nothing_is_replaced() {
    let Some((_one, storage)) = storage() else { return };
    // A file of one request, and one of several parts.
    for size in [6 << 20, 20 << 20] {
        let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
        let url = storage.url(&bucket, "");
        // It takes ten seconds: the other one is the first on a busy machine too.
        let limit = (size / 10).to_string();
        let mut slow = Server::start(&url, &["--no-replace", "--limit", &limit, "-v"]);
        let fast = Server::start(&url, &["--no-replace"]);
        let directories = [1, 2].map(|seed| file(place.path(), &seed.to_string(), size, seed));
        let late = begin(&slow, &directories[0]);
        slow.wait_for_line("has begun at byte");
        fast.run(&directories[1], &["put", "f"]);
        let ended = late.wait_with_output().unwrap();
        let text = text(&ended.stderr);
        assert!(!ended.status.success() && text.contains("has appeared meanwhile"), "{text}");
        fast.run(place.path(), &["get", "f", "-o", "copy"]);
        assert!(fs::read(place.path().join("copy")).unwrap() == content(size, 2));
    }
}
