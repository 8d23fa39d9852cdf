//! What systemd, or another service manager with its protocols, and this program tell each other: sockets that the manager
//! has bound (`LISTEN_FDS`), and the state of the program (`NOTIFY_SOCKET`, `WATCHDOG_USEC`).

use std::env;
use std::ffi::OsStr;
use std::io;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;
use std::time::Duration;

use listenfd::ListenFd;
use tinyferry::server::BoundSocket;

use crate::exit::{CliError, Exit};

/// Whether a service manager has started this program and waits for its state.
pub(crate) fn is_managed() -> bool {
    env::var_os("NOTIFY_SOCKET").is_some()
}

/// The sockets that the manager has bound for this program.
pub(crate) fn sockets() -> Result<Vec<BoundSocket>, CliError> {
    let mut given = ListenFd::from_env();
    let sockets = (0..given.len()).map(|at| match given.take_unix_listener(at) {
        Ok(socket) => Ok(socket.map(BoundSocket::Unix)),
        Err(_) => Ok(given.take_tcp_listener(at)?.map(BoundSocket::Tcp)),
    });
    let sockets = sockets.filter_map(Result::transpose).collect::<io::Result<_>>();
    sockets.map_err(|error| {
        let sentence =
            format!("a socket of the service manager (LISTEN_FDS) cannot be served: {error}");
        CliError::new(Exit::Local, sentence)
    })
}

/// Tells the manager that the clients can connect, and from then on that the program runs, as often as it asks for.
pub(crate) fn ready() {
    notify("READY=1");
    let Some(interval) = watchdog() else { return };
    let _ = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        loop {
            notify("WATCHDOG=1");
            thread::sleep(interval);
        }
    });
}

/// Tells the manager that the program is about to end.
pub(crate) fn stopping() {
    notify("STOPPING=1");
}

/// A message to the manager, if there is one. It may have gone.
fn notify(message: &str) {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else { return };
    let _ = address(&name)
        .and_then(|to| UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &to).map(drop));
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().split_first() {
        #[cfg(target_os = "linux")]
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

/// Half of the time after which the manager ends a program that is silent.
fn watchdog() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
    if number("WATCHDOG_PID").is_some_and(|pid| pid != u64::from(std::process::id())) {
        return None;
    }
    number("WATCHDOG_USEC").filter(|time| *time > 0).map(|time| Duration::from_micros(time / 2))
}
