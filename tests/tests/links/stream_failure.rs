//! Streams that fail, not end: the store is told before the driver returns.
#![cfg(unix)]

use std::io::{Error, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use embedded_io_adapters::std::FromStd;
use tinyferry::transport::stream::StreamLink;
use tinyferry_core::driver::blocking::{self, HalfDuplex, drive};
use tinyferry_core::store::{Accepted, Entry, Offer};
use tinyferry_core::{Config, Failure, Reason, Session, Store, Task};
use tinyferry_kit::{File, Memory, content, session_number};

/// Fails after these numbers of bytes, read and written.
struct Failing {
    stream: UnixStream,
    left: usize,
}

impl Failing {
    fn pass(&mut self, length: usize) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(Error::from(ErrorKind::ConnectionReset));
        }
        Ok(length.min(self.left))
    }
}

impl Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.pass(into.len())?;
        let count = self.stream.read(&mut into[..length])?;
        self.left -= count;
        Ok(count)
    }
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let length = self.pass(bytes.len())?;
        let count = self.stream.write(&bytes[..length])?;
        self.left -= count;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Knows whether something is open in it.
struct Watched {
    store: Memory,
    is_open: bool,
}

impl Store for Watched {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.is_open = true;
        self.store.offer(offer)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.store.store(position, bytes)
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        self.store.load(position, into)
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.is_open = false;
        self.store.commit()
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.is_open = false;
        self.store.abandon(reason, all);
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let entry = self.store.next(path)?;
        self.is_open = entry.is_some();
        Ok(entry)
    }

    fn check(&mut self) -> Result<(), Reason> {
        self.store.check()
    }
}

const CONFIG: Config = Config::RELIABLE.half_duplex(true);

/// Puts a file while one end's stream fails after this number of bytes. Returns whether it succeeded.
fn put(left: usize, at_client: bool) -> bool {
    let (here, there) = UnixStream::pair().expect("a pair");
    for stream in [&here, &there] {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    }
    let limit = |is_it| if is_it { left } else { usize::MAX };
    let client = Failing { stream: here, left: limit(at_client) };
    let server = Failing { stream: there, left: limit(!at_client) };
    let served = thread::spawn(move || {
        let mut store = Watched { store: Memory::default(), is_open: false };
        let mut session = Session::<tinyferry_core::Standard>::server(CONFIG);
        let result = drive(&mut session, &mut HalfDuplex(FromStd::new(server)), &mut store);
        assert!(!store.is_open, "the server's file is open after {left} bytes");
        if let Err(blocking::Error::Link(_)) = result {
            let again = drive(&mut session, &mut HalfDuplex(NoStream), &mut store);
            assert_eq!(again, Err(blocking::Error::Session(Failure::UnexpectedEof)));
        }
        store.store.files.contains_key("f")
    });
    let mut memory = Memory::default();
    memory.files.insert("f".into(), File::new(content(3000, 7)));
    memory.queue_file("f");
    let mut store = Watched { store: memory, is_open: false };
    let mut session = Session::<tinyferry_core::Standard>::client(session_number(9), CONFIG);
    session.begin(Task::Put).expect("it may");
    let result = drive(&mut session, &mut HalfDuplex(FromStd::new(client)), &mut store);
    assert!(!store.is_open, "the client's file is open after {left} bytes");
    served.join().expect("no panic") && result.is_ok()
}

/// A session that is over asks nothing of its stream.
struct NoStream;

impl embedded_io::ErrorType for NoStream {
    type Error = Kind;
}

type Kind = embedded_io::ErrorKind;

impl embedded_io::Read for NoStream {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Kind> {
        Err(Kind::Unsupported)
    }
}

impl embedded_io::Write for NoStream {
    fn write(&mut self, _: &[u8]) -> Result<usize, Kind> {
        Err(Kind::Unsupported)
    }

    fn flush(&mut self) -> Result<(), Kind> {
        Ok(())
    }
}

#[test]
fn a_stream_that_fails_leaves_no_file_open() {
    let mut whole = 0;
    for left in (0..4000).step_by(7) {
        whole += usize::from(put(left, true)) + usize::from(put(left, false));
    }
    assert!((1..800).contains(&whole), "{whole} went through");
}

#[test]
fn a_peer_that_has_left_delays_no_write() {
    let (here, there) = UnixStream::pair().expect("a pair");
    let mut last = &there;
    last.write_all(b"bye").expect("it takes that");
    there.shutdown(Shutdown::Write).expect("it can");
    let mut link = StreamLink::new(here, Arc::default());
    // Far more than the system's buffers for a peer that reads nothing.
    let begin = Instant::now();
    for _ in 0..512 {
        embedded_io::Write::write(&mut link, &[7; 16 * 1024]).expect("it goes nowhere");
    }
    let mut received = Vec::new();
    let mut buffer = [0; 64];
    while let Ok(count @ 1..) = embedded_io::Read::read(&mut link, &mut buffer) {
        received.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(received, b"bye");
    // Nothing was waited for; a minute is how long a peer that may still read is waited for.
    assert!(begin.elapsed() < Duration::from_secs(30));
}
