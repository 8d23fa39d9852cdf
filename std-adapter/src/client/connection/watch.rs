//! The line below a session: whether it makes progress, and bytes without a session.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_core::driver::blocking::{self, Link, drive, drive_with};
use tinyferry_core::{Millis, Outcome, Session, Store};

use super::TextListener;
use crate::checksum::Desktop;
use crate::transport::clock::milliseconds;
use crate::transport::limit::Pausable;

/// The time without progress of a transfer after which the line is checked, in ms.
const STUCK: Millis = 4_000;
/// The same on a line with a limit, in frames: one that is lost is missed after the next ones, and then sent again.
const STUCK_FRAMES: u32 = 8;

/// Ends a session that makes no progress, so that its line is checked.
#[derive(Debug)]
pub(crate) struct Watch {
    /// When the handshake has to be completed.
    handshake_end: Instant,
    /// The time without progress after which the line is checked, in ms.
    stuck: Millis,
    /// Whether the session was ended.
    pub(crate) has_ended: bool,
}

impl Watch {
    /// `handshake`: the time for the handshake.
    pub(crate) fn new(handshake: Duration) -> Self {
        Self { handshake_end: Instant::now() + handshake, stuck: STUCK, has_ended: false }
    }

    /// The line has a limit: a frame takes this time.
    pub(super) fn limit(&mut self, frame: Duration) {
        self.stuck = self.stuck.max(milliseconds(frame.saturating_mul(STUCK_FRAMES)));
    }

    fn look(&mut self, session: &mut Session<Desktop>) {
        let is_stuck = match session.negotiated() {
            None => Instant::now() >= self.handshake_end,
            Some(agreed) => agreed.lossy && session.is_stuck_for(self.stuck),
        };
        if is_stuck && !self.has_ended {
            self.has_ended = true;
            session.link_failed();
        }
    }
}

/// Runs a session over a link, to the end of its task.
pub(super) fn run<L: Link<Error = io::Error>>(
    link: &mut L,
    session: &mut Session<Desktop>,
    store: &mut dyn Store,
    watch: Option<&mut Watch>,
    text: &TextListener,
) -> Result<Outcome, blocking::Error<io::Error>> {
    let mut link = text.of(link);
    match watch {
        Some(watch) => drive_with(session, &mut link, store, |session| watch.look(session)),
        None => drive(session, &mut link, store),
    }
}

/// Sends bytes, and reads until `is_enough` of the received ones or for `time`.
pub(super) fn exchange<L: Pausable>(
    link: &mut L,
    bytes: &[u8],
    time: Duration,
    is_enough: &mut dyn FnMut(&[u8]) -> bool,
) -> io::Result<Vec<u8>> {
    link.write_all(bytes)?;
    link.flush()?;
    link.update_clock();
    let end = link.now().unwrap_or(0).wrapping_add(milliseconds(time));
    let end_of_time = Instant::now() + time;
    let (mut received, mut buffer) = (Vec::new(), [0; 256]);
    while !is_enough(&received) && Instant::now() < end_of_time {
        link.set_read_deadline(Some(end), false);
        match link.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => received.extend(buffer.iter().take(count)),
            // A program that was stopped and continues has its call interrupted.
            Err(error) if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(received)
}
