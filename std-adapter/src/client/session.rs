//! The session of a client: its handshake, and its tasks one after another.

use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Failure, GetRequest, Outcome, Session, Step, Store, Task};
use tracing::debug;

use super::connection::Watch;
use super::given_up::GivenUp;
use super::{Client, Error};
use crate::checksum::Desktop;
use crate::diagnosis::{self, Direction, Fault, Finding, LineFault};

/// The time without an answer to a hello after which a line is checked.
const HANDSHAKE_PART: Duration = Duration::from_millis(2_500);
/// The largest number of checks during a task.
const CHECKS: u32 = 3;
/// The number of checks in succession that find an echo, and no server. A board may echo until it has booted.
const ECHOES: u32 = 2;

impl Client {
    /// A task with a store that can be used again.
    pub(super) fn persist(
        &mut self,
        task: Task<'_>,
        store: &mut dyn Store,
    ) -> Result<Outcome, Error> {
        self.retry_once(|client| client.task(task, store))
    }

    /// Runs a task, and once more if it needs another session.
    pub(super) fn retry_once<T>(
        &mut self,
        mut run: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..CHECKS {
            self.is_watched = self.config.lossy;
            let result = run(self);
            // It stays set unless the line was checked.
            let was_checked = self.config.lossy && !std::mem::take(&mut self.is_watched);
            match result {
                Err(error) if self.needs_new_session(&error) => {
                    if !was_checked {
                        break;
                    }
                }
                result => return result,
            }
        }
        run(self)
    }

    /// Whether a lossy link timed out after the handshake: the other end may have restarted. Then the next task
    /// begins another session.
    pub(super) fn needs_new_session(&mut self, error: &Error) -> bool {
        let is_silent = matches!(error, Error::Session(Failure::TimedOut, _));
        if is_silent && self.negotiated().is_some_and(|negotiated| negotiated.lossy) {
            return new(self.config).map(|session| self.session = session).is_ok();
        }
        false
    }

    /// Runs a task, after the handshake if that is not completed.
    pub(super) fn task(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        let has_content = match task {
            Task::Put => true,
            Task::Get(GetRequest { names_only, .. }) => !names_only,
            Task::Close | Task::Ping => false,
        };
        self.ensure_established()?;
        if has_content && self.config.sha256 && !self.session.has_sha256() {
            return Err(Error::NoSha256);
        }
        self.run(task, store)
    }

    /// Sends the operations of `store`, which have no content, after the handshake if that is not completed.
    pub(super) fn operate(&mut self, store: &mut dyn Store) -> Result<Outcome, Error> {
        self.ensure_established()?;
        self.run(Task::Put, store)
    }

    /// Completes the handshake if that is not completed.
    pub(super) fn ensure_established(&mut self) -> Result<(), Error> {
        if self.is_established() { Ok(()) } else { self.establish() }
    }

    /// Whether the server has completed the handshake.
    fn is_established(&self) -> bool {
        self.session.negotiated().is_some()
    }

    /// Completes the handshake, or asks again whether the server answers.
    pub(super) fn establish(&mut self) -> Result<(), Error> {
        let begin = Instant::now();
        if self.config.sha256 && self.connection.may_be_terminal() && !self.is_established() {
            // The feature bits are the byte of Ctrl-C. A server that answers has set its terminal up.
            self.session = new(self.config.sha256(false)).map_err(Error::Link)?;
            self.run(Task::Ping, &mut ())?;
            self.session = new(self.config).map_err(Error::Link)?;
        }
        if self.is_established() {
            self.run(Task::Ping, &mut ())?;
        } else {
            self.shake_hands()?;
        }
        if let Some(agreed) = self.session.negotiated() {
            let yes_or_no = |value| if value { "yes" } else { "no" };
            debug!(
                "handshake after {:.1} ms: session {:08x}, chunks of {} bytes, credit {} to send and \
                 {} to receive, lossy {}, half-duplex {}, SHA-256 {}, holes {}",
                begin.elapsed().as_secs_f64() * 1e3,
                self.session.number().map_or(0, NonZeroU32::get),
                agreed.chunk,
                agreed.send_credit,
                agreed.recv_credit,
                yes_or_no(agreed.lossy),
                yes_or_no(agreed.half_duplex),
                yes_or_no(agreed.sha256()),
                yes_or_no(agreed.holes()),
            );
        }
        Ok(())
    }

    /// Completes the handshake. While a line gives no answer, it is checked now and then.
    fn shake_hands(&mut self) -> Result<Outcome, Error> {
        let begin = Instant::now();
        let timeout = Duration::from_millis(self.config.timeout.into());
        let (mut part, mut checks, mut echoes) = (HANDSHAKE_PART, 0, 0);
        loop {
            let left = timeout.saturating_sub(begin.elapsed());
            let is_last = left < 2 * part;
            let mut watch = Watch::new(if is_last { left } else { part });
            let is_watched = self.config.lossy && !(is_last && checks == 0);
            match self.run_watched(Task::Ping, &mut (), is_watched.then_some(&mut watch)) {
                Err(_) if watch.has_ended && is_last => {
                    return Err(Error::Session(Failure::TimedOut, String::new()));
                }
                Err(_) if watch.has_ended => {}
                result => return result,
            }
            // Answers may be slow.
            part *= if checks == 0 { 1 } else { 2 };
            checks += 1;
            match self.check_line(timeout.saturating_sub(begin.elapsed()))? {
                Finding::Fault(fault) => return Err(Error::Line(fault)),
                Finding::Echo => echoes += 1,
                Finding::Sound | Finding::Silent => echoes = 0,
            }
            if echoes >= ECHOES {
                let fault = LineFault { fault: Fault::Echo, direction: Direction::Unknown };
                return Err(Error::Line(fault));
            }
            self.session = new(self.config).map_err(Error::Link)?;
        }
    }

    /// Runs a task of a session whose handshake is completed. If it makes no progress on a line, the line is checked.
    fn run(&mut self, task: Task<'_>, store: &mut dyn Store) -> Result<Outcome, Error> {
        let mut watch = Watch::new(Duration::ZERO);
        let is_watched = self.is_watched && self.is_established();
        let result = self.run_watched(task, store, is_watched.then_some(&mut watch));
        if !watch.has_ended {
            return result;
        }
        self.is_watched = false;
        match self.check_line(Duration::from_millis(self.config.timeout.into()))? {
            Finding::Fault(fault) => Err(Error::Line(fault)),
            // The server has another session now.
            _ => Err(Error::Session(Failure::TimedOut, String::new())),
        }
    }

    /// Looks for byte values that the line changes, for about the time `longest` at most.
    fn check_line(&mut self, longest: Duration) -> Result<Finding, Error> {
        debug!("checking the line, as there is no progress");
        let random = getrandom::u32().map_err(|error| Error::Link(io::Error::other(error)))?;
        let connection = &mut self.connection;
        let finding = diagnosis::check(
            &mut |bytes, time, is_enough| connection.exchange(bytes, time, is_enough),
            random,
            longest.min(diagnosis::LONGEST),
        );
        finding.map_err(Error::Link)
    }

    fn run_watched(
        &mut self,
        task: Task<'_>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
    ) -> Result<Outcome, Error> {
        let begun = self.session.begin(task);
        begun.map_err(|failure| Error::Session(failure, String::new()))?;
        let mut store = GivenUp::new(store);
        let result = self.connection.run(&mut self.session, &mut store, watch, &self.text);
        result.map_err(|error| match error {
            blocking::Error::Link(error) => Error::Link(error),
            blocking::Error::Session(failure) => {
                let message = match (failure, self.session.message()) {
                    (Failure::NotTinyferry, _) => self.connection.banner(),
                    (_, "") => store.into_message(),
                    (_, message) => message.to_owned(),
                };
                Error::Session(failure, message)
            }
        })
    }
}

/// A session with a random number. Its hello may come to a terminal before a server has set that up: then a control
/// character, as that of Ctrl-C, could end the server. The number is chosen so that neither it nor the CRC of the hello
/// has one.
pub(super) fn new(config: Config) -> io::Result<Box<Session<Desktop>>> {
    loop {
        let random = getrandom::u32().map_err(io::Error::other)?;
        if let Some(number) = NonZeroU32::new(random)
            && is_safe_on_terminals(number, config)
        {
            return Ok(Box::new(Session::client(number, config)));
        }
    }
}

/// Whether neither the number nor the CRC of a session's hello has a control character.
fn is_safe_on_terminals(number: NonZeroU32, config: Config) -> bool {
    let number_bytes = number.get().to_le_bytes();
    if number_bytes.iter().any(u8::is_ascii_control) {
        return false;
    }
    let mut session = Session::<Desktop>::client(number, config);
    if session.begin(Task::Ping).is_err() {
        return false;
    }
    match session.poll() {
        Step::Transmit(hello) => {
            hello.last_chunk::<4>().is_some_and(|crc| !crc.iter().any(u8::is_ascii_control))
        }
        _ => false,
    }
}
