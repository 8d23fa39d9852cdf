//! The signal handlers of the program.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::message::Task;
use crate::output;

/// A file that grows beyond `ulimit -f` is an error of that file, and does not end the program.
pub(crate) fn survive_large_files() {
    #[cfg(unix)]
    {
        let unused = Arc::new(AtomicBool::new(false));
        // A handler, and not an ignored signal: a command that is started has the usual one.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, unused);
    }
}

/// The first signal that asks the program to end calls `first`; the next one ends it, as soon as commands
/// have ended and ports are restored.
pub(crate) fn on_end(first: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = ending()?;
    thread::spawn(move || {
        let mut signals = signals.forever();
        if signals.next().is_some() {
            first();
        }
        if let Some(signal) = signals.next() {
            tinyferry::client::clean_up();
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// Whether a signal is about to end the program.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Whether all transfers of the program are complete.
static IS_DONE: AtomicBool = AtomicBool::new(false);

/// All transfers are complete: a signal interrupts none from now on.
pub(crate) fn transfers_done() {
    IS_DONE.store(true, Ordering::SeqCst);
}

/// Prepares for a signal that asks a client to end. `has_resources`: commands and ports of the library are
/// released first. Of a transfer it is said that it can be continued,
/// until [`transfers_done`].
pub(crate) fn before_end(task: Task, has_resources: bool) -> io::Result<()> {
    let mut signals = Vec::new();
    if has_resources || may_handle(SIGINT) {
        signals.push(SIGINT);
    }
    if has_resources || may_handle(SIGTERM) {
        signals.push(SIGTERM);
    }
    signals.extend([SIGHUP, SIGQUIT].into_iter().filter(|signal| may_handle(*signal)));
    let is_transfer = task == Task::Transfer;
    if signals.is_empty() || !(has_resources || is_transfer) {
        return Ok(());
    }
    let mut signals = Signals::new(signals)?;
    HAS_HANDLER.store(has_resources, Ordering::SeqCst);
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            IS_ENDING.store(true, Ordering::SeqCst);
            tinyferry::client::clean_up();
            if is_transfer && !IS_DONE.load(Ordering::SeqCst) {
                output::interrupted();
            }
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// Whether [`before_end`] was called for a client with resources.
static HAS_HANDLER: AtomicBool = AtomicBool::new(false);
/// The wait for a signal that the terminal has sent to a command too: the command may get it first.
const COMMAND_DELAY: Duration = Duration::from_millis(50);

/// If a signal is about to end the program, waits for that.
pub(crate) fn wait_for_end(has_failed: bool) {
    if has_failed && HAS_HANDLER.load(Ordering::SeqCst) {
        thread::sleep(COMMAND_DELAY);
    }
    while IS_ENDING.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_secs(1));
    }
}

fn ending() -> io::Result<Signals> {
    let mut signals = vec![SIGINT, SIGTERM];
    if may_handle(SIGHUP) {
        signals.push(SIGHUP);
    }
    Signals::new(signals)
}

/// Whether a signal was not ignored on behalf of this program, as `nohup` does. If that is not
/// known, it stays ignored.
fn may_handle(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (signal - 1)) == 0)
}
