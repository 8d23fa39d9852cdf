//! One session on a link: its store, its end, and the log line about it.

use std::time::Instant;

use tinyferry_core::driver::blocking::{self, drive, drive_until_idle};
use tinyferry_core::{Config, Failure, Millis, Outcome, Session, Store};
use tracing::{debug, info};

use crate::checksum::Desktop;
use crate::describe;
use crate::loss::Loss;
use crate::server::access::Permissions;
use crate::server::connection::Service;
use crate::server::counters::Count;
use crate::server::log::Log;
use crate::server::measured::Measured;
use crate::server::observers::Observers;
use crate::server::place::SessionStore;
use crate::transport::clock::time_until;
use crate::transport::limit::{Limited, Pacer, Pausable};

/// The time for which a session is never idle: the longest on its clock, in ms.
pub(super) const NEVER: Millis = Millis::MAX >> 1;

/// How a session ended.
pub(crate) enum Ended {
    /// The client disconnected or was idle for too long, the link failed, or the server stops.
    Link,
    /// Only the session ended.
    Session,
}

/// A session and its store. It can be parked while it waits for its client.
pub(crate) struct Serving {
    session: Session<Desktop>,
    store: Stored,
    permissions: Permissions,
    loss: Loss,
    /// The limit of the bandwidth.
    pacer: Option<Pacer>,
}

/// The store of a session. While the session is parked, its observers are enough to make it again.
enum Stored {
    Open(SessionStore),
    Closed(Box<Observers>),
    /// It is being made, or a panic has ended that.
    Gone,
}

impl Stored {
    /// The store, which is made again by `make` if there is none.
    fn open(&mut self, make: impl FnOnce(Observers) -> SessionStore) -> Option<&mut SessionStore> {
        if let Self::Closed(_) = self
            && let Self::Closed(observers) = std::mem::replace(self, Self::Gone)
        {
            *self = Self::Open(make(*observers));
        }
        match self {
            Self::Open(store) => Some(store),
            Self::Closed(_) | Self::Gone => None,
        }
    }

    /// Frees memory and descriptors. `is_idle`: no request is under way.
    fn free_buffers(&mut self, is_idle: bool) {
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Open(store) if is_idle => match store.into_observers() {
                Ok(observers) => Self::Closed(Box::new(observers)),
                Err(store) => Self::with_free_buffers(store),
            },
            Self::Open(store) => Self::with_free_buffers(store),
            other => other,
        };
    }

    fn with_free_buffers(mut store: SessionStore) -> Self {
        store.free_buffers();
        Self::Open(store)
    }
}

impl Serving {
    /// Begins a session.
    pub(crate) fn begin<L: Pausable>(
        service: &Service,
        link: &mut L,
        peer: &str,
        config: Config,
        permissions: Permissions,
    ) -> Self {
        let observers = service.observers(peer, &permissions);
        let options = &service.options;
        let loss = Loss::new(config.lossy);
        let pacer = options.rate.map(Pacer::new);
        let config = match &pacer {
            Some(pacer) => pacer.bound::<L>(config),
            None => config,
        };
        let store = SessionStore::new(&permissions, options, observers, &loss);
        // A client that requests SHA-256 gets it, if the store can compute it.
        let config = config.may_close(permissions.may_close).sha256(store.has_sha256());
        let mut session = Session::<Desktop>::server(config);
        session.resume(link.now());
        Self { session, store: Stored::Open(store), permissions, loss, pacer }
    }

    /// Goes on until the session ends. `None`: it is idle, as its client has sent nothing for the time that `linger`
    /// returns, in ms. It goes on when the link has input, or at its deadline.
    pub(crate) fn go_on<L: Pausable>(
        &mut self,
        service: &Service,
        link: &mut L,
        peer: &str,
        linger: impl FnMut() -> Millis,
    ) -> Option<Ended> {
        link.update_clock();
        let Self { session, store, permissions, loss, pacer } = self;
        let make = |observers| SessionStore::new(permissions, &service.options, observers, loss);
        let result = match store.open(make)? {
            SessionStore::Directory(store) => {
                let store = Measured::new(&mut **store, &service.counters);
                drive_store(session, link, store, (loss, pacer), linger)
            }
            #[cfg(feature = "s3")]
            SessionStore::Bucket(store) => {
                let store = Measured::new(&mut **store, &service.counters);
                drive_store(session, link, store, (loss, pacer), linger)
            }
        };
        match result {
            Some(result) => Some(self.ended(service, link, peer, result)),
            None => {
                let is_idle = self.session.is_idle() && !self.loss.is_lossy();
                self.store.free_buffers(is_idle);
                link.free_buffers();
                None
            }
        }
    }

    /// When it goes on without input.
    pub(crate) fn deadline<L: Pausable>(&self, link: &mut L) -> Option<Instant> {
        let (deadline, now) = (self.session.deadline()?, link.now()?);
        Some(Instant::now() + time_until(deadline, now))
    }

    fn ended<L: Pausable>(
        &mut self,
        service: &Service,
        link: &mut L,
        peer: &str,
        result: Result<Outcome, blocking::Error<std::io::Error>>,
    ) -> Ended {
        match result {
            Ok(outcome) if outcome.closed => {
                info!("{peer}: the client has shut the server down");
                service.registry.stop();
                Ended::Link
            }
            Ok(_) if service.registry.is_stopping() && !self.loss.is_lossy() => {
                debug!("{peer}: the server disconnects the client, because it shuts down");
                self.session.shut_down();
                // The client may have disconnected before.
                let _ = drive(&mut self.session, link, &mut ());
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
                service.logs.sessions.warn(&line);
                Ended::Link
            }
            Err(blocking::Error::Session(failure)) => {
                let line =
                    format!("{peer}: the session failed: {}", describe::for_server(&failure));
                service.logs.sessions.warn(&line);
                match failure {
                    Failure::UnexpectedEof | Failure::IdleTimeout => Ended::Link,
                    _ => Ended::Session,
                }
            }
        }
    }
}

fn drive_store<L: Pausable>(
    session: &mut Session<Desktop>,
    link: &mut L,
    mut store: impl Store,
    (loss, pacer): (&Loss, &mut Option<Pacer>),
    linger: impl FnMut() -> Millis,
) -> Option<Result<Outcome, blocking::Error<std::io::Error>>> {
    let on_step = |session: &mut Session<Desktop>| {
        // The client may be the only end that knows that its link loses bytes.
        if let Some(negotiated) = session.negotiated() {
            loss.set(negotiated.lossy);
        }
    };
    match pacer {
        Some(pacer) => {
            let mut link = Limited::new(link, pacer, loss.clone());
            drive_until_idle(session, &mut link, &mut store, on_step, linger)
        }
        None => drive_until_idle(session, link, &mut store, on_step, linger),
    }
}

impl Service {
    #[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix has a journal"))]
    fn observers(&self, peer: &str, permissions: &Permissions) -> Observers {
        #[cfg(unix)]
        let recorder = self.options.journal.as_ref().map(|journal| {
            journal.recorder(&permissions.directory, peer, permissions.name.as_deref())
        });
        Observers {
            log: Log::new(peer.to_owned()),
            count: Count::new(&self.counters),
            #[cfg(unix)]
            recorder,
        }
    }

    /// Serves one session on this thread.
    pub(crate) fn serve<L: Pausable>(
        &self,
        link: &mut L,
        peer: &str,
        config: Config,
        permissions: Permissions,
    ) -> Ended {
        let mut serving = Serving::begin(self, link, peer, config, permissions);
        loop {
            if let Some(ended) = serving.go_on(self, link, peer, || NEVER) {
                return ended;
            }
        }
    }
}
