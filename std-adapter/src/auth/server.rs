//! A server's side of the authentication: which clients it accepts, and with which rights.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

use tinyferry_secure::{KeyId, PrivateKey, PublicKey, Refusal, SharedKey, Trust, refusing};

use super::{AuthError, hex};
use crate::auth::current_keys::CurrentKeys;
use crate::auth::keys::{KeyEntry, KeyFile, Keys};
use crate::auth::socket::SecureSocket;
use crate::describe;
use crate::endpoint::Endpoint;
use crate::transport::stream::Socket;
use crate::transport::tcp;

/// Which clients a server accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum AccessPolicy {
    /// All clients, and therefore only those on this machine: loopback, Unix sockets, serial
    /// lines.
    #[default]
    Local,
    /// All clients, also those on other machines.
    Insecure,
    /// Clients with a key. The file is read for each client: deleting a line revokes its key. While the file
    /// is invalid or missing, the keys that were read last stay valid.
    Keys(KeyFile),
}

impl AccessPolicy {
    /// Checks whether a server may listen there.
    ///
    /// # Errors
    /// A sentence with the reason.
    pub(crate) fn check(&self, endpoint: &Endpoint) -> io::Result<()> {
        let refuse = |why: &str| {
            let sentence = format!("will not listen on {endpoint}: {why}");
            Err(io::Error::new(ErrorKind::PermissionDenied, sentence))
        };
        match (self, endpoint) {
            (Self::Local, Endpoint::Tcp(to)) => match tcp::look_up(&to.address) {
                Ok(all) if tcp::are_here(&all) => Ok(()),
                Ok(_) => refuse(
                    "other machines could read and change the served files; use --key FILE, or \
                     --insecure to allow that",
                ),
                Err(error) => refuse(&describe::os_error(&error)),
            },
            (Self::Keys(_), terminal) if terminal.is_terminal() => {
                refuse("a terminal cannot be encrypted; leave out --key")
            }
            (Self::Keys(_), endpoint) => match endpoint.check_encryption() {
                Ok(()) => Ok(()),
                Err(why) => refuse(&format!("{why}; leave out --key")),
            },
            _ => Ok(()),
        }
    }
}

/// The reason of a failed handshake, for the server's log.
pub(crate) fn rejection(error: &AuthError) -> String {
    use tinyferry_secure::Error::Refused;
    match error {
        AuthError::Channel(Refused(refusal)) => match refusal {
            Refusal::Version => "the client speaks another version of the secure channel",
            Refusal::Suite => "the client uses a cipher that this server does not know",
            Refusal::Kind => "this server has no key of the kind that the client uses",
            Refusal::UnknownKey => "the client's key is not in the key file",
            Refusal::Format => "the client's handshake is malformed",
            _ => return refusal.to_string(),
        }
        .to_owned(),
        error => describe::for_server(error),
    }
}

/// Authenticates clients by their keys.
pub(crate) struct Authenticator<'a>(pub(crate) &'a CurrentKeys);

impl Authenticator<'_> {
    /// Completes the handshake, until `end` at most; `input` was read from the socket before. Returns
    /// the secure socket and the entry of the client's key.
    pub(crate) fn authenticate<S: Socket>(
        &self,
        socket: S,
        input: &[u8],
        end: Instant,
    ) -> Result<(SecureSocket<S>, KeyEntry), AuthError> {
        let mut lookup = KeyLookup::new(Some(self.0.keys()));
        let socket = SecureSocket::accept_proven(socket, input, &mut lookup, end)?;
        // A completed handshake has looked up its key.
        let entry = lookup.found.ok_or(AuthError::Channel(tinyferry_secure::Error::NotTrusted))?;
        Ok((socket, entry))
    }

    /// The public key of this server, if it has a key pair.
    pub(crate) fn public(&self) -> Option<String> {
        self.0.keys().private().map(|private| hex(&private.public().0))
    }
}

/// Answers a handshake with a refusal.
pub(crate) fn refuse<S: Socket>(socket: &mut S, refusal: Refusal) {
    // There is always room for four bytes; no wait is needed.
    let _ = socket.send_now(&refusing(refusal));
    let _ = socket.end_writing();
}

/// Looks up the key of a client, and keeps its entry.
pub(super) struct KeyLookup {
    /// Those of a server.
    keys: Option<Arc<Keys>>,
    pub(super) found: Option<KeyEntry>,
}

impl KeyLookup {
    pub(super) fn new(keys: Option<Arc<Keys>>) -> Self {
        Self { keys, found: None }
    }
}

impl Trust for KeyLookup {
    fn shared(&mut self, id: KeyId) -> Option<SharedKey> {
        let (key, entry) = self.keys.as_ref()?.shared(id)?;
        self.found = Some(entry.clone());
        Some(key.clone())
    }

    fn pair(&mut self) -> Option<PrivateKey> {
        self.keys.as_ref()?.private().cloned()
    }

    fn trusts(&mut self, key: &PublicKey) -> bool {
        self.found = self.keys.as_ref().and_then(|keys| keys.public(key)).cloned();
        self.found.is_some()
    }
}
