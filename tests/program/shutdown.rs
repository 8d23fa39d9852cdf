//! A server that shuts down sends the reason to the clients that are connected, and waits for none of the
//! idle ones.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tinyferry::client::{Client, Error};
use tinyferry::core::checksum::Tables;
use tinyferry::core::wire::{Code, SIGNAL_LEN, Signal};
use tinyferry::core::{Failure, Reason};

use crate::files::write_private;
use crate::harness::{Place, Server, command, content, idle_client, send_signal, wait_until};

fn is_shutting_down(told: &Result<Duration, Error>) -> bool {
    matches!(told, Err(Error::Session(Failure::Refused(Reason::ShuttingDown), _)))
}

#[test]
fn an_idle_client_receives_the_reason_and_delays_nothing() {
    let place = Place::new();
    let key = place.here("key");
    write_private(&key, &format!("shared {}\n", "5e".repeat(32)));
    let socket = format!("unix://{}", place.here("socket").display());
    let key_path = key.display().to_string();
    for (listen, with_key) in
        [("tcp://127.0.0.1:0", false), ("tcp://127.0.0.1:0", true), (&socket, false)]
    {
        let keys = if with_key { &["--key", &key_path][..] } else { &[] };
        let mut server = Server::start_at(listen, &place.served(""), keys);
        let mut builder = Client::builder(server.endpoint.parse().expect("an endpoint"));
        if with_key {
            builder = builder.key_file(&key);
        }
        let mut client = builder.connect().expect("it connects");
        client.ping().expect("it answers");
        server.signal("TERM");
        let begin = Instant::now();
        assert_eq!(server.wait(), Some(0));
        assert!(begin.elapsed() < Duration::from_secs(8), "an idle client delays the end");
        let told = client.ping();
        assert!(is_shutting_down(&told), "{listen}: {told:?}");
    }
}

/// While the server waits for a transfer, the idle clients receive the reason at once, and the transfer is
/// completed.
#[test]
fn an_idle_client_receives_the_reason_while_a_transfer_continues() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["--grace", "20"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let mut idle = idle_client(&address);
    let silent = TcpStream::connect(&address).expect("a server");
    fs::write(place.here("large"), content(150 << 20, 1)).expect("a file");
    let mut busy = command(&server.endpoint, &place.here(""), &["put", "large"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let partial = place.served(".large.tinyferry-part");
    wait_until("the transfer has begun", || {
        assert!(busy.try_wait().expect("it can be asked").is_none(), "it ended too early");
        partial.exists()
    });
    send_signal(busy.id(), "STOP");
    server.signal("TERM");
    let line = "active transfers may finish within 20 s (--grace); another Ctrl-C ends them";
    assert!(server.wait_for_line(line).is_some());
    idle.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let mut told = [0; SIGNAL_LEN];
    idle.read_exact(&mut told).expect("it is told");
    let signal = Signal::parse::<Tables>(0, &told).expect("a signal");
    assert_eq!((signal.code, signal.transfer), (Code::Err, 0));
    assert_eq!(signal.reason(), Reason::ShuttingDown);
    assert_eq!(idle.read(&mut told).expect("then it ends"), 0);
    assert!(server.child.try_wait().expect("it can be asked").is_none(), "a transfer goes on");
    send_signal(busy.id(), "CONT");
    assert!(busy.wait().expect("it ends").success());
    assert_eq!(server.wait(), Some(0));
    drop(silent);
}
