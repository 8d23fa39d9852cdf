//! A server on the terminal that it was started on: a login over a serial line, with the client at the other end of
//! that line; and a command of the client that has a terminal.

mod login;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::endpoint::Endpoint;

use self::login::{Login, PROMPT};
use crate::files::make_tree;
use crate::harness::{Place, assert_same, client, content, program, send_signal};
use crate::serial::put_until;

#[test]
fn a_client_at_the_other_end_of_a_login_is_served_and_the_shell_goes_on() {
    for shell in ["sh", "bash"] {
        let place = Place::new();
        let here = place.here("");
        make_tree(&place, 6);
        fs::write(place.here("file"), content(30_000, 1)).expect("a file");
        let Some(mut login) = Login::new(&place, shell) else { return };
        let settings = login.runs("stty -g");
        login.serves(&place, "");
        let endpoint = login.endpoint();
        let put = client(&endpoint, &here, &["put", "file", "tree"]).well();
        let printed = login.has_its_terminal(&settings);
        assert!(printed.contains("put of the tree \".\" is complete"), "{printed} {}", put.stderr);
        assert_same(&place.here("tree"), &place.served("tree"));
        for arguments in [&["get", "file", "tree", "--into", "back"][..], &["ls", "-R"], &["ping"]]
        {
            login.serves(&place, "");
            let endpoint = login.endpoint();
            client(&endpoint, &here, arguments).well();
            login.has_its_terminal(&settings);
        }
        assert_same(&place.here("back"), &place.served(""));
        // A refusal is an end too.
        login.serves(&place, "--read-only");
        let endpoint = login.endpoint();
        client(&endpoint, &here, &["put", "file"]).with(6, &["takes no files"]);
        let printed = login.has_its_terminal(&settings);
        assert!(printed.contains("put of \"file\" failed"), "{printed}");
    }
}

#[test]
fn a_person_leaves_a_served_terminal_by_ctrl_c() {
    let place = Place::new();
    let Some(mut login) = Login::new(&place, "sh") else { return };
    let settings = login.runs("stty -g");
    let said = login.serves(&place, "");
    assert!(said.contains("this terminal is served now"), "{said}");
    login.types("\x03\x03");
    assert_eq!(login.read_for(Duration::from_millis(600)), b"");
    login.types("ls\r\x03\x03");
    assert_eq!(login.read_for(Duration::from_millis(600)), b"");
    for _ in 0..2 {
        login.types("\x03");
        assert_eq!(login.read_for(Duration::from_millis(150)), b"");
    }
    login.types("\x03");
    login.has_its_terminal(&settings);
}

/// The process that serves `place`.
fn server(place: &Place) -> u32 {
    let mark = format!("serve\0--stdio\0{}", place.served("").display());
    let processes = fs::read_dir("/proc").expect("it is there").flatten();
    let mut numbers = processes.filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let is_it = line.windows(mark.len()).any(|part| part == mark.as_bytes());
        is_it.then(|| entry.file_name().to_str()?.parse().ok())?
    });
    numbers.next().expect("it runs")
}

#[test]
fn a_signal_and_the_idle_timeout_give_a_served_terminal_back() {
    let place = Place::new();
    let Some(mut login) = Login::new(&place, "sh") else { return };
    let settings = login.runs("stty -g");
    for signal in ["TERM", "HUP", "INT"] {
        login.serves(&place, "");
        send_signal(server(&place), signal);
        let printed = login.has_its_terminal(&settings);
        assert!(printed.contains("the server shuts down"), "{printed}");
    }
    login.serves(&place, "--idle 0.5");
    let printed = login.has_its_terminal(&settings);
    assert!(printed.contains("no request came within the idle timeout"), "{printed}");
    // A failure before anything is served.
    let (program, missing) = (env!("CARGO_BIN_EXE_tinyferry"), place.served("missing"));
    let printed = login.runs(&format!("'{program}' serve --stdio '{}'", missing.display()));
    assert!(printed.contains("missing") && printed.ends_with("code 1\n"), "{printed}");
    assert_eq!(login.runs("stty -g"), settings);
}

#[test]
fn a_served_terminal_has_its_settings_while_the_server_is_stopped() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("file"), content(30_000, 1)).expect("a file");
    let Some(mut login) = Login::new(&place, "sh") else { return };
    let settings = login.runs("stty -g");
    login.serves(&place, "");
    for _ in 0..2 {
        send_signal(server(&place), "TSTP");
        login.sees(PROMPT);
        assert_eq!(login.runs("stty -g"), settings);
        login.types("fg\n");
        login.sees("serve --stdio");
        // The shell continues the server after this line.
        std::thread::sleep(Duration::from_millis(500));
    }
    let endpoint = login.endpoint();
    client(&endpoint, &here, &["put", "file"]).well();
    login.sees(PROMPT);
    assert_eq!(login.runs("stty -g"), settings);
    assert_same(&here, &place.served(""));
}

#[test]
fn a_client_continues_on_a_served_terminal_after_another_one_has_vanished() {
    let place = Place::new();
    fs::write(place.here("file"), content(400_000, 1)).expect("a file");
    let Some(mut login) = Login::new(&place, "sh") else { return };
    let settings = login.runs("stty -g");
    for leaves in [false, true] {
        login.serves(&place, "");
        let endpoint = login.endpoint();
        login.cable.lines()[0].carried = 0;
        let mut put = put_until(&login.cable, &place, &endpoint, &[], 150_000);
        put.kill().expect("it is ours");
        put.wait().expect("it ends");
        if leaves {
            // Frames of the client are on their way.
            std::thread::sleep(Duration::from_millis(700));
            login.types("\x03\x03\x03");
        } else {
            client(&endpoint, &place.here(""), &["put", "file"]).well();
            let sent = login.cable.lines()[0].carried;
            assert!((400_000..600_000).contains(&sent), "{sent} bytes");
            assert_same(&place.here(""), &place.served(""));
            fs::remove_file(place.served("file")).expect("it is there");
        }
        login.has_its_terminal(&settings);
    }
}

#[test]
fn a_terminal_that_cannot_be_served_is_refused() {
    let place = Place::new();
    program(&place.here(""), &["keygen", "key"]).well();
    let Some(mut login) = Login::new(&place, "sh") else { return };
    let settings = login.runs("stty -g");
    let tinyferry = format!("'{}' serve --stdio .", env!("CARGO_BIN_EXE_tinyferry"));
    for (line, why) in [
        (format!("{tinyferry} --key key"), "a terminal cannot be encrypted; leave out --key"),
        (format!("{tinyferry} >out"), "standard output is not the same one"),
        (
            format!("{tinyferry} </dev/null"),
            "standard output is a terminal, and standard input is none",
        ),
    ] {
        let printed = login.runs(&line);
        assert!(printed.contains(why) && printed.ends_with("code 1\n"), "{line}: {printed}");
        assert_eq!(login.runs("stty -g"), settings);
    }
}

/// A command whose server has a terminal, as `ssh -tt` gives it one; `None` where there is no `script`.
fn on_a_terminal(place: &Place, before: &str) -> Option<String> {
    let is_there = Command::new("script").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        println!("skipped: there is no script here");
        return None;
    }
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    Some(format!(
        "exec:script -qefc '{before}{program} serve --stdio {}' /dev/null",
        root.display()
    ))
}

#[test]
fn a_command_with_a_terminal_serves_its_client() {
    let place = Place::new();
    let here = place.here("");
    make_tree(&place, 6);
    fs::write(place.here("file"), content(300_000, 1)).expect("a file");
    // The hello comes while the terminal still echoes, and Ctrl-C is a signal.
    for before in ["", "echo motd; sleep 0.5; "] {
        let Some(endpoint) = on_a_terminal(&place, before) else { return };
        for arguments in [
            &["put", "file", "tree"][..],
            &["get", "file", "--sha256", "--into", "back"],
            &["get", "tree", "--into", "back"],
            &["ping"],
        ] {
            let begin = Instant::now();
            let done = client(&endpoint, &here, arguments).well();
            assert_eq!(done.stderr.contains("  motd\n"), !before.is_empty(), "{}", done.stderr);
            assert!(!done.stderr.contains("Ctrl-C"), "{}", done.stderr);
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(10), "{arguments:?}: {} ms", took.as_millis());
        }
        assert_same(&place.here("back"), &place.served(""));
    }
}

/// The client reads less than the line carries, and the server does not repeat the waiting frames.
#[test]
fn a_limit_applies_to_a_command_with_a_terminal() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.served("file"), content(6_000, 1)).expect("a file");
    let Some(endpoint) = on_a_terminal(&place, "") else { return };
    let begin = Instant::now();
    client(&endpoint, &here, &["get", "file", "--limit", "1K"]).well();
    let took = begin.elapsed();
    assert!((4..20).contains(&took.as_secs()), "{} ms", took.as_millis());
    assert_same(&here, &place.served(""));
}

#[test]
fn a_client_knows_after_the_handshake_that_a_command_has_a_terminal() {
    let place = Place::new();
    let Some(terminal) = on_a_terminal(&place, "") else { return };
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    let pipes = format!("exec:{program} serve --stdio {}", root.display());
    for (endpoint, is_lossy) in [(terminal, true), (pipes, false)] {
        let endpoint: Endpoint = endpoint.parse().expect("an endpoint");
        assert!(!endpoint.is_lossy());
        let mut client = Client::connect(endpoint).expect("it connects");
        assert_eq!(client.is_lossy().expect("it answers"), is_lossy);
    }
}
