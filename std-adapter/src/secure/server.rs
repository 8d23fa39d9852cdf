//! A server's side: who calls, and on what terms they come in.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_secure::{KeyId, PrivateKey, PublicKey, Refusal, SharedKey, Trust, refusing};

use super::keys::{KeyFile, Keys, Terms};
use super::socket::SecureSocket;
use super::{Problem, hex};
use crate::endpoint::Endpoint;
use crate::stream::Socket;
use crate::tcp;
use crate::words::of_system;

/// A greeting has so many bytes, and a hello with what follows it has more.
const GREETING: usize = 36;
/// How often it is looked for the rest of a greeting that comes in pieces.
const GLANCE: Duration = Duration::from_millis(5);

/// Whom a server lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Admission {
    /// Whoever can reach it, and therefore only on this machine: loopback, Unix sockets, serial
    /// lines.
    #[default]
    Local,
    /// Whoever can reach it.
    Anybody,
    /// Who holds a key. The file is read anew for each client: a line that is deleted is a key
    /// that is revoked.
    Keys(KeyFile),
}

impl Admission {
    /// Whether a server may listen there.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub(crate) fn check(&self, endpoint: &Endpoint) -> io::Result<()> {
        let refuse = |why: &str| {
            let sentence = format!("will not listen at {endpoint}: {why}");
            Err(io::Error::new(ErrorKind::PermissionDenied, sentence))
        };
        match (self, endpoint) {
            (Self::Local, Endpoint::Tcp(address)) => match tcp::look_up(address) {
                Ok(all) if tcp::are_here(&all) => Ok(()),
                Ok(_) => refuse(
                    "others could read and change all that is served; give keys with --key, or \
                     say --insecure",
                ),
                Err(error) => refuse(&of_system(&error)),
            },
            (Self::Keys(_), Endpoint::Serial(_)) => {
                refuse("keys are for TCP and Unix sockets, not for serial lines")
            }
            _ => Ok(()),
        }
    }
}

/// What a client begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A greeting as it is, or something else that is not encrypted.
    Plain,
    /// The handshake of a secure channel.
    Secure,
    /// Nothing: it has left.
    Gone,
}

impl Caller {
    /// Waits for a whole greeting, or a hello, for as long as `patience`; takes nothing of it.
    pub(crate) fn look<S: Socket>(socket: &mut S, patience: Duration) -> io::Result<Self> {
        let end = Instant::now() + patience;
        let mut held = [0; GREETING];
        let caller = loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(ErrorKind::TimedOut, "it did not greet in time"));
            }
            socket.set_read_timeout(Some(left))?;
            match socket.peek(&mut held) {
                Ok(0) => break Self::Gone,
                Ok(3..) if held.starts_with(b"TFS") => break Self::Secure,
                Ok(count) if count == GREETING || !is_begun(&held[..count.min(3)]) => {
                    break Self::Plain;
                }
                // It comes in pieces.
                Ok(_) => std::thread::sleep(GLANCE),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        };
        socket.set_read_timeout(None)?;
        Ok(caller)
    }
}

/// Whether this may still become a greeting or a hello.
fn is_begun(bytes: &[u8]) -> bool {
    b"PIN".starts_with(bytes) || b"TFS".starts_with(bytes)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Where holders of keys come in.
pub(crate) struct Door<'a>(pub(crate) &'a KeyFile);

impl Door<'_> {
    /// Shakes hands; returns the socket and the terms of who is at its other end.
    pub(crate) fn admit<S: Socket>(
        &self,
        socket: S,
        patience: Duration,
    ) -> Result<(SecureSocket<S>, Terms), Problem> {
        let mut holder = Holder { keys: self.0.read().map_err(Problem::Keys)?, terms: None };
        let socket = SecureSocket::accept(socket, &mut holder, patience)?;
        // Whoever has shaken hands was asked about.
        let terms = holder.terms.ok_or(Problem::Channel(tinyferry_secure::Error::NotTrusted))?;
        Ok((socket, terms))
    }

    /// The public key of this server, if it has a key pair.
    pub(crate) fn public(&self) -> Result<Option<String>, Problem> {
        let keys = self.0.read().map_err(Problem::Keys)?;
        Ok(keys.private().map(|private| hex(&private.public().0)))
    }
}

/// Tells somebody who begins with a handshake why there is none.
pub(crate) fn refuse<S: Socket>(socket: &mut S, refusal: Refusal) {
    // There is always room for four bytes; nobody waits for them.
    let _ = socket.send_now(&refusing(refusal));
    let _ = socket.end_writing();
}

struct Holder {
    keys: Keys,
    terms: Option<Terms>,
}

impl Trust for Holder {
    fn shared(&mut self, id: KeyId) -> Option<SharedKey> {
        let (key, terms) = self.keys.shared(id)?;
        self.terms = Some(terms.clone());
        Some(key.clone())
    }

    fn pair(&mut self) -> Option<PrivateKey> {
        self.keys.private().cloned()
    }

    fn trusts(&mut self, key: &PublicKey) -> bool {
        self.terms = self.keys.public(key).cloned();
        self.terms.is_some()
    }
}
