//! The progress on a terminal: the rate of a transfer that is resumed, and a terminal that goes away.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, command, content, write_many};
use crate::slow_line::SlowLine;

/// A client on a terminal of its own; `None` where there is no `script`.
pub(crate) fn on_a_terminal(place: &Place, endpoint: &str, arguments: &[&str]) -> Option<Command> {
    program_on_a_terminal(place, &command(endpoint, &place.here(""), arguments))
}

/// The same for any command.
fn program_on_a_terminal(place: &Place, program: &Command) -> Option<Command> {
    line_on_a_terminal(place, "", program)
}

/// The same after a line of the shell: `stty cols 40;`.
pub(crate) fn line_on_a_terminal(
    place: &Place,
    before: &str,
    program: &Command,
) -> Option<Command> {
    let mut script = Command::new("script");
    if script.arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("skipped: there is no script here");
        return None;
    }
    let words = program.get_args().map(|word| format!("'{}'", word.display()));
    let words = [format!("'{}'", program.get_program().display())].into_iter().chain(words);
    let line = format!("{before} exec {}", words.collect::<Vec<_>>().join(" "));
    let mut script = Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).current_dir(place.here("")).stdin(Stdio::null());
    Some(script)
}

#[test]
fn the_displayed_rate_after_a_resume_is_that_of_the_line() {
    let place = Place::new();
    let bytes = content(100 << 20, 3);
    fs::write(place.served("f"), &bytes).expect("a file");
    fs::write(place.here(".f.tinyferry-part"), &bytes[..96 << 20]).expect("a partial");
    let server = Server::start(&place.served(""), &[]);
    let endpoint = SlowLine::start(&server, 2 << 20).endpoint;
    let Some(mut program) = on_a_terminal(&place, &endpoint, &["get", "f"]) else { return };
    let output = program.output().expect("script starts");
    let drawn = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{drawn}");
    // The bar has its position before the rate.
    let bars = drawn.split('\r').filter(|line| line.contains("/100.00 MiB "));
    let mut count = 0;
    for bar in bars {
        let before = bar.split_once("iB/s").map_or("", |(before, _)| before);
        if let [.., rate, unit] = before.split_whitespace().collect::<Vec<_>>()[..] {
            let rate: f64 = rate.parse().expect("a rate");
            assert_ne!(unit, "G", "{bar}");
            let rate = if unit == "M" { rate } else { 0.0 };
            assert!(rate < 20.0, "{bar}");
            count += 1;
        }
    }
    assert!(count > 3, "{drawn}");
    assert!(fs::read(place.here("f")).expect("it is there") == bytes);
}

#[test]
fn a_terminal_that_closes_ends_no_transfer() {
    let place = Place::new();
    fs::write(place.served("f"), content(4 << 20, 3)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let endpoint = SlowLine::start(&server, 2 << 20).endpoint;
    // The signal of a terminal that goes away is ignored, as under nohup.
    let Some(program) = on_a_terminal(&place, &endpoint, &["get", "f"]) else { return };
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(program.get_program());
    let shell = shell.args(program.get_args()).current_dir(place.here("")).stdin(Stdio::null());
    let mut shell = shell.stdout(Stdio::null()).spawn().expect("sh starts");
    thread::sleep(Duration::from_millis(700));
    shell.kill().expect("it is ours");
    let _ = shell.wait();
    for _ in 0..600 {
        if place.here("f").exists() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the transfer did not go on: {:?}", fs::read_dir(place.here("")).map(Iterator::count));
}

/// Starts a program whose standard error is a terminal that nobody reads, and prints its exit code.
const UNREAD: &str = r#"
import os, subprocess, sys
reader, terminal = os.openpty()
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=terminal)
try:
    print(program.wait(60))
except subprocess.TimeoutExpired:
    program.kill()
    print("it does not end")
"#;

#[test]
fn a_terminal_that_is_not_read_delays_no_client() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    write_many(&place.here(""), "t", 2000);
    let program = command(&server.endpoint, &place.here(""), &["put", "t", "-v"]);
    let mut python = Command::new("python3");
    python.args(["-c", UNREAD]).arg(program.get_program()).args(program.get_args());
    let Ok(output) = python.current_dir(place.here("")).output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "0");
}
