//! A client and a server in one process, over TCP on loopback, by the calls that a program makes.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use tempfile::tempdir;

use super::*;
use crate::describe;
use crate::fs::Event;
use crate::server::{Server, ServerBuilder};

/// Serves with these options while `work` runs. Nothing is synchronised: on a disk that other programs write
/// to, that takes seconds, and these tests lose no power.
fn with_server(server: ServerBuilder, work: impl FnOnce(Endpoint)) {
    let server = server.sync(Sync::Never).listen("tcp://127.0.0.1:0".parse().unwrap());
    let server = server.bind().unwrap();
    let (endpoint, stopper) = (server.endpoint().clone(), server.stopper());
    let running = thread::spawn(move || server.run());
    work(endpoint);
    stopper.stop();
    running.join().unwrap().unwrap();
}

#[test]
fn a_file_and_a_tree_keep_their_requested_names_both_ways() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    fs::create_dir_all(here.path().join("src/deep")).unwrap();
    fs::write(here.path().join("src/deep/a"), "one").unwrap();
    fs::write(here.path().join("photo"), "two").unwrap();
    with_server(Server::builder(served.path()), |endpoint| {
        let done = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&done);
        let mut client = Client::builder(endpoint)
            .sha256(true)
            .sync(Sync::Never)
            .on_event(move |event| {
                if let Event::Done { path, sha256, .. } = event {
                    seen.lock().unwrap().push((path.to_owned(), sha256.is_some()));
                }
            })
            .connect()
            .unwrap();
        client.put(here.path().join("photo"), "inbox/picture").unwrap();
        client.put(here.path().join("src"), "inbox/copy").unwrap();
        assert_eq!(fs::read(served.path().join("inbox/picture")).unwrap(), b"two");
        assert!(done.lock().unwrap().contains(&("inbox/picture".to_owned(), true)));

        client.get("inbox/picture", here.path().join("back")).unwrap();
        client.get("inbox/copy", here.path().join("tree")).unwrap();
        assert_eq!(fs::read(here.path().join("back")).unwrap(), b"two");
        assert_eq!(fs::read(here.path().join("tree/deep/a")).unwrap(), b"one");

        let names: Vec<_> = client.list("inbox").unwrap().map(|e| (e.path, e.kind)).collect();
        let [copy, picture] = ["copy", "picture"].map(ToOwned::to_owned);
        assert_eq!(names, [(copy, EntryKind::Directory), (picture, EntryKind::File)]);
        let file: Vec<_> = client.list("inbox/picture").unwrap().collect();
        assert!(file.len() == 1 && file[0].size == Some(3) && file[0].modified.is_some());
    });
}

#[test]
fn an_error_names_the_failure_and_keeps_its_source() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    with_server(Server::builder(served.path()), |endpoint| {
        let mut client = Client::connect(endpoint).unwrap();
        let missing = here.path().join("missing");
        let error = client.put(&missing, "x").unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
        assert!(error.source().is_some_and(|source| source.is::<io::Error>()));
        let error = client.get("nothing", here.path().join("x")).unwrap_err();
        assert!(matches!(error, Error::Session(Failure::Refused(Reason::NotFound), _)));
        let error = client.get("nothing", missing.join("x")).unwrap_err();
        assert!(matches!(error, Error::Local(_)), "{error}");
        assert!(!here.path().join("x").exists());
    });
    let nobody = "tcp://127.0.0.1:1".parse().unwrap();
    let error = Client::connect(nobody).err().unwrap();
    assert!(matches!(error, Error::Connect(..)) && error.source().is_some());
}

#[test]
fn a_key_file_makes_both_ends_encrypt() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    let key = here.path().join("key");
    crate::auth::generate_shared(&key).unwrap();
    fs::write(here.path().join("f"), "secret").unwrap();
    with_server(Server::builder(served.path()).key_file(&key), |endpoint| {
        let mut client = Client::builder(endpoint.clone()).key_file(&key).connect().unwrap();
        client.put(here.path().join("f"), "f").unwrap();
        assert_eq!(fs::read(served.path().join("f")).unwrap(), b"secret");
        let without = Client::connect(endpoint).and_then(|mut client| client.ping());
        assert!(without.is_err());
    });
}

#[test]
fn each_timeout_can_be_waited_for() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    fs::write(here.path().join("f"), "one").unwrap();
    with_server(Server::builder(served.path()), |endpoint| {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        for timeout in [Duration::MAX, days(30), days(3)] {
            let builder = Client::builder(endpoint.clone()).timeout(timeout);
            assert_eq!(builder.timeouts.connect, days(2));
            let mut client = builder.sync(Sync::Never).connect().unwrap();
            client.put(here.path().join("f"), "f").unwrap();
        }
        let builder = Client::builder(endpoint).timeout(Duration::ZERO);
        assert_eq!(builder.config.timeout, 1);
        assert_eq!(builder.timeouts.handshake, Duration::from_millis(1));
    });
}

#[test]
fn a_file_in_the_place_of_a_directory_is_refused_with_the_path_to_use() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    fs::create_dir_all(served.path().join("in/sub")).unwrap();
    fs::write(served.path().join("in/photo"), "one").unwrap();
    fs::create_dir(here.path().join("out")).unwrap();
    with_server(Server::builder(served.path()), |endpoint| {
        let mut client = Client::connect(endpoint).unwrap();
        let out = here.path().join("out");
        let error = client.get("in/photo", &out).unwrap_err();
        let told = error.to_string();
        let inside = describe::path(&out.join("photo"));
        assert!(told.contains("out\": it is a directory, and \"in/photo\" is a file"), "{told}");
        assert!(told.ends_with(&format!("name it: \"{inside}\"")), "{told}");
        assert!(
            matches!(error, Error::Local(error) if error.kind() == io::ErrorKind::IsADirectory)
        );
        client.get("in/photo", out.join("photo")).unwrap();
        // A directory is merged into one that is there.
        client.get("in", &out).unwrap();
        assert!(here.path().join("out/sub").exists());
        let error = client.get("in/photo/x", &out).unwrap_err();
        assert!(matches!(error, Error::Session(Failure::Refused(Reason::NotDirectory), _)));
    });
}

/// Otherwise a directory that was renamed during a transfer empties its mirror.
#[test]
fn a_source_directory_that_is_gone_has_no_extras() {
    let [here, served] = [(); 2].map(|()| tempdir().unwrap());
    fs::create_dir(served.path().join("mirror")).unwrap();
    fs::write(served.path().join("mirror/a"), "one").unwrap();
    with_server(Server::builder(served.path()), |endpoint| {
        let mut client = Client::connect(endpoint).unwrap();
        let gone = here.path().join("gone");
        let found = client.extras("mirror", &gone, &Selection::default());
        assert!(matches!(found, Err(Error::Local(_))), "{found:?}");
        fs::create_dir(&gone).unwrap();
        let found = client.extras("mirror", &gone, &Selection::default()).unwrap();
        assert_eq!(found.files, ["mirror/a"]);
    });
}
