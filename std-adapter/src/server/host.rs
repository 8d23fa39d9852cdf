//! What a client meets: a thread, a session and a store of its own.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tinyferry_core::blocking::{self, Link, run};
use tinyferry_core::{Config, Failure, Millis, Reason, Session};
use tracing::{debug, info, warn};

use super::Options;
use super::grant::Grant;
use super::guests::{Guest, Shared};
use crate::checksum::Desktop;
use crate::directory::{Dir, Directory, Limits};
use crate::endpoint::Endpoint;
use crate::listener::Line;
use crate::log::Log;
use crate::secure::{Admission, Caller, Door, Refusal, refuse};
use crate::serial::SerialLink;
#[cfg(unix)]
use crate::stdio::Output;
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

/// Who has come.
pub(super) struct Peer {
    /// As it is called in the log.
    pub(super) name: String,
    /// Where it comes from, if from a network.
    pub(super) address: Option<IpAddr>,
}

/// A guest's place, which is free again however its thread ends.
struct Place(Arc<Shared>, u64);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.has_gone(self.1);
    }
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
        peer: &Peer,
    ) -> io::Result<()> {
        let (leave, address) = (Arc::new(Leave::default()), peer.address);
        let mut guests = self.shared.guests();
        let served = || guests.values().filter(|guest| guest.is_served);
        let alike = served().filter(|guest| address.is_some() && guest.address == address).count();
        let served = served().count();
        let is_served = served < self.options.clients && alike < self.options.clients_per_address;
        if !is_served {
            let name = &peer.name;
            info!("{name}: turned away, {served} clients are served, {alike} from its address");
            if guests.len() - served >= TURNED_AWAY {
                return Ok(());
            }
        }
        let cut = socket.cutter()?;
        guests.insert(number, Guest { leave: Arc::clone(&leave), is_served, address, cut });
        drop(guests);
        let (host, name) = (self.clone(), peer.name.clone());
        self.spawn(number, &peer.name, move || {
            if is_served {
                host.receive(socket, leave, &name);
            } else {
                turn_away(socket, leave, Reason::Busy);
            }
        })
    }

    /// Sees how a client begins, and serves it on its terms.
    fn receive<S: Socket>(&self, mut socket: S, leave: Arc<Leave>, name: &str) {
        debug!("{name}: connected");
        // Who has asked for nothing yet holds nothing up.
        leave.at_rest.store(true, Ordering::SeqCst);
        if leave.is_due() {
            return;
        }
        let patience = self.options.greeting;
        let failed = |why: &dyn Display| warn!("{name}: not let in: {why}");
        let caller = match Caller::look(&mut socket, patience) {
            Ok(caller) => caller,
            Err(error) => return failed(&of_system(&error)),
        };
        let idle = milliseconds(self.options.idle);
        let config = Config { idle, ..Config::RELIABLE };
        match (caller, &self.options.admission) {
            (Caller::Gone, _) => debug!("{name}: has left"),
            (Caller::Secure, Admission::Keys(file)) => match Door(file).admit(socket, patience) {
                Err(problem) => failed(&problem),
                Ok((socket, terms)) => {
                    info!("{name}: let in as {}", terms.name.escape_debug());
                    match self.grant(&terms) {
                        Ok(grant) => {
                            let mut link = StreamLink::new(socket, leave);
                            self.serve(&mut link, name, config, grant);
                        }
                        Err(error) => {
                            let directory = terms.directory.escape_debug();
                            warn!(
                                "{name}: \"{directory}\" cannot be served: {}",
                                of_system(&error)
                            );
                            refuse_session(&mut StreamLink::new(socket, leave), Reason::Storage);
                        }
                    }
                }
            },
            (Caller::Plain, Admission::Keys(_)) => {
                failed(&"it has no key");
                refuse_session(&mut StreamLink::new(socket, leave), Reason::KeyNeeded);
            }
            (Caller::Secure, _) => {
                failed(&"it wants to encrypt, and there is no key here");
                refuse(&mut socket, Refusal::NoKeys);
            }
            (Caller::Plain, _) => {
                let grant = self.grant_to_all();
                self.serve(&mut StreamLink::new(socket, leave), name, config, grant);
            }
        }
    }

    /// Serves a serial port until the server is stopped or closed. Clients are not told apart:
    /// whoever greets begins a session, and the one before is over.
    pub(super) fn serve_line(&self, line: Line) -> io::Result<()> {
        let Line { serial, link, leave } = line;
        let (number, is_served, cut) = (0, true, Box::new(|| ()));
        let guest = Guest { leave: Arc::clone(&leave), is_served, address: None, cut };
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
                // Who has the line is one and the same party.
                let grant = Grant { id: Some("line".to_owned()), ..host.grant_to_all() };
                match host.serve(link, &peer, config, grant) {
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

    /// Serves the one client that has this program's standard streams, until it has gone.
    #[cfg(unix)]
    pub(super) fn serve_one(&self, socket: UnixStream, output: &Output) -> io::Result<()> {
        let peer = Peer { name: "standard input".to_owned(), address: None };
        self.welcome(1, socket, &peer)?;
        self.shared.wait_for_all();
        self.see_off();
        // What was said last is to arrive.
        output.wait(self.options.grace);
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
        let place = Place(Arc::clone(&self.shared), number);
        let work = move || {
            work();
            drop(place);
        };
        let name = name.replace('\0', "");
        thread::Builder::new().name(name).stack_size(STACK).spawn(work).map(drop)
    }

    /// Serves one session.
    fn serve<L: Link<Error = io::Error>>(
        &self,
        link: &mut L,
        peer: &str,
        config: Config,
        grant: Grant,
    ) -> Ended {
        let Grant { root, rights, may_close, directory, id } = grant;
        // Where a client wants SHA-256, it gets it.
        let config = Config { may_close, sha256: true, ..config };
        let mut session = Session::<Desktop>::server(config);
        let log = Log::new(peer.to_owned());
        let sync = self.options.sync;
        let store = Directory::serving(root, rights, sync, log);
        let limits = Limits { below: directory, ..self.options.limits.clone() };
        let mut store = store.lossy(config.lossy).limited(limits);
        if let Some(id) = id {
            store = store.identified(&id);
        }
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

/// As a session counts them: at most the half of what its clock holds, 24 days. 0 is for ever, and
/// stands for nothing else.
fn milliseconds(length: Duration) -> Millis {
    let least = u32::from(!length.is_zero());
    let length = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
    length.clamp(least, u32::MAX >> 1)
}

/// Tells a client, in what it speaks, that there is no place for it.
fn turn_away<S: Socket>(mut socket: S, leave: Arc<Leave>, reason: Reason) {
    match Caller::look(&mut socket, TURNING_AWAY) {
        Ok(Caller::Secure) => refuse(&mut socket, Refusal::Busy),
        Ok(Caller::Plain) => refuse_session(&mut StreamLink::new(socket, leave), reason),
        Ok(Caller::Gone) | Err(_) => {}
    }
}

/// Tells a client why it is not served.
fn refuse_session<S: Socket>(link: &mut StreamLink<S>, reason: Reason) {
    let idle = milliseconds(TURNING_AWAY);
    let config = Config { refuse: Some(reason), idle, ..Config::RELIABLE };
    let mut session = Session::<Desktop>::server(config);
    // That it fails is what is meant.
    let _ = run(&mut session, link, &mut ());
}
