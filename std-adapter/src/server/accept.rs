//! Accepts clients from a listener until the server is stopped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::describe;
use crate::server::connection::Peer;
use crate::server::connection::Service;
use crate::server::throttle::Throttle;
use crate::transport::listener::Incoming;
use crate::transport::listener::Waiter;
use crate::transport::socket::Shutdownable;
use crate::transport::stream::Socket;

/// The pause after an accept failed for lack of a resource. It doubles up to the maximum.
const MIN_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Accepts a client by `next` each time `waiter` reports one.
pub(crate) fn accept<S>(
    service: &Arc<Service>,
    waiter: &Waiter,
    mut next: impl FnMut() -> io::Result<(S, Peer)>,
) where
    S: Shutdownable + 'static,
    Arc<S>: Socket,
{
    let shortages = Throttle::new(1);
    let mut pause = MIN_PAUSE;
    while !service.registry.is_stopping() {
        let accepted = match waiter.wait() {
            Ok(Incoming::Client) => {
                // The connection waits in the backlog of the listener.
                if let Some(wait) = service.registry.wait_to_accept() {
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
                pause = MIN_PAUSE;
                service.connected(Arc::new(socket), &peer)
            }
            // Another thread accepted it, or the client disconnected.
            Err(error) if is_gone(&error) => continue,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            let sentence =
                format!("a client could not be accepted: {}", describe::os_error(&error));
            shortages.warn(&sentence);
            waiter.wait_for_stop(pause);
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
