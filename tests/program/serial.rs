//! The real program over serial ports: pseudo-terminals with a cable between them that has a rate,
//! and faults.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Directory, Root, Source, Sync};
use tinyferry_kit::{Cable, Faults, Line};

use crate::files::make_tree;
use crate::harness::{
    Place, Server, assert_first_try, assert_same, client, content, set_mode, snapshot,
};
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
    // An invalid frame ends a session, not the server.
    fs::write(cable.ports()[0], content(5000, 2)).expect("noise");
    assert!(server.wait_for_line("a damaged frame arrived").is_some());
    thread::sleep(Duration::from_millis(200));
    client(&url, &here, &["ping"]).well();
}

/// Starts a put of `file` with these options and waits until this number of bytes has crossed the line. A busy machine may
/// slow it, and does not stop it.
pub(crate) fn put_until(
    cable: &Cable,
    place: &Place,
    url: &str,
    options: &[&str],
    carried: u64,
) -> std::process::Child {
    let arguments = [&["put", "file"], options].concat();
    let child = crate::harness::command(url, &place.here(""), &arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program starts");
    let (mut before, mut end) = (0, Instant::now() + Duration::from_secs(20));
    while before < carried {
        let now = cable.lines()[0].carried;
        if now > before {
            (before, end) = (now, Instant::now() + Duration::from_secs(20));
        }
        assert!(Instant::now() < end, "nothing goes after {before} bytes");
        thread::sleep(Duration::from_millis(2));
    }
    child
}

pub(crate) fn ended(child: std::process::Child) -> crate::harness::Ended {
    child.wait_with_output().expect("it ends").into()
}

/// The names of the ports of a cable, which another cable can take over: those of the system may become the
/// ports of another test.
pub(crate) struct Plugs([PathBuf; 2]);

impl Plugs {
    pub(crate) fn new(place: &Place) -> Self {
        Self(["client-port", "server-port"].map(|name| place.root.path().join(name)))
    }

    pub(crate) fn plug(&self, cable: &Cable) {
        for (port, name) in cable.ports().into_iter().zip(&self.0) {
            symlink(port, name).expect("a link");
        }
    }

    pub(crate) fn unplug(&self, cable: Cable) {
        for name in &self.0 {
            fs::remove_file(name).expect("it is there");
        }
        drop(cable);
    }

    /// The server's and the client's.
    pub(crate) fn urls(&self) -> [String; 2] {
        let [client, server] = &self.0;
        [url(server), url(client)]
    }
}

/// A server and a put of `file` whose ports are unplugged in the middle of it.
fn unplugged(place: &Place, plugs: &Plugs, options: &[&str]) -> (Server, std::process::Child) {
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    plugs.plug(&cable);
    let [listen, client] = plugs.urls();
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let put = put_until(&cable, place, &client, options, 300_000);
    plugs.unplug(cable);
    assert!(server.wait_for_line("the serial port was closed").is_some());
    (server, put)
}

/// Plugs the ports in again, and waits for the server.
fn plugged_in_again(server: &mut Server, plugs: &Plugs) -> Cable {
    let cable = lay(CLEAN);
    plugs.plug(&cable);
    assert!(server.wait_for_line("the serial port is open again").is_some());
    cable
}

/// The file has arrived over this cable, and only blocks that may be missing were sent again.
fn assert_resumed(mut server: Server, place: &Place, cable: &Cable) {
    assert_same(&place.here(""), &place.served(""));
    let again = cable.lines()[0].carried;
    assert!((100_000..240_000).contains(&again), "{again} bytes went again");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}

#[test]
fn a_put_continues_when_its_port_is_plugged_in_again() {
    let place = Place::new();
    let plugs = Plugs::new(&place);
    let (mut server, put) = unplugged(&place, &plugs, &[]);
    assert!(!place.served("file").exists());
    let cable = plugged_in_again(&mut server, &plugs);
    let stderr = ended(put).well().stderr;
    assert_first_try(&stderr, "continuing", 8);
    assert_resumed(server, &place, &cable);
}

#[test]
fn a_put_without_retries_ends_when_its_port_is_unplugged() {
    let place = Place::new();
    let plugs = Plugs::new(&place);
    let (mut server, put) = unplugged(&place, &plugs, &["--retry", "0"]);
    let said = ["\"file\"", "closed in the middle", "run the same command again"];
    ended(put).with(4, &said);
    assert!(!place.served("file").exists());
    let cable = plugged_in_again(&mut server, &plugs);
    client(&plugs.urls()[1], &place.here(""), &["put", "file"]).well();
    assert_resumed(server, &place, &cable);
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
    // The server also starts on a busy machine before this time is over.
    let config = Config::LOSSY.timeout(3000);
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
