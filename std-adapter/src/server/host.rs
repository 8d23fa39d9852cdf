//! What a client meets: a thread, a session and a store of its own.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tinyferry_core::blocking::{self, Link, run};
use tinyferry_core::{Config, Failure, Reason, Session, Store};
use tracing::{debug, info, warn};

use super::Options;
use super::guests::{Guest, Shared};
use crate::checksum::Desktop;
use crate::directory::{Dir, Directory};
use crate::endpoint::Endpoint;
use crate::listener::Line;
use crate::log::Log;
use crate::serial::SerialLink;
use crate::stream::{Leave, Socket, StreamLink};
use crate::words::of_system;

/// Clients beyond the limit that are told so at the same time; more are just let go.
const TURNED_AWAY: usize = 64;
/// How long a client that is turned away may take to greet.
const TURNING_AWAY: Duration = Duration::from_secs(5);
/// How often a serial port that is gone is looked for.
const LOOKING: Duration = Duration::from_millis(500);
/// A thread holds one session and little else.
const STACK: usize = 256 * 1024;

/// Serves a directory to whoever comes in.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) root: Arc<Dir>,
    pub(super) options: Options,
    pub(super) shared: Arc<Shared>,
}

/// How a session ended.
enum Ended {
    /// The other end has left, or the link is gone, or the server ends.
    Link,
    /// Only the session is over.
    Session,
}

impl Host {
    /// Gives a client its thread: to serve it, or to turn it away.
    pub(super) fn welcome<S: Socket + 'static>(
        &self,
        number: u64,
        socket: S,
        peer: &str,
    ) -> io::Result<()> {
        let leave = Arc::new(Leave::default());
        let mut guests = self.shared.guests();
        let served = guests.values().filter(|guest| guest.is_served).count();
        let is_served = served < self.options.clients;
        if !is_served {
            info!("{peer}: turned away, {served} clients are served already");
            if guests.len() - served >= TURNED_AWAY {
                return Ok(());
            }
        }
        let twin = socket.twin()?;
        let cut = Box::new(move || twin.cut());
        guests.insert(number, Guest { leave: Arc::clone(&leave), is_served, cut });
        drop(guests);
        let (host, name) = (self.clone(), peer.to_owned());
        self.spawn(number, peer, move || {
            let mut link = StreamLink::new(socket, leave);
            if is_served {
                let idle = host.options.idle.as_millis().try_into().unwrap_or(u32::MAX >> 1);
                debug!("{name}: connected");
                host.serve(&mut link, &name, Config { idle, ..Config::RELIABLE });
            } else {
                turn_away(&mut link, Reason::Busy);
            }
        })
    }

    /// Serves a serial port until the server is stopped or closed. Clients are not told apart:
    /// whoever greets begins a session, and the one before is over.
    pub(super) fn serve_line(&self, line: Line) -> io::Result<()> {
        let Line { serial, link, leave } = line;
        let (number, is_served, cut) = (0, true, Box::new(|| ()));
        let guest = Guest { leave: Arc::clone(&leave), is_served, cut };
        self.shared.guests().insert(number, guest);
        let host = self.clone();
        self.spawn(number, &serial.port.clone(), move || {
            let peer = serial.port.escape_debug().to_string();
            let config = Endpoint::Serial(serial.clone()).config();
            let mut open = Some(link);
            while !host.shared.is_stopping() {
                let Some(link) = &mut open else {
                    thread::sleep(LOOKING);
                    open = SerialLink::open(&serial, Arc::clone(&leave)).ok();
                    if open.is_some() {
                        info!("{peer}: the serial port is back");
                    }
                    continue;
                };
                match host.serve(link, &peer, config) {
                    Ended::Session => link.settle(),
                    Ended::Link if host.shared.is_stopping() => {}
                    Ended::Link => {
                        warn!(
                            "{peer}: the serial port is gone; it is served again when it is back"
                        );
                        open = None;
                    }
                }
            }
        })?;
        self.shared.wait_for_stop();
        Ok(())
    }

    /// Waits for transfers under way, and cuts those that outlast the grace period.
    pub(super) fn see_off(&self) {
        // Who came in while the server was being stopped has not been asked yet.
        self.shared.ask_to_leave();
        self.shared.wait(self.options.grace);
        self.shared.cut();
        self.shared.wait(Duration::from_secs(2));
    }

    /// Does a guest's work in a thread of its own.
    fn spawn(
        &self,
        number: u64,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            work();
            shared.has_gone(number);
        };
        let name = name.replace('\0', "");
        let spawned = thread::Builder::new().name(name).stack_size(STACK).spawn(work);
        if spawned.is_err() {
            self.shared.has_gone(number);
        }
        spawned.map(drop)
    }

    /// Serves one session.
    fn serve<L: Link<Error = io::Error>>(&self, link: &mut L, peer: &str, config: Config) -> Ended {
        // Where a client wants SHA-256, it gets it.
        let config = Config { may_close: self.options.may_close, sha256: true, ..config };
        let mut session = Session::<Desktop>::server(config);
        let log = Log::new(peer.to_owned());
        let root = Arc::clone(&self.root);
        let (rights, sync) = (self.options.rights, self.options.sync);
        let mut store = Directory::serving(root, rights, sync, log).lossy(config.lossy);
        match run(&mut session, link, &mut store) {
            Ok(outcome) if outcome.closed => {
                info!("{peer}: closes the server");
                self.shared.stop();
                Ended::Link
            }
            Ok(_) => {
                debug!("{peer}: has left");
                Ended::Link
            }
            Err(blocking::Error::Link(error)) => {
                warn!("{peer}: the connection failed: {}", of_system(&error));
                Ended::Link
            }
            Err(blocking::Error::Session(failure)) => {
                warn!("{peer}: {failure}");
                if failure == Failure::Vanished { Ended::Link } else { Ended::Session }
            }
        }
    }
}

/// Tells a client why it is not served.
fn turn_away<S: Socket>(link: &mut StreamLink<S>, reason: Reason) {
    struct NoStore;
    impl Store for NoStore {}

    let idle = TURNING_AWAY.as_millis().try_into().unwrap_or(u32::MAX >> 1);
    let config = Config { refuse: Some(reason), idle, ..Config::RELIABLE };
    let mut session = Session::<Desktop>::server(config);
    // That it fails is what is meant.
    let _ = run(&mut session, link, &mut NoStore);
}
