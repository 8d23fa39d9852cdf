//! A server's side: who calls, and on what terms they come in.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

use tinyferry_secure::{KeyId, PrivateKey, PublicKey, Refusal, SharedKey, Trust, refusing};

use super::Problem;
use super::hex;
use crate::auth::current_keys::CurrentKeys;
use crate::auth::keys::KeyFile;
use crate::auth::keys::Keys;
use crate::auth::keys::Terms;
use crate::auth::socket::SecureSocket;
use crate::endpoint::Endpoint;
use crate::transport::stream::Socket;
use crate::transport::tcp;
use crate::words::of_client;
use crate::words::of_system;

/// Whom a server lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Whoever can reach it, and therefore only on this machine: loopback, Unix sockets, serial
    /// lines.
    #[default]
    Local,
    /// Whoever can reach it.
    Anybody,
    /// Who holds a key. The file is read for each client: a line that is deleted is a key that is
    /// revoked. While the file is invalid or missing, the keys that were read last stay valid.
    Keys(KeyFile),
}

impl Admission {
    /// Whether a server may listen there.
    ///
    /// # Errors
    /// A sentence that says why not.
    pub(crate) fn check(&self, endpoint: &Endpoint) -> io::Result<()> {
        let refuse = |why: &str| {
            let sentence = format!("will not listen on {endpoint}: {why}");
            Err(io::Error::new(ErrorKind::PermissionDenied, sentence))
        };
        match (self, endpoint) {
            (Self::Local, Endpoint::Tcp(address)) => match tcp::look_up(address) {
                Ok(all) if tcp::are_here(&all) => Ok(()),
                Ok(_) => refuse(
                    "other machines could read and change the served files; use --key FILE, or \
                     --insecure to allow that",
                ),
                Err(error) => refuse(&of_system(&error)),
            },
            (Self::Keys(_), Endpoint::Serial(_)) => {
                refuse("a serial line cannot be encrypted; leave out --key")
            }
            _ => Ok(()),
        }
    }
}

/// Why a client's handshake failed, as the server says it.
pub(crate) fn rejection(problem: &Problem) -> String {
    use tinyferry_secure::Error::Refused;
    match problem {
        Problem::Channel(Refused(refusal)) => match refusal {
            Refusal::Version => "the client speaks another version of the secure channel",
            Refusal::Suite => "the client uses a cipher that this server does not know",
            Refusal::Kind => "this server has no key of the kind that the client uses",
            Refusal::UnknownKey => "the client's key is not in the key file",
            Refusal::Format => "the client's handshake is malformed",
            _ => return refusal.to_string(),
        }
        .to_owned(),
        problem => of_client(problem),
    }
}

/// Where holders of keys come in.
pub(crate) struct Door<'a>(pub(crate) &'a CurrentKeys);

impl Door<'_> {
    /// Shakes hands until `end` at most; `input` was read from the socket before. Returns the socket and
    /// the terms of who is at its other end.
    pub(crate) fn admit<S: Socket>(
        &self,
        socket: S,
        input: &[u8],
        end: Instant,
    ) -> Result<(SecureSocket<S>, Terms), Problem> {
        let mut holder = Holder { keys: self.0.keys(), terms: None };
        let socket = SecureSocket::accept_proven(socket, input, &mut holder, end)?;
        // Whoever has shaken hands was asked about.
        let terms = holder.terms.ok_or(Problem::Channel(tinyferry_secure::Error::NotTrusted))?;
        Ok((socket, terms))
    }

    /// The public key of this server, if it has a key pair.
    pub(crate) fn public(&self) -> Option<String> {
        self.0.keys().private().map(|private| hex(&private.public().0))
    }
}

/// Tells somebody who begins with a handshake why there is none.
pub(crate) fn refuse<S: Socket>(socket: &mut S, refusal: Refusal) {
    // There is always room for four bytes; nobody waits for them.
    let _ = socket.send_now(&refusing(refusal));
    let _ = socket.end_writing();
}

struct Holder {
    keys: Arc<Keys>,
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
