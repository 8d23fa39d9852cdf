//! The effect of signals, limits of the system and a changed root on the program.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, client, command, content, ended_within, idle_client};

fn assert_ends_in_order(mut server: Server, signal: &str, most: Duration) {
    let begin = Instant::now();
    server.signal(signal);
    assert_eq!(server.wait(), Some(0), "{signal}: {}", server.log());
    let took = begin.elapsed();
    assert!(took < most, "{signal}: it took {} ms", took.as_millis());
}

#[test]
fn a_server_shuts_down_on_each_signal() {
    for signal in ["TERM", "HUP", "INT"] {
        let place = Place::new();
        let server = Server::start(&place.served(""), &["--grace", "1"]);
        let _idle = idle_client(&server.endpoint["tcp://".len()..]);
        assert_ends_in_order(server, signal, Duration::from_secs(5));
    }
    // A program that was started with the signal ignored, as by nohup, ignores it.
    let place = Place::new();
    let server = Server::start_under("trap '' HUP;", &place.served(""), &[]);
    server.signal("HUP");
    thread::sleep(Duration::from_millis(300));
    server.client(&place.here(""), &["ping"]).well();
    assert_ends_in_order(server, "TERM", Duration::from_secs(5));
}

#[test]
fn a_server_ends_although_its_socket_was_removed_or_replaced() {
    for replaced in [false, true] {
        let place = Place::new();
        let path = place.here("socket");
        let server =
            Server::start_at(&format!("unix://{}", path.display()), &place.served(""), &[]);
        fs::remove_file(&path).expect("it is there");
        let other = replaced.then(|| UnixListener::bind(&path).expect("a socket"));
        assert_ends_in_order(server, "TERM", Duration::from_secs(5));
        assert_eq!(path.exists(), other.is_some(), "only its own is removed");
    }
    let place = Place::new();
    let path = place.here("socket");
    let server = Server::start_at(&format!("unix://{}", path.display()), &place.served(""), &[]);
    assert_ends_in_order(server, "TERM", Duration::from_secs(5));
    assert!(!path.exists(), "its own is removed");
}

/// A server whose standard error is a pipe that is read no further than to its first line.
fn start_unread(place: &Place) -> (Child, String, impl Sized) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["-vv", "serve", "--listen", "tcp://127.0.0.1:0", "--grace", "1"])
        .arg(place.served(""))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::with_capacity(1, child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        log.read_line(&mut line).expect("it says where it listens");
    }
    let endpoint = line.trim().rsplit(" at ").next().expect("an endpoint").to_owned();
    (child, endpoint, log)
}

#[test]
fn a_log_that_is_not_read_delays_no_client() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..2000 {
        fs::write(place.here(&format!("tree/a name of some length {number}")), "").expect("a file");
    }
    let (mut server, endpoint, _log) = start_unread(&place);
    for to in ["one", "two"] {
        client(&endpoint, &place.here(""), &["put", "tree", "--to", to]).well();
    }
    let id = server.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    let status = ended_within(&mut server, Duration::from_secs(10));
    assert!(status.is_some_and(|status| status.success()), "it does not end");
}

#[test]
fn a_root_that_was_moved_replaced_or_removed_is_not_written_to() {
    let place = Place::new();
    let [root, old] = [place.served("root"), place.served("old")];
    fs::create_dir(&root).expect("a directory");
    fs::write(place.here("f"), "1").expect("a file");
    let mut server = Server::start(&root, &[]);
    server.client(&place.here(""), &["put", "f"]).well();
    fs::rename(&root, &old).expect("it can be");
    fs::create_dir(&root).expect("a directory");
    fs::write(place.here("g"), "2").expect("a file");
    server.client(&place.here(""), &["put", "g"]).well();
    assert!(root.join("g").exists() && !old.join("g").exists());
    assert!(server.wait_for_line("is another directory than before").is_some());
    fs::remove_dir_all(&root).expect("it is there");
    for arguments in [&["put", "g"][..], &["get", ".", "--into", "back"], &["ls"]] {
        let ended = server.client(&place.here(""), arguments);
        assert!(!matches!(ended.code, Some(0) | None), "{}: {}", arguments[0], ended.stdout);
    }
    assert!(server.wait_for_line("no such file or directory").is_some());
    fs::create_dir(&root).expect("a directory");
    server.client(&place.here(""), &["put", "g"]).well();
    assert!(root.join("g").exists());
}

#[test]
fn a_limit_of_file_size_is_an_error_of_that_file() {
    let place = Place::new();
    fs::write(place.here("small"), "1").expect("a file");
    fs::write(place.here("large"), content(2_000_000, 1)).expect("a file");
    let server = Server::start_under("ulimit -f 1000;", &place.served(""), &[]);
    let ended = server.client(&place.here(""), &["put", "large"]);
    assert!(matches!(ended.code, Some(1..=6)), "{}", ended.stderr);
    server.client(&place.here(""), &["put", "small"]).well();

    let server = Server::start(&place.here(""), &[]);
    let script = format!(
        "ulimit -f 1000; exec {} get -e {} large --into '{}'",
        env!("CARGO_BIN_EXE_tinyferry"),
        server.endpoint,
        place.served("back").display()
    );
    let ended = Command::new("sh").args(["-c", &script]).output().expect("it starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(matches!(ended.status.code(), Some(1..=6)) && said.contains("large"), "{said}");
}

/// How many processes have `mark` in their command line, other than a shell that only tells of them.
pub(crate) fn running(mark: &str) -> usize {
    let processes = fs::read_dir("/proc").expect("it is there").flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(mark.len()).any(|part| part == mark.as_bytes())).count()
}

pub(crate) fn assert_gone(mark: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while running(mark) > 0 {
        assert!(Instant::now() < end, "{mark} is still there");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A mark that no other process has: a number of seconds, after which `sleep` ends by itself.
pub(crate) fn mark(number: u32) -> String {
    format!("100.{:07}{number:03}", std::process::id())
}

#[test]
fn no_process_of_a_started_command_outlives_the_client() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let root = place.served("");
    let serve = format!("{program} serve --stdio {}", root.display());
    // In the background, in a pipeline, one that ignores being asked to end.
    let commands = [
        |mark: &str, serve: &str| format!("exec:sleep {mark} & {serve}"),
        |mark: &str, serve: &str| format!("exec:{serve}; sleep {mark}; true"),
        |mark: &str, serve: &str| {
            format!("exec:(trap '' TERM; sleep {mark}; sleep {mark}) & {serve}")
        },
    ];
    for (number, make) in (0..).zip(commands) {
        let mark = mark(number);
        let begin = Instant::now();
        client(&make(&mark, &serve), &place.here(""), &["ping"]).well();
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert_gone(&mark);
    }
}

#[test]
fn a_signal_that_ends_a_client_ends_its_command() {
    for (number, signal) in (10..).zip(["TERM", "HUP", "INT"]) {
        let place = Place::new();
        let mark = mark(number);
        let endpoint = format!("exec:sleep {mark}; true");
        let mut child = command(&endpoint, &place.here(""), &["ping"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let end = Instant::now() + Duration::from_secs(10);
        // The client, the shell and the command of the shell.
        while running(&mark) < 3 && Instant::now() < end {
            thread::sleep(Duration::from_millis(20));
        }
        let id = child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{signal}"), &id])
                .status()
                .expect("kill")
                .success()
        );
        let status = child.wait().expect("it ends");
        assert!(status.code().is_none(), "{signal}: it ends by the signal");
        assert_gone(&mark);
    }
}

/// Runs a program on a terminal of its own, with Python's help: types each text after the program has printed the text
/// before it.
pub(crate) fn on_terminal(
    program: &str,
    directory: &Path,
    arguments: &[&str],
    dialogue: &[(&str, &str)],
) -> Option<String> {
    let found = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        println!("skipped: there is no python3");
        return None;
    }
    let mut python = Command::new("python3");
    python.args(["-c", include_str!("terminal.py")]).current_dir(directory);
    for (wait, text) in dialogue {
        python.args([wait, text]);
    }
    let output = python.arg("--").arg(program).args(arguments).output();
    Some(String::from_utf8_lossy(&output.expect("it starts").stdout).into_owned())
}

#[test]
fn a_command_may_ask_for_a_password_on_the_terminal() {
    let place = Place::new();
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let serve = format!("{program} serve --stdio {}", place.served("").display());
    let mark = mark(20);
    let ask = "printf Password: >/dev/tty; read -r word </dev/tty; test \"$word\" = secret";
    let endpoint = format!("exec:{ask} && {{ sleep {mark} & {serve}; }}");
    let arguments = ["ping", "-e", &endpoint];
    let Some(said) =
        on_terminal(program, &place.here(""), &arguments, &[("Password:", "secret\n")])
    else {
        return;
    };
    assert!(said.contains("answers in") && said.contains("exit 0"), "{said}");
    assert_gone(&mark);
    // The key that interrupts ends all of it.
    let endpoint = format!("exec:printf ready >/dev/tty; sleep {mark}; true");
    let arguments = ["ping", "-e", &endpoint];
    let said =
        on_terminal(program, &place.here(""), &arguments, &[("ready", "\x03")]).expect("as before");
    assert!(said.contains("signal 2"), "{said}");
    assert_gone(&mark);
}

/// The streams of the client end with it, although a process that its command has started still runs.
#[test]
fn a_client_ends_with_its_streams() {
    let place = Place::new();
    let serve =
        format!("{} serve --stdio {}", env!("CARGO_BIN_EXE_tinyferry"), place.served("").display());
    let endpoint = format!("exec:sleep {} & {serve}", mark(30));
    let mut child = command(&endpoint, &place.here(""), &["ping"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begin = Instant::now();
    let mut said = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    BufReader::new(stderr).read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it ends").success(), "{said}");
    assert!(begin.elapsed() < Duration::from_secs(10));
}
