//! The connection of a client. Each kind of link runs the session itself, so that there is no dynamic call
//! for each frame.

use std::io;
use std::thread;
use std::time::Duration;

use embedded_io::Write;
use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Outcome, Session, Store};

use crate::auth::LossyLink;
use crate::checksum::Desktop;
use crate::transport::banner::Listener;
use crate::transport::leave::LEAVE;
use crate::transport::limit::Pausable;
use crate::transport::serial::SerialLink;
use crate::transport::stream::{Socket, StreamLink, Traffic};

mod board;
mod link;
mod open;
mod paced;
#[cfg(unix)]
mod started;
mod text;
mod watch;

pub(crate) use self::open::open;
pub(crate) use self::text::TextListener;
pub(crate) use self::watch::Watch;

/// The silence after which a reader on a lossy link is in step again (R71), and as much again for the line.
const SILENCE: Duration = Duration::from_millis(40);

/// The text that a command prints before the first frame of its server.
pub(crate) enum Banners {
    /// It is skipped, and a listener receives it. Elsewhere than on Unix no command is started.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only commands print banners"))]
    For(Listener),
    /// It is input: there is no server.
    ArePassed,
}

/// A link that a client's sessions run over.
pub(crate) trait Connection: Send {
    /// Runs a client's session to the end of its task, or until `watch` ends it. `text` receives the text of the
    /// other end.
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>>;

    /// Without a session: sends bytes, and reads until `is_enough` of the received ones or for `time`.
    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>>;

    /// The values for the handshake, where the connection restricts them.
    fn bound(&self, config: Config) -> Config {
        config
    }

    /// The traffic so far; of an encrypted connection, before encryption.
    fn traffic(&self) -> Traffic;

    /// The begin of the text that came before the first frame. It is hostile.
    fn banner(&self) -> String {
        String::new()
    }

    /// Whether the first bytes may come to a terminal that no server has set up yet.
    fn may_be_terminal(&self) -> bool {
        false
    }

    /// Disconnects in good order. `leaves`: the other end may be a terminal, which does not close; it receives a
    /// message that the client leaves.
    fn disconnect(&mut self, leaves: bool);
}

/// A link by itself: a socket or a serial port.
pub(crate) trait Direct: Pausable + Send {
    fn traffic(&self) -> Traffic;
    fn close(&mut self);
}

impl<S: Socket> Direct for StreamLink<S> {
    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    fn close(&mut self) {
        self.disconnect();
    }
}

impl Direct for SerialLink {
    fn traffic(&self) -> Traffic {
        Self::traffic(self)
    }

    /// The system sends the output, and the other end cannot see that a port is closed.
    fn close(&mut self) {}
}

impl<L: Direct> Direct for LossyLink<L> {
    fn traffic(&self) -> Traffic {
        self.inner().traffic()
    }

    fn close(&mut self) {}
}

impl<L: Direct> Connection for L {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        self.update_clock();
        watch::run(self, session, store, watch, text)
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        watch::exchange(self, bytes, time, is_enough)
    }

    fn traffic(&self) -> Traffic {
        Direct::traffic(self)
    }

    fn disconnect(&mut self, leaves: bool) {
        if leaves {
            leave(self);
        }
        self.close();
    }
}

/// Tells a server on a terminal that the client leaves. These bytes are no frame: the reader at the other end takes the
/// hello of the next client only after a silence.
fn leave(link: &mut impl Write) {
    // The connection or the port may have failed.
    if link.write_all(&LEAVE).and_then(|()| link.flush()).is_ok() {
        thread::sleep(SILENCE);
    }
}

/// Ends the servers on boards (`repl:`) and the commands that clients of this program have started (`exec:`), with
/// their processes, and restores the settings of serial ports; in bounded time. A handler of signals calls this before it ends the
/// program.
pub fn clean_up() {
    board::end_all();
    #[cfg(unix)]
    {
        crate::transport::command::end_all();
        crate::transport::serial::restore_all();
    }
}
