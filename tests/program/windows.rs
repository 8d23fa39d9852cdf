//! The program for Windows under Wine, with itself and with the program of this system. `.ci/windows` runs these tests,
//! and says in `TINYFERRY_WINDOWS` where the program is.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Ended, Place, Server, client_by, content, set_mode};

mod interrupted;
mod names;

/// The end that runs on Windows; the other one runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Client,
    Server,
    Both,
}

const ALL: [On; 3] = [On::Client, On::Server, On::Both];

/// The program for Windows. Its first process is the one that is started.
fn windows() -> Command {
    let program = std::env::var("TINYFERRY_WINDOWS").expect("the path of the program for Windows");
    let mut command = Command::new("wine");
    command.arg(program).env("TINYFERRY_CONFIG", "");
    command
}

fn here() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.env("TINYFERRY_CONFIG", "");
    command
}

impl On {
    fn serve(self, directory: &Path, arguments: &[&str]) -> Server {
        let mut command = if self == Self::Client { here() } else { windows() };
        command.args(["serve", "--listen", "tcp://127.0.0.1:0", "--sync", "never"]);
        command.args(arguments).arg(directory);
        Server::start_by(command)
    }

    fn command(self, endpoint: &str, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = if self == Self::Server { here() } else { windows() };
        let (verb, rest) = arguments.split_first().expect("a command");
        command.current_dir(directory).args([verb, "-e", endpoint]).args(rest).stdin(Stdio::null());
        command
    }

    fn client(self, server: &Server, directory: &Path, arguments: &[&str]) -> Ended {
        client_by(self.command(&server.endpoint, directory, arguments))
    }
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("directories");
    fs::write(path, text).expect("a file");
}

/// The paths below a directory, and the content of files.
fn below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(directory: &Path, path: &str, found: &mut Vec<(String, Vec<u8>)>) {
        for entry in fs::read_dir(directory.join(path)).expect("a directory") {
            let entry = entry.expect("an entry");
            let path = format!("{path}{}", entry.file_name().display());
            if entry.path().is_dir() {
                found.push((path.clone(), Vec::new()));
                walk(directory, &format!("{path}/"), found);
            } else {
                found.push((path, fs::read(entry.path()).expect("a file")));
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, "", &mut found);
    found.sort();
    found
}

#[test]
#[ignore = "needs Wine"]
fn trees_cross_and_mirrors_remove_in_both_directions() {
    for on in ALL {
        let place = Place::new();
        let server = on.serve(&place.served(""), &["--allow-remove"]);
        let root = place.here("");
        let tree = place.here("tree");
        for (name, text) in [("f", "f"), ("empty", ""), ("d/e/ü", "deep"), (".hidden", "h")] {
            write(&tree.join(name), text);
        }
        write(&tree.join("large"), content(1 << 20, 7));
        fs::create_dir(tree.join("no entries")).expect("a directory");
        let run = |arguments: &[&str]| on.client(&server, &root, arguments).well();
        run(&["put", "tree"]);
        assert!(below(&tree) == below(&place.served("tree")), "{on:?}");
        let again = run(&["put", "tree"]);
        assert!(again.stdout.contains("0 files, 5 unchanged"), "{on:?}: {}", again.stdout);
        let listed = run(&["ls", "-R", "tree"]).stdout;
        for name in ["large", "d/e/ü", "no entries"] {
            assert!(listed.contains(name), "{on:?}: {listed}");
        }
        write(&place.served("tree/obsolete/f"), "removed");
        write(&tree.join("f"), "changed");
        run(&["mirror", "tree", "tree"]);
        assert!(below(&tree) == below(&place.served("tree")), "{on:?}");
        fs::remove_file(place.served("tree/empty")).expect("it is there");
        run(&["mirror", "--get", "tree", "tree"]);
        assert!(below(&tree) == below(&place.served("tree")), "{on:?}");
        run(&["get", "tree", "--into", "new"]);
        assert!(below(&place.here("new/tree")) == below(&tree), "{on:?}");
        run(&["mv", "tree/large", "tree/moved"]);
        run(&["rm", "-r", "tree/d"]);
        assert!(place.served("tree/moved").exists() && !place.served("tree/d").exists());
    }
}

#[test]
#[ignore = "needs Wine"]
fn keys_and_paths_of_windows_are_accepted_and_other_endpoints_are_not() {
    let place = Place::new();
    let root = place.here("");
    let program = |arguments: &[&str]| {
        let mut command = windows();
        command.current_dir(&root).args(arguments).stdin(Stdio::null());
        client_by(command)
    };
    program(&["keygen", "key"]).well();
    set_mode(&place.here("key"), 0o600);
    let server =
        On::Client.serve(&place.served(""), &["--key", &place.here("key").display().to_string()]);
    write(&place.here("d/e/f"), "f");
    let put = program(&["put", "-e", &server.endpoint, "--key", "key", "d\\e\\f"]).well();
    assert!(put.stdout.contains("sent \"d/e/f\""), "{}", put.stdout);
    let absolute = format!("Z:{}", place.here("d").display()).replace('/', "\\");
    program(&["put", "-e", &server.endpoint, "--key", "key", &absolute, "--to", "x"]).well();
    assert_eq!(fs::read(place.served("f")).expect("it is there"), b"f");
    assert_eq!(fs::read(place.served("x/d/e/f")).expect("it is there"), b"f");
    for endpoint in ["unix:///tmp/socket", "exec:tinyferry serve --stdio .", "me@box:"] {
        program(&["ping", "-e", endpoint])
            .with(2, &["work on Unix systems only; use tcp://HOST:PORT"]);
    }
    program(&["serve", "--stdio", "."]).with(1, &["work on Unix systems only"]);
    program(&["put", "-e", &server.endpoint, "--key", "key", "d\\missing"])
        .with(1, &["\"d/missing\""]);
}
