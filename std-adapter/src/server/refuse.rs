//! The end of a client that is not served: it is told why.

use std::io;
use std::time::Duration;

use tinyferry_core::blocking::run;
use tinyferry_core::{Config, Millis, Reason, Session};

use crate::checksum::Desktop;
use crate::transport::stream::Socket;
use crate::transport::stream::StreamLink;

/// How long a client that is not served may take for its handshake.
pub(super) const TURNING_AWAY: Duration = Duration::from_secs(5);

/// As a session counts them: at most the half of what its clock holds, 24 days. 0 is for ever, and
/// stands for nothing else.
pub(super) fn milliseconds(length: Duration) -> Millis {
    let least = u32::from(!length.is_zero());
    let length = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
    length.clamp(least, u32::MAX >> 1)
}

/// Tells a client why it is not served.
pub(super) fn refuse_session<S: Socket>(link: &mut StreamLink<S>, reason: Reason) {
    let handshake = milliseconds(TURNING_AWAY);
    let config = Config { refuse: Some(reason), handshake, ..Config::RELIABLE };
    let mut session = Session::<Desktop>::server(config);
    // That it fails is what is meant.
    let _ = run(&mut session, link, &mut ());
}

/// The reason for a client that its directory cannot be opened.
pub(super) fn unreachable_root(error: &io::Error) -> Reason {
    use io::ErrorKind::{NotADirectory, NotConnected, NotFound, StaleNetworkFileHandle};

    match error.kind() {
        NotFound | NotADirectory | NotConnected | StaleNetworkFileHandle => Reason::RootGone,
        io::ErrorKind::PermissionDenied => Reason::NoPermission,
        _ => Reason::Storage,
    }
}
