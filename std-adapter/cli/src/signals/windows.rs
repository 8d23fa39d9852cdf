//! Ctrl-C, Ctrl-Break and the end of the console, and the end of the program by them.

use std::io;
use std::process::exit;
use std::sync::mpsc::{Receiver, channel};

use crate::exit::INTERRUPTED;

/// The requests to end. Until the first one is answered by [`end`], the program goes on.
pub(super) struct EndRequests(Receiver<EndRequest>);

/// One of them.
pub(super) struct EndRequest;

impl EndRequests {
    /// Those of a server.
    pub(super) fn to_server() -> io::Result<Self> {
        let (sender, receiver) = channel();
        ctrlc::set_handler(move || drop(sender.send(EndRequest))).map_err(io::Error::other)?;
        Ok(Self(receiver))
    }

    /// Those of a client. There is no request that is ignored on behalf of the program.
    pub(super) fn to_client(_has_resources: bool) -> io::Result<Option<Self>> {
        Self::to_server().map(Some)
    }

    /// Waits for the next one.
    pub(super) fn wait(&mut self) -> Option<EndRequest> {
        self.0.recv().ok()
    }
}

/// The exit code of the program.
pub(super) fn exit_code(_: &EndRequest) -> u8 {
    u8::try_from(INTERRUPTED).unwrap_or(u8::MAX)
}

/// Ends the program.
pub(super) fn end(EndRequest: EndRequest) {
    exit(INTERRUPTED);
}
