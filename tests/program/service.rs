//! A server under a service manager: sockets that are passed, the state that is told, the log for programs, and a sandbox
//! that refuses system calls.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::harness::{Place, Server, assert_same, client, program, write_many, write_private};

const SCHEMA: &str = include_str!("../../docs/log.schema.json");

/// The receiver of the states that a server tells.
struct Manager(UnixDatagram);

impl Manager {
    fn bind(place: &Place) -> Self {
        let socket = UnixDatagram::bind(place.here("notify")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        Self(socket)
    }

    fn told(&self) -> String {
        let mut message = [0; 100];
        let length = self.0.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..length]).into_owned()
    }

    fn wait_for(&self, state: &str) {
        while self.told() != state {}
    }
}

#[test]
fn a_server_tells_its_service_manager_its_state() {
    let place = Place::new();
    let manager = Manager::bind(&place);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).arg(place.served(""));
    command.env("NOTIFY_SOCKET", place.here("notify")).env("WATCHDOG_USEC", "3000000");
    let mut server = Server::start_by(command);
    assert_eq!(manager.told(), "READY=1");
    assert_eq!(manager.told(), "WATCHDOG=1");
    // In time: half of the time after which the manager would end it.
    for _ in 0..2 {
        let begin = Instant::now();
        assert_eq!(manager.told(), "WATCHDOG=1");
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(500) && took < Duration::from_secs(3), "{took:?}");
    }
    server.client(&place.here(""), &["ping"]).well();
    server.signal("TERM");
    manager.wait_for("STOPPING=1");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_server_that_a_client_closes_tells_its_service_manager() {
    let place = Place::new();
    let manager = Manager::bind(&place);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.args(["serve", "--allow-close", "--listen", "tcp://127.0.0.1:0"]);
    command.arg(place.served("")).env("NOTIFY_SOCKET", place.here("notify"));
    let mut server = Server::start_by(command);
    server.client(&place.here(""), &["close"]).well();
    manager.wait_for("STOPPING=1");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_reload_reads_the_keys_and_ends_no_session() {
    let place = Place::new();
    let manager = Manager::bind(&place);
    let key = place.here("key").display().to_string();
    write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.args(["serve", "--listen", "tcp://127.0.0.1:0", "--key", &key]).arg(place.served(""));
    command.env("NOTIFY_SOCKET", place.here("notify"));
    let mut server = Server::start_by(command);
    manager.wait_for("READY=1");
    fs::copy(&key, place.here("client")).expect("a key");
    // A transfer that takes a while is active meanwhile.
    fs::write(place.here("large"), vec![7; 400_000]).expect("a file");
    let (endpoint, here) = (server.endpoint.clone(), place.here(""));
    let putting = std::thread::spawn(move || {
        client(&endpoint, &here, &["put", "large", "--limit", "200K", "--key", "client"])
    });
    server.wait_for_line("authenticated").expect("it has begun");
    write_private(&place.here("key"), &format!("shared {}\n", "5f".repeat(32)));
    server.signal("HUP");
    server.wait_for_line("the server accepts 1 key").expect("it was read");
    putting.join().expect("it runs").well();
    server
        .client(&place.here(""), &["ping", "--key", "client"])
        .with(7, &["does not know the key"]);
    write_private(&place.here("key"), "nothing\n");
    // Each time.
    for _ in 0..2 {
        server.signal("HUP");
        server.wait_for_line("until it is valid again").expect("it is reported");
        server.wait_for_line("the server accepts 1 key").expect("it is the last one");
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

/// Starts a server that gets `socket` as the only one, as descriptor 3.
fn start_with(socket: OwnedFd, place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\" 3<&0 </dev/null";
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_tinyferry"), "serve"]);
    command.args(arguments).arg(place.served("")).stdin(Stdio::from(socket));
    command
}

#[test]
fn a_server_serves_the_sockets_that_it_is_given() {
    let place = Place::new();
    fs::write(place.here("file"), "content").expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let server = Server::start_with_stdin(start_with(listener.into(), &place, &[]));
    assert_eq!(server.endpoint, endpoint);
    client(&endpoint, &place.here(""), &["put", "file"]).well();
    drop(server);
    let path = place.here("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let mut server = Server::start_with_stdin(start_with(listener.into(), &place, &[]));
    let endpoint = format!("unix://{}", path.display());
    assert_eq!(server.endpoint, endpoint);
    client(&endpoint, &place.here(""), &["get", "file", "--into", "back"]).well();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(path.exists(), "the socket belongs to the service manager");
    // Other machines reach it: keys are needed, as for --listen.
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let ended = start_with(listener.into(), &place, &[]).output().expect("it starts");
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("other machines could read and change the served files"), "{told}");
}

#[test]
fn each_line_of_a_log_for_programs_is_an_object() {
    let place = Place::new();
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    compiler.add_resource("log.json", schema).expect("a schema");
    let index = compiler.compile("log.json", &mut schemas).expect("a schema");
    let check = |log: &str| -> Vec<Value> {
        let objects = log.lines().map(|line| {
            let object = serde_json::from_str(line).expect("JSON");
            assert!(schemas.validate(&object, index).is_ok(), "{line}");
            object
        });
        objects.collect()
    };
    fs::write(place.here("a \"file\""), "content").expect("a file");
    let mut server = Server::start(&place.served(""), &["--log", "json", "-v"]);
    let endpoint = server.endpoint.trim_end_matches(['"', '}']).to_owned();
    client(&endpoint, &place.here(""), &["put", "a \"file\""]).well();
    client(&endpoint, &place.here(""), &["get", "absent"]).with(6, &["absent"]);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let objects = check(&server.log());
    let has = |level: &str, message: &str| {
        let with = |object: &&Value| {
            object["level"] == level
                && object["message"].as_str().is_some_and(|it| it.contains(message))
        };
        assert!(objects.iter().any(|object| with(&object)), "{message}: {objects:?}");
    };
    has("info", "serving \"");
    has("info", "\"a \\\"file\\\"\" is complete");
    has("debug", "the client has connected");
    // The error that ends it, too.
    let ended = program(&place.here(""), &["serve", "absent", "--log", "json"]);
    assert_eq!(ended.code, Some(1));
    let objects = check(&ended.stderr);
    assert_eq!(objects.last().expect("a line")["level"], "error");
}

/// Starts the program with a filter that refuses `openat2` with the error that is its first argument.
const REFUSING: &str = r#"
import ctypes, os, struct, sys
load, equal, back = 0x20, 0x15, 0x06
steps = [(load, 0, 0, 0), (equal, 0, 1, 437), (back, 0, 0, 0x50000 | int(sys.argv[1])), (back, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("steps", ctypes.c_void_p)]
program = Program(len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit("no filter")
os.execv(sys.argv[2], sys.argv[2:])
"#;

/// Sandboxes refuse system calls that they do not know: with EPERM (1) or ENOSYS (38).
#[test]
fn a_sandbox_that_refuses_openat2_makes_nothing_unsafe() {
    for error in ["1", "38"] {
        let place = Place::new();
        write_many(&place.here(""), "tree", 30);
        fs::create_dir(place.here("outside")).expect("a directory");
        symlink(place.here("outside"), place.served("link")).expect("a link");
        let mut command = Command::new("python3");
        command.args(["-c", REFUSING, error, env!("CARGO_BIN_EXE_tinyferry"), "serve"]);
        command.args(["--listen", "tcp://127.0.0.1:0"]).arg(place.served(""));
        let server = Server::start_by(command);
        server.client(&place.here(""), &["put", "tree"]).well();
        assert_same(&place.here("tree"), &place.served("tree"));
        server.client(&place.here(""), &["get", "tree", "--into", "back"]).well();
        assert_same(&place.here("tree"), &place.here("back/tree"));
        let ended = server.client(&place.here(""), &["put", "tree", "--to", "link"]);
        assert_ne!(ended.code, Some(0));
        let ended = server.client(&place.here(""), &["get", "link/..", "--into", "escaped"]);
        assert_ne!(ended.code, Some(0));
        assert_eq!(fs::read_dir(place.here("outside")).expect("it is there").count(), 0);
    }
}
