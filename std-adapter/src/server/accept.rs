//! Takes one client after another from a listener, until the server is stopped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::describe;
use crate::server::connection::Host;
use crate::server::connection::Peer;
use crate::server::throttle::Throttle;
use crate::transport::listener::Incoming;
use crate::transport::listener::Waiter;
use crate::transport::socket::Shutdownable;
use crate::transport::stream::Socket;

/// How long nothing is accepted while the system is short of something; twice as long each time.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Accepts clients by `next` whenever `waiter` says that there is one.
pub(crate) fn accept<S>(
    host: &Host,
    waiter: &Waiter,
    mut next: impl FnMut() -> io::Result<(S, Peer)>,
) where
    S: Shutdownable + 'static,
    Arc<S>: Socket,
{
    let shortages = Throttle::new(1);
    let mut pause = SHORTEST;
    while !host.registry.is_stopping() {
        let accepted = match waiter.wait() {
            Ok(Incoming::Client) => {
                // It waits in the system's queue.
                if let Some(wait) = host.registry.wait_to_accept() {
                    waiter.wait_for_stop(wait);
                    continue;
                }
                next()
            }
            Ok(Incoming::Stop) => return,
            Err(error) => Err(error),
        };
        let served = match accepted {
            Ok((socket, peer)) => {
                pause = SHORTEST;
                host.connected(Arc::new(socket), &peer)
            }
            // Another one has taken it, or it has gone again.
            Err(error) if is_gone(&error) => continue,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            let sentence =
                format!("a client could not be accepted: {}", describe::os_error(&error));
            shortages.write(&sentence, |line| warn!("{line}"));
            waiter.wait_for_stop(pause);
            pause = (pause * 2).min(LONGEST);
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
