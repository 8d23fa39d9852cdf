//! Real programs over loopback: start, request, compare. Every started process ends with its test.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::core::Config;
use tinyferry_kit::Frames;

pub(crate) use crate::files::{
    assert_same, content, mode, set_mode, snapshot, write_many, write_private,
};
pub(crate) use crate::places::Place;
pub(crate) use crate::processes::{ended_within, wait_until};

/// A server of the real program, which ends with its test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) endpoint: String,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Server {
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        Self::start_at("tcp://127.0.0.1:0", directory, arguments)
    }

    pub(crate) fn start_at(listen: &str, directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
        command.args(["serve", "--listen", listen]).args(arguments).arg(directory);
        Self::start_by(command)
    }

    /// Starts a server as a plain user who owns nothing here; `None` where only root could do that.
    pub(crate) fn start_as_nobody(directory: &Path, arguments: &[&str]) -> Option<Self> {
        let mut command = program_as_nobody()?;
        command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).args(arguments).arg(directory);
        Some(Self::start_by(command))
    }

    /// Starts a server with a line of the shell before the program: `ulimit -n 100;`.
    pub(crate) fn start_under(line: &str, directory: &Path, arguments: &[&str]) -> Self {
        let script = format!("{line} exec \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_tinyferry"), "serve"]);
        command.args(["--listen", "tcp://127.0.0.1:0"]).args(arguments).arg(directory);
        Self::start_by(command)
    }

    pub(crate) fn start_by(mut command: Command) -> Self {
        command.stdin(Stdio::null());
        Self::start_with_stdin(command)
    }

    /// Starts a server with the standard input of the command.
    pub(crate) fn start_with_stdin(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, endpoint: String::new(), lines, log: Vec::new() };
        let line = server.wait_for_line("serving").expect("it says where it listens");
        let endpoint = line.rsplit(" at ").next().expect("there is an endpoint");
        server.endpoint = endpoint.trim().to_owned();
        server
    }

    /// Waits for a log line with this in it.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> Option<String> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).ok()?;
            self.log.push(line.clone());
            if line.contains(part) {
                return Some(line);
            }
        }
    }

    /// All log lines so far.
    pub(crate) fn log(&mut self) -> String {
        thread::sleep(Duration::from_millis(50));
        self.log.extend(self.lines.try_iter());
        self.log.join("\n")
    }

    /// A figure of its process, in KiB: `VmRSS`, `VmHWM`.
    pub(crate) fn kibibytes(&self, name: &str) -> u64 {
        kibibytes(self.child.id(), name)
    }

    /// How many descriptors and threads it has.
    pub(crate) fn count(&self, what: &str) -> usize {
        let path = format!("/proc/{}/{what}", self.child.id());
        fs::read_dir(path).map_or(0, Iterator::count)
    }

    /// Processor time that it has taken.
    pub(crate) fn processor_time(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id());
        let text = fs::read_to_string(path).expect("it runs");
        let (_, fields) = text.rsplit_once(')').expect("a name");
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Runs the client against this server.
    pub(crate) fn client(&self, directory: &Path, arguments: &[&str]) -> Ended {
        client(&self.endpoint, directory, arguments)
    }

    /// Sends a signal; the process is ours.
    pub(crate) fn signal(&self, name: &str) {
        send_signal(self.child.id(), name);
    }

    /// Waits until it has ended; its exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        match ended_within(&mut self.child, Duration::from_secs(30)) {
            Some(status) => status.code(),
            None => panic!("the server does not end: {}", self.log()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of ours that was not waited for.
pub(crate) fn send_signal(process: u32, name: &str) {
    let id = process.to_string();
    let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
    assert!(status.expect("kill is there").success());
}

/// The program as a plain user who owns nothing here; `None` where only root could start that.
pub(crate) fn program_as_nobody() -> Option<Command> {
    let as_nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let program = env!("CARGO_BIN_EXE_tinyferry");
    let probe = Command::new("setpriv").args(as_nobody).args([program, "--version"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: this test cannot run a program as another user here");
        return None;
    }
    let mut command = Command::new("setpriv");
    command.args(as_nobody).arg(program);
    Some(command)
}

/// Runs the program without a server.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    command.current_dir(directory).env("TINYFERRY_CONFIG", "").args(arguments);
    command.output().expect("the program starts").into()
}

/// A client whose hello is answered, and that requests nothing.
pub(crate) fn idle_client(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("a server");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(&Frames::client(7, Config::RELIABLE).bytes).expect("it takes it");
    stream.read_exact(&mut [0; 36]).expect("it answers");
    stream
}

/// A figure of a process, in KiB.
pub(crate) fn kibibytes(process: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// A client that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// It went well.
    #[track_caller]
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// It ended with this code and one clear sentence with these parts.
    #[track_caller]
    pub(crate) fn with(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "\"{part}\" is missing in: {}", self.stderr);
        }
        for debris in ["panicked", "Some(", "Err(", "Error {", "os error"] {
            assert!(!self.stderr.contains(debris), "\"{debris}\" in: {}", self.stderr);
        }
        self
    }
}

/// Fails unless a line is "WHAT in N s (try 1 of TRIES)", where N is the pause before a first try.
#[track_caller]
pub(crate) fn assert_first_try(stderr: &str, what: &str, tries: u32) {
    let (before, behind) = (format!("; {what} in "), format!(" s (try 1 of {tries})"));
    let is_told = stderr.lines().any(|line| {
        let pause = line.split_once(&before).and_then(|(_, rest)| rest.strip_suffix(&behind));
        let pause: Option<f64> = pause.and_then(|pause| pause.parse().ok());
        pause.is_some_and(|seconds| (0.18..=0.25).contains(&seconds))
    });
    assert!(is_told, "{stderr}");
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The client, started but not awaited.
pub(crate) fn command(endpoint: &str, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    let (verb, rest) = arguments.split_first().expect("a command");
    command.current_dir(directory).args([verb, "-e", endpoint]).args(rest).stdin(Stdio::null());
    // Not the settings of the user who runs the tests.
    command.env("TINYFERRY_CONFIG", "");
    command
}

pub(crate) fn client(endpoint: &str, directory: &Path, arguments: &[&str]) -> Ended {
    client_by(command(endpoint, directory, arguments))
}

/// Runs a client to its end.
pub(crate) fn client_by(mut command: Command) -> Ended {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stdout = read_all(child.stdout.take().expect("it is piped"));
    let stderr = read_all(child.stderr.take().expect("it is piped"));
    // A client that hangs fails its test instead of stopping it.
    let status = ended_within(&mut child, Duration::from_secs(120));
    let [stdout, stderr] = [stdout, stderr].map(|text| text.join().unwrap_or_default());
    Ended { code: status.and_then(|status| status.code()), stdout, stderr }
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        let _ = from.read_to_string(&mut text);
        text
    })
}
