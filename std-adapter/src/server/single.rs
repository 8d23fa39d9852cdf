//! Endpoints with one client at a time: a serial port, which has no end, and this program's standard
//! streams.

use std::io;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tinyferry_core::Config;
use tracing::{info, warn};

use crate::auth::{Accepted, CurrentKeys, LossyLink};
use crate::describe;
use crate::endpoint::Endpoint;
use crate::server::access::Permissions;
#[cfg(unix)]
use crate::server::connection::Peer;
use crate::server::connection::{LINE, Service};
use crate::server::root::RootError;
use crate::server::session::{Ended, NEVER};
#[cfg(unix)]
use crate::transport::clock::milliseconds;
use crate::transport::limit::Pausable;
use crate::transport::listener::Line;
#[cfg(unix)]
use crate::transport::listener::Terminal;
use crate::transport::serial::SerialLink;
#[cfg(unix)]
use crate::transport::stdio::Output;

/// The report that a serial port is gone.
const CLOSED: &str = "the serial port was closed; the server opens it again when it exists";

/// The interval at which a missing serial port is opened again.
const REOPEN_INTERVAL: Duration = Duration::from_millis(500);

/// Calls `stop`, which stops this program until it is continued. The terminal and the serial ports that it uses have
/// their earlier settings meanwhile. A handler of SIGTSTP calls this.
#[cfg(unix)]
pub fn while_stopped(stop: impl FnOnce()) {
    crate::transport::serial::restore_during(stop);
}

impl Service {
    /// Serves a serial port until the server is stopped or closed. Clients are not distinguished: a hello
    /// begins a new session and ends the one before.
    pub(crate) fn serve_line(self: &Arc<Self>, line: Line) -> io::Result<()> {
        let Line { serial, link, shutdown } = line;
        let number = self.registry.connect(&shutdown, None, Box::new(|_| ()));
        self.registry.set_uncounted(number);
        let service = Arc::clone(self);
        let name = link.path().escape_debug().to_string();
        self.spawn(number, &name.clone(), move || {
            let mut peer = name;
            let config = Endpoint::Serial(serial.clone()).config();
            let mut open = Some(link);
            while !service.registry.is_stopping() {
                if let (Some(keys), Some(link)) =
                    (&service.keys, open.take_if(|_| service.keys.is_some()))
                {
                    open = service.serve_protected(link, &peer, keys, config);
                    if open.is_none() && !service.registry.is_stopping() {
                        warn!("{peer}: {CLOSED}");
                    }
                    continue;
                }
                let Some(link) = &mut open else {
                    thread::sleep(REOPEN_INTERVAL);
                    if let Ok(link) = SerialLink::open(&serial, Arc::clone(&shutdown)) {
                        peer = link.path().escape_debug().to_string();
                        info!("{peer}: the serial port is open again");
                        open = Some(link);
                    }
                    continue;
                };
                let Some(permissions) = service.permissions_of_line(&peer, LINE) else {
                    thread::sleep(REOPEN_INTERVAL);
                    continue;
                };
                match service.serve(link, &peer, config, permissions) {
                    Ended::Session => link.drop_input(),
                    Ended::Link if service.registry.is_stopping() => {}
                    Ended::Link => {
                        warn!("{peer}: {CLOSED}");
                        open = None;
                    }
                }
            }
        })?;
        self.registry.wait_for_stop();
        Ok(())
    }

    /// Serves the clients of a line that have a key, one after another, until the line ends or the server stops. Returns
    /// the link if it has not ended.
    fn serve_protected<L: Pausable>(
        &self,
        link: L,
        peer: &str,
        keys: &Arc<CurrentKeys>,
        config: Config,
    ) -> Option<L> {
        let mut link = link;
        while !self.registry.is_stopping() {
            let failed = |error: &io::Error| {
                let why = describe::os_error(error);
                self.logs.handshakes.warn(&format!("{peer}: the line failed: {why}"));
            };
            let mut secure = LossyLink::accepting(link, keys).inspect_err(failed).ok()?;
            let entry = loop {
                match secure.accept(NEVER).inspect_err(failed).ok()? {
                    Accepted::Client(entry) => break entry,
                    Accepted::Nobody => {}
                    Accepted::Ended => return None,
                }
            };
            info!("{peer}: the client is authenticated as {}", entry.name.escape_debug());
            loop {
                let permissions = match self.permissions_of(&entry) {
                    Ok(permissions) => permissions,
                    Err(RootError { error, .. }) => {
                        let why = describe::os_error(&error);
                        self.logs.root.warn(&format!("{peer}: the client is refused: {why}"));
                        break;
                    }
                };
                match self.serve(&mut secure, peer, config, permissions) {
                    Ended::Session => {}
                    Ended::Link if secure.is_followed() => break,
                    Ended::Link => return None,
                }
            }
            link = secure.into_inner();
        }
        Some(link)
    }

    /// Serves the clients of a line, one after another, until it ends or the server stops. `line` names the line of
    /// several: its clients count as one, which continues its own transfers only.
    #[cfg(unix)]
    fn serve_clients<L: Pausable>(&self, link: &mut L, peer: &str, line: &str, config: Config) {
        while !self.registry.is_stopping()
            && let Some(permissions) = self.permissions_of_line(peer, line)
            && let Ended::Session = self.serve(link, peer, config, permissions)
        {}
    }

    /// The permissions of the clients of a line, which count as one; `None`: the directory cannot be served now.
    pub(super) fn permissions_of_line(&self, peer: &str, line: &str) -> Option<Permissions> {
        match self.permissions_without_key() {
            Ok(permissions) => Some(Permissions { id: Some(line.to_owned()), ..permissions }),
            Err(error) => {
                let why = describe::os_error(&error);
                self.logs.root.warn(&format!("{peer}: no session can begin: {why}"));
                None
            }
        }
    }

    /// Serves the terminal of this program until the client leaves, a person leaves, or the idle timeout passes.
    #[cfg(unix)]
    pub(crate) fn serve_terminal(self: &Arc<Self>, terminal: Terminal) -> io::Result<()> {
        const PEER: &str = "this terminal";
        let Terminal { mut link, shutdown } = terminal;
        let number = self.registry.connect(&shutdown, None, Box::new(|_| ()));
        self.registry.set_uncounted(number);
        let service = Arc::clone(self);
        // A person has to go to the other end of the line: the handshake may take as long as a request.
        let idle = milliseconds(self.options.idle);
        let config = Config::LOSSY.handshake_timeout(idle).idle_timeout(idle);
        self.spawn(number, PEER, move || {
            service.serve_clients(&mut link, PEER, LINE, config);
        })?;
        self.registry.wait_until_empty();
        self.drain();
        Ok(())
    }

    /// Serves the client at the standard streams of this program until it disconnects.
    #[cfg(unix)]
    pub(crate) fn serve_one(
        self: &Arc<Self>,
        socket: UnixStream,
        output: &Output,
    ) -> io::Result<()> {
        let peer = Peer { name: "standard input".to_owned(), address: None, line: None };
        self.connected(Arc::new(socket), &peer)?;
        self.registry.wait_until_empty();
        self.drain();
        // The last bytes must reach the client.
        output.wait(self.options.grace);
        Ok(())
    }
}
