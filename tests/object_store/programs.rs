//! Servers and clients of the real program.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::storage::{KEY, SECRET};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tinyferry");

/// A server, which ends with its test.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) endpoint: String,
    lines: Receiver<String>,
}

/// A command of the program that finds no settings of this machine.
pub(crate) fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_remove("TINYFERRY_ENDPOINT").env("TINYFERRY_CONFIG", "");
    for name in ["AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("HOME", "/nonexistent").env("no_proxy", "127.0.0.1");
    command
}

impl Server {
    pub(crate) fn start(url: &str, arguments: &[&str]) -> Self {
        Self::start_at("tcp://127.0.0.1:0", url, arguments)
    }

    pub(crate) fn start_at(listen: &str, url: &str, arguments: &[&str]) -> Self {
        let mut command = program();
        command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
        command.args(["serve", "--listen", listen]).args(arguments).arg(url);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut server = Self { child, endpoint: String::new(), lines };
        let line = server.wait_for_line(" at tcp://");
        server.endpoint = line.rsplit(" at ").next().expect("an endpoint").trim().to_owned();
        server
    }

    /// Waits for a log line with this in it.
    pub(crate) fn wait_for_line(&mut self, part: &str) -> String {
        let (end, mut log) = (Instant::now() + Duration::from_secs(60), Vec::new());
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => log.push(line),
                Err(_) => panic!("no line with \"{part}\":\n{}", log.join("\n")),
            }
        }
    }

    /// All log lines since the last call.
    pub(crate) fn log(&self) -> String {
        self.lines.try_iter().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }

    /// A client in a directory.
    pub(crate) fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).args(["-e", &self.endpoint]).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a client that must succeed; its standard output.
    pub(crate) fn run(&self, directory: &Path, arguments: &[&str]) -> String {
        let ended = self.fail(directory, arguments);
        let (out, err) = (text(&ended.stdout), text(&ended.stderr));
        assert!(ended.status.success(), "{arguments:?}: {out}{err}\n{}", self.log());
        out
    }

    /// Runs a client.
    pub(crate) fn fail(&self, directory: &Path, arguments: &[&str]) -> Output {
        self.command(directory, arguments).output().expect("the program starts")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Content that compresses badly, and differs for each seed.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
