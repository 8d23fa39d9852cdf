//! A client's side of the authentication: the key that it shows, and the servers that it trusts.

use std::time::Duration;

use tinyferry_secure::{Error, Identity, PublicKey, Trust};

use super::{AuthError, KnownHosts};
use crate::auth::keys::{KeyFile, KeyFileError};
use crate::auth::line::LossyLink;
use crate::auth::socket::SecureSocket;
use crate::transport::limit::Pausable;
use crate::transport::stream::Socket;

/// The usual timeout of a handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How a client protects its connection.
#[derive(Debug, Clone, Default)]
pub(crate) enum Protection {
    /// Without a key, and therefore only on this machine: loopback, Unix sockets, serial lines.
    #[default]
    Local,
    /// Without a key.
    Insecure,
    /// By a key.
    Key(ClientKey),
}

/// A client's key, and its file of known servers.
#[derive(Debug, Clone)]
pub(crate) struct ClientKey {
    identity: Identity,
    hosts: Option<KnownHosts>,
}

impl ClientKey {
    /// The key in a file. `hosts`: the file of known servers, which a key pair needs.
    ///
    /// # Errors
    /// There is no such key.
    pub(crate) fn new(file: &KeyFile, hosts: Option<KnownHosts>) -> Result<Self, KeyFileError> {
        Ok(Self { identity: file.identity()?, hosts })
    }

    /// Completes a handshake over `socket` with the server called `host`.
    pub(crate) fn protect<S: Socket>(
        &self,
        socket: S,
        host: &str,
        timeout: Duration,
    ) -> Result<SecureSocket<S>, AuthError> {
        let mut check = HostCheck { hosts: self.hosts.as_ref(), host, error: None };
        let result = SecureSocket::connect(socket, &self.identity, &mut check, timeout);
        match (result, check.error) {
            (Err(AuthError::Channel(Error::NotTrusted)), Some(error)) => Err(error),
            (result, _) => result,
        }
    }
}

impl ClientKey {
    /// Completes a handshake over a line that loses bytes.
    pub(crate) fn protect_line<L: Pausable>(
        &self,
        link: L,
        timeout: Duration,
    ) -> Result<LossyLink<L>, AuthError> {
        match &self.identity {
            Identity::Shared(key) => LossyLink::connect(link, key, timeout),
            Identity::Pair(_) => Err(AuthError::PairOnLine),
        }
    }
}

/// Checks the server's public key against the known servers, and keeps the reason of a refusal.
struct HostCheck<'a> {
    hosts: Option<&'a KnownHosts>,
    host: &'a str,
    error: Option<AuthError>,
}

impl Trust for HostCheck<'_> {
    fn trusts(&mut self, key: &PublicKey) -> bool {
        let checked = match self.hosts {
            Some(hosts) => hosts.check(self.host, key),
            None => Err(AuthError::NoKnownHosts),
        };
        self.error = checked.err();
        self.error.is_none()
    }
}
