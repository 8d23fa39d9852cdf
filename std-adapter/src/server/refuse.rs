//! The refusal of a client, with its reason.

use std::io;
use std::time::Duration;

use tinyferry_core::driver::blocking::{self, drive};
use tinyferry_core::{Config, Outcome, Reason, Session, Store};

use crate::checksum::Desktop;
use crate::transport::clock::milliseconds;
use crate::transport::stream::Socket;
use crate::transport::stream::StreamLink;

/// The handshake timeout of a rejected client.
const REJECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers the hello of a client with a refusal.
pub(super) fn refuse_session<S: Socket>(link: &mut StreamLink<S>, reason: Reason) {
    refuse_with(link, reason, "");
}

/// The same, with a message for the client.
pub(super) fn refuse_with<S: Socket>(link: &mut StreamLink<S>, reason: Reason, message: &str) {
    // It always fails, with the refusal.
    let _ = run_refused(link, Some(reason), message);
}

/// The store of a refused session.
struct RefusedStore<'a>(&'a str);

impl Store for RefusedStore<'_> {
    fn refusal_message(&mut self) -> &str {
        self.0
    }
}

/// Runs a session that serves nothing, and finds the reason in bytes that are no hello.
pub(super) fn reject<S: Socket>(
    link: &mut StreamLink<S>,
) -> Result<Outcome, blocking::Error<io::Error>> {
    run_refused(link, None, "")
}

/// Runs a session that serves nothing, and refuses the hello if there is a reason.
fn run_refused<S: Socket>(
    link: &mut StreamLink<S>,
    refuse: Option<Reason>,
    message: &str,
) -> Result<Outcome, blocking::Error<io::Error>> {
    let mut config = Config::RELIABLE.handshake_timeout(milliseconds(REJECT_TIMEOUT));
    config.refuse = refuse;
    drive(&mut Session::<Desktop>::server(config), link, &mut RefusedStore(message))
}

/// The reason sent to a client whose directory cannot be opened.
pub(super) fn unreachable_root(error: &io::Error) -> Reason {
    use io::ErrorKind::{NotADirectory, NotConnected, NotFound, StaleNetworkFileHandle};

    match error.kind() {
        NotFound | NotADirectory | NotConnected | StaleNetworkFileHandle => Reason::RootGone,
        io::ErrorKind::PermissionDenied => Reason::NoPermission,
        _ => Reason::Storage,
    }
}
