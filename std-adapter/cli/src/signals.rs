//! The requests of a user or of the system that the program ends.

#[cfg_attr(unix, path = "signals/unix.rs")]
#[cfg_attr(not(unix), path = "signals/windows.rs")]
mod system;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use self::system::EndRequests;
use crate::json;
use crate::message::Task;
use crate::output;

/// A file that grows beyond `ulimit -f` is an error of that file, and does not end the program.
pub(crate) fn survive_large_files() {
    #[cfg(unix)]
    {
        let unused = std::sync::Arc::new(AtomicBool::new(false));
        // A handler, and not an ignored signal: a command that is started has the usual one.
        let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, unused);
    }
}

/// The first request to end calls `first`; the next one ends the program, as soon as commands
/// have ended and ports are restored.
pub(crate) fn on_end(first: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut requests = EndRequests::to_server()?;
    thread::spawn(move || {
        if requests.wait().is_some() {
            first();
        }
        if let Some(request) = requests.wait() {
            tinyferry::client::clean_up();
            system::end(request);
        }
    });
    Ok(())
}

/// A service manager asks by SIGHUP to read the settings again.
#[cfg(unix)]
pub(crate) fn on_reload(reload: impl Fn() + Send + 'static) -> io::Result<()> {
    if let Some(mut requests) = system::Reloads::of_service()? {
        thread::spawn(move || {
            while requests.wait() {
                reload();
            }
        });
    }
    Ok(())
}

/// While the program is stopped (SIGTSTP), the terminal and the serial ports that it serves have their earlier settings.
pub(crate) fn restore_ports_while_stopped() -> io::Result<()> {
    #[cfg(unix)]
    if let Some(mut stops) = system::Stops::of_program()? {
        thread::spawn(move || {
            while stops.wait() {
                tinyferry::server::while_stopped(system::stop);
            }
        });
    }
    Ok(())
}

/// While the program is stopped (SIGTSTP), `before` was called; `after` is called when it continues.
#[cfg(unix)]
pub(crate) fn around_stops(
    before: impl Fn() + Send + 'static,
    after: impl Fn() + Send + 'static,
) -> io::Result<()> {
    if let Some(mut stops) = system::Stops::of_program()? {
        thread::spawn(move || {
            while stops.wait() {
                before();
                system::stop();
                after();
            }
        });
    }
    Ok(())
}

/// Whether a request is about to end the program.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// The activity that a request to end interrupts.
#[derive(Debug, Clone, Copy)]
enum Activity {
    /// A transfer.
    Transfer,
    /// Nothing: all transfers are complete.
    Done,
    /// The wait for changes.
    Watch,
}

static ACTIVITY: Mutex<Activity> = Mutex::new(Activity::Transfer);

fn activity() -> MutexGuard<'static, Activity> {
    ACTIVITY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All transfers are complete: a request interrupts none from now on.
pub(crate) fn transfers_done() {
    *activity() = Activity::Done;
}

/// The command waits for changes (`--watch`).
pub(crate) fn waiting_for_changes() {
    *activity() = Activity::Watch;
}

/// Transfers begin again.
pub(crate) fn transfers_begin() {
    *activity() = Activity::Transfer;
}

/// Whether [`before_end`] was called: a command that watches calls it in each round.
static IS_PREPARED: AtomicBool = AtomicBool::new(false);

/// Prepares for a request that a client ends. `has_resources`: commands and ports of the library are
/// released first. Until
/// [`transfers_done`], the message of a transfer has the advice to continue it.
pub(crate) fn before_end(task: Task, has_resources: bool) -> io::Result<()> {
    let interrupted = task.continuation();
    if !(has_resources || interrupted.is_some()) {
        return Ok(());
    }
    if IS_PREPARED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let Some(mut requests) = EndRequests::to_client(has_resources)? else { return Ok(()) };
    HAS_HANDLER.store(has_resources, Ordering::SeqCst);
    thread::spawn(move || {
        if let Some(request) = requests.wait() {
            IS_ENDING.store(true, Ordering::SeqCst);
            crate::console::restore();
            tinyferry::client::clean_up();
            let activity = *activity();
            match (interrupted, activity) {
                (Some(advice), Activity::Transfer) => output::interrupted(advice),
                (Some(_), Activity::Watch) => output::interrupted("; it was waiting for changes"),
                (None, _) | (Some(_), Activity::Done) => {}
            }
            json::interrupt(system::exit_code(&request));
            system::end(request);
        }
    });
    Ok(())
}

/// Whether [`before_end`] was called for a client with resources.
static HAS_HANDLER: AtomicBool = AtomicBool::new(false);
/// The wait for a signal that the terminal has sent to a command too: the command may get it first.
const COMMAND_DELAY: Duration = Duration::from_millis(50);

/// If a request is about to end the program, waits for that.
pub(crate) fn wait_for_end(has_failed: bool) {
    if has_failed && HAS_HANDLER.load(Ordering::SeqCst) {
        thread::sleep(COMMAND_DELAY);
    }
    while IS_ENDING.load(Ordering::SeqCst) {
        thread::park_timeout(Duration::from_secs(1));
    }
}
