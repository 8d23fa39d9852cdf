//! A client's side: what it shows, and whom it trusts.

use std::time::Duration;

use tinyferry_secure::{Error, Identity, PublicKey, Trust};

use super::KnownHosts;
use super::Problem;
use crate::auth::keys::KeyFile;
use crate::auth::keys::NoKeys;
use crate::auth::socket::SecureSocket;
use crate::transport::stream::Socket;

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a client protects what it sends and gets.
#[derive(Debug, Clone, Default)]
pub(crate) enum Protection {
    /// Not at all, and therefore only on this machine: loopback, Unix sockets, serial lines.
    #[default]
    Local,
    /// Not at all.
    Insecure,
    /// By a key.
    Key(ClientKey),
}

/// A client's key, and the servers it knows.
#[derive(Debug, Clone)]
pub(crate) struct ClientKey {
    identity: Identity,
    hosts: Option<KnownHosts>,
}

impl ClientKey {
    /// The key in a file. `hosts`: where servers are known from, which a key pair needs.
    ///
    /// # Errors
    /// There is no such key.
    pub(crate) fn new(file: &KeyFile, hosts: Option<KnownHosts>) -> Result<Self, NoKeys> {
        Ok(Self { identity: file.identity()?, hosts })
    }

    /// Shakes hands over `socket` with the server called `host`.
    pub(crate) fn protect<S: Socket>(
        &self,
        socket: S,
        host: &str,
    ) -> Result<SecureSocket<S>, Problem> {
        let mut trusted = Trusted { hosts: self.hosts.as_ref(), host, problem: None };
        let result = SecureSocket::connect(socket, &self.identity, &mut trusted, PATIENCE);
        match (result, trusted.problem) {
            (Err(Problem::Channel(Error::NotTrusted)), Some(problem)) => Err(problem),
            (result, _) => result,
        }
    }
}

struct Trusted<'a> {
    hosts: Option<&'a KnownHosts>,
    host: &'a str,
    problem: Option<Problem>,
}

impl Trust for Trusted<'_> {
    fn trusts(&mut self, key: &PublicKey) -> bool {
        let checked = match self.hosts {
            Some(hosts) => hosts.check(self.host, key),
            None => Err(Problem::Unknown { host: self.host.to_owned(), shown: *key }),
        };
        self.problem = checked.err();
        self.problem.is_none()
    }
}
