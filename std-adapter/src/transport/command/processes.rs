//! All processes of a command, except those that have created a session of their own, as `ssh` does for a
//! shared connection: these are meant to stay.

use std::collections::HashMap;

use rustix::process::{
    Pid, Signal, getpgrp, kill_process, kill_process_group, test_kill_process_group,
};

use super::MARKER_VARIABLE;

/// Identifies the processes of a command, by any of these properties.
#[derive(Debug)]
pub(super) struct Processes {
    /// They descend from the shell,
    pub(super) shell: Pid,
    /// or belong to a process group,
    pub(super) group: Option<Pid>,
    /// or have inherited a variable of this value.
    pub(super) mark: String,
}

/// A process, from `/proc/PID/stat`.
struct Process {
    parent: i32,
    group: i32,
    session: i32,
    /// It has ended, and was not waited for.
    is_zombie: bool,
}

impl Processes {
    /// Sends a signal to all of them.
    pub(super) fn signal(&self, signal: Signal) {
        match (self.find(), self.group) {
            (Some(processes), _) => {
                for process in processes {
                    let _ = kill_process(process, signal);
                }
            }
            (None, Some(group)) => drop(kill_process_group(group, signal)),
            (None, None) => drop(kill_process(self.shell, signal)),
        }
    }

    /// Whether none of them runs.
    pub(super) fn have_ended(&self) -> bool {
        match (self.find(), self.group) {
            (Some(processes), _) => processes.is_empty(),
            (None, Some(group)) => test_kill_process_group(group).is_err(),
            (None, None) => rustix::process::test_kill_process(self.shell).is_err(),
        }
    }

    /// Those that run; `None` where the system has no list of its processes in `/proc`.
    fn find(&self) -> Option<Vec<Pid>> {
        let all = list()?;
        let own = own_number().and_then(|number| all.get(&number))?.session;
        let is_found = |(number, process): (&i32, &Process)| {
            process.session == own
                && !process.is_zombie
                && (self.group.is_some_and(|group| process.group == group.as_raw_pid())
                    || self.is_descendant(*number, &all)
                    || self.is_marked(*number))
        };
        let found = all.iter().filter(|found| is_found(*found));
        Some(found.filter_map(|(number, _)| Pid::from_raw(*number)).collect())
    }

    fn is_descendant(&self, mut number: i32, all: &HashMap<i32, Process>) -> bool {
        // The list was not read in one instant: it might have a circle.
        for _ in 0..all.len() {
            if number == self.shell.as_raw_pid() {
                return true;
            }
            match all.get(&number) {
                Some(process) => number = process.parent,
                None => return false,
            }
        }
        false
    }

    fn is_marked(&self, number: i32) -> bool {
        let mark = format!("{MARKER_VARIABLE}={}", self.mark);
        let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    }
}

/// The process group of this program. Linux has PID namespaces: there it is 0 if its leader is outside, which
/// `getpgrp` cannot return.
pub(super) fn own_group() -> Option<i32> {
    if cfg!(target_os = "linux") {
        own_number().and_then(stat).map(|own| own.group)
    } else {
        Some(getpgrp().as_raw_pid())
    }
}

/// The session of this program: 0 if its leader is outside of the PID namespace, which `getsid` cannot return.
pub(super) fn own_session() -> Option<i32> {
    own_number().and_then(stat).map(|own| own.session)
}

/// The number of this program in `/proc`; `None` if there is none, or if `/proc` belongs to another PID
/// namespace.
fn own_number() -> Option<i32> {
    let own = std::fs::read_link("/proc/self").ok()?;
    (own.to_str()?.parse() == Ok(std::process::id())).then_some(())?;
    i32::try_from(std::process::id()).ok()
}

/// All processes of the system, by number.
fn list() -> Option<HashMap<i32, Process>> {
    own_number()?;
    let entries = std::fs::read_dir("/proc").ok()?.flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let all: HashMap<_, _> = numbers.filter_map(|number| Some((number, stat(number)?))).collect();
    // The list contains at least this process.
    (!all.is_empty()).then_some(all)
}

fn stat(number: i32) -> Option<Process> {
    let stat = std::fs::read(format!("/proc/{number}/stat")).ok()?;
    // The command's name is in parentheses, and may contain any byte.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let mut next = || fields.next()?.parse().ok();
    Some(Process { parent: next()?, group: next()?, session: next()?, is_zombie })
}
