//! A command that is started to be the other end. Its processes end with the client, also if that is
//! killed, except those that create a session of their own.

use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use rustix::process::{Pid, Signal};

mod processes;
mod terminal;
mod watcher;

use processes::Processes;
use terminal::Terminal;
use watcher::Watcher;

/// How often a process is polled for its end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The same while the handshake is pending, which may take long: a user types a password.
const SETUP_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The timeout for the end of a command after the end of its streams.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout for the end of its processes after SIGTERM.
const TERMINATE_TIMEOUT: Duration = Duration::from_millis(500);
/// The timeout for the answer of a server that a command has left in the background.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(2);
/// Names the command in the environment of all its processes.
const MARKER_VARIABLE: &str = "TINYFERRY_COMMAND";

/// Commands that run, for the signals that end this program.
static RUNNING: Mutex<Vec<Arc<Started>>> = Mutex::new(Vec::new());

/// A command that was started.
pub(crate) struct Program {
    started: Arc<Started>,
    setup: Arc<Setup>,
    _watcher: Option<Watcher>,
}

/// The processes that end with this program.
struct Started {
    shell: Mutex<Child>,
    processes: Processes,
    /// The terminal that the command may have changed.
    terminal: Option<Terminal>,
}

/// Whether the handshake is still pending.
#[derive(Default)]
struct Setup {
    is_over: Mutex<bool>,
    changed: Condvar,
}

/// Starts `command` with the shell; its standard input and output are the socket's other end.
///
/// # Errors
/// Those of the system.
pub(crate) fn start(command: &str) -> io::Result<(UnixStream, Program)> {
    let (socket, far) = UnixStream::pair()?;
    let far = OwnedFd::from(far);
    let random = getrandom::u64().map_err(io::Error::other)?;
    let mark = format!("{}-{random:016x}", std::process::id());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(far.try_clone()?).stdout(far).env(MARKER_VARIABLE, &mark);
    let terminal = Terminal::open();
    if terminal.is_none() {
        shell.process_group(0);
    }
    // Before the command: this program may be killed right after that has started.
    let mut watcher = Watcher::start(&mark).ok();
    // From now on a signal ends the command too.
    let mut all = running();
    let shell = shell.spawn()?;
    let pid = Pid::from_child(&shell);
    // On a terminal it stays in the foreground group: only there can it ask for a password, and
    // the keys that interrupt and stop reach it.
    let processes = Processes { shell: pid, group: terminal.is_none().then_some(pid), mark };
    if let Some(watcher) = &mut watcher {
        // A watcher that has ended already is of no use.
        let _ = watcher.watch(&processes);
    }
    let started = Arc::new(Started { shell: Mutex::new(shell), processes, terminal });
    all.push(Arc::clone(&started));
    drop(all);
    let setup = Arc::new(Setup::default());
    let program = Program { started, setup, _watcher: watcher };
    program.supervise_setup(socket.try_clone()?)?;
    Ok((socket, program))
}

/// Ends the commands of all clients, before a signal ends this program.
pub(crate) fn end_all() {
    let all: Vec<_> = running().iter().map(Arc::clone).collect();
    for started in &all {
        started.processes.signal(Signal::TERM);
    }
    for started in all {
        started.end();
    }
}

fn running() -> MutexGuard<'static, Vec<Arc<Started>>> {
    lock(&RUNNING)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Started {
    fn status(&self) -> Option<ExitStatus> {
        lock(&self.shell).try_wait().ok().flatten()
    }

    fn have_ended(&self) -> bool {
        // Where there is no `/proc`, a process group lasts until its leader was waited for.
        let _ = self.status();
        self.processes.have_ended()
    }

    /// Waits for processes that got SIGTERM, and kills those that do not end.
    fn end(&self) {
        wait_until(|| self.have_ended(), TERMINATE_TIMEOUT);
        wait_until(
            || {
                self.processes.signal(Signal::KILL);
                self.have_ended()
            },
            TERMINATE_TIMEOUT,
        );
        if let Some(terminal) = &self.terminal {
            terminal.restore();
        }
    }
}

impl Program {
    /// The handshake is complete: the command may end while one of its processes serves.
    pub(crate) fn set_established(&self) {
        *lock(&self.setup.is_over) = true;
        self.setup.changed.notify_all();
    }

    /// The error that the command has ended, if so; its streams have ended.
    pub(crate) fn ended(&mut self) -> Option<io::Error> {
        let status = self.wait()?;
        Some(io::Error::other(format!("the command has ended ({status})")))
    }

    /// Waits for the shell's end, which follows that of its streams.
    fn wait(&self) -> Option<ExitStatus> {
        wait_until(|| self.started.status().is_some(), EXIT_TIMEOUT);
        self.started.status()
    }

    /// Shuts the socket down if the command ends before the handshake is complete: another process
    /// may have its streams open and never answer.
    fn supervise_setup(&self, socket: UnixStream) -> io::Result<()> {
        let (started, setup) = (Arc::clone(&self.started), Arc::clone(&self.setup));
        let supervise = move || {
            let mut end: Option<Instant> = None;
            let mut is_over = lock(&setup.is_over);
            while !*is_over {
                end = end.or_else(|| {
                    let status = started.status()?;
                    let most = if status.success() { BACKGROUND_TIMEOUT } else { Duration::ZERO };
                    Some(Instant::now() + most)
                });
                if end.is_some_and(|end| Instant::now() >= end) {
                    let _ = socket.shutdown(Shutdown::Both);
                    return;
                }
                let waited = setup.changed.wait_timeout(is_over, SETUP_POLL_INTERVAL);
                is_over = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        thread::Builder::new().name("command".into()).spawn(supervise).map(drop)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.set_established();
        self.wait();
        if !self.started.have_ended() {
            self.started.processes.signal(Signal::TERM);
        }
        self.started.end();
        let mut shell = lock(&self.started.shell);
        let _ = shell.kill();
        let _ = shell.wait();
        running().retain(|started| !Arc::ptr_eq(started, &self.started));
    }
}

fn wait_until(mut has_ended: impl FnMut() -> bool, most: Duration) {
    let end = Instant::now() + most;
    while !has_ended() && Instant::now() < end {
        thread::sleep(POLL_INTERVAL);
    }
}
