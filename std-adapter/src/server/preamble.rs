//! The first bytes of a connection: a secure channel, an unencrypted session, or neither.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use tinyferry_core::{Config, Session, Step};

use crate::checksum::Desktop;
use crate::transport::socket::is_transient;
use crate::transport::stream::Socket;

/// The first bytes of a secure channel's handshake.
const CHANNEL_MAGIC: &[u8] = b"TFS";
/// The size of a hello, in bytes. The first message of a secure channel is longer.
const HELLO_LEN: usize = 36;

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
#[derive(Debug)]
pub(crate) struct Preamble {
    bytes: [u8; HELLO_LEN],
    length: usize,
    pub(crate) begin: Begin,
}

impl Preamble {
    /// Reads until the first message is known, until `end` at most. Reads no bytes behind a hello.
    pub(crate) fn read<S: Socket>(socket: &mut S, end: Instant) -> io::Result<Self> {
        let mut preamble = Self { bytes: [0; HELLO_LEN], length: 0, begin: Begin::Nothing };
        let mut probe = Probe::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "the client did not complete the handshake in time",
                ));
            }
            socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            let from = preamble.length;
            let count = match socket.receive(&mut preamble.bytes[from..]) {
                Ok(0) => {
                    preamble.begin = if from == 0 { Begin::Nothing } else { Begin::Unknown };
                    break;
                }
                Ok(count) => count,
                Err(error) if is_transient(&error) => continue,
                Err(error) => return Err(error),
            };
            preamble.length += count;
            let bytes = preamble.input();
            if bytes.starts_with(CHANNEL_MAGIC) {
                preamble.begin = Begin::SecureChannel;
                break;
            }
            if CHANNEL_MAGIC.starts_with(bytes) {
                continue;
            }
            // A `T` that no `FS` follows was not probed yet.
            let unread =
                if CHANNEL_MAGIC.starts_with(&bytes[..from]) { bytes } else { &bytes[from..] };
            if let Some(begin) = probe.feed(unread) {
                preamble.begin = begin;
                break;
            }
            if preamble.length == HELLO_LEN {
                // A frame that a session ignores before the hello.
                preamble.length = 0;
            }
        }
        socket.set_read_timeout(None)?;
        Ok(preamble)
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
        let preamble = Preamble::read(&mut there, end);
        drop(writing.join().unwrap());
        preamble.map(|preamble| (preamble.begin, preamble.input().to_vec()))
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
