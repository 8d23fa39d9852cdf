//! Serial ports: their settings, and other programs that use them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, assert_same, client, content};
use crate::processes::wait_until;
use crate::serial::{CLEAN, lay, url, urls};

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
pub(crate) fn settings(port: &Path) -> String {
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

#[test]
fn a_port_has_its_settings_while_the_server_is_stopped() {
    let place = Place::new();
    fs::write(place.here("f"), content(20_000, 1)).expect("a file");
    let cable = lay(CLEAN);
    let port = cable.ports()[1];
    let before = set_sane(port);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--allow-close"]);
    let used = settings(port);
    assert_ne!(used, before);
    for _ in 0..2 {
        server.signal("TSTP");
        wait_until("the port has its earlier settings", || settings(port) == before);
        server.signal("CONT");
        wait_until("the port has the settings of the server", || settings(port) == used);
    }
    for arguments in [["put", "f"].as_slice(), &["close"]] {
        client(&url, &place.here(""), arguments).well();
    }
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_eq!(settings(port), before);
    assert_same(&place.here(""), &place.served(""));
}

/// Sets a port as a terminal is set, and returns how that is.
pub(crate) fn set_sane(port: &Path) -> String {
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
    // Only lines that lose bytes are encrypted.
    let url = format!("{}&lossy=false", url(port));
    let ended = client(&url, &place.here(""), &["ping", "--key", &key]);
    let ended = ended.with(2, &["cannot use serial://", "leave out --key"]);
    assert!(!ended.stderr.contains("cannot open"), "{}", ended.stderr);
    assert_eq!(settings(port), before);
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
