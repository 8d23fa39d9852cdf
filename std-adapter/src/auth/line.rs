//! An encrypted link over a line that loses bytes: each record is independent, and the session repeats lost frames.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;
use tinyferry_secure::{LossyChannel, SharedKey};

use super::{AuthError, random_key};
use crate::auth::current_keys::CurrentKeys;
use crate::auth::keys::KeyEntry;
use crate::auth::server::KeyLookup;
use crate::transport::limit::Pausable;

/// The size of a buffer: a frame with its record, in bytes. A longer record would lose more at once.
const BUFFER: usize = 1100;
/// The wait for the answer to the first hello, and to each further one (`PROTOCOL.md` of the channel, S4).
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// A link that encrypts, over a link that loses bytes.
pub(crate) struct LossyLink<L> {
    link: L,
    channel: LossyChannel<Vec<u8>>,
    /// Those of a server.
    keys: Option<Arc<CurrentKeys>>,
}

/// The result of a wait for a client.
pub(crate) enum Accepted {
    /// A client with this key has come.
    Client(KeyEntry),
    /// Nobody yet.
    Nobody,
    /// The line has ended.
    Ended,
}

fn buffers() -> [Vec<u8>; 2] {
    [(); 2].map(|()| vec![0; BUFFER])
}

/// Wraps an error of the channel in one of the system.
fn as_io(error: tinyferry_secure::Error) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, error)
}

impl<L: Pausable> LossyLink<L> {
    /// A client's end, once the server has answered.
    ///
    /// # Errors
    /// The server refuses the key, or does not answer in time; those of the system.
    pub(crate) fn connect(link: L, key: &SharedKey, timeout: Duration) -> Result<Self, AuthError> {
        let channel = LossyChannel::client(key, random_key()?, buffers())?;
        let mut connecting = Self { link, channel, keys: None };
        let end = Instant::now() + timeout;
        let [first, later] = WAITS;
        let mut wait = first;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            connecting.channel.ask();
            connecting.send()?;
            if connecting.is_open_within(wait.min(left))? {
                return Ok(connecting);
            }
            wait = later;
        }
        let sentence = "no server with this key answers on the line";
        Err(io::Error::new(ErrorKind::TimedOut, sentence).into())
    }

    /// Waits for the end of the handshake.
    fn is_open_within(&mut self, time: Duration) -> io::Result<bool> {
        let end = Instant::now() + time;
        while !self.channel.is_open() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.link.update_clock();
            let milliseconds = left.as_millis().max(1) as Millis;
            let deadline = self.link.now().map(|now| now.wrapping_add(milliseconds));
            self.link.set_read_deadline(deadline, false);
            match self.receive(&mut KeyLookup::new(None)) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                result => drop(result?),
            }
        }
        Ok(true)
    }

    /// A server's end, before its client has come.
    ///
    /// # Errors
    /// None with these buffers.
    pub(crate) fn accepting(link: L, keys: &Arc<CurrentKeys>) -> io::Result<Self> {
        let channel = LossyChannel::server(buffers()).map_err(as_io)?;
        Ok(Self { link, channel, keys: Some(Arc::clone(keys)) })
    }

    /// The same, for the client that has followed the one of this end.
    ///
    /// # Errors
    /// None with these buffers.
    pub(crate) fn accept_next(self) -> io::Result<Self> {
        let channel = LossyChannel::server(buffers()).map_err(as_io)?;
        Ok(Self { channel, ..self })
    }

    /// Waits for a client with a key, until nothing has come for `wait`, in ms.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn accept(&mut self, wait: Millis) -> io::Result<Accepted> {
        loop {
            self.link.update_clock();
            let deadline = self.link.now().map(|now| now.wrapping_add(wait));
            self.link.set_read_deadline(deadline, true);
            let keys = self.keys.as_ref().map(|keys| keys.keys());
            let mut lookup = KeyLookup::new(keys);
            match self.receive(&mut lookup) {
                Ok(0) => return Ok(Accepted::Ended),
                Ok(_) if self.channel.is_open() => {
                    if let Some(entry) = lookup.found {
                        return Ok(Accepted::Client(entry));
                    }
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut => return Ok(Accepted::Nobody),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether another client has followed the one of this server.
    pub(crate) fn is_followed(&mut self) -> bool {
        matches!(self.channel.read(&mut [0]), Ok(Some(0)))
    }

    /// The link below.
    pub(crate) fn into_inner(self) -> L {
        self.link
    }

    /// The link below.
    pub(crate) fn inner(&self) -> &L {
        &self.link
    }

    /// Passes bytes of the line to the channel; 0: the line has ended. Sends the answers to hellos.
    fn receive(&mut self, lookup: &mut KeyLookup) -> io::Result<usize> {
        let count = self.link.read(self.channel.room())?;
        if count > 0 {
            let mut ephemeral = || random_key().ok();
            self.channel.received(count, lookup, &mut ephemeral).map_err(as_io)?;
            self.send()?;
        }
        Ok(count)
    }

    /// The same after the handshake.
    fn receive_record(&mut self) -> io::Result<usize> {
        let keys = self.keys.as_ref().map(|keys| keys.keys());
        self.receive(&mut KeyLookup::new(keys))
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.channel.pending().is_empty() {
            let count = self.link.write(self.channel.pending())?;
            self.channel.transmitted(count);
        }
        self.link.flush()
    }
}

impl<L: Pausable> embedded_io::ErrorType for LossyLink<L> {
    type Error = io::Error;
}

impl<L: Pausable> embedded_io::Read for LossyLink<L> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(count) = self.channel.read(into).map_err(as_io)? {
                return Ok(count);
            }
            if self.receive_record()? == 0 {
                return Ok(0);
            }
        }
    }
}

impl<L: Pausable> embedded_io::Write for LossyLink<L> {
    /// Each write is a record: a lost one costs one frame.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.channel.write(bytes);
        self.channel.seal().map_err(as_io)?;
        self.send()?;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }
}

impl<L: Pausable> Link for LossyLink<L> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;

    fn now(&mut self) -> Option<Millis> {
        self.link.now()
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.link.set_read_deadline(deadline, is_idle);
    }

    fn check(&mut self) -> io::Result<()> {
        self.link.check()
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        while !self.channel.is_ready() {
            if !self.link.is_ready()? {
                return Ok(false);
            }
            if self.receive_record()? == 0 {
                // The read that follows finds the end again.
                return Ok(true);
            }
        }
        Ok(true)
    }
}

impl<L: Pausable> Pausable for LossyLink<L> {
    const LOSES_UNREAD: bool = L::LOSES_UNREAD;

    fn update_clock(&mut self) {
        self.link.update_clock();
    }

    fn free_buffers(&mut self) {
        self.link.free_buffers();
    }
}
