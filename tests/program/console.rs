//! The console of a board: text between the frames of a line, and the command that is the keyboard and the screen of a board.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tinyferry::core::Config;
use tinyferry::core::device::Device;
use tinyferry::core::driver::Console;
use tinyferry::core::driver::blocking::WithConsole;
use tinyferry::transport::stream::StreamLink;
use tinyferry::transport::tcp;
use tinyferry_kit::{Console as WithInput, Memory};

use crate::harness::{Place, client, command, content};

/// A board behind a TCP port, which prints 50 lines a second and echoes its input. Returns its endpoint.
pub(crate) fn board() -> String {
    let console: &'static Console<1024, 64> = Box::leak(Box::new(Console::new()));
    thread::spawn(move || {
        let codes = ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"];
        for number in 0.. {
            thread::sleep(Duration::from_millis(20));
            let code = codes[number % codes.len()];
            let _ = writeln!(console, "{code} {number:06}: no disk\r");
            let mut input = [0; 16];
            let count = console.read(&mut input);
            if count > 0 {
                let _ = writeln!(console, "input: {}\r", input[..count].escape_ascii());
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}?lossy=true", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let mut store = Memory::default();
        for socket in listener.incoming().map_while(Result::ok) {
            let socket = tcp::prepare(socket).expect("it can");
            let mut device: Device<WithInput> = Device::new(Config::LOSSY);
            let mut link = WithConsole(StreamLink::new(socket, Arc::default()), console);
            let _ = device.serve(&mut link, &mut store, |_, _| {});
        }
    });
    endpoint
}

/// The numbers in the lines of the board; each line but the first and the last must be whole.
#[track_caller]
fn numbers(text: &[u8]) -> Vec<u32> {
    let text = std::str::from_utf8(text).expect("text");
    let lines: Vec<_> = text.split("\r\n").collect();
    let whole = lines.get(1..lines.len() - 1).unwrap_or_default();
    let number = |line: &&str| {
        let (_, rest) = line.split_once(' ')?;
        rest.strip_suffix(": no disk")?.parse().ok()
    };
    whole.iter().map(|line| number(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

#[test]
fn the_text_of_a_board_goes_to_a_file_while_files_move() {
    let (place, url) = (Place::new(), board());
    fs::write(place.here("file"), content(3_000_000, 1)).expect("a file");
    for arguments in [&["put", "file"][..], &["get", "file", "--into", "back"]] {
        let limited = [arguments, &["--limit", "3M", "--console=log"]].concat();
        client(&url, &place.here(""), &limited).well();
        let numbers = numbers(&fs::read(place.here("log")).expect("a file"));
        assert!(numbers.len() > 20, "{numbers:?}");
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
    }
    assert!(fs::read(place.here("back/file")).expect("it came back") == content(3_000_000, 1));
}

#[test]
fn the_text_of_a_board_is_shown_in_lines_or_written_to_standard_output() {
    let (place, url) = (Place::new(), board());
    fs::write(place.here("file"), content(1_000_000, 1)).expect("a file");
    let put = ["put", "file", "--limit", "2M"];
    let ended = client(&url, &place.here(""), &[&put[..], &["--console"]].concat()).well();
    let shown = ended.stderr.lines().filter(|line| line.ends_with(": no disk")).count();
    assert!(shown > 5 && ended.stdout.contains("sent \"file\""), "{ended:?}");
    fs::write(place.here("file"), content(1_000_000, 2)).expect("a file");
    let ended = client(&url, &place.here(""), &[&put[..], &["--console=-"]].concat()).well();
    assert!(numbers(ended.stdout.as_bytes()).len() > 5 && ended.stderr.contains("sent \"file\""));
}

#[test]
fn a_file_that_cannot_be_written_and_an_endpoint_without_a_console_are_errors() {
    let place = Place::new();
    let url = board();
    client(&url, &place.here(""), &["ping", "--console=no/log"])
        .with(1, &["\"no/log\" for the console cannot be written"]);
    let plain = "tcp://127.0.0.1:1";
    client(plain, &place.here(""), &["ping", "--console"])
        .with(2, &["has no console", "tcp://127.0.0.1:1?lossy=true"]);
    client(plain, &place.here(""), &["console"]).with(2, &["has no console"]);
    for arguments in [&["ls"][..], &["get", "f", "-o", "-"], &["ping", "--json"]] {
        let arguments = [arguments, &["--console=-"]].concat();
        client(&url, &place.here(""), &arguments).with(2, &["standard output"]);
    }
}

#[test]
fn a_board_gets_the_input_of_a_pipe_and_a_client_is_served_at_once_behind_it() {
    let (place, url) = (Place::new(), board());
    let mut program = command(&url, &place.here(""), &["console"]);
    let mut program = program.stdin(Stdio::piped()).stdout(Stdio::piped());
    program = program.stderr(Stdio::null());
    let mut program = program.spawn().expect("it starts");
    let mut keys = program.stdin.take().expect("it is piped");
    keys.write_all(b"version\r").expect("it reads");
    drop(keys);
    let output = program.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("input: version\\r\r\n"), "{text}");
    client(&url, &place.here(""), &["ping", "--timeout", "5"]).well();
}

/// Runs a program on a terminal and tells the terminal's modes at each point.
const ON_A_TERMINAL: &str = r#"
import os, signal, subprocess, sys, termios, threading, time
end = sys.argv[1]
keyboard, terminal = os.openpty()
def is_raw():
    return not termios.tcgetattr(terminal)[3] & termios.ICANON
def wait_until(raw):
    for _ in range(500):
        if is_raw() == raw:
            return True
        time.sleep(0.02)
    return False
before = termios.tcgetattr(terminal)
program = subprocess.Popen(sys.argv[2:], stdin=terminal, stdout=terminal, stderr=terminal)
told = [wait_until(True)]
os.write(keyboard, b"key")
shown = b""
while b"input: " not in shown or b"key" not in shown.split(b"input: ")[-1]:
    shown += os.read(keyboard, 4096)
def drain():
    while True:
        os.read(keyboard, 4096)
threading.Thread(target=drain, daemon=True).start()
if end == "stop":
    program.send_signal(signal.SIGTSTP)
    told.append(wait_until(False))
    while open(f"/proc/{program.pid}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
        time.sleep(0.02)
    program.send_signal(signal.SIGCONT)
    told.append(wait_until(True))
    program.send_signal(signal.SIGTERM)
elif end == "term":
    program.send_signal(signal.SIGTERM)
else:
    os.write(keyboard, b"")
code = program.wait(30)
told.append(termios.tcgetattr(terminal) == before)
print(code, *told)
"#;

#[test]
fn the_terminal_of_a_console_has_its_settings_again_however_the_console_ends() {
    let (place, url) = (Place::new(), board());
    for (end, told) in
        [("key", "0 True True"), ("term", "-15 True True"), ("stop", "-15 True True True True")]
    {
        let program = command(&url, &place.here(""), &["console"]);
        let mut python = Command::new("python3");
        python.args(["-c", ON_A_TERMINAL, end]).arg(program.get_program()).args(program.get_args());
        let Ok(output) = python.current_dir(place.here("")).output() else {
            println!("skipped: there is no python3");
            return;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), told, "{end}: {errors}");
    }
}

/// A relay before a board that pauses 60 to 90 ms in the middle of a read, as a bridge does.
fn pausing_relay(board: &str) -> String {
    let board = board.trim_start_matches("tcp://").trim_end_matches("?lossy=true").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let far = TcpStream::connect(&board).expect("a board");
            for (mut from, mut to) in [(&near, &far), (&far, &near)].map(|(from, to)| {
                (from.try_clone().expect("it can"), to.try_clone().expect("it can"))
            }) {
                to.set_nodelay(true).expect("it can");
                thread::spawn(move || {
                    let (mut buffer, mut pause) = ([0; 600], 60);
                    while let Ok(count @ 1..) = from.read(&mut buffer) {
                        let (first, rest) = buffer[..count].split_at(count / 2);
                        let _ = to.write_all(first);
                        thread::sleep(Duration::from_millis(pause));
                        pause = 60 + (pause + 7) % 31;
                        if to.write_all(rest).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    format!("tcp://{address}?lossy=true")
}

/// R71.
#[test]
fn a_line_that_is_set_to_its_pauses_moves_files_through_them() {
    let (place, board) = (Place::new(), board());
    let url = format!("{}&gap=200ms", pausing_relay(&board));
    fs::write(place.here("file"), content(6_000, 1)).expect("a file");
    client(&url, &place.here(""), &["put", "file"]).well();
    client(&url, &place.here(""), &["get", "file", "--into", "back"]).well();
    assert!(fs::read(place.here("back/file")).expect("it came back") == content(6_000, 1));
}
