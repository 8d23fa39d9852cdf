//! The lines DTR and RTS of serial ports. A pseudo-terminal has none: the calls of the system are traced.

use std::fs;
use std::process::Command;

use crate::harness::{Ended, Place, Server, client, command};
use crate::requirements::has_strace;
use crate::serial::{CLEAN, lay, url, urls};

#[test]
fn lines_of_a_port_without_lines_are_refused() {
    let place = Place::new();
    let cable = lay(CLEAN);
    for setting in ["dtr=on", "rts=off", "reset=dtr", "reset=esp"] {
        let url = format!("{}&{setting}", url(cable.ports()[0]));
        let why = "it has no lines DTR and RTS; leave out dtr, rts and reset";
        let said = ["cannot open serial://", why];
        client(&url, &place.here(""), &["ping"]).with(4, &said);
    }
}

/// The `ioctl` calls of a ping. `from`: the number of the first one that succeeds without being made.
fn calls(place: &Place, url: &str, from: Option<usize>) -> (Ended, Vec<String>) {
    let trace = place.root.path().join("trace");
    let ping = command(url, &place.here(""), &["ping"]);
    let mut strace = Command::new("strace");
    strace.args(["-e", "trace=ioctl", "-o"]).arg(&trace).env("TINYFERRY_CONFIG", "");
    if let Some(from) = from {
        strace.arg("-e").arg(format!("inject=ioctl:retval=0:when={from}+"));
    }
    let output = strace.arg(ping.get_program()).args(ping.get_args()).output();
    let trace = fs::read_to_string(trace).expect("a trace");
    let calls = trace.lines().filter(|line| line.starts_with("ioctl")).map(str::to_owned);
    (output.expect("it starts").into(), calls.collect())
}

/// The calls that change lines, in short: `TIOCMBIC DTR`.
fn changes(calls: &[String]) -> Vec<String> {
    let parts =
        calls.iter().filter_map(|call| call.split_once(", TIOCM")?.1.split_once(", [TIOCM_"));
    let line = |rest: &str| rest.split(']').next().unwrap_or_default().to_owned();
    parts.map(|(verb, rest)| format!("TIOCM{verb} {}", line(rest))).collect()
}

#[test]
fn each_setting_changes_its_lines_and_no_setting_changes_none() {
    if !has_strace() {
        return;
    }
    let place = Place::new();
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let (plain, made) = calls(&place, &url, None);
    plain.well();
    assert!(made.iter().any(|call| call.contains("TCSETS")), "{made:?}");
    assert_eq!(changes(&made), Vec::<String>::new());
    let (on, off) = ("TIOCMBIS", "TIOCMBIC");
    for (setting, expected) in [
        ("dtr=off&rts=off", vec![(off, "RTS"), (off, "DTR")]),
        ("reset=dtr", vec![(off, "DTR"), (on, "DTR")]),
        ("reset=esp", vec![(off, "DTR"), (on, "RTS"), (off, "RTS")]),
    ] {
        let url = format!("{url}&{setting}");
        let (_, refused) = calls(&place, &url, None);
        let first = refused.iter().position(|call| call.contains("TIOCM")).expect("a change");
        let (ended, made) = calls(&place, &url, Some(first + 1));
        ended.well();
        let expected: Vec<_> =
            expected.iter().map(|(verb, line)| format!("{verb} {line}")).collect();
        assert_eq!(changes(&made), expected, "{setting}");
    }
}
