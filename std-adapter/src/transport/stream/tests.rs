use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

use tinyferry_core::driver::blocking::Link;

use super::*;

const TEST_TIMEOUT: Duration = Duration::from_millis(500);

/// Writes a megabyte to a reader that takes as much as fits in between two pauses of `pause`.
fn write_to(pause: Duration) -> io::Result<()> {
    let (socket, mut reader) = UnixStream::pair().unwrap();
    let reading = thread::spawn(move || {
        let mut into = vec![0; 1 << 17];
        while {
            thread::sleep(pause);
            reader.read(&mut into).is_ok_and(|count| count > 0)
        } {}
    });
    let mut stream = Stream::new(socket, Arc::default(), &[]);
    let begin = Instant::now();
    let result = write_all(&mut stream);
    let took = begin.elapsed();
    assert!(took < TEST_TIMEOUT * 20, "it took {} ms", took.as_millis());
    assert!(result.is_ok() || took >= TEST_TIMEOUT, "it took {} ms only", took.as_millis());
    drop(stream);
    reading.join().unwrap();
    result
}

fn write_all<S: Socket>(stream: &mut Stream<S>) -> io::Result<()> {
    for _ in 0..16 {
        stream.write_all(&[7; BUFFER])?;
        stream.send_all(TEST_TIMEOUT)?;
    }
    Ok(())
}

#[test]
fn a_write_waits_while_its_reader_makes_progress() {
    // In total it takes longer than the timeout.
    write_to(TEST_TIMEOUT / 3).unwrap();
    let error = write_to(TEST_TIMEOUT * 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_write_waits_for_a_peer_that_says_that_it_is_busy() {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    let sending = thread::spawn(move || {
        for _ in 0..9 {
            thread::sleep(TEST_TIMEOUT / 3);
            peer.write_all(&[1; 36]).unwrap();
        }
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all.len()
    });
    let mut stream = Stream::new(socket, Arc::default(), &[]);
    write_all(&mut stream).unwrap();
    let mut said = [0; 9 * 36];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(said, [1; 9 * 36]);
    drop(stream);
    assert_eq!(sending.join().unwrap(), 16 * BUFFER);
}

fn buffered(link: &mut impl Link) -> Vec<u8> {
    let mut bytes = Vec::new();
    link.take_buffered(|input| {
        bytes = input.to_vec();
        0
    });
    bytes
}

#[test]
fn consumed_input_is_not_read_again() {
    let (mut here, there) = UnixStream::pair().unwrap();
    let mut link = StreamLink::new(there, Arc::default());
    here.write_all(b"one two").unwrap();
    let mut first = [0; 1];
    assert_eq!(embedded_io::Read::read(&mut link, &mut first).unwrap(), 1);
    link.take_buffered(|input| {
        assert_eq!(input, b"ne two");
        3
    });
    assert_eq!((buffered(&mut link), link.traffic().received), (b"two".to_vec(), 4));
    let mut rest = [0; 9];
    assert_eq!(embedded_io::Read::read(&mut link, &mut rest).unwrap(), 3);
    assert_eq!((&rest[..3], buffered(&mut link)), (&b"two"[..], Vec::new()));
}

#[test]
fn a_small_write_sends_output_that_is_older_than_a_second() {
    let (mut here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let mut stream = Stream::new(there, Arc::default(), &[]);
    let mut into = [0; 200];
    for _ in 0..3 {
        stream.write_all(&[7; 28]).unwrap();
    }
    assert_eq!(here.read(&mut into).unwrap_err().kind(), ErrorKind::WouldBlock);
    thread::sleep(Duration::from_millis(1_100));
    stream.write_all(&[8; 28]).unwrap();
    assert_eq!(here.read(&mut into).unwrap(), 4 * 28);
    assert!(into.starts_with(&[7; 84]) && into[84..112] == [8; 28]);
    stream.write_all(&[9; 28]).unwrap();
    assert_eq!(here.read(&mut into).unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Reading a record takes longer than the timeout, but the reader never stops.
#[test]
fn an_encrypted_stream_waits_for_a_reader_as_a_plain_one_does() {
    use crate::auth::SecureSocket;
    use tinyferry_secure::{Identity, SharedKey};

    let (one, other) = UnixStream::pair().unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&one, 4096).unwrap();
    let identity = Identity::Shared(SharedKey::new(&[7; 32]));
    struct Keys;
    impl tinyferry_secure::Trust for Keys {
        fn shared(&mut self, _: tinyferry_secure::KeyId) -> Option<SharedKey> {
            Some(SharedKey::new(&[7; 32]))
        }
        fn trusts(&mut self, _: &tinyferry_secure::PublicKey) -> bool {
            false
        }
    }
    let accepting = thread::spawn(move || {
        let socket = other.try_clone().unwrap();
        (SecureSocket::accept(socket, &mut Keys, TEST_TIMEOUT * 10).unwrap(), other)
    });
    let socket = SecureSocket::connect(one, &identity, &mut Keys, TEST_TIMEOUT * 10).unwrap();
    let (accepted, mut reader) = accepting.join().unwrap();
    let reading = thread::spawn(move || {
        let mut into = vec![0; 2048];
        while reader.read(&mut into).is_ok_and(|count| count > 0) {
            thread::sleep(TEST_TIMEOUT / 10);
        }
    });
    let mut stream = Stream::new(socket, Arc::default(), &[]);
    let begin = Instant::now();
    stream.write_all(&[7; BUFFER]).unwrap();
    stream.send_all(TEST_TIMEOUT).unwrap();
    assert!(begin.elapsed() > TEST_TIMEOUT * 2, "{} ms", begin.elapsed().as_millis());
    drop(stream);
    reading.join().unwrap();
    drop(accepted);
}
