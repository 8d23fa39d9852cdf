//! The second peer over lines that lose bytes, pipes and sockets, with the real program at the other end.

use std::fs;
use std::path::Path;

use tinyferry_kit::{Cable, Faults, Line};

use crate::files::make_tree;
use crate::harness::{Place, Server, assert_same, client, content};
use crate::python_peer::{SOURCES, python, script, serve_at};
use crate::relay::Relay;
use crate::serial::{CLEAN, urls};

const EVERYTHING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/program/everything.py");

/// A cable whose faults follow from a seed.
pub(crate) fn lay(faults: Faults, seed: u64) -> Cable {
    let [there, back] = [0, 1].map(|direction| {
        let mut line = Line::serial(921_600, seed * 2 + direction);
        line.faults = faults;
        line
    });
    Cable::lay(there, back).expect("pseudo-terminals")
}

/// Runs the second peer; `None`: there is no Python. Its output, and whether it succeeded.
pub(crate) fn run(directory: &Path, url: &str, task: &[&str]) -> Option<(bool, String)> {
    let output = python(directory, task)?.args(["-e", url]).output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// A file and a tree in both directions, and operations, by the client in Python.
fn everything_by_python(place: &Place, url: &str) -> Option<()> {
    make_tree(place, 6);
    fs::write(place.here("file"), content(40_000, 1)).expect("a file");
    let output = script(&place.here(""), &[EVERYTHING, url])?.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_same(&place.here("tree"), &place.here("tree back"));
    let served = fs::read(place.served("file")).expect("a file");
    assert!(served == fs::read(place.here("back")).expect("a file"), "the content differs");
    Some(())
}

/// The same by the client of the program.
fn everything_by_the_program(place: &Place, url: &str) {
    let here = place.here("");
    make_tree(place, 6);
    fs::write(place.here("file"), content(40_000, 1)).expect("a file");
    for task in [
        &["ping"] as &[&str],
        &["put", "file"],
        &["put", "file"],
        &["put", "tree"],
        &["put", "tree", "--update"],
        &["get", "file", "tree", "--into", "back"],
        &["mv", "tree/deep", "tree/new"],
        &["mkdir", "tree/a/b"],
        &["df"],
    ] {
        client(url, &here, task).well();
    }
    assert_same(&place.here("tree"), &place.here("back/tree"));
    assert!(place.served("tree/new/er/and deeper/leaf").exists());
    let listed = client(url, &here, &["ls"]).well();
    assert!(listed.stdout.contains("40000  file"), "{}", listed.stdout);
    client(url, &here, &["rm", "-r", "tree"]).well();
    assert!(!place.served("tree").exists());
    client(url, &here, &["get", "missing"]).with(6, &["no file of that name"]);
}

fn python_is_the_client(faults: Faults, seeds: &[u64]) {
    for &seed in seeds {
        let place = Place::new();
        let cable = lay(faults, seed);
        let [listen, url] = urls(&cable);
        let options = ["--allow-remove", "--allow-close"];
        let mut server = Server::start_at(&listen, &place.served(""), &options);
        if everything_by_python(&place, &url).is_none() {
            return;
        }
        let (is_well, said) = run(&place.here(""), &url, &["close"]).expect("there is Python");
        assert!(is_well, "{seed}: {said}");
        assert_eq!(server.wait(), Some(0), "{seed}: {}", server.log());
    }
}

fn python_is_the_server(faults: Faults, seeds: &[u64]) {
    for &seed in seeds {
        let place = Place::new();
        let cable = lay(faults, seed);
        let [listen, url] = urls(&cable);
        let options = ["--allow-remove", "--allow-close"];
        let Some((mut server, _)) = serve_at(&place, &listen, &options) else { return };
        everything_by_the_program(&place, &url);
        client(&url, &place.here(""), &["close"]).well();
        assert!(server.0.wait().expect("it ends").success(), "{seed}");
    }
}

#[test]
fn the_python_client_works_over_a_clean_line() {
    python_is_the_client(CLEAN, &[1]);
}

#[test]
fn the_python_client_works_over_lines_with_bit_errors() {
    python_is_the_client(Faults { flip: 1e-5, ..CLEAN }, &[1, 2]);
}

#[test]
fn the_python_client_works_over_lines_that_lose_double_and_insert_bytes() {
    python_is_the_client(Faults { drop: 1e-4, ..CLEAN }, &[3]);
    python_is_the_client(Faults { double: 5e-5, insert: 5e-5, burst: 1e-5, ..CLEAN }, &[4]);
}

#[test]
fn the_python_server_works_over_a_clean_line() {
    python_is_the_server(CLEAN, &[1]);
}

#[test]
fn the_python_server_works_over_lines_with_bit_errors() {
    python_is_the_server(Faults { flip: 1e-5, ..CLEAN }, &[1, 2]);
}

#[test]
fn the_python_server_works_over_lines_that_lose_double_and_insert_bytes() {
    python_is_the_server(Faults { drop: 1e-4, ..CLEAN }, &[3]);
    python_is_the_server(Faults { double: 5e-5, insert: 5e-5, burst: 1e-5, ..CLEAN }, &[4]);
}

#[test]
fn the_python_client_works_over_a_line_behind_a_tcp_port() {
    let place = Place::new();
    let cable = lay(Faults { flip: 1e-5, ..CLEAN }, 5);
    let [listen, _] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &["--allow-remove"]);
    let relay = Relay::listen(cable.ports()[0]);
    everything_by_python(&place, &format!("tcp://{}?lossy=true", relay.address));
}

#[test]
fn the_python_client_works_over_pipes_and_sockets() {
    let place = Place::new();
    let served = place.served("").display().to_string();
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let url = format!("exec:{program} serve --stdio --allow-remove {served}");
    if everything_by_python(&place, &url).is_none() {
        return;
    }
    let place = Place::new();
    let socket = format!("unix://{}", place.root.path().join("socket").display());
    let _server = Server::start_at(&socket, &place.served(""), &["--allow-remove"]);
    everything_by_python(&place, &socket);
}

#[test]
fn the_python_server_works_over_pipes_and_sockets() {
    let place = Place::new();
    if python(&place.here(""), &[]).is_none() {
        return;
    }
    let served = place.served("").display().to_string();
    let url = format!(
        "exec:PYTHONPATH={SOURCES} python3 -m tinyferry serve --stdio --allow-remove {served}"
    );
    everything_by_the_program(&place, &url);
    let place = Place::new();
    let socket = format!("unix://{}", place.root.path().join("socket").display());
    let Some((_server, _)) = serve_at(&place, &socket, &["--allow-remove"]) else { return };
    everything_by_the_program(&place, &socket);
}

/// R46.
#[test]
fn both_ends_list_the_same_names() {
    let place = Place::new();
    make_tree(&place, 20);
    fs::rename(place.here("tree"), place.served("tree")).expect("the same file system");
    let theirs = Server::start(&place.served(""), &[]);
    let Some((_server, endpoint)) = serve_at(&place, "tcp://127.0.0.1:0", &[]) else { return };
    for options in [&[][..], &["--recursive"]] {
        let task = [&["ls", "tree"], options].concat();
        let names = [&theirs.endpoint, &endpoint].map(|url| {
            let (is_well, said) = run(&place.here(""), url, &task).expect("there is Python");
            assert!(is_well, "{said}");
            let mut names: Vec<_> = said.lines().map(str::to_owned).collect();
            names.sort();
            names
        });
        assert!(names[0].len() > 10 && names[0] == names[1], "{names:?}");
    }
    let listed = [&theirs.endpoint, &endpoint]
        .map(|url| client(url, &place.here(""), &["ls", "tree"]).well().stdout);
    assert_eq!(listed[0], listed[1]);
}

#[test]
fn refusals_of_each_end_reach_the_other_with_their_reason() {
    let place = Place::new();
    fs::write(place.here("file"), "x").expect("a file");
    fs::write(place.served("given"), "x").expect("a file");
    let Some((_server, url)) = serve_at(&place, "tcp://127.0.0.1:0", &["--read-only"]) else {
        return;
    };
    client(&url, &place.here(""), &["put", "file"]).with(6, &["takes no files"]);
    client(&url, &place.here(""), &["rm", "given"]).with(6, &["takes no files"]);
    client(&url, &place.here(""), &["close"]).with(6, &["not allowed"]);
    client(&url, &place.here(""), &["get", "given", "--into", "back"]).well();
    let Some((_server, url)) = serve_at(&place, "tcp://127.0.0.1:0", &["--write-only"]) else {
        return;
    };
    client(&url, &place.here(""), &["get", "given"]).with(6, &["gives no files"]);
    client(&url, &place.here(""), &["rm", "given"]).with(6, &["not allowed"]);
    let server = Server::start(&place.served(""), &["--read-only"]);
    for (task, reason) in
        [(&["put", "file"][..], 17), (&["rm", "given"], 17), (&["close"], 19), (&["get", "no"], 3)]
    {
        let (is_well, said) =
            run(&place.here(""), &server.endpoint, task).expect("there is Python");
        assert!(!is_well && said.contains(&format!("(reason {reason})")), "{task:?}: {said}");
    }
}
