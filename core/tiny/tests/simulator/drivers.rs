//! The two drivers over a port that plays a script.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tinyferry_core::Config;
use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::wire::{Code, Signal};
use tinyferry_kit::Frames;
use tinyferry_tiny::{Error, Link, Lossy, Receiver, Reliable, async_io, serve};

use crate::frames::{SESSION, signals};
use crate::image::Image;

/// The result of each read: bytes, an error, or the end of the stream.
struct Script {
    reads: Vec<Result<Vec<u8>, embedded_io::ErrorKind>>,
    written: Vec<u8>,
    /// The number of bytes that it still takes.
    room: usize,
}

impl embedded_io::ErrorType for Script {
    type Error = embedded_io::ErrorKind;
}

impl embedded_io::Read for Script {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        if self.reads.is_empty() {
            return Ok(0);
        }
        let mut bytes = self.reads.remove(0)?;
        let rest = bytes.split_off(into.len().min(bytes.len()));
        into[..bytes.len()].copy_from_slice(&bytes);
        if !rest.is_empty() {
            self.reads.insert(0, Ok(rest));
        }
        Ok(bytes.len())
    }
}

impl embedded_io::Write for Script {
    fn write(&mut self, from: &[u8]) -> Result<usize, Self::Error> {
        let count = from.len().min(7).min(self.room);
        self.room -= count;
        self.written.extend(&from[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl embedded_io_async::Read for Script {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Self::Error> {
        embedded_io::Read::read(self, into)
    }
}

impl embedded_io_async::Write for Script {
    async fn write(&mut self, from: &[u8]) -> Result<usize, Self::Error> {
        embedded_io::Write::write(self, from)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The result of each driver, the bytes that it wrote, and the image.
fn run<L: Link>(
    reads: &[Result<Vec<u8>, embedded_io::ErrorKind>],
    room: usize,
) -> (Result<(), Error<embedded_io::ErrorKind>>, Vec<u8>, Vec<u8>) {
    let script = || Script { reads: reads.to_vec(), written: Vec::new(), room };
    let (mut buffer, mut port, mut store) = ([0; 268], script(), Image::<false, false>::default());
    let mut receiver: Receiver<'_, L> = Receiver::new(&mut buffer, 1);
    let blocking = (serve(&mut receiver, &mut port, &mut store), port.written, store.bytes);
    let (mut buffer, mut port, mut store) = ([0; 268], script(), Image::<false, false>::default());
    let mut receiver: Receiver<'_, L> = Receiver::new(&mut buffer, 1);
    let result = {
        let future = pin!(async_io::serve(&mut receiver, &mut port, &mut store));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("the script never waits"),
        }
    };
    assert_eq!((result, port.written, store.bytes), blocking);
    blocking
}

#[test]
fn both_drivers_receive_a_file_until_the_stream_ends() {
    let mut client = Frames::client(SESSION, Config::LOSSY);
    client.described(Signal::offer(1, 0, 5, i64::MIN), b"image");
    client.chunk(1, 0, b"hello");
    client.signal(Signal::done(1, 5, 3, Tables::crc64(0, b"hello")));
    let bytes = client.take();
    // A part of a frame, a silence, and the whole.
    let reads =
        [Ok(bytes[..20].to_vec()), Err(embedded_io::ErrorKind::TimedOut), Ok(bytes.clone())];
    let (result, written, image) = run::<Lossy>(&reads, usize::MAX);
    assert_eq!((result, &image[..]), (Ok(()), &b"hello"[..]));
    let codes: Vec<_> = signals(&written).iter().map(|signal| signal.code).collect();
    assert_eq!(codes, [Code::Pon, Code::Pon, Code::Don]);
    // The port takes no more bytes, fails, or carries bytes that are no frame.
    assert_eq!(run::<Lossy>(&reads, 50).0, Err(Error::Full));
    let failed = embedded_io::ErrorKind::BrokenPipe;
    assert_eq!(run::<Lossy>(&[Err(failed)], 0).0, Err(Error::Port(failed)));
    assert_eq!(run::<Reliable>(&[Ok(vec![0; 50])], 0).0, Err(Error::NotAFrame));
    assert_eq!(run::<Lossy>(&[Ok(vec![0; 50])], 0).0, Ok(()));
}
