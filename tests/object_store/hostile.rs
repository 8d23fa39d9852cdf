//! Answers that no honest storage gives, or that another program has caused.

use std::fs;
use std::process::Output;

use crate::fake::{Answer, Fake};
use crate::programs::{Server, content, program, text};
use crate::storage::{KEY, SECRET, Storage};

/// Runs a server that must not start; its messages.
fn refused(storage: &Fake) -> String {
    let mut command = program();
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.args(["serve", "--listen", "tcp://127.0.0.1:0", "-vv"]);
    let ended = command.arg(Storage::url_at(storage.port, "bucket", "p")).output().unwrap();
    assert!(!ended.status.success());
    text(&ended.stderr)
}

/// Gets a file from a storage that lists one object, of the size that it tells.
fn get(storage: &Fake) -> (Output, bool) {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&Storage::url_at(storage.port, "bucket", "p"), &[]);
    let ended = server.fail(place.path(), &["get", "f", "-o", "copy"]);
    (ended, place.path().join("copy").exists())
}

#[test]
fn keys_that_are_no_paths_are_left_out() {
    let keys = [
        "p/",
        "p//double",
        "p/../../escape",
        "p/..",
        "p/a/./b",
        "p/nul%00x",
        "p/line%0Abreak",
        "p/%C2%9B2J",
        "p/%FF",
        "p/.tinyferry-part/ok",
        "p/.x.tinyferry-part",
        "other/outside",
        "p/ok",
    ];
    let storage = Fake::start(move |request| match request.key.as_str() {
        "" => Answer::list(&keys, 2),
        "p/ok" => Answer::of(200, &["ETag: \"1\""], "hi"),
        "p/" => Answer::of(200, &["ETag: \"1\""], ""),
        _ => Answer::of(404, &[], ""),
    });
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&Storage::url_at(storage.port, "bucket", "p"), &[]);
    let ended = server.fail(place.path(), &["get", ".", "--into", "back"]);
    let names = |path: &str| -> Vec<String> {
        let entries = fs::read_dir(place.path().join(path)).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!((names("back"), names(".")), (vec!["ok".to_owned()], vec!["back".to_owned()]));
    assert_eq!(fs::read(place.path().join("back/ok")).unwrap(), b"hi");
    // The client learns that the tree has other entries.
    assert_eq!(ended.status.code(), Some(3), "{}", text(&ended.stderr));
    let listed = server.fail(place.path(), &["ls"]);
    assert_eq!(text(&listed.stdout).split_whitespace().collect::<Vec<_>>(), ["2", "ok"]);
}

#[test]
fn xml_that_expands_is_refused() {
    let storage = Fake::start(|_| {
        let body = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\"><!ENTITY y \"&x;&x;&x;&x;\">]>\
                    <ListBucketResult><Name>&y;&y;</Name></ListBucketResult>";
        Answer::of(200, &[], body)
    });
    let text = refused(&storage);
    assert!(text.contains("the list is no valid XML"), "{text}");
}

/// A redirect would send the signature elsewhere.
#[test]
fn a_redirect_is_not_followed_and_no_message_has_a_secret() {
    let other = Fake::start(|_| Answer::list(&[], 0));
    let location = format!("Location: http://127.0.0.1:{}/bucket", other.port);
    let storage = Fake::start(move |_| Answer::of(307, &[&location], ""));
    let text = refused(&storage);
    assert!(text.contains("answers 307") && text.contains("set region="), "{text}");
    assert!(other.requests().is_empty());
    assert!(!text.contains(SECRET) && !text.to_lowercase().contains("signature"), "{text}");
}

#[test]
fn an_object_that_is_shorter_than_the_storage_tells_is_no_file() {
    let storage = Fake::start(|request| match (request.method.as_str(), request.key.as_str()) {
        (_, "") => Answer::list(&["p/f"], 300_000),
        ("HEAD", "p/f") => {
            Answer { length: Some(300_000), ..Answer::of(200, &["ETag: \"1\""], "") }
        }
        _ => Answer::of(200, &["ETag: \"1\""], content(200_000, 1)),
    });
    let (ended, is_in_place) = get(&storage);
    assert!(!ended.status.success() && !is_in_place);
    let text = text(&ended.stderr);
    assert!(text.contains("does not read from a position on"), "{text}");
}

#[test]
fn content_that_has_another_checksum_is_no_file() {
    let storage = Fake::start(|request| match request.key.as_str() {
        "" => Answer::list(&["p/f"], 200_000),
        _ => {
            let headers = ["ETag: \"1\"", "x-amz-checksum-crc64nvme: rosUhgp5mIg="];
            Answer::of(200, &headers, content(200_000, 1))
        }
    });
    let (ended, is_in_place) = get(&storage);
    assert!(!ended.status.success() && !is_in_place);
    let text = text(&ended.stderr);
    assert!(text.contains("other content than its checksum tells"), "{text}");
}

/// The connection ends in the middle, and another server has replaced the object meanwhile.
#[test]
fn an_object_that_changes_during_a_get_is_not_mixed_with_its_successor() {
    const SIZE: usize = 3 << 20;
    let storage = Fake::start(|request| {
        let is_first =
            request.head.contains("\r\nif-match: \"1\"") && !request.head.contains("\r\nrange:");
        match (request.method.as_str(), request.key.as_str()) {
            (_, "") => Answer::list(&["p/f"], SIZE as u64),
            ("HEAD", _) => {
                Answer { length: Some(SIZE as u64), ..Answer::of(200, &["ETag: \"1\""], "") }
            }
            _ if is_first => Answer {
                length: Some(SIZE as u64),
                ..Answer::of(200, &["ETag: \"1\""], content(SIZE / 2, 1))
            },
            _ if request.head.contains("\r\nif-match: \"1\"") => Answer::of(412, &[], ""),
            _ => Answer::of(206, &["ETag: \"2\""], content(SIZE / 2, 2)),
        }
    });
    let (ended, is_in_place) = get(&storage);
    assert!(!ended.status.success() && !is_in_place);
    let text = text(&ended.stderr);
    assert!(text.contains("changed"), "{text}");
}

/// Another server replaces the object between the look and the copy.
#[test]
fn an_object_that_changes_during_a_rename_is_not_removed() {
    let storage = Fake::start(|request| {
        let is_copy_of_first = request.head.contains("\r\nx-amz-copy-source-if-match: \"1\"");
        match (request.method.as_str(), request.key.as_str()) {
            (_, "") => Answer::list(&[], 0),
            ("HEAD", "p/f") => Answer::of(200, &["ETag: \"1\""], "hi"),
            ("PUT", "p/g") if is_copy_of_first => Answer::of(412, &[], ""),
            ("PUT", "p/g") => Answer::of(200, &[], "<CopyObjectResult/>"),
            ("DELETE", _) => Answer::of(204, &[], ""),
            _ => Answer::of(404, &[], ""),
        }
    });
    let place = tempfile::tempdir().unwrap();
    let url = Storage::url_at(storage.port, "bucket", "p");
    let server = Server::start(&url, &["--allow-remove"]);
    let ended = server.fail(place.path(), &["mv", "f", "g"]);
    assert!(!ended.status.success() && text(&ended.stderr).contains("412"), "{ended:?}");
    let requests = storage.requests();
    assert!(requests.iter().any(|request| request.method == "PUT"), "{requests:?}");
    assert!(requests.iter().all(|request| request.method != "DELETE"), "{requests:?}");
}
