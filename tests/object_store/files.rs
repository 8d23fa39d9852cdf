//! Single files: put, get, list, skip, refuse.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::counting::Counting;
use crate::programs::{Server, content, program, text};
use crate::storage::{Storage, storage};

/// A file by itself has its content, time and permission bits after a put and a get, whatever its size.
#[test]
fn files_of_any_size_come_back_as_they_were() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let server = Server::start(&storage.url(&bucket, "a/b"), &[]);
    for (index, size) in [0, 1, 1024, 70_000, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 30 << 20]
        .into_iter()
        .enumerate()
    {
        let name = format!("file {index} ä+%.bin");
        let (path, copy) = (place.path().join(&name), place.path().join("copy"));
        fs::write(&path, content(size, index as u64)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        server.run(place.path(), &["put", &name]);
        assert!(storage.has(&bucket, "a/b/"), "{name}");
        server.run(place.path(), &["get", &name, "-o", "copy"]);
        assert!(fs::read(&path).unwrap() == fs::read(&copy).unwrap(), "{size}");
        fs::remove_file(&copy).unwrap();
        server.run(place.path(), &["get", &name, "--into", "back"]);
        let (put, got) = (
            fs::metadata(&path).unwrap(),
            fs::metadata(place.path().join("back").join(&name)).unwrap(),
        );
        assert_eq!(
            (put.mtime_nsec(), put.mtime(), put.mode()),
            (got.mtime_nsec(), got.mtime(), got.mode())
        );
        let listed = server.run(place.path(), &["ls", "-l"]);
        assert!(listed.contains(&name), "{listed}");
    }
}

#[test]
fn the_same_file_is_not_sent_again_and_not_read() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let proxy = Counting::before(storage.port());
    let server = Server::start(&Storage::url_at(proxy.port, &bucket, ""), &[]);
    fs::write(place.path().join("f"), content(20 << 20, 1)).unwrap();
    server.run(place.path(), &["put", "f"]);
    let before = proxy.sent();
    assert!(before > 20 << 20);
    server.run(place.path(), &["put", "f"]);
    assert!(proxy.sent() - before < 20_000, "{}", proxy.sent() - before);
    // Another content of the same size and time is found by the checksum.
    let modified = fs::metadata(place.path().join("f")).unwrap().modified().unwrap();
    fs::write(place.path().join("f"), content(20 << 20, 2)).unwrap();
    fs::File::options()
        .write(true)
        .open(place.path().join("f"))
        .unwrap()
        .set_modified(modified)
        .unwrap();
    server.run(place.path(), &["put", "f"]);
    server.run(place.path(), &["get", "f", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(20 << 20, 2));
}

#[test]
fn a_server_that_replaces_nothing_keeps_the_first_file() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let server = Server::start(&storage.url(&bucket, ""), &["--no-replace"]);
    for size in [100, 9 << 20] {
        let name = format!("f{size}");
        fs::write(place.path().join(&name), content(size, 1)).unwrap();
        server.run(place.path(), &["put", &name]);
        fs::write(place.path().join(&name), content(size + 1, 2)).unwrap();
        let ended = server.fail(place.path(), &["put", &name]);
        assert!(text(&ended.stderr).contains("exists"), "{}", text(&ended.stderr));
        server.run(place.path(), &["get", &name, "-o", "copy"]);
        assert!(fs::read(place.path().join("copy")).unwrap() == content(size, 1));
        fs::remove_file(place.path().join("copy")).unwrap();
    }
}

#[test]
fn files_are_removed_and_renamed_and_kinds_do_not_change() {
    let Some((_one, storage)) = storage() else { return };
    let (bucket, place) = (storage.bucket(), tempfile::tempdir().unwrap());
    let server = Server::start(&storage.url(&bucket, "p"), &["--allow-remove"]);
    fs::write(place.path().join("f"), content(70_000, 1)).unwrap();
    server.run(place.path(), &["put", "f"]);
    server.run(place.path(), &["mv", "f", "g"]);
    server.run(place.path(), &["get", "g", "-o", "copy"]);
    assert!(fs::read(place.path().join("copy")).unwrap() == content(70_000, 1));
    assert!(!server.fail(place.path(), &["get", "f", "-o", "-"]).status.success());
    // A name is a file or a directory.
    let ended = server.fail(place.path(), &["put", "f", "--to", "g"]);
    assert!(
        !ended.status.success() && text(&ended.stderr).contains("is a file"),
        "{}",
        text(&ended.stderr)
    );
    server.run(place.path(), &["put", "f", "--to", "d"]);
    let ended = server.fail(place.path(), &["put", "f", "--as", "d"]);
    assert!(
        !ended.status.success() && text(&ended.stderr).contains("directory"),
        "{}",
        text(&ended.stderr)
    );
    let ended = server.fail(place.path(), &["mv", "d", "e"]);
    assert!(text(&ended.stderr).contains("cannot rename a directory"), "{}", text(&ended.stderr));
    server.run(place.path(), &["rm", "g"]);
    server.run(place.path(), &["rm", "-r", "d"]);
    assert_eq!(server.run(place.path(), &["ls"]).trim(), "");
}

#[test]
fn what_cannot_be_served_is_refused_at_the_start_with_the_remedy() {
    let Some((_one, storage)) = storage() else { return };
    let bucket = storage.bucket();
    let url = storage.url(&bucket, "");
    let refused = |arguments: &[&str], variables: &[(&str, &str)], part: &str| {
        let mut command = program();
        command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).args(arguments);
        command.envs(variables.iter().copied());
        let ended = command.output().unwrap();
        let text = text(&ended.stderr);
        assert!(!ended.status.success() && text.contains(part), "{arguments:?}: {text}");
        assert!(!text.contains("wrongsecret") && !text.contains("Signature="), "{text}");
    };
    let key = ("AWS_ACCESS_KEY_ID", crate::storage::KEY);
    let right = &[key, ("AWS_SECRET_ACCESS_KEY", crate::storage::SECRET)][..];
    let wrong = &[key, ("AWS_SECRET_ACCESS_KEY", "wrongsecret")][..];
    refused(&[&url], &[], "AWS_ACCESS_KEY_ID");
    refused(&[&url], wrong, "check the credentials");
    refused(&["s3://k:wrongsecret@bucket/x"], right, "credentials");
    refused(&[&url, "--keep-both"], right, "--keep-both");
    refused(&[&url, "--on-file", "true"], right, "--on-file");
    refused(&[&url, "--links"], right, "--links");
    refused(&[&url, "--reserve", "1G"], right, "--reserve");
    refused(&[&url, "--max-partials", "1G"], right, "leave out --max-partials; --keep-partials");
    refused(&["s3://bucket/a//b"], right, "not allowed");
    refused(&[&storage.url("no-such-bucket", "")], right, "no-such-bucket");
    refused(&["s3://bucket/x?endpoint=http://127.0.0.1:1"], right, "no answer");
    refused(&["s3://bucket/x?endpoint=http://me:wrongsecret@127.0.0.1:1"], right, "credentials");
    for endpoint in ["http://me:wrongsecret@127.0.0.1:1", "ftp://127.0.0.1:1", "x:y"] {
        let variables = [right, &[("AWS_ENDPOINT_URL", endpoint)]].concat();
        refused(&["s3://bucket/x"], &variables, "AWS_ENDPOINT_URL");
    }
}
