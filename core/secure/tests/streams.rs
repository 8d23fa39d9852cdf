//! The blocking stream over real sockets.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;

use common::{keys, private};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use tinyferry_secure::{Error, SecureStream, StreamError};

struct Socket(UnixStream);

impl ErrorType for Socket {
    type Error = Infallible;
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0.read(into).unwrap())
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        // In odd pieces.
        Ok(self.0.write(&bytes[..bytes.len().min(777)]).unwrap())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn a_conversation_carries_its_content_both_ways() {
    for is_pair in [false, true] {
        let (one, other) = UnixStream::pair().unwrap();
        let server = thread::spawn(move || {
            let (_, _, mut serving) = keys(is_pair);
            let buffers = [vec![0; 1000], vec![0; 1000]];
            let accepted: Result<SecureStream<_, _>, _> =
                SecureStream::accept(Socket(other), private(3), &mut serving, buffers);
            let mut stream = accepted.unwrap();
            let mut bytes = Vec::new();
            loop {
                let mut some = [0; 333];
                match stream.read(&mut some).unwrap() {
                    0 => break,
                    count => bytes.extend_from_slice(&some[..count]),
                }
            }
            bytes.reverse();
            stream.write_all(&bytes).unwrap();
            stream.close().unwrap();
        });
        let (identity, mut trusting, _) = keys(is_pair);
        let buffers = [[0; 500], [0; 500]];
        let mut stream: SecureStream<_, _> =
            SecureStream::connect(Socket(one), &identity, private(4), &mut trusting, buffers)
                .unwrap();
        let content: Vec<u8> = (0..100_000u32).map(|byte| (byte / 7) as u8).collect();
        stream.write_all(&content).unwrap();
        stream.close().unwrap();
        assert_eq!(stream.write(b"x"), Err(StreamError::Channel(Error::Closed)));
        let mut back = vec![0; content.len()];
        stream.read_exact(&mut back).unwrap();
        assert_eq!(stream.read(&mut [0; 1]), Ok(0));
        back.reverse();
        assert_eq!(back, content);
        server.join().unwrap();
    }
}

/// A socket that can tell.
struct Telling(Socket);

impl ErrorType for Telling {
    type Error = Infallible;
}

impl Read for Telling {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        // One byte at a time: a record is rarely whole.
        self.0.read(&mut into[..1])
    }
}

impl Write for Telling {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl ReadReady for Telling {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        let mut waiting = [0; 1];
        self.0.0.set_nonblocking(true).unwrap();
        let peeked = rustix::net::recv(&self.0.0, &mut waiting, rustix::net::RecvFlags::PEEK);
        self.0.0.set_nonblocking(false).unwrap();
        Ok(peeked.is_ok())
    }
}

#[test]
fn ready_means_that_a_read_returns_at_once() {
    let (one, other) = UnixStream::pair().unwrap();
    let mut wire = other.try_clone().unwrap();
    let (identity, mut trusting, mut serving) = keys(false);
    let server = thread::spawn(move || {
        let buffers = [[0; 500], [0; 500]];
        SecureStream::<_, _>::accept(Socket(other), private(3), &mut serving, buffers).unwrap()
    });
    let buffers = [[0; 500], [0; 500]];
    let mut client: SecureStream<_, _> =
        SecureStream::connect(Telling(Socket(one)), &identity, private(4), &mut trusting, buffers)
            .unwrap();
    let mut server = server.join().unwrap();
    assert_eq!(client.read_ready(), Ok(false));
    server.write_all(b"hello").unwrap();
    server.flush().unwrap();
    assert_eq!(client.read_ready(), Ok(true));
    let mut into = [0; 5];
    assert_eq!(client.read(&mut into[..2]), Ok(2));
    assert_eq!(client.read_ready(), Ok(true));
    assert_eq!(client.read(&mut into[2..]), Ok(3));
    assert_eq!(&into, b"hello");
    assert_eq!(client.read_ready(), Ok(false));
    // A record that is not whole is not ready.
    wire.write_all(&[50, 0, 1]).unwrap();
    assert_eq!(client.read_ready(), Ok(false));
    drop((wire, server));
    assert_eq!(client.read_ready(), Ok(true));
    assert_eq!(client.read(&mut into), Err(StreamError::Channel(Error::Truncated)));
}
