//! The first bytes of a connection: a secure channel, an unencrypted session, or neither.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_core::wire::SIGNAL_LEN;
use tinyferry_core::{Config, Session, Step};
use tinyferry_secure::MAGIC;

use crate::checksum::Desktop;
use crate::transport::socket::is_transient;
use crate::transport::stream::Socket;

/// The first message of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The handshake of a secure channel.
    SecureChannel,
    /// A complete, unencrypted hello.
    Hello,
    /// Bytes that cannot begin a session; a session reports the reason.
    Unknown,
    /// The client disconnected without sending a byte.
    Nothing,
}

/// The bytes that were read to find the first message.
pub(crate) struct Preamble {
    /// As many as a hello has: those behind it are for the session. The first message of a secure channel is longer.
    bytes: [u8; SIGNAL_LEN],
    length: usize,
    /// A silent connection has none: it takes memory.
    probe: Option<Box<Probe>>,
}

/// How long a read waits for input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until the end of the handshake.
    ToTheEnd,
    Not,
}

impl Preamble {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; SIGNAL_LEN], length: 0, probe: None }
    }

    /// Reads until the first message is known, until `end` at most. Reads no bytes behind a hello. `None`: more must
    /// come first, and it does not wait for that.
    pub(crate) fn read<S: Socket>(
        &mut self,
        socket: &mut S,
        end: Instant,
        wait: Wait,
    ) -> io::Result<Option<Begin>> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the client did not complete the handshake in time",
                ));
            }
            let from = self.length;
            let into = &mut self.bytes[from..];
            let received = match wait {
                Wait::ToTheEnd => {
                    socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
                    socket.receive(into)
                }
                Wait::Not => socket.receive_now(into),
            };
            let begin = match received {
                Ok(0) if from == 0 => Some(Begin::Nothing),
                Ok(0) => Some(Begin::Unknown),
                Ok(count) => self.received(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock && wait == Wait::Not => {
                    return Ok(None);
                }
                Err(error) if is_transient(&error) => None,
                Err(error) => return Err(error),
            };
            if begin.is_some() {
                socket.set_read_timeout(None)?;
                return Ok(begin);
            }
        }
    }

    /// The first message, once it is known.
    fn received(&mut self, count: usize) -> Option<Begin> {
        let from = self.length;
        self.length += count;
        let bytes = &self.bytes[..self.length];
        if bytes.starts_with(&MAGIC) {
            return Some(Begin::SecureChannel);
        }
        if MAGIC.starts_with(bytes) {
            return None;
        }
        // The begin of a channel that does not go on as one was not probed yet.
        let unread = if MAGIC.starts_with(&bytes[..from]) { bytes } else { &bytes[from..] };
        let probe = self.probe.get_or_insert_with(|| Box::new(Probe::new()));
        let begin = probe.feed(unread);
        if begin.is_none() && self.length == SIGNAL_LEN {
            // A frame that a session ignores before the hello.
            self.length = 0;
        }
        begin
    }

    /// The bytes that were read; the session or the channel gets them.
    pub(crate) fn input(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A session that parses the bytes and answers nothing. The session that answers gets the same bytes.
struct Probe(Session<Desktop>);

impl Probe {
    fn new() -> Self {
        Self(Session::server(Config::RELIABLE))
    }

    /// The first message, once it is known.
    fn feed(&mut self, mut bytes: &[u8]) -> Option<Begin> {
        loop {
            let is_established = self.0.number().is_some();
            match self.0.poll() {
                _ if is_established => return Some(Begin::Hello),
                Step::Receive(_) if bytes.is_empty() => return None,
                Step::Receive(into) => {
                    let count = io::Read::read(&mut bytes, into).unwrap_or(0);
                    self.0.received(count, None);
                }
                _ => return Some(Begin::Unknown),
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::net::Shutdown;
    use std::num::NonZeroU32;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use tinyferry_core::Task;

    use super::*;

    fn hello() -> Vec<u8> {
        let mut client = Session::<Desktop>::client(NonZeroU32::MIN, Config::RELIABLE);
        client.begin(Task::Ping).unwrap();
        let Step::Transmit(bytes) = client.poll() else { unreachable!() };
        bytes.to_vec()
    }

    /// An `ERR` of the whole session, which no client sends before its hello.
    fn refusal() -> Vec<u8> {
        let config = Config::RELIABLE.refuse(tinyferry_core::Reason::Busy);
        let mut server: Session = Session::server(config);
        let hello = hello();
        let mut unread = &hello[..];
        while let Step::Receive(into) = server.poll() {
            let count = io::Read::read(&mut unread, into).unwrap();
            server.received(count, None);
        }
        let Step::Transmit(bytes) = server.poll() else { unreachable!() };
        bytes.to_vec()
    }

    fn read(pieces: &[&[u8]], ends: bool) -> io::Result<(Begin, Vec<u8>)> {
        read_within(Duration::from_secs(30), pieces, ends)
    }

    fn read_within(
        timeout: Duration,
        pieces: &[&[u8]],
        ends: bool,
    ) -> io::Result<(Begin, Vec<u8>)> {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let pieces: Vec<_> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let writing = thread::spawn(move || {
            for piece in pieces {
                here.write_all(&piece).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
            if ends {
                here.shutdown(Shutdown::Write).unwrap();
            }
            here
        });
        let end = Instant::now() + timeout;
        let mut preamble = Preamble::new();
        let begin = preamble.read(&mut there, end, Wait::ToTheEnd);
        drop(writing.join().unwrap());
        begin.map(|begin| (begin.unwrap(), preamble.input().to_vec()))
    }

    #[test]
    fn a_preamble_goes_on_after_each_piece() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        let mut preamble = Preamble::new();
        let mut read = || preamble.read(&mut there, end, Wait::Not).unwrap();
        for byte in &hello()[..SIGNAL_LEN - 1] {
            assert_eq!(read(), None);
            here.write_all(&[*byte]).unwrap();
        }
        assert_eq!(read(), None);
        here.write_all(&hello()[SIGNAL_LEN - 1..]).unwrap();
        assert_eq!(read(), Some(Begin::Hello));
        assert_eq!(preamble.input(), hello());
    }

    #[test]
    fn a_hello_and_a_secure_channel_are_told_apart_and_kept() {
        let hello = hello();
        let both = [&hello[..], b"more"].concat();
        assert_eq!(read(&[&both], false).unwrap(), (Begin::Hello, hello.clone()));
        let pieces: Vec<_> = hello.chunks(1).collect();
        assert_eq!(read(&pieces, false).unwrap(), (Begin::Hello, hello));
        assert_eq!(read(&[b"T", b"FS!"], false).unwrap(), (Begin::SecureChannel, b"TFS!".to_vec()));
        assert_eq!(read(&[b"GET / HTTP/1.0\r\n\r\n"], true).unwrap().0, Begin::Unknown);
        assert_eq!(read(&[b"PIN"], true).unwrap(), (Begin::Unknown, b"PIN".to_vec()));
        assert_eq!(read(&[b"T", b"XY"], true).unwrap().0, Begin::Unknown);
        assert_eq!(read(&[], true).unwrap().0, Begin::Nothing);
    }

    #[test]
    fn bytes_that_are_no_hello_do_not_prolong_the_wait() {
        let short = Duration::from_millis(400);
        for begin in [&b"S"[..], b"T", b"TF", b"PIN", &[0xFA]] {
            let error = read_within(short, &[begin], false).expect_err("there is no hello");
            assert_eq!(error.kind(), ErrorKind::TimedOut);
        }
        for begin in [&refusal()[..], &refusal().repeat(3), &[&refusal()[..], b"S"].concat()] {
            assert!(!matches!(read_within(short, &[begin], false), Ok((Begin::Hello, _))));
        }
    }
}
