//! Limits of open files: the clients that a server accepts fit into them, whatever they do.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, command, content};
use crate::stalled::stall;

const PER_ADDRESS: [&str; 2] = ["--clients-per-address", "64"];

/// A file in each of 60 directories that are below one another, and another one beside it.
fn make_deep(top: &Path, beside: Option<&str>) {
    let mut deep = top.to_owned();
    for level in 0..60 {
        deep = deep.join(format!("level {level}"));
        fs::create_dir_all(&deep).expect("a directory");
        for name in [Some("file"), beside].into_iter().flatten() {
            fs::write(deep.join(name), content(300, level)).expect("a file");
        }
    }
}

/// Starts clients that send a tree, each to a directory of its own.
fn send_tree(server: &Server, place: &Place, clients: usize) -> Vec<Child> {
    let start = |number| {
        let to = format!("to {number}");
        let mut put = command(&server.endpoint, &place.here(""), &["put", "tree", "--to", &to]);
        put.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    (0..clients).map(start).collect()
}

/// Waits until clients have ended well; how many descriptors the server had at most.
fn finish(server: &Server, clients: Vec<Child>) -> usize {
    let mut most = 0;
    for mut client in clients {
        let status = loop {
            most = most.max(server.count("fd"));
            if let Some(status) = client.try_wait().expect("it can be waited for") {
                break status;
            }
            thread::sleep(Duration::from_millis(2));
        };
        let mut said = String::new();
        client.stderr.take().expect("it is piped").read_to_string(&mut said).expect("text");
        assert!(status.success(), "{said}");
    }
    most
}

#[test]
fn sixty_deep_trees_fit_into_a_thousand_descriptors() {
    let place = Place::new();
    make_deep(&place.here("tree"), None);
    let server = Server::start_under("ulimit -n 1024;", &place.served(""), &PER_ADDRESS);
    let most = finish(&server, send_tree(&server, &place, 60));
    println!("60 deep trees: {most} descriptors at most");
    assert!(most < 1024);
}

/// Clients that stall in the middle of a list, clients that send deep trees, and the cleaner of
/// partials, as many at once as the limit of open files carries.
#[test]
fn the_clients_that_fit_a_limit_of_open_files_are_served_at_once() {
    for (limit, lists, trees) in [(256, 4, 6), (1024, 20, 40)] {
        let place = Place::new();
        make_deep(&place.here("tree"), None);
        make_deep(&place.served("list"), Some(".old.tinyferry-part"));
        let limits = format!("ulimit -n {limit};");
        let arguments = [&PER_ADDRESS[..], &["--max-partials", "3000"]].concat();
        let mut server = Server::start_under(&limits, &place.served(""), &arguments);
        let lists: Vec<_> = (0..lists).map(|_| stall(&server, "list", false, 128)).collect();
        let most = finish(&server, send_tree(&server, &place, trees));
        println!("limit {limit}: {} lists, {trees} deep trees, {most} descriptors", lists.len());
        assert!(most < limit, "{limit}: {most}");
        let log = server.log();
        assert!(!log.contains("too many open files"), "{limit}: {log}");
    }
}
