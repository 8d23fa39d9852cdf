//! A server that is idle while it waits for its client.

extern crate std;

use embedded_io::ErrorKind;

use super::script::{Script, close, hello, leak, number_of};
use crate::config::Config;
use crate::driver::Error;
use crate::driver::blocking::{Link, drive_until_idle};
use crate::error::Failure;
use crate::session::Session;
use crate::wire::SIGNAL_LEN;

/// A stream with a clock: a read takes the next piece of input, or passes the time until its deadline.
struct Clocked {
    pieces: &'static [&'static [u8]],
    now: u32,
    deadline: Option<u32>,
    script: Script,
}

impl embedded_io::ErrorType for Clocked {
    type Error = ErrorKind;
}

impl embedded_io::Read for Clocked {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.script.input.is_empty() {
            let Some((first, rest)) =
                self.pieces.split_first().filter(|(first, _)| !first.is_empty())
            else {
                self.now = self.now.max(self.deadline.expect("a read that ends"));
                return Err(ErrorKind::TimedOut);
            };
            (self.script.input, self.pieces) = (first, rest);
        }
        embedded_io::Read::read(&mut self.script, into)
    }
}

impl embedded_io::Write for Clocked {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(&mut self.script, bytes)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Link for Clocked {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<u32> {
        Some(self.now)
    }

    fn set_read_deadline(&mut self, deadline: Option<u32>, _: bool) {
        self.deadline = deadline;
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(!self.script.input.is_empty())
    }
}

const IDLE: u32 = 5_000;

fn idle_server() -> (Session, Clocked) {
    let mut session: Session = Session::server(Config::RELIABLE.idle_timeout(IDLE));
    session.resume(Some(1_000));
    let link = Clocked { pieces: &[], now: 1_000, deadline: None, script: Script::new(&[]) };
    (session, link)
}

#[test]
fn a_server_is_idle_between_two_pieces_of_a_frame() {
    let (mut session, mut link) = idle_server();
    let go_on = |link: &mut Clocked, session: &mut Session| {
        drive_until_idle(session, link, &mut (), |_| (), || 10)
    };
    assert!(go_on(&mut link, &mut session).is_none(), "it waits for a hello");
    assert_eq!(link.now, 1_010);
    let (begin, rest) = leak([hello(5)]).split_at(7);
    // Each piece ends with a silence.
    link.pieces = leak_pieces([begin, &[]]);
    assert!(go_on(&mut link, &mut session).is_none());
    assert_eq!(link.script.written, 0, "half a hello has no answer");
    link.now += 3_000;
    link.pieces = leak_pieces([rest, &[]]);
    assert!(go_on(&mut link, &mut session).is_none());
    assert_eq!((number_of(&session), link.script.written), (5, SIGNAL_LEN));
}

#[test]
fn an_idle_session_ends_with_the_idle_timeout_and_no_part_of_a_frame_prolongs_it() {
    let (mut session, mut link) = idle_server();
    link.pieces = leak_pieces([leak([hello(5)]), &[]]);
    let go_on = |link: &mut Clocked, session: &mut Session| {
        drive_until_idle(session, link, &mut (), |_| (), || 10)
    };
    assert!(go_on(&mut link, &mut session).is_none());
    let deadline = session.deadline().expect("it has one");
    assert_eq!(deadline, 1_000 + IDLE);
    for piece in close(5).chunks(1).take(4) {
        link.now += 1_000;
        link.pieces = leak_pieces([std::vec::Vec::leak(piece.to_vec()), &[]]);
        assert!(go_on(&mut link, &mut session).is_none());
        assert_eq!(session.deadline(), Some(deadline));
    }
    link.now = deadline;
    link.pieces = &[];
    let ended = go_on(&mut link, &mut session);
    assert!(matches!(ended, Some(Err(Error::Session(Failure::IdleTimeout)))), "{ended:?}");
}

#[test]
fn a_session_that_lingers_for_no_time_reads_first() {
    let (mut session, mut link) = idle_server();
    link.pieces = leak_pieces([leak([hello(5)]), &[]]);
    assert!(drive_until_idle(&mut session, &mut link, &mut (), |_| (), || 0).is_none());
    assert_eq!((number_of(&session), link.now), (5, 1_000));
}

fn leak_pieces<const N: usize>(pieces: [&'static [u8]; N]) -> &'static [&'static [u8]] {
    std::boxed::Box::leak(std::boxed::Box::new(pieces))
}
