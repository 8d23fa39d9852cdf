//! One session on a link: its store, its end, and the log line about it.

use std::io;

use tinyferry_core::driver::blocking::{self, Link, drive, drive_with};
use tinyferry_core::{Config, Failure, Session};
use tracing::{debug, info};

use crate::checksum::Desktop;
use crate::describe;
use crate::fs::{self, Directory, Limits};
use crate::loss::Loss;
use crate::server::access::Permissions;
use crate::server::connection::Service;
use crate::server::log::Log;
use crate::server::observers::Observers;
use crate::transport::limit::{Limited, Pacer, Pausable};

/// How a session ended.
pub(crate) enum Ended {
    /// The client disconnected or was idle for too long, the link failed, or the server stops.
    Link,
    /// Only the session ended.
    Session,
}

impl Service {
    /// Serves one session, with the limit of the bandwidth if there is one.
    pub(crate) fn serve<L: Pausable>(
        &self,
        link: &mut L,
        peer: &str,
        config: Config,
        permissions: Permissions,
    ) -> Ended {
        let loss = Loss::new(config.lossy);
        let Some(rate) = self.options.rate else {
            return self.serve_over(link, peer, config, permissions, &loss);
        };
        let mut pacer = Pacer::new(rate);
        let config = pacer.bound::<L>(config);
        let mut link = Limited::new(link, &mut pacer, loss.clone());
        self.serve_over(&mut link, peer, config, permissions, &loss)
    }

    fn observers(&self, peer: &str, permissions: &Permissions) -> Observers {
        #[cfg(unix)]
        let recorder = self.options.journal.as_ref().map(|journal| {
            journal.recorder(&permissions.directory, peer, permissions.name.as_deref())
        });
        Observers {
            log: Log::new(peer.to_owned()),
            #[cfg(unix)]
            recorder,
        }
    }

    fn serve_over<L: Link<Error = io::Error>>(
        &self,
        link: &mut L,
        peer: &str,
        config: Config,
        permissions: Permissions,
        loss: &Loss,
    ) -> Ended {
        let observers = self.observers(peer, &permissions);
        let Permissions { server_root, root, rights, may_close, directory, id, .. } = permissions;
        // As long as this session lasts, partials below it can be removed.
        self.options.limits.partial_index.set_root(&server_root);
        // A client that requests SHA-256 gets it.
        let config = config.may_close(may_close).sha256(true);
        let mut session = Session::<Desktop>::server(config);
        let sync = self.options.sync;
        let store = Directory::serving(fs::Root(root), rights, sync, observers);
        let limits = Limits { below: directory, ..self.options.limits.clone() };
        let mut store = store.with_loss(loss).limited(limits).governed(&self.options.policy);
        if let Some(id) = id {
            store = store.identified(&id);
        }
        let on_step = |session: &mut Session<Desktop>| {
            // The client may be the only end that knows that its link loses bytes.
            if let Some(negotiated) = session.negotiated() {
                loss.set(negotiated.lossy);
            }
        };
        match drive_with(&mut session, link, &mut store, on_step) {
            Ok(outcome) if outcome.closed => {
                info!("{peer}: the client has shut the server down");
                self.registry.stop();
                Ended::Link
            }
            Ok(_) if self.registry.is_stopping() && !loss.is_lossy() => {
                debug!("{peer}: the server disconnects the client, because it shuts down");
                session.shut_down();
                // The client may have disconnected before.
                let _ = drive(&mut session, link, &mut ());
                Ended::Link
            }
            Ok(_) => {
                debug!("{peer}: the client has disconnected");
                Ended::Link
            }
            Err(blocking::Error::Link(error)) => {
                let line = format!(
                    "{peer}: the connection failed: {}",
                    describe::for_server(&describe::os_error(&error))
                );
                self.logs.sessions.warn(&line);
                Ended::Link
            }
            Err(blocking::Error::Session(failure)) => {
                let line =
                    format!("{peer}: the session failed: {}", describe::for_server(&failure));
                self.logs.sessions.warn(&line);
                match failure {
                    Failure::UnexpectedEof | Failure::IdleTimeout => Ended::Link,
                    _ => Ended::Session,
                }
            }
        }
    }
}
