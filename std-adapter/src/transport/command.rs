//! A command that is started to be the other end. Nothing that it starts outlives it here, except what
//! leaves its session on purpose.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};

/// How often it is looked whether something has ended.
const GLANCE: Duration = Duration::from_millis(5);
/// How long a command may take to end once its streams have.
const ENDING: Duration = Duration::from_secs(1);
/// How long its processes may take to end when they are asked to.
const TERMINATING: Duration = Duration::from_millis(500);
/// Names the command in the environment of all its processes.
const MARK: &str = "TINYFERRY_COMMAND";

/// Commands that run, for the signals that end this program.
static RUNNING: Mutex<Vec<Arc<Processes>>> = Mutex::new(Vec::new());

/// A command that was started, which does not outlive this.
pub(crate) struct Program {
    shell: Child,
    processes: Arc<Processes>,
}

/// All processes of a command.
#[derive(Debug)]
enum Processes {
    /// They have a process group of their own.
    Group(Pid),
    /// They share the terminal's foreground group with this program: only there can they ask for a
    /// password, and are reached by the keys that interrupt and stop. They are known by their environment.
    Marked(String),
}

/// Lets the shell start `command`; its standard input and output are the socket's other end.
///
/// # Errors
/// Those of the system.
pub(crate) fn start(command: &str) -> io::Result<(UnixStream, Program)> {
    let (socket, far) = UnixStream::pair()?;
    let far = OwnedFd::from(far);
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(far.try_clone()?).stdout(far);
    let has_terminal = std::fs::File::open("/dev/tty").is_ok();
    let (shell, processes) = if has_terminal {
        let random = getrandom::u64().map_err(io::Error::other)?;
        let mark = format!("{}-{random:016x}", std::process::id());
        (shell.env(MARK, &mark).spawn()?, Processes::Marked(mark))
    } else {
        let shell = shell.process_group(0).spawn()?;
        let group = Pid::from_child(&shell);
        (shell, Processes::Group(group))
    };
    let processes = Arc::new(processes);
    running().push(Arc::clone(&processes));
    Ok((socket, Program { shell, processes }))
}

/// Ends the commands of all clients, before a signal ends this program.
pub(crate) fn end_all() {
    let all: Vec<_> = running().iter().map(Arc::clone).collect();
    for processes in &all {
        processes.signal(Signal::TERM);
    }
    for processes in all {
        wait_until(|| processes.have_ended(), TERMINATING);
        processes.signal(Signal::KILL);
    }
}

fn running() -> MutexGuard<'static, Vec<Arc<Processes>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Processes {
    fn signal(&self, signal: Signal) {
        match self {
            Self::Group(group) => drop(kill_process_group(*group, signal)),
            Self::Marked(mark) => {
                for process in marked(mark) {
                    let _ = kill_process(process, signal);
                }
            }
        }
    }

    fn have_ended(&self) -> bool {
        match self {
            Self::Group(group) => test_kill_process_group(*group).is_err(),
            Self::Marked(mark) => marked(mark).is_empty(),
        }
    }
}

/// The processes whose environment has this mark, in this program's session: whatever has made a session
/// of its own, as `ssh` does for a connection that others share, is meant to stay.
fn marked(mark: &str) -> Vec<Pid> {
    let mark = format!("{MARK}={mark}");
    let own = rustix::process::getsid(None).ok();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_marked = |number: &i32| {
        let environment = std::fs::read(format!("/proc/{number}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let marked = numbers.filter(is_marked).filter_map(Pid::from_raw);
    marked.filter(|process| rustix::process::getsid(Some(*process)).ok() == own).collect()
}

impl Program {
    /// How the shell ended, where that is why its streams did.
    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        wait_until(|| !matches!(self.shell.try_wait(), Ok(None)), ENDING);
        self.shell.try_wait().ok().flatten()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.status();
        if !self.processes.have_ended() {
            self.processes.signal(Signal::TERM);
            wait_until(
                || {
                    // A process group lasts until its leader was waited for.
                    let _ = self.shell.try_wait();
                    self.processes.have_ended()
                },
                TERMINATING,
            );
            self.processes.signal(Signal::KILL);
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
        running().retain(|processes| !Arc::ptr_eq(processes, &self.processes));
    }
}

fn wait_until(mut has_ended: impl FnMut() -> bool, patience: Duration) {
    let end = Instant::now() + patience;
    while !has_ended() && Instant::now() < end {
        thread::sleep(GLANCE);
    }
}
