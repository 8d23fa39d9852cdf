//! The second peer, written in Python from the specification alone, against the real program.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use crate::harness::{Place, Server, client, content};

pub(crate) const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/python/src");

/// The program of the package with these arguments; `None`: there is no Python.
pub(crate) fn python(directory: &Path, arguments: &[&str]) -> Option<Command> {
    script(directory, &[&["-m", "tinyferry"], arguments].concat())
}

/// Python with these arguments, which finds the package.
pub(crate) fn script(directory: &Path, arguments: &[&str]) -> Option<Command> {
    static IS_THERE: LazyLock<bool> = LazyLock::new(|| {
        let found = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    });
    if !*IS_THERE {
        println!("skipped: there is no python3");
        return None;
    }
    let mut command = Command::new("python3");
    // Its modules are compiled once, outside the sources.
    command.env("PYTHONPYCACHEPREFIX", env!("CARGO_TARGET_TMPDIR")).env("PYTHONPATH", SOURCES);
    command.current_dir(directory).args(arguments);
    Some(command)
}

/// Files whose sizes are about those of chunks, in a tree with an empty directory.
fn make_tree(root: &Path) {
    fs::create_dir_all(root.join("tree/empty")).expect("a directory");
    fs::create_dir_all(root.join("tree/sub")).expect("a directory");
    for size in [0, 1, 1023, 1024, 1025, 70_000] {
        fs::write(root.join(format!("tree/sub/{size} é")), content(size, 3)).expect("a file");
    }
}

fn assert_same_content(a: &Path, b: &Path) {
    let status = Command::new("diff").arg("-r").arg(a).arg(b).status();
    assert!(status.expect("diff is there").success(), "they differ");
}

#[test]
fn the_python_client_works_with_the_server() {
    let place = Place::new();
    make_tree(&place.here(""));
    fs::write(place.here("file"), content(3_000_000, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let tasks: [&[&str]; 6] = [
        &["ping"],
        &["put", "file", "file"],
        &["put", "file", "file"],
        &["get", "file", "back"],
        &["put", "tree", "tree"],
        &["get", "tree", "tree back"],
    ];
    for task in tasks {
        let Some(mut command) = python(&place.here(""), task) else { return };
        let output = command.args(["-e", &server.endpoint]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", task.join(" "));
    }
    assert_eq!(fs::read(place.here("file")).ok(), fs::read(place.served("file")).ok());
    assert_eq!(fs::read(place.here("file")).ok(), fs::read(place.here("back")).ok());
    assert_same_content(&place.here("tree"), &place.served("tree"));
    assert_same_content(&place.here("tree"), &place.here("tree back"));

    // Entries that cannot be sent are reported in both directions.
    make_odd_tree(&place.served(""));
    let Some(mut command) = python(&place.here(""), &["get", "odd", "odd"]) else { return };
    let output = command.args(["-e", &server.endpoint]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("1 more that cannot be named"), "{said}");
    assert!(place.here("odd/whole").exists() && !place.here("odd/link").exists());
    make_odd_tree(&place.here("its"));
    let Some(mut command) = python(&place.here("its"), &["put", "odd", "its"]) else { return };
    let output = command.args(["-e", &server.endpoint]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("'link' was refused"), "{said}");
    assert!(place.served("its/whole").exists() && !place.served("its/link").exists());
}

/// A tree with a link and a name that no path may have.
fn make_odd_tree(root: &Path) {
    fs::create_dir_all(root.join("odd/sub")).expect("directories");
    fs::write(root.join("odd/whole"), "x").expect("a file");
    fs::write(root.join("odd/sub/new\nline"), "x").expect("a file");
    std::os::unix::fs::symlink("whole", root.join("odd/link")).expect("a link");
}

pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its server and where it listens.
fn serve(place: &Place) -> Option<(Running, String)> {
    serve_with(place, &["--allow-close", "--allow-remove"])
}

/// The same with these options.
pub(crate) fn serve_with(place: &Place, options: &[&str]) -> Option<(Running, String)> {
    serve_at(place, "tcp://127.0.0.1:0", options)
}

/// The same at another URL.
pub(crate) fn serve_at(place: &Place, url: &str, options: &[&str]) -> Option<(Running, String)> {
    let root = place.served("").display().to_string();
    let root = root.trim_end_matches('/');
    let arguments = ["serve", root, "-e", url];
    let mut command = python(&place.here(""), &[&arguments, options].concat())?;
    let mut server = Running(command.stdout(Stdio::piped()).spawn().expect("it starts"));
    let mut url = String::new();
    let out = server.0.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut url).expect("it says its URL");
    Some((server, url.trim().to_owned()))
}

/// Its server does not offer SHA-256: nothing is sent and nothing is taken without.
#[test]
fn the_client_demands_sha256_of_the_python_server() {
    let place = Place::new();
    make_tree(&place.here(""));
    fs::write(place.here("file"), content(5000, 1)).expect("a file");
    fs::write(place.served("given"), content(5000, 2)).expect("a file");
    let Some((_server, endpoint)) = serve(&place) else { return };
    let here = place.here("");
    let sentence = ["does not offer SHA-256", "without --sha256"];
    for arguments in [
        &["put", "--sha256", "file"][..],
        &["put", "--sha256", "tree"],
        &["put", "--sha256", "file", "tree"],
        &["get", "--sha256", "given"],
        &["get", "--sha256", "given", "nothing"],
        &["get", "--sha256", "--update", "."],
        &["get", "--sha256", "--exclude", "x", "."],
    ] {
        let ended = client(&endpoint, &here, arguments).with(5, &sentence);
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
    assert_eq!(fs::read_dir(place.served("")).expect("it is there").count(), 1);
    assert!(!place.here("given").exists());
    client(&endpoint, &here, &["put", "file"]).well();
}

#[test]
fn the_client_works_with_the_python_server() {
    let place = Place::new();
    make_tree(&place.here(""));
    fs::write(place.here("file"), content(3_000_000, 1)).expect("a file");
    let Some((mut server, endpoint)) = serve(&place) else { return };
    let here = place.here("");
    client(&endpoint, &here, &["ping"]).well();
    client(&endpoint, &here, &["put", "file"]).well();
    client(&endpoint, &here, &["put", "tree"]).well();
    client(&endpoint, &here, &["get", "file", "tree", "--into", "back"]).well();
    client(&endpoint, &here, &["get", "missing"]).with(6, &["no file of that name"]);
    make_odd_tree(&place.served(""));
    let ended = client(&endpoint, &here, &["get", "odd", "--into", "back"]);
    ended.with(
        3,
        &[
            "2 entries were not transferred",
            "\"odd/link\"",
            "1 more with a name that cannot be sent",
        ],
    );
    client(&endpoint, &here, &["close"]).well();
    assert!(server.0.wait().expect("it ends").success());
    assert_eq!(fs::read(place.here("file")).ok(), fs::read(place.here("back/file")).ok());
    assert_same_content(&place.here("tree"), &place.here("back/tree"));
}

/// R81 to R87: it computes the digests by itself.
#[test]
fn the_python_client_compares_removes_and_renames() {
    let place = Place::new();
    make_tree(&place.here(""));
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let run = |task: &[&str]| {
        let output = python(&place.here(""), task)?.args(["-e", &server.endpoint]).output();
        let output = output.expect("it starts");
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout).trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Some((output.status.success(), said))
    };
    let Some((is_sent, said)) = run(&["put", "tree", "tree"]) else { return };
    assert!(is_sent, "{said}");
    let same = || Some((true, "the same".to_owned()));
    assert_eq!(run(&["compare", "tree", "tree"]), same());
    for _ in 0..2 {
        assert_eq!(run(&["rm", "tree/sub/1 é"]), Some((true, String::new())));
    }
    assert_eq!(run(&["compare", "tree", "tree"]), Some((true, "different".to_owned())));
    fs::remove_file(place.here("tree/sub/1 é")).expect("it is there");
    assert_eq!(run(&["compare", "tree", "tree"]), same());
    for _ in 0..2 {
        assert_eq!(run(&["mv", "tree/sub/0 é", "tree/0"]), Some((true, String::new())));
    }
    assert!(place.served("tree/0").exists() && !place.served("tree/sub/0 é").exists());
    for (task, told) in [
        (&["rm", "tree/sub"][..], "'tree/sub/' was refused: the directory is not empty"),
        (&["mv", "tree/no", "tree/yes"], "no file or directory has that name"),
    ] {
        let (is_done, said) = run(task).expect("there is Python");
        assert!(!is_done && said.contains(told), "{said}");
    }
}

/// R81 to R89.
#[test]
fn the_client_updates_and_mirrors_to_the_python_server() {
    let place = Place::new();
    make_tree(&place.here(""));
    let options = ["--allow-close", "--allow-remove", "--no-names"];
    let Some((mut server, endpoint)) = serve_with(&place, &options) else { return };
    let run = |arguments: &[&str]| client(&endpoint, &place.here(""), arguments).well().stdout;
    run(&["put", "tree", "--update"]);
    for option in ["--update", "--checksum", "--newer", "--existing", "--ignore-existing"] {
        let said = run(&["put", "tree", option]);
        assert!(said.contains(": 0 files"), "{option}: {said}");
    }
    fs::write(place.here("tree/sub/1 é"), "another").expect("a file");
    fs::remove_dir(place.served("tree/empty")).expect("it is there");
    let said = run(&["mirror", "tree", "tree"]);
    assert!(said.contains(": 1 file"), "{said}");
    assert_same_content(&place.here("tree"), &place.served("tree"));
    // It has no listings, so it cannot tell whether a file would be replaced.
    fs::write(place.served("tree/0"), "old").expect("a file");
    let told = ["\"tree/0\"", "requires a feature", "--force replaces it"];
    client(&endpoint, &place.here(""), &["mv", "tree/sub/0 é", "tree/0"]).with(6, &told);
    assert_eq!(fs::read(place.served("tree/0")).ok().as_deref(), Some(b"old".as_slice()));
    run(&["mv", "--force", "tree/sub/0 é", "tree/0"]);
    assert_ne!(fs::read(place.served("tree/0")).ok().as_deref(), Some(b"old".as_slice()));
    run(&["rm", "tree/0"]);
    run(&["mkdir", "tree/new/deep"]);
    assert!(place.served("tree/new/deep").exists() && !place.served("tree/0").exists());
    // R89.
    let said = run(&["df", "tree"]);
    assert!(said.contains(" free of "), "{said}");
    client(&endpoint, &place.here(""), &["rm", "tree/sub"])
        .with(6, &["is a directory with files in it"]);
    run(&["close"]);
    assert!(server.0.wait().expect("it ends").success());
}
