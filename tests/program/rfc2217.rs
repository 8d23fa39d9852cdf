//! Serial ports behind a server of RFC 2217: `rfc2217://HOST:PORT?baud=N`.

mod server;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_kit::{Cable, Faults};

use self::server::PortServer;
use crate::files::make_tree;
use crate::harness::{Place, Server, assert_same, client, content, program};
use crate::relay::Relay;
use crate::serial::{CLEAN, lay, urls};

/// Files and a tree there and back: a server at one end of a cable, and a client at `url`, which leads to the other.
fn goes_there_and_back(cable: &Cable, url: &str) {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place, 6);
    // Many bytes that Telnet doubles.
    let bytes: Vec<u8> = content(60_000, 1).into_iter().chain([255; 20_000]).collect();
    fs::write(place.here("file"), bytes).expect("a file");
    let [listen, _] = urls(cable);
    let mut server = Server::start_at(&listen, &place.served(""), &["--allow-close"]);
    for arguments in [
        &["ping"] as &[&str],
        &["put", "file"],
        &["put", "tree"],
        &["get", "file", "tree", "--into", "back"],
    ] {
        client(url, &here, arguments).well();
    }
    client(url, &here, &["close"]).well();
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_same(&place.here("tree"), &place.served("tree"));
    assert_same(&place.served(""), &place.here("back"));
}

#[test]
fn files_cross_a_port_behind_a_server_of_rfc_2217() {
    let cable = lay(CLEAN);
    let server = PortServer::listen(cable.ports()[0], None);
    goes_there_and_back(&cable, &server.url("baud=921600&dtr=off"));
    let requests = server.requests.lock().expect("no panic");
    let expected =
        [vec![1, 0, 14, 16, 0], vec![2, 8], vec![3, 1], vec![4, 1], vec![5, 1], vec![5, 9]];
    assert_eq!(requests[..6], expected);
}

#[test]
fn files_cross_a_port_behind_a_server_of_rfc_2217_that_loses_bytes() {
    let cable = lay(Faults { drop: 1e-4, flip: 1e-5, ..CLEAN });
    let server = PortServer::listen(cable.ports()[0], None);
    goes_there_and_back(&cable, &server.url("baud=921600"));
}

#[test]
fn a_port_that_cannot_be_set_is_reported() {
    let place = Place::new();
    let here = place.here("");
    let cable = lay(CLEAN);
    let server = PortServer::listen(cable.ports()[0], Some(9600));
    client(&server.url("baud=921600"), &here, &["ping"])
        .with(4, &["cannot connect to rfc2217://", "the server sets 9600 baud, not 921600"]);
    // A port without Telnet.
    let relay = Relay::listen(cable.ports()[0]);
    let url = format!("rfc2217://{}", relay.address);
    client(&url, &here, &["ping", "--timeout", "1"])
        .with(4, &["does not answer as RFC 2217 says; use tcp://HOST:PORT?lossy=true"]);
}

#[test]
fn a_port_of_rfc_2217_is_for_clients() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    let url = "rfc2217://127.0.0.1:1?lossy=false";
    let why = "a serial line with lossy=false cannot be encrypted; leave out --key";
    client(url, &here, &["ping", "--key", "key"]).with(2, &[why]);
    client("rfc2217://192.0.2.1:9", &here, &["ping"])
        .with(7, &["use --key FILE, or --insecure to allow that"]);
    program(&here, &["serve", ".", "--listen", "rfc2217://127.0.0.1:1"])
        .with(1, &["a server listens at the serial port"]);
}

/// `ser2net`, which serves a port; `None` where it is missing.
fn ser2net(place: &Place, port: &Path) -> Option<(Running, String)> {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let settings = place.root.path().join("ser2net.yaml");
    let text = format!(
        "connection: &port\n  accepter: telnet(rfc2217=true),tcp,127.0.0.1,{}\n  \
         connector: serialdev,{},9600n81,local\n",
        free.port(),
        port.display()
    );
    fs::write(&settings, text).expect("a file");
    let mut command = Command::new("ser2net");
    command.args(["-n", "-u", "-d", "-c"]).arg(settings);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = child else {
        println!("skipped: there is no ser2net");
        return None;
    };
    let running = Running(child);
    let begin = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(20), "ser2net does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    Some((running, free.to_string()))
}

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn files_cross_a_port_of_ser2net() {
    let place = Place::new();
    let cable = lay(CLEAN);
    let Some((_running, address)) = ser2net(&place, cable.ports()[0]) else { return };
    goes_there_and_back(&cable, &format!("rfc2217://{address}?baud=921600"));
    let without_lines = format!("rfc2217://{address}?dtr=off");
    client(&without_lines, &place.here(""), &["ping", "--timeout", "5"])
        .with(4, &["its port may lack these lines; leave out dtr, rts and reset"]);
}
