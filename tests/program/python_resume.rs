//! Transfers between the program and the second peer that are cut, and continue where they stopped.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tinyferry_kit::Random;

use crate::cut_proxy::Proxy;
use crate::harness::{Place, Server, client, content};
use crate::python_peer::{Running, python, serve_at};

const SIZE: usize = 1_500_000;
/// The bytes that may be sent before the receiver has stated its position (R96).
const UNKNOWN_POSITION: u64 = 262_144;

/// The end that is the client.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Client {
    Python,
    Program,
}

/// The server that the client does not come from; `None`: there is no Python.
fn serve(
    client: Client,
    place: &Place,
    proxy: &Proxy,
) -> Option<(Option<Server>, Option<Running>)> {
    if client == Client::Python {
        let server = Server::start(&place.served(""), &[]);
        proxy.lead_to(&server);
        return Some((Some(server), None));
    }
    let (server, url) = serve_at(place, "tcp://127.0.0.1:0", &[])?;
    proxy.lead_to_address(url.trim_start_matches("tcp://"));
    Some((None, Some(server)))
}

/// Whether the task succeeds; `None`: there is no Python.
fn run(by: Client, directory: &Path, url: &str, task: &[&str]) -> Option<bool> {
    if by == Client::Python {
        let output = python(directory, task)?.args(["-e", url]).output().expect("it starts");
        return Some(output.status.success());
    }
    Some(client(url, directory, task).code == Some(0))
}

/// The length of a partial, once its receiver has stored all that has arrived.
fn length_at_rest(partial: &Path) -> u64 {
    let length = || fs::metadata(partial).map_or(0, |found| found.len());
    let mut before = u64::MAX;
    while before != length() {
        before = length();
        thread::sleep(Duration::from_millis(250));
    }
    before
}

/// R58 to R61.
#[test]
fn transfers_that_were_cut_continue_at_both_ends() {
    for seed in 0..8u64 {
        let mut random = Random::new(seed);
        let by = [Client::Python, Client::Program][seed as usize & 1];
        let is_put = seed & 2 == 0;
        let place = Place::new();
        let proxy = Proxy::start();
        let Some(_server) = serve(by, &place, &proxy) else { return };
        let bytes = content(SIZE, seed);
        let source = if is_put { place.here("file") } else { place.served("file") };
        fs::write(&source, &bytes).expect("a file");
        let task: &[&str] = match (by, is_put) {
            (_, true) => &["put", "file"],
            (Client::Python, false) => &["get", "file"],
            (Client::Program, false) => &["get", "file", "--into", "."],
        };
        let cut = 700_000 + random.below(700_000) as u64;
        proxy.cut_at(cut);
        let Some(is_well) = run(by, &place.here(""), &proxy.endpoint, task) else { return };
        let target = if is_put { place.served("file") } else { place.here("file") };
        assert!(!is_well && !target.exists(), "{seed}: it was cut at {cut}");
        // The proxy carries whole pieces: the last one may go past the cut.
        let before = proxy.crossed(usize::from(!is_put));
        proxy.cut_at(u64::MAX);
        let stored = length_at_rest(&target.with_file_name(".file.tinyferry-part"));
        assert!(stored > 0, "{seed}, {by:?}: nothing was kept of {cut} bytes");
        assert_eq!(run(by, &place.here(""), &proxy.endpoint, task), Some(true), "{seed}, {by:?}");
        assert!(fs::read(&target).expect("a file") == bytes, "{seed}");
        let crossed = proxy.crossed(usize::from(!is_put));
        // With the headers of chunks, and the frames of two sessions.
        let needed = (SIZE as u64 - stored + UNKNOWN_POSITION) * 1036 / 1024 + 5000;
        assert!(
            crossed < before + needed,
            "{seed}, {by:?}: {crossed} bytes crossed, {stored} stored"
        );
    }
}

/// R64, R65.
#[test]
fn a_partial_with_other_content_is_replaced_at_both_ends() {
    for by in [Client::Python, Client::Program] {
        let place = Place::new();
        let proxy = Proxy::start();
        let Some(_server) = serve(by, &place, &proxy) else { return };
        let bytes = content(300_000, 1);
        fs::write(place.here("file"), &bytes).expect("a file");
        fs::write(place.served(".file.tinyferry-part"), content(200_000, 2)).expect("a partial");
        assert_eq!(run(by, &place.here(""), &proxy.endpoint, &["put", "file"]), Some(true));
        assert!(fs::read(place.served("file")).expect("a file") == bytes);
        fs::remove_file(place.here("file")).expect("a file");
        fs::write(place.here(".file.tinyferry-part"), content(200_000, 3)).expect("a partial");
        assert_eq!(
            run(by, &place.here(""), &proxy.endpoint, &["get", "file"]),
            Some(true),
            "{by:?}"
        );
        assert!(fs::read(place.here("file")).expect("a file") == bytes);
        assert!(
            !place.here(".file.tinyferry-part").exists()
                && !place.served(".file.tinyferry-part").exists()
        );
    }
}
