//! Processes: started, awaited, measured, and ended by their number. Knows nothing of their purpose.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::Done;

/// A process. If it still runs when this is dropped, it is ended.
pub(crate) struct Job {
    name: String,
    child: Child,
    is_over: bool,
}

/// The cost of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    /// In seconds.
    pub(crate) time: f64,
    /// Processor time of all processes in seconds; `None` where the system does not tell.
    pub(crate) cpu: Option<f64>,
}

/// Starts a command, without standard streams unless the command sets them.
pub(crate) fn start(command: &mut Command) -> Done<Job> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    Ok(Job { name, child, is_over: false })
}

/// A command without standard streams.
pub(crate) fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Job {
    /// Its standard output.
    pub(crate) fn output(&mut self) -> Stdio {
        self.child.stdout.take().map_or_else(Stdio::null, Stdio::from)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Waits for its end; returns its processor time.
    pub(crate) fn wait(mut self) -> Done<Option<f64>> {
        let pid = self.pid().ok_or("no such process")?;
        // It stays to be asked until it is waited for in earnest.
        waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
        let cpu = cpu_time(self.id());
        let status = self.child.wait()?;
        self.is_over = true;
        if !status.success() {
            return Err(format!("{}: {status}", self.name).into());
        }
        Ok(cpu)
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Waits until it listens at `port`.
    pub(crate) fn await_port(&mut self, port: u16) -> Done {
        let end = Instant::now() + Duration::from_secs(5);
        while !is_listening(port) {
            if !self.is_running() || Instant::now() > end {
                return Err(format!("{} does not listen", self.name).into());
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Processor time so far, with all processes it has started.
    pub(crate) fn cpu(&self) -> Option<f64> {
        let end = Instant::now() + Duration::from_secs(2);
        // Those that it started count when they have ended.
        while Instant::now() < end && has_children(self.id()) {
            thread::sleep(Duration::from_millis(1));
        }
        cpu_time(self.id())
    }

    /// The most memory it has had resident, in bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        status(self.id(), "VmHWM:").map(|kib| kib * 1024)
    }

    /// The memory it has resident now, in bytes.
    pub(crate) fn resident(&self) -> Option<u64> {
        status(self.id(), "VmRSS:").map(|kib| kib * 1024)
    }

    pub(crate) fn threads(&self) -> Option<u64> {
        status(self.id(), "Threads:")
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.is_over || !self.is_running() {
            return;
        }
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + Duration::from_secs(2);
        while self.is_running() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Measures the command that `begin` starts, to its end and the end of the `waiting` ones, and the
/// server's use of the processor meanwhile.
pub(crate) fn spend(
    server: Option<&Job>,
    waiting: Vec<Job>,
    begin: impl FnOnce() -> Done<Vec<Job>>,
) -> Done<Spent> {
    let before = server.and_then(Job::cpu);
    let clock = Instant::now();
    let mut cpu = Some(0.0);
    for job in begin()?.into_iter().chain(waiting) {
        cpu = cpu.zip(job.wait()?).map(|(sum, more)| sum + more);
    }
    let time = clock.elapsed().as_secs_f64();
    if let Some(server) = server {
        let more = before.zip(server.cpu()).map(|(before, after)| after - before);
        cpu = cpu.zip(more).map(|(sum, more)| sum + more);
    }
    Ok(Spent { time, cpu })
}

/// Where a program is; daemons are not on every user's path.
pub(crate) fn find(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("there is no {program}"))
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> Done<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(target_os = "linux")]
fn is_listening(port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        fs::read_to_string(table).unwrap_or_default().lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().unwrap_or_default();
            local.ends_with(&wanted) && fields.nth(1) == Some("0A")
        })
    })
}

/// To connect would take the one connection that some wait for.
#[cfg(not(target_os = "linux"))]
fn is_listening(_: u16) -> bool {
    thread::sleep(Duration::from_millis(200));
    true
}

/// User and system time of a process and of those it has waited for, in seconds.
fn cpu_time(id: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name before may contain any characters.
    let (_, fields) = text.rsplit_once(") ")?;
    let times = fields.split_whitespace().skip(11).take(4);
    let ticks: u64 = times.filter_map(|time| time.parse::<u64>().ok()).sum();
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn has_children(id: u32) -> bool {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    children.is_ok_and(|children| !children.trim().is_empty())
}

/// A number from the status file of a process.
fn status(id: u32, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
