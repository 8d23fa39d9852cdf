//! A client with `--watch`: its output, and its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::entries;
use crate::harness::{Place, Server, command, ended_within, send_signal};

/// A client that watches; it ends with its test.
pub(super) struct Watching {
    pub(super) child: Child,
    pub(super) lines: Receiver<String>,
    pub(super) said: Vec<String>,
}

impl Watching {
    /// Starts it, and waits for the end of the first transfer.
    pub(super) fn start(server: &Server, place: &Place, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["--watch"]].concat();
        let mut watching = Self::start_by(command(&server.endpoint, &place.here(""), &arguments));
        watching.wait_for_line("sent ");
        watching
    }

    pub(super) fn start_by(mut command: Command) -> Self {
        let (stdout, stderr) = (Stdio::piped(), Stdio::piped());
        let mut child = command.stdout(stdout).stderr(stderr).spawn().expect("the program starts");
        let (sender, lines) = channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        for stream in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line with this in it.
    #[track_caller]
    pub(super) fn wait_for_line(&mut self, part: &str) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no line with \"{part}\": {:#?}", self.said);
            };
            self.said.push(line);
            if self.said.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    }

    /// Waits until there was a line with this in it. The order of lines of both streams is not known.
    #[track_caller]
    pub(super) fn until_said(&mut self, part: &str) {
        self.until_said_often(part, 1);
    }

    /// Waits until this number of lines with this text was printed.
    #[track_caller]
    pub(super) fn until_said_often(&mut self, part: &str, number: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.count(part) < number {
            assert!(Instant::now() < end, "no {number} lines with \"{part}\": {:#?}", self.said);
        }
    }

    /// The lines so far with this in them.
    pub(super) fn count(&mut self, part: &str) -> usize {
        thread::sleep(Duration::from_millis(100));
        self.said.extend(self.lines.try_iter());
        self.said.iter().filter(|line| line.contains(part)).count()
    }

    /// Waits until something is so.
    #[track_caller]
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(30);
        while !is_so() {
            let lines = self.count("");
            assert!(Instant::now() < end, "{what}: {lines} lines: {:#?}", self.said);
        }
    }

    #[track_caller]
    pub(super) fn until_same(&mut self, what: &str, place: &Place, path: &str) {
        let (here, served) = (place.here(path), place.served(path));
        self.until(what, || entries(&here) == entries(&served));
    }

    /// Interrupts it. It ends by the signal. Returns its output.
    pub(super) fn interrupt(mut self) -> Vec<String> {
        send_signal(self.child.id(), "INT");
        let status = ended_within(&mut self.child, Duration::from_secs(20)).expect("it ends");
        assert!(status.code().is_none(), "it does not end by the signal: {:#?}", self.said);
        self.count("");
        std::mem::take(&mut self.said)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
