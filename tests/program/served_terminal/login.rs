//! A login shell on a terminal at one end of a serial cable.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tinyferry_kit::Cable;

use crate::harness::Place;
use crate::serial::{CLEAN, lay, url};

/// A shell whose terminal is one end of a serial cable, and the commands of a person at the other end.
pub(super) struct Login {
    pub(super) cable: Cable,
    pub(super) shell: Child,
    /// The other end, while no client uses it.
    pub(super) keyboard: Option<File>,
    /// The input that no test has checked.
    pub(super) unread: String,
}

pub(super) const PROMPT: &str = "PROMPT> ";

impl Login {
    /// `None` where a needed program is missing.
    pub(super) fn new(place: &Place, shell: &str) -> Option<Self> {
        let cable = lay(CLEAN);
        let [_, console] = cable.ports();
        let sane = Command::new("stty").arg("-F").arg(console).arg("sane").status();
        assert!(sane.expect("stty is there").success());
        let open = || File::options().read(true).write(true).open(console).expect("a port");
        let mut command = Command::new("setsid");
        command.args(["--ctty", shell, "-i"]).current_dir(place.here(""));
        command.env("PS1", PROMPT).env("TERM", "dumb").env("HOME", place.here(""));
        command.stdin(open()).stdout(open()).stderr(open());
        let Ok(shell) = command.spawn() else {
            println!("skipped: there is no setsid or no {shell}");
            return None;
        };
        let mut this = Self { cable, shell, keyboard: None, unread: String::new() };
        this.types("PS1='PROMPT''> '\n");
        this.sees("\nPROMPT> ");
        Some(this)
    }

    pub(super) fn keyboard(&mut self) -> &mut File {
        let port = self.cable.ports()[0];
        let open = || File::options().read(true).write(true).open(port).expect("a port");
        self.keyboard.get_or_insert_with(open)
    }

    pub(super) fn types(&mut self, text: &str) {
        self.keyboard().write_all(text.as_bytes()).expect("it takes it");
    }

    /// Reads until this has come; returns all up to that.
    #[track_caller]
    pub(super) fn sees(&mut self, part: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(at) = self.unread.find(part) {
                let rest = self.unread.split_off(at + part.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            assert!(Instant::now() < end, "no \"{part}\" in: {}", self.unread);
            let bytes = self.read_for(Duration::from_millis(100));
            self.unread.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// The input that comes within this time.
    pub(super) fn read_for(&mut self, wait: Duration) -> Vec<u8> {
        let keyboard = self.keyboard();
        let mut ports = [PollFd::from_borrowed_fd(keyboard.as_fd(), PollFlags::IN)];
        let wait = Timespec::try_from(wait).expect("a short time");
        if poll(&mut ports, Some(&wait)).expect("it waits") == 0 {
            return Vec::new();
        }
        let mut bytes = [0; 4096];
        let count = keyboard.read(&mut bytes).expect("it is there");
        bytes[..count].to_vec()
    }

    /// Types a command, and returns its output.
    pub(super) fn runs(&mut self, line: &str) -> String {
        self.types(&format!("{line}; echo code $?\n"));
        let seen = self.sees("\ncode ") + &self.sees(PROMPT);
        let (_, printed) = seen.split_once('\n').expect("the echo of the line");
        printed.replace('\r', "").replace(PROMPT, "")
    }

    /// Starts a server, and waits until it is ready.
    pub(super) fn serves(&mut self, place: &Place, options: &str) -> String {
        let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
        self.types(&format!(
            "'{program}' serve --stdio {options} '{}'; echo code $?\n",
            root.display()
        ));
        self.sees("three times\r\n")
    }

    /// The endpoint for a client at the other end.
    pub(super) fn endpoint(&mut self) -> String {
        self.keyboard = None;
        url(self.cable.ports()[0])
    }

    /// The server has ended, and the shell has the terminal with these settings again.
    #[track_caller]
    pub(super) fn has_its_terminal(&mut self, settings: &str) -> String {
        let printed = self.sees("code 0\r\nPROMPT> ");
        assert_eq!(self.runs("stty -g"), settings);
        printed
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
