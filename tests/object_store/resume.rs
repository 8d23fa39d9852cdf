//! Transfers that are interrupted, and continued at another server.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::counting::Counting;
use crate::fake::{Answer, Fake};
use crate::programs::{Server, content, text};
use crate::storage::{Storage, storage};

const SIZE: usize = 60 << 20;

pub(crate) fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_true() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_put_that_was_cut_at_one_server_is_continued_at_another() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    fs::write(place.path().join("big"), content(SIZE, 1)).unwrap();
    let mut first = Server::start(&storage.url(&bucket, "p"), &["--limit", "20M"]);
    let mut client = first.command(place.path(), &["put", "big"]).spawn().unwrap();
    wait_until("no parts are recorded", || {
        let record = storage.content(&bucket, "p/.tinyferry-part/big");
        String::from_utf8_lossy(&record).matches("\npart ").count() >= 2
    });
    first.kill();
    assert!(!client.wait().unwrap().success());
    assert!(!storage.has(&bucket, "p/big"));

    let proxy = Counting::before(storage.port());
    let second = Server::start(&Storage::url_at(proxy.port, &bucket, "p"), &[]);
    let ended = second.fail(place.path(), &["put", "big", "--json"]);
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let sent = proxy.sent();
    println!(
        "continued at another server: {} of {} MiB sent to the storage",
        sent >> 20,
        SIZE >> 20
    );
    assert!(sent < (SIZE - (14 << 20)) as u64, "{sent}");
    second.run(place.path(), &["get", "big", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 1));
    assert!(!storage.has(&bucket, "p/.tinyferry-part/big"));
}

#[test]
fn a_client_that_is_killed_loses_nothing_of_what_the_server_has() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    // Less than a part: only the record has it.
    fs::write(place.path().join("f"), content(6 << 20, 1)).unwrap();
    let server = Server::start(&storage.url(&bucket, ""), &["--limit", "3M"]);
    let mut client = server.command(place.path(), &["put", "f"]).spawn().unwrap();
    thread::sleep(Duration::from_millis(1200));
    client.kill().unwrap();
    client.wait().unwrap();
    wait_until("the record is written", || storage.has(&bucket, ".tinyferry-part/f"));
    let second = Server::start(&storage.url(&bucket, ""), &[]);
    let out = second.run(place.path(), &["put", "f", "--json"]);
    println!("{out}");
    second.run(place.path(), &["get", "f", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(6 << 20, 1));
    assert!(!storage.has(&bucket, ".tinyferry-part/f"));
}

#[test]
fn a_file_that_has_changed_since_is_sent_from_its_beginning() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    fs::write(place.path().join("big"), content(SIZE, 1)).unwrap();
    let modified = fs::metadata(place.path().join("big")).unwrap().modified().unwrap();
    let mut first = Server::start(&storage.url(&bucket, ""), &["--limit", "20M"]);
    let mut client = first.command(place.path(), &["put", "big"]).spawn().unwrap();
    wait_until("no part is recorded", || storage.has(&bucket, ".tinyferry-part/big"));
    first.kill();
    client.wait().unwrap();
    fs::write(place.path().join("big"), content(SIZE, 2)).unwrap();
    fs::File::options()
        .write(true)
        .open(place.path().join("big"))
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let second = Server::start(&storage.url(&bucket, ""), &[]);
    second.run(place.path(), &["put", "big"]);
    second.run(place.path(), &["get", "big", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 2));
}

/// Another program has aborted the upload: the record tells of parts that the storage does not have.
#[test]
fn a_file_whose_parts_are_gone_is_sent_from_its_beginning() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    fs::write(place.path().join("big"), content(SIZE, 1)).unwrap();
    let mut first = Server::start(&storage.url(&bucket, ""), &["--limit", "20M"]);
    let mut client = first.command(place.path(), &["put", "big"]).spawn().unwrap();
    let record = || text(&storage.content(&bucket, ".tinyferry-part/big"));
    wait_until("no part is recorded", || record().contains("\npart "));
    first.kill();
    client.wait().unwrap();
    let record = record();
    let upload = record.split("upload ").nth(1).and_then(|it| it.lines().next()).unwrap();
    storage.remove(&bucket, &format!(".uploads/{upload}"));
    let second = Server::start(&storage.url(&bucket, ""), &[]);
    second.run(place.path(), &["put", "big"]);
    second.run(place.path(), &["get", "big", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 1));
    assert!(!storage.has(&bucket, ".tinyferry-part/big"));
}

/// The storage is killed while a file goes to it, and comes back after five seconds.
#[test]
fn a_storage_that_is_killed_and_started_again_loses_nothing() {
    let Some((_one, mut storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    fs::write(place.path().join("big"), content(SIZE, 1)).unwrap();
    fs::write(place.path().join("small"), content(500, 3)).unwrap();
    let server = Server::start(&storage.url(&bucket, ""), &["--limit", "20M"]);
    server.run(place.path(), &["put", "small"]);
    let client = server.command(place.path(), &["put", "big"]).spawn().unwrap();
    wait_until("no part is recorded", || storage.has(&bucket, ".tinyferry-part/big"));
    storage.kill();
    thread::sleep(Duration::from_secs(5));
    storage.restart();
    let ended = client.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}\n{}", text(&ended.stderr), server.log());
    for (name, expected) in [("big", content(SIZE, 1)), ("small", content(500, 3))] {
        server.run(place.path(), &["get", name, "-o", "copy"]);
        assert!(fs::read(place.path().join("copy")).unwrap() == expected);
        fs::remove_file(place.path().join("copy")).unwrap();
    }
}

#[test]
fn what_nobody_continues_is_removed_when_it_is_old() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    fs::write(place.path().join("big"), content(SIZE, 1)).unwrap();
    let mut first = Server::start(&storage.url(&bucket, "p"), &["--limit", "20M"]);
    let mut client = first.command(place.path(), &["put", "big"]).spawn().unwrap();
    let record = || text(&storage.content(&bucket, "p/.tinyferry-part/big"));
    wait_until("no part is recorded", || record().contains("\npart "));
    first.kill();
    client.wait().unwrap();
    let record = record();
    let upload = record.split("upload ").nth(1).and_then(|it| it.lines().next()).unwrap();
    // SeaweedFS has the parts of uploads here.
    let uploads = || text(&storage.content(&bucket, ".uploads/"));
    assert!(uploads().contains(upload), "{upload}: {}", uploads());
    // The storage tells times in whole seconds.
    thread::sleep(Duration::from_secs(4));
    let mut second = Server::start(&storage.url(&bucket, "p"), &["--keep-partials", "2s"]);
    second.wait_for_line("removed 1 old partial file");
    assert!(!storage.has(&bucket, "p/.tinyferry-part/big"));
    assert!(!uploads().contains(upload), "{upload}: {}", uploads());
    second.run(place.path(), &["put", "big"]);
    second.run(place.path(), &["get", "big", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(SIZE, 1));
}

/// Its parts are old, but the last one has just come.
#[test]
fn an_old_upload_whose_record_is_new_is_not_removed() {
    const OLD: &str = "2020-01-01T00:00:00.000Z";
    let storage = Fake::start(|request| {
        let line = request.head.lines().next().unwrap_or_default();
        let upload = |key: &str| {
            format!(
                "<Upload><Key>{key}</Key><UploadId>{key}</UploadId><Initiated>{OLD}</Initiated></Upload>"
            )
        };
        let record = |path: &str, time: &str| {
            format!(
                "<Contents><Key>p/.tinyferry-part/{path}</Key><Size>9</Size><LastModified>{time}</LastModified>\
                 </Contents>"
            )
        };
        let body = match line {
            line if line.contains("uploads=") => {
                ["new", "old"].map(|key| upload(&format!("p/{key}"))).concat()
            }
            line if line.contains("tinyferry-part") => {
                record("new", "2120-01-01T00:00:00.000Z") + &record("old", OLD)
            }
            _ => String::new(),
        };
        Answer::of(200, &[], format!("<Result>{body}</Result>"))
    });
    let url = Storage::url_at(storage.port, "bucket", "p");
    let mut server = Server::start(&url, &["--keep-partials", "1d"]);
    server.wait_for_line("removed 1 old partial file");
    let requests = storage.requests().into_iter();
    let removed: Vec<_> =
        requests.filter(|request| request.method == "DELETE").map(|request| request.key).collect();
    assert_eq!(removed, ["p/.tinyferry-part/old", "p/old"]);
}
