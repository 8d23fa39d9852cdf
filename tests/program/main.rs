//! The real program over loopback: its commands, and the errors of people and peers.

#![cfg(unix)]

mod attack_target;
mod attacks;
mod authentication;
mod bad_input;
mod banners;
mod client_limits;
mod command_line;
mod commands;
mod console;
mod cut_proxy;
mod deep_tree;
mod descriptors;
mod device;
mod digests;
mod disconnect;
mod endpoints;
mod events;
mod exit_codes;
mod files;
mod filters;
mod follow;
mod foreign_peer;
mod forged_peer;
mod golden;
mod handshakes;
mod hard_links;
mod harness;
mod help;
mod host_loss;
mod hostile;
mod id_wraparound;
mod key_files;
mod large_file;
mod limits;
mod links;
mod listing;
mod lossy_clients;
mod lossy_tcp;
mod manage;
mod messages;
mod metrics;
mod mirror;
mod mirror_kinds;
mod mirror_property;
mod modification_times;
mod mounts;
mod name_collisions;
mod omitted_entries;
mod on_file;
mod output;
mod parked;
mod partials;
mod partials_command;
mod permissions;
mod ping;
mod pipes;
mod pipes_after_cuts;
mod places;
mod policy;
mod power_loss;
mod processes;
mod progress;
mod python_links;
mod python_lossy;
mod python_peer;
mod python_resume;
mod quotas;
mod rate_limit;
mod refused_names;
mod relay;
mod repl;
mod requirements;
mod resume_after_cut;
mod retry;
mod retry_campaign;
mod retry_requests;
mod rfc2217;
mod serial;
mod serial_boot;
mod serial_campaign;
mod serial_faults;
mod serial_keys;
mod serial_lines;
mod serial_machine;
mod serial_port;
mod serial_ports;
mod serial_refusals;
mod served_directory;
mod served_terminal;
mod server_log;
mod service;
mod shutdown;
mod signals;
mod slow_line;
mod slow_peer;
mod soak;
mod space;
mod sparse;
mod stalled;
mod standard_streams;
mod storage_faults;
mod summary;
mod sync;
mod tampering;
mod terminal;
mod timeouts;
mod tiny;
mod tiny_python;
mod tiny_python_lossy;
mod transfers;
mod vanished;
mod virtual_files;
mod watch;
mod windows;
mod write_only;

#[path = "../trees/mod.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod trees;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use harness::{Place, Server, assert_same, content, idle_client, snapshot};

#[test]
fn a_ping_is_answered_and_a_close_ends_the_server() {
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["--allow-close"]);
    let ended = server.client(&place.here(""), &["ping"]).well();
    assert!(ended.stdout.contains(" ms"), "{}", ended.stdout);
    server.client(&place.here(""), &["close"]).well();
    assert_eq!(server.wait(), Some(0));

    let mut server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["close"]).with(6, &["not allowed"]);
    server.client(&place.here(""), &["ping"]).well();
    assert!(server.child.try_wait().expect("it can be asked").is_none());
}

#[test]
fn signals_shut_the_server_down() {
    for name in ["INT", "TERM"] {
        let place = Place::new();
        let mut server = Server::start(&place.served(""), &["--grace", "20"]);
        // An idle client delays nothing; an active one may finish.
        let idle =
            std::net::TcpStream::connect(&server.endpoint["tcp://".len()..]).expect("a server");
        fs::write(place.here("large"), content(80 << 20, 1)).expect("a file");
        let client = harness::command(&server.endpoint, &place.here(""), &["put", "large"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        for _ in 0..2000 {
            if place.served(".large.tinyferry-part").exists() {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        server.signal(name);
        let ended = harness::Ended::from(client.wait_with_output().expect("it ends"));
        ended.well();
        assert_eq!(server.wait(), Some(0), "{}", server.log());
        assert_eq!(snapshot(&place.served("")).len(), 1);
        drop(idle);
    }
}

#[test]
fn one_client_too_many_is_told_that_the_server_is_busy() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--clients", "2"]);
    // Only a client whose handshake is complete takes a place.
    let established = [(); 2].map(|()| idle_client(&server.endpoint["tcp://".len()..]));
    let ended = server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    assert_eq!(ended.stderr.matches("try again later").count(), 1, "{}", ended.stderr);
    drop(established);
    for attempt in 0.. {
        if server.client(&place.here(""), &["ping"]).code == Some(0) {
            break;
        }
        assert!(attempt < 100, "the places are not free again");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn idle_clients_are_disconnected_and_silent_ones_delay_no_client() {
    use std::io::Read;
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--idle", "0.5"]);
    let address = &server.endpoint["tcp://".len()..];
    let mut silent = std::net::TcpStream::connect(address).expect("a server");
    server.client(&place.here(""), &["ping"]).well();
    silent.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    assert_eq!(silent.read(&mut [0; 10]).expect("it is let go"), 0);
}

#[test]
fn a_server_can_be_read_only_or_write_only() {
    let place = Place::new();
    fs::write(place.here("f"), "f").expect("a file");
    fs::write(place.served("g"), "g").expect("a file");
    let server = Server::start(&place.served(""), &["--read-only"]);
    server.client(&place.here(""), &["put", "f"]).with(6, &["takes no files"]);
    server.client(&place.here(""), &["get", "g"]).well();
    let server = Server::start(&place.served(""), &["--write-only"]);
    server.client(&place.here(""), &["put", "f"]).well();
    server.client(&place.here(""), &["get", "g"]).with(6, &["gives no files"]);
}

#[test]
fn output_that_is_not_read_ends_no_transfer() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..300 {
        fs::write(place.here(&format!("tree/{number}")), content(10, number)).expect("a file");
    }
    for arguments in [&["put", "--sha256", "tree"][..], &["ls", "-R"], &["ping"]] {
        let mut command = harness::command(&server.endpoint, &place.here(""), arguments);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{arguments:?}");
    }
    assert_same(&place.here("tree"), &place.served("tree"));
}

#[test]
fn contradictory_arguments_are_refused_before_any_work() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    for path in ["a", "b"] {
        fs::create_dir(place.served(path)).expect("a directory");
        fs::write(place.served(path).join("f"), path).expect("a file");
    }
    let here = place.here("");
    server.client(&here, &["get", "a/f", "b/f"]).with(2, &["both be \"f\""]);
    server.client(&here, &["get", "a/f", "../x"]).with(2, &["is not a valid path on the server"]);
    assert_eq!(fs::read_dir(&here).expect("it is there").count(), 0);
    std::os::unix::fs::symlink("nowhere", place.here("dangling")).expect("a link");
    server.client(&here, &["put", "dangling"]).with(1, &["\"dangling\"", "no such file"]);
    assert!(!place.served("dangling").exists());
}
