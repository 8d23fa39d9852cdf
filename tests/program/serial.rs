//! The real program over serial ports: pseudo-terminals with a cable between them that has a rate,
//! and faults.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Directory, Root, Source, Sync};
use tinyferry_kit::{Cable, Faults, Line};

use crate::files::make_tree;
use crate::harness::{Place, Server, assert_same, client, content, set_mode, snapshot};
use crate::requirements::runs_long_tests;

pub(crate) const CLEAN: Faults =
    Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };

pub(crate) fn lay(faults: Faults) -> Cable {
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(921_600, seed);
        line.faults = faults;
        line
    });
    Cable::lay(there, back).expect("pseudo-terminals")
}

pub(crate) fn url(port: &Path) -> String {
    format!("serial://{}?baud=921600", port.display())
}

/// The server's and the client's end of a cable.
pub(crate) fn urls(cable: &Cable) -> [String; 2] {
    let [client, server] = cable.ports().map(url);
    [server, client]
}

/// Files and a tree there and back.
fn goes_there_and_back(faults: Faults, files: usize) {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place, files);
    fs::write(place.here("file"), content(100_000, 1)).expect("a file");
    set_mode(&place.here("file"), 0o640);
    let cable = lay(faults);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--allow-close"]);
    for arguments in [
        &["ping"] as &[&str],
        &["put", "file"],
        &["put", "file"],
        &["put", "tree"],
        &["get", "file", "tree", "--into", "back"],
    ] {
        client(&url, &here, arguments).well();
    }
    client(&url, &here, &["get", "missing"]).with(6, &["no file of that name"]);
    client(&url, &here, &["close"]).well();
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_same(&place.here("tree"), &place.served("tree"));
    assert_same(&place.here("tree"), &place.here("back/tree"));
    let [put, served, got] = [here, place.served(""), place.here("back")]
        .map(|place| snapshot(&place).remove("file").expect("it is there"));
    assert!(put == served && put == got, "content, mode or time differ");
}

#[test]
fn files_cross_a_clean_line() {
    goes_there_and_back(CLEAN, 12);
}

#[test]
fn files_cross_a_line_with_bit_errors() {
    goes_there_and_back(Faults { flip: 1e-5, ..CLEAN }, 6);
}

#[test]
fn files_cross_a_line_that_loses_bytes() {
    goes_there_and_back(Faults { drop: 1e-4, ..CLEAN }, 6);
}

#[test]
fn files_cross_a_line_that_is_configured_as_reliable() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), content(100_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable).map(|url| url + "&lossy=false");
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    client(&url, &here, &["put", "file"]).well();
    client(&url, &here, &["get", "file", "--into", "back"]).well();
    assert_same(&place.here("back"), &place.served(""));
    // What makes no sense there ends a session, not the server.
    fs::write(cable.ports()[0], content(5000, 2)).expect("noise");
    assert!(server.wait_for_line("a damaged frame arrived").is_some());
    thread::sleep(Duration::from_millis(200));
    client(&url, &here, &["ping"]).well();
}

/// Starts a put of `file` and waits until so many bytes are on the line.
pub(crate) fn put_until(
    cable: &Cable,
    place: &Place,
    url: &str,
    carried: u64,
) -> std::process::Child {
    let child = crate::harness::command(url, &place.here(""), &["put", "file"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + Duration::from_secs(20);
    while cable.lines()[0].carried < carried {
        assert!(Instant::now() < end, "nothing goes");
        thread::sleep(Duration::from_millis(2));
    }
    child
}

pub(crate) fn ended(child: std::process::Child) -> crate::harness::Ended {
    child.wait_with_output().expect("it ends").into()
}

#[test]
fn a_transfer_continues_over_a_port_that_was_unplugged() {
    let place = Place::new();
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let port = place.root.path().join("port");
    symlink(cable.ports()[1], &port).expect("a link");
    let mut server = Server::start_at(&url(&port), &place.served(""), &[]);
    let cut = put_until(&cable, &place, &urls(&cable)[1], 300_000);
    drop(cable);
    ended(cut).with(4, &["\"file\"", "closed in the middle"]);
    assert!(server.wait_for_line("the serial port was closed").is_some());
    assert!(!place.served("file").exists());

    let cable = lay(CLEAN);
    fs::remove_file(&port).expect("it is there");
    symlink(cable.ports()[1], &port).expect("a link");
    assert!(server.wait_for_line("the serial port is open again").is_some());
    client(&urls(&cable)[1], &place.here(""), &["put", "file"]).well();
    assert_same(&place.here(""), &place.served(""));
    // What may have holes is sent again, and what was on its way.
    let again = cable.lines()[0].carried;
    assert!((100_000..240_000).contains(&again), "{again} bytes went again");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}

/// A client whose server is killed in the middle, and started again.
fn begins_a_new_session(task: impl FnOnce(&mut Client, &Place)) {
    let place = Place::new();
    for path in [place.here("file"), place.served("kept")] {
        fs::write(path, content(400_000, 1)).expect("a file");
    }
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let config = Config::LOSSY.timeout(1000);
    let client = Client::builder(url.parse().expect("an endpoint")).config(config).connect();
    let mut client = client.expect("the port opens");
    let _servers = thread::scope(|scope| {
        let restarted = scope.spawn(|| {
            while cable.lines().iter().all(|line| line.carried < 300_000) {
                thread::sleep(Duration::from_millis(2));
            }
            server.signal("KILL");
            server.wait();
            Server::start_at(&listen, &place.served(""), &[])
        });
        task(&mut client, &place);
        restarted.join()
    });
    let carried: u64 = cable.lines().iter().map(|line| line.carried).sum();
    assert!((420_000..700_000).contains(&carried), "{carried} bytes");
}

/// R77.
#[test]
fn a_client_begins_a_new_session_with_a_server_that_restarted() {
    begins_a_new_session(|client, place| {
        let root = Root::open(place.here("")).expect("it is there");
        let mut store = Directory::receiving(root, "kept".into(), Sync::Never, ()).lossy(true);
        assert!(client.get_store("kept", &mut store).is_ok_and(|outcome| outcome.entries == 1));
        assert!(fs::read(place.here("kept")).ok() == fs::read(place.served("kept")).ok());
    });
}

#[test]
fn long_a_put_begins_again_where_the_server_restarted() {
    if !runs_long_tests() {
        return;
    }
    begins_a_new_session(|client, place| {
        let source = Source { local: place.here("file"), remote: "file".into() };
        let mut made = 0;
        let outcome = client.put_store(|| {
            made += 1;
            Directory::sending_file(source.clone(), ())
        });
        assert!(outcome.is_ok_and(|outcome| outcome.entries == 1) && made == 2);
        assert!(fs::read(place.here("file")).ok() == fs::read(place.served("file")).ok());
    });
}
