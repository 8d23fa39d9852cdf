//! The real program over serial ports: pseudo-terminals with a cable between them that has a rate,
//! and faults.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::fs::{Directory, Root, Source, Sync};
use tinyferry_kit::{Cable, Faults, Line};

use crate::harness::{Place, Server, assert_same, client, content, set_mode, snapshot};
use crate::make_tree;
use crate::requirements::runs_long_tests;

const CLEAN: Faults = Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };

fn lay(faults: Faults) -> Cable {
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(921_600, seed);
        line.faults = faults;
        line
    });
    Cable::lay(there, back).expect("pseudo-terminals")
}

fn url(port: &Path) -> String {
    format!("serial://{}?baud=921600", port.display())
}

/// The server's and the client's end of a cable.
fn urls(cable: &Cable) -> [String; 2] {
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
fn put_until(cable: &Cable, place: &Place, url: &str, carried: u64) -> std::process::Child {
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

fn ended(child: std::process::Child) -> crate::harness::Ended {
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
fn a_client_repeats_its_handshake_with_a_server_that_restarted() {
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

#[test]
fn an_endpoint_that_is_no_free_port_is_refused() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    let file = format!("serial://{}", place.here("f").display());
    client(&file, &here, &["ping"]).with(4, &["cannot open serial://", "no serial port"]);
    client("serial:///dev/no-such-port", &here, &["ping"]).with(4, &["no such file"]);
    client("serial:///dev/a?parity=odd", &here, &["ping"]).with(2, &["no setting \"parity\""]);
    client("serial:///dev/a?baud=x", &here, &["ping"]).with(2, &["\"x\" is no baud rate"]);
    let cable = lay(CLEAN);
    let [listen, _] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    client(&listen, &here, &["ping"]).with(4, &["another program uses it"]);
}

/// How `stty` says that a port is set.
fn settings(port: &Path) -> String {
    let output = std::process::Command::new("stty").args(["-g", "-F"]).arg(port).output();
    let output = output.expect("stty is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_port_is_restored_to_its_settings() {
    let place = Place::new();
    fs::write(place.here("f"), content(20_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [client_port, server_port] = cable.ports();
    for port in [client_port, server_port] {
        let set = ["-F", &port.display().to_string(), "sane", "9600", "echo"];
        let status = std::process::Command::new("stty").args(set).status();
        assert!(status.expect("stty is there").success());
    }
    let before = [settings(client_port), settings(server_port)];
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--allow-close"]);
    for arguments in [&["ping"][..], &["put", "f"], &["close"]] {
        client(&url, &place.here(""), arguments).well();
        assert_eq!(settings(client_port), before[0], "{arguments:?}");
    }
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_eq!(settings(server_port), before[1]);
    assert_same(&place.here(""), &place.served(""));
}

/// Sets a port as a terminal is set, and returns how that is.
fn set_sane(port: &Path) -> String {
    let set = ["-F", &port.display().to_string(), "sane", "9600", "echo"];
    assert!(
        std::process::Command::new("stty").args(set).status().expect("stty is there").success()
    );
    settings(port)
}

#[test]
fn a_signal_restores_the_settings_of_a_port() {
    let place = Place::new();
    let cable = lay(CLEAN);
    let [port, _] = cable.ports();
    let before = set_sane(port);
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        // Nobody answers at the other end.
        let mut child = crate::harness::command(&url(port), &place.here(""), &["ping"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        let end = Instant::now() + Duration::from_secs(20);
        while settings(port) == before {
            assert!(Instant::now() < end, "the port is not opened");
            thread::sleep(Duration::from_millis(10));
        }
        let id = child.id().to_string();
        let killed = std::process::Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(killed.expect("kill is there").success());
        assert_eq!(child.wait().expect("it ends").code(), None, "{signal}: it ends by the signal");
        assert_eq!(settings(port), before, "{signal}");
    }
}

#[test]
fn a_port_that_cannot_be_set_keeps_its_settings() {
    let place = Place::new();
    let cable = lay(CLEAN);
    let [port, _] = cable.ports();
    let before = set_sane(port);
    let key = place.here("key").display().to_string();
    let made = std::process::Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["keygen", &key, "-q"])
        .output();
    assert!(made.expect("the program starts").stdout.is_empty());
    let ended = client(&url(port), &place.here(""), &["ping", "--key", &key]);
    let ended = ended.with(2, &["cannot use serial://", "leave out --key"]);
    assert!(!ended.stderr.contains("cannot open"), "{}", ended.stderr);
    assert_eq!(settings(port), before);
}

#[test]
fn long_a_silent_line_times_out() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let cut = put_until(&cable, &place, &url, 300_000);
    for mut line in cable.lines() {
        line.cut = Some(0);
    }
    ended(cut).with(4, &["\"file\"", "the other end does not answer"]);
    for mut line in cable.lines() {
        (line.cut, line.carried) = (None, 0);
    }
    client(&url, &place.here(""), &["put", "file"]).well();
    assert_same(&place.here(""), &place.served(""));
    let again = cable.lines()[0].carried;
    assert!((100_000..240_000).contains(&again), "{again} bytes went again");
}

#[test]
fn a_unix_socket_is_served() {
    let place = Place::new();
    make_tree(&place, 50);
    let here = place.here("");
    let url = format!("unix://{}", place.root.path().join("socket").display());
    client(&url, &here, &["ping"]).with(4, &["cannot connect", "no such file"]);
    let mut server = Server::start_at(&url, &place.served(""), &[]);
    assert_eq!(server.endpoint, url);
    server.client(&here, &["put", "tree"]).well();
    server.client(&here, &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    // A second server does not take its place, a third takes that of one that was killed.
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["serve", "--listen", &url, "."])
        .current_dir(&here)
        .output();
    crate::harness::Ended::from(second.expect("it ends")).with(1, &["cannot listen", "in use"]);
    server.signal("KILL");
    server.wait();
    let mut server = Server::start_at(&url, &place.served(""), &["--allow-close"]);
    server.client(&here, &["close"]).well();
    assert_eq!(server.wait(), Some(0));
    client(&url, &here, &["ping"]).with(4, &["no such file"]);
}

/// A cable that inserts a byte after every 200, and a file to send over it.
fn inserting(place: &Place) -> Cable {
    fs::write(place.here("file"), content(5000, 1)).expect("a file");
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(921_600, seed);
        line.inserts = 200;
        line
    });
    Cable::lay(there, back).expect("pseudo-terminals")
}

/// Small frames pass, and no chunk does: each end ends the transfer by itself, and reports the cause.
#[test]
fn a_line_that_changes_bytes_is_reported() {
    let place = Place::new();
    let cable = inserting(&place);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    // A tenth of the time that the program waits.
    let config = Config::LOSSY.timeout(3_000);
    let client = Client::builder(url.parse().expect("an endpoint")).config(config).connect();
    let source = Source { local: place.here("file"), remote: "file".into() };
    let result = client
        .and_then(|mut client| client.put_store(|| Directory::sending_file(source.clone(), ())));
    let error = result.map(drop).expect_err("no chunk arrives whole").to_string();
    assert!(error.contains("small frames pass and large ones do not"), "{error}");
    assert!(!place.served("file").exists(), "{}", server.log());
}

#[test]
fn long_the_program_reports_a_line_that_changes_bytes() {
    if !runs_long_tests() {
        return;
    }
    let place = Place::new();
    let cable = inserting(&place);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let begin = Instant::now();
    client(&url, &place.here(""), &["put", "file"])
        .with(4, &["small frames pass and large ones do not"]);
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(120), "it took {} s", took.as_secs());
    assert!(!place.served("file").exists(), "{}", server.log());
}

/// Another program that reads the same port takes bytes away: they are lost, and the port is not at its end.
#[test]
fn a_second_reader_of_a_port_delays_a_transfer_only() {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), content(100_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let ports = cable.ports().map(Path::to_owned);
    let is_over = AtomicBool::new(false);
    let taken = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let open = |port| {
                let mut options = fs::OpenOptions::new();
                options
                    .read(true)
                    .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
                    .open(port)
                    .expect("a port")
            };
            let mut files = ports.iter().map(open).collect::<Vec<_>>();
            let mut taken = 0;
            while !is_over.load(Ordering::SeqCst) {
                for file in &mut files {
                    taken += file.read(&mut [0; 7]).unwrap_or(0);
                }
                thread::sleep(Duration::from_millis(100));
            }
            taken
        });
        let put = client(&url, &here, &["put", "file"]);
        let got = client(&url, &here, &["get", "file", "--into", "back"]);
        is_over.store(true, Ordering::SeqCst);
        put.well();
        got.well();
        reader.join().expect("it only reads")
    });
    println!("a second reader took {taken} bytes");
    assert!(taken > 0, "it took nothing");
    assert_same(&place.here("back"), &place.served(""));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
}
