//! Hosts that vanish without a word, in network namespaces: the file that a client had open is free again
//! when the client cannot be there any more.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Place, Server, content, wait_until};
use crate::requirements::runs_long_tests;

/// The time without a packet after which a host has vanished.
const GONE: Duration = Duration::from_secs(75);

/// Two namespaces with a cable between them, which go when this is dropped.
struct Hosts {
    names: [String; 2],
}

fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Hosts {
    /// `mark` is a part of their names.
    fn new(mark: &str) -> Option<Self> {
        let mark = format!("{}-{}", std::process::id(), mark.replace('/', "."));
        let hosts = Self { names: ["client", "server"].map(|end| format!("tf-{end}-{mark}")) };
        let [client, server] = &hosts.names;
        let is_made = ip(&["netns", "add", server])
            && ip(&["-n", server, "link", "set", "lo", "up"])
            && ip(&["netns", "add", client])
            && hosts.connect("10.99.0.7/24");
        if !is_made {
            println!("skipped: no network namespaces can be made here");
            return None;
        }
        Some(hosts)
    }

    /// Lays the cable; the client has this address.
    fn connect(&self, address: &str) -> bool {
        let [client, server] = &self.names;
        ip(&[
            "link", "add", "tfc", "netns", client, "type", "veth", "peer", "name", "tfs", "netns",
            server,
        ]) && ip(&["-n", client, "addr", "add", address, "dev", "tfc"])
            && ip(&["-n", server, "addr", "add", "10.99.0.254/24", "dev", "tfs"])
            && ip(&["-n", client, "link", "set", "tfc", "up"])
            && ip(&["-n", server, "link", "set", "tfs", "up"])
    }

    /// A program in one of them.
    fn command(&self, host: usize) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[host], env!("CARGO_BIN_EXE_tinyferry")]);
        command
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn put(hosts: &Hosts, place: &Place, endpoint: &str) -> Command {
    let mut command = hosts.command(0);
    command.args(["put", "-e", endpoint, "--insecure", "f"]).current_dir(place.here(""));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The work of the server while its client's host vanishes.
#[derive(Clone, Copy, PartialEq)]
enum Load {
    Idle,
    /// It works so long that it sends a keepalive, whose ack does not come.
    Busy,
}

/// Whether the server's system waits for an ack.
fn has_output_without_ack(hosts: &Hosts) -> bool {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &hosts.names[1], "cat", "/proc/net/tcp"]);
    let table = command.output().expect("a table of connections").stdout;
    // The fifth column: bytes without an ack, and bytes that are not read.
    String::from_utf8_lossy(&table).lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace().skip(3);
        let is_established = columns.next() == Some("01");
        is_established && columns.next().is_some_and(|queues| !queues.starts_with("00000000:"))
    })
}

/// A client's host vanishes in the middle of a put, and is back at this address.
fn come_back(address: &str, load: Load) {
    if !runs_long_tests() {
        return;
    }
    let Some(hosts) = Hosts::new(address) else { return };
    let place = Place::new();
    fs::write(place.here("f"), content(300 << 20, 1)).expect("a file");
    let mut command = hosts.command(1);
    command.args(["serve", "--insecure", "--listen", "tcp://10.99.0.254:0", "--sync", "never"]);
    command.arg(place.served(""));
    let server = Server::start_by(command);
    let mut cut = put(&hosts, &place, &server.endpoint).spawn().expect("it starts");
    let partial = place.served(".f.tinyferry-part");
    wait_until("content arrives", || {
        assert!(cut.try_wait().expect("it can be asked").is_none(), "it ended too early");
        partial.metadata().is_ok_and(|metadata| metadata.len() > 10 << 20)
    });
    if load == Load::Busy {
        // The input that waits is work for later.
        server.signal("STOP");
        thread::sleep(Duration::from_millis(500));
    }
    assert!(ip(&["-n", &hosts.names[1], "link", "del", "tfs"]), "the cable is cut");
    cut.kill().expect("it is ours");
    let _ = cut.wait();
    if load == Load::Busy {
        thread::sleep(Duration::from_secs(3));
        server.signal("CONT");
        wait_until("the server sends a keepalive", || has_output_without_ack(&hosts));
    }
    let begin = Instant::now();
    assert!(hosts.connect(address), "there is a new cable");
    loop {
        let output = put(&hosts, &place, &server.endpoint).stderr(Stdio::piped()).output();
        let ended = Ended::from(output.expect("it starts"));
        if ended.code == Some(0) {
            break;
        }
        assert!(ended.stderr.contains("another transfer writes"), "{}", ended.stderr);
        assert!(begin.elapsed() < GONE, "it is in use for {} s", begin.elapsed().as_secs());
        thread::sleep(Duration::from_millis(500));
    }
    println!("back at {address}: in use for {} s", begin.elapsed().as_secs());
    assert!(fs::read(place.served("f")).ok() == fs::read(place.here("f")).ok());
}

#[test]
fn long_a_file_is_unlocked_when_its_clients_host_is_back() {
    come_back("10.99.0.7/24", Load::Idle);
}

#[test]
fn long_a_file_is_unlocked_when_its_client_is_back_at_another_address() {
    come_back("10.99.0.2/24", Load::Idle);
}

#[test]
fn long_a_file_is_unlocked_when_its_client_vanished_before_an_ack() {
    come_back("10.99.0.3/24", Load::Busy);
}
