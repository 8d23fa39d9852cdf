//! The real program over loopback: what it is for, and all that people and peers do wrong.

#![cfg(unix)]

mod attack_target;
mod attacks;
mod authentication;
mod bad_input;
mod command_line;
mod commands;
mod deep_tree;
mod descriptors;
mod disconnect;
mod exit_codes;
mod files;
mod forged_peer;
mod harness;
mod host_loss;
mod hostile;
mod id_wraparound;
mod key_files;
mod large_file;
mod limits;
mod messages;
mod modification_times;
mod mounts;
mod name_collisions;
mod omitted_entries;
mod output;
mod partials;
mod permissions;
mod power_loss;
mod processes;
mod python_peer;
mod refused_names;
mod requirements;
mod resume_after_cut;
mod serial;
mod served_directory;
mod shutdown;
mod signals;
mod slow_peer;
mod soak;
mod stalled;
mod standard_streams;
mod summary;
mod sync;
mod terminal;
mod virtual_files;
mod write_only;

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use harness::{Place, Server, assert_same, content, idle_client, set_mode, snapshot};

#[test]
fn files_of_every_kind_go_there_and_back() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let mut frames = Vec::new();
    for code in ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"] {
        frames.extend_from_slice(code.as_bytes());
    }
    // Whole valid frames: the vectors of the specification.
    frames.extend_from_slice(include_bytes!("../../core/vectors.txt"));
    for line in include_str!("../../core/vectors.txt").lines().filter(|line| !line.starts_with('#'))
    {
        for word in line.split_whitespace().filter(|word| word.len() >= 72 && word.len() % 2 == 0) {
            let bytes =
                (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16));
            frames.extend(bytes.map_while(Result::ok));
        }
    }
    let long = "l".repeat(255);
    let files: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("one", vec![1]),
        ("chunk", content(1024, 1)),
        ("frames of the protocol", frames.repeat(50)),
        ("a name with spaces", content(1025, 2)),
        ("it's \"quoted\" `twice`", content(1023, 3)),
        ("Grüße, 世界 🛶", content(70_000, 4)),
        (&long, content(300_000, 5)),
        ("-dash", content(3_000_000, 6)),
    ];
    fs::create_dir(place.here("back")).expect("a directory");
    for (name, bytes) in &files {
        fs::write(place.here(name), bytes).expect("a file");
        set_mode(&place.here(name), 0o640);
        server.client(&place.here(""), &["put", "--", &format!("./{name}")]).well();
        assert_eq!(&fs::read(place.served(name)).expect("it is there"), bytes, "{name}");
        server.client(&place.here(""), &["get", "--into", "back", "--", name]).well();
        assert_eq!(&fs::read(place.here("back").join(name)).expect("it is there"), bytes, "{name}");
    }
    assert_same(&place.served(""), &place.here("back"));
}

/// A tree with what trees have.
pub(crate) fn make_tree(place: &Place, files: usize) {
    let tree = place.here("tree");
    fs::create_dir_all(tree.join("deep/er/and deeper")).expect("directories");
    fs::create_dir_all(tree.join("empty")).expect("a directory");
    for number in 0..files {
        let directory = tree.join(format!("{} %", number % 17));
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join(format!("file {number} ü"));
        fs::write(&path, content(number * 97 % 9000, number as u64)).expect("a file");
        let mode = if number % 3 == 0 { 0o755 } else { 0o600 };
        set_mode(&path, mode);
    }
    fs::write(tree.join("deep/er/and deeper/leaf"), "leaf").expect("a file");
    set_mode(&tree.join("deep/er"), 0o500);
}

#[test]
fn a_tree_goes_there_and_back_while_a_second_client_works() {
    let place = Place::new();
    make_tree(&place, 1000);
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("other"), content(100_000, 9)).expect("a file");
    let other = {
        let (endpoint, here) = (server.endpoint.clone(), place.here(""));
        thread::spawn(move || {
            for _ in 0..10 {
                harness::client(&endpoint, &here, &["put", "other", "--to", "elsewhere"]).well();
                harness::client(&endpoint, &here, &["get", "elsewhere/other", "--into", "o"])
                    .well();
            }
        })
    };
    let ended = server.client(&place.here(""), &["put", "tree"]).well();
    assert!(ended.stdout.contains("1001 files"), "{}", ended.stdout);
    assert_same(&place.here("tree"), &place.served("tree"));
    server.client(&place.here(""), &["get", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    other.join().expect("the other client goes well");

    // The second time nothing changes.
    server.client(&place.here(""), &["put", "tree"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
}

#[test]
fn several_paths_and_the_whole_root_are_transferred() {
    let place = Place::new();
    make_tree(&place, 20);
    fs::write(place.here("one"), "1").expect("a file");
    fs::write(place.here("two"), "2").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["put", "one", "tree", "two", "--to", "x/y"]).well();
    assert_same(&place.here("tree"), &place.served("x/y/tree"));
    assert_eq!(fs::read(place.served("x/y/two")).expect("it is there"), b"2");
    server.client(&place.here(""), &["get", ".", "--into", "all"]).well();
    assert_same(&place.served(""), &place.here("all"));
    server.client(&place.here(""), &["get", "x/y/one", "x/y/tree", "--into", "some"]).well();
    assert_same(&place.here("tree"), &place.here("some/tree"));
}

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
        // A client at rest holds nothing up; one at work may finish.
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
fn sha256_is_that_of_sha256sum() {
    let place = Place::new();
    make_tree(&place, 30);
    let server = Server::start(&place.served(""), &[]);
    for arguments in [&["put", "tree", "--sha256"], &["get", "tree", "--sha256"]] {
        let ended = server.client(&place.here(""), arguments).well();
        let sums = ended.stdout.lines().filter(|line| !line.contains(" files, "));
        let sums = sums.map(|line| format!("{line}\n")).collect::<Vec<_>>();
        assert_eq!(sums.len(), 31);
        fs::write(place.here("sums"), sums.concat()).expect("a file");
        let check = std::process::Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "sums"])
            .current_dir(place.here(""))
            .output()
            .expect("sha256sum is there");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    }
}

#[test]
fn partials_are_listed_and_expire() {
    let place = Place::new();
    fs::create_dir(place.served("sub")).expect("a directory");
    let day = Duration::from_secs(86_400);
    for (name, days) in [(".new.tinyferry-part", 1), ("sub/.old.tinyferry-part", 9)] {
        let file = fs::File::create(place.served(name)).expect("a file");
        file.set_len(5 << 20).expect("a length");
        file.set_modified(std::time::SystemTime::now() - day * days).expect("a time");
    }
    let served = place.served("").display().to_string();
    let program = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tinyferry"))
            .args(["partials", &served])
            .args(arguments)
            .output();
        harness::Ended::from(output.expect("the program starts")).well().stdout
    };
    let listed = program(&[]);
    assert!(listed.contains("5.00 MiB\t9 days ago\t\"sub/.old.tinyferry-part\""), "{listed}");
    assert!(listed.contains(".new.tinyferry-part"), "{listed}");
    assert_eq!(program(&["--older-than", "30"]), "");
    let mut server = Server::start(&place.served(""), &[]);
    assert!(server.wait_for_line("1 partial files were too old").is_some());
    assert!(place.served(".new.tinyferry-part").exists());
    assert!(!place.served("sub/.old.tinyferry-part").exists());
    assert!(program(&["--remove"]).contains("1 removed"));
    assert!(!place.served(".new.tinyferry-part").exists());
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
fn the_files_of_a_server_are_listed() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir_all(place.served("tree/sub/none")).expect("directories");
    for (name, size) in [("one", 1), ("tree/two", 70_000), ("tree/sub/three", 0)] {
        fs::write(place.served(name), content(size, 1)).expect("a file");
    }
    std::os::unix::fs::symlink("/etc/passwd", place.served("link")).expect("a link");
    let listed = |arguments: &[&str]| {
        let ended = server.client(&place.here(""), &[&["ls"], arguments].concat());
        // The root has a link in it, so the list of all levels is incomplete.
        let code = if arguments == ["-R"] { 3 } else { 0 };
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        let mut lines: Vec<_> = ended.stdout.lines().map(|line| line.trim().to_owned()).collect();
        lines.sort();
        lines
    };
    assert_eq!(listed(&[]), ["-  tree/", "1  one"]);
    let all = ["-  tree/", "-  tree/sub/", "-  tree/sub/none/", "0  tree/sub/three", "1  one"];
    assert_eq!(listed(&["-R"]), [&all[..], &["70000  tree/two"]].concat());
    assert_eq!(listed(&["/tree/"]), ["-  sub/", "70000  two"]);
    assert_eq!(listed(&["tree/two"]), ["70000  tree/two"]);
    server.client(&place.here(""), &["ls", "nothing"]).with(6, &["\"nothing\"", "no file of that"]);
    server.client(&place.here(""), &["ls", "../x"]).with(2, &["is not a valid path on the server"]);
    server.client(&place.here(""), &["ls", "link"]).with(6, &["symbolic link"]);
    // Nothing has come here.
    assert_eq!(fs::read_dir(place.here("")).expect("it is there").count(), 0);
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
fn digests_are_listed_for_sha256sum() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    for (number, name) in ["it's", "\"quoted\"", "back\\slash", "plain", "🛶 é"].iter().enumerate()
    {
        fs::write(place.here(name), content(number * 1000, 1)).expect("a file");
    }
    let names: Vec<_> = snapshot(&place.here("")).into_keys().collect();
    let mut arguments = vec!["put", "--sha256"];
    arguments.extend(names.iter().map(String::as_str));
    let ended = server.client(&place.here(""), &arguments).well();
    assert!(ended.stderr.contains("over the wire"), "{}", ended.stderr);
    fs::write(place.root.path().join("list"), &ended.stdout).expect("a file");
    let checked = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "../list"])
        .current_dir(place.served(""))
        .output()
        .expect("sha256sum is there");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.lines().count() == names.len(), "{said}");
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
