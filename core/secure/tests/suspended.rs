//! A channel that rests and is resumed: it goes on with the next record, and it does not rest while it is in use.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use common::{End, buffers, pair, seals, sent, server};
use tinyferry_secure::{Error, MIN_BUFFER};

/// Gives an end some bytes.
fn takes(end: &mut End, bytes: &[u8]) {
    end.room()[..bytes.len()].copy_from_slice(bytes);
    end.received(bytes.len()).unwrap();
}

/// Sends some content from one end to the other.
fn carries(from: &mut End, to: &mut End, content: &[u8]) {
    for record in seals(from, content).unwrap() {
        takes(to, &record);
        let mut into = [0; 100];
        let count = to.read(&mut into).unwrap().unwrap();
        assert_eq!(&into[..count], content);
    }
}

#[test]
fn a_channel_goes_on_after_a_rest() {
    for is_pair in [false, true] {
        let (mut client, mut server) = pair(is_pair, 500);
        for _ in 0..3 {
            carries(&mut client, &mut server, b"a question");
            carries(&mut server, &mut client, b"an answer");
            let (peer, shared) = (server.peer(), server.shared());
            let mut suspended = server.suspend().unwrap();
            assert_eq!(suspended.peer(), peer);
            server = suspended.resume(buffers(500)).unwrap();
            assert_eq!((server.peer(), server.shared()), (peer, shared));
        }
        carries(&mut server, &mut client, b"an answer");
    }
}

#[test]
fn what_is_left_of_a_channel_that_rests_has_no_keys() {
    let (_, mut server) = pair(false, 500);
    let mut suspended = server.suspend().unwrap();
    assert_eq!(server.read(&mut [0; 10]), Err(Error::Closed));
    assert_eq!(server.write(b"x"), Err(Error::Closed));
    assert!(server.suspend().is_none());
    // Nor does it return from buffers that are too small, and there is one channel of these keys.
    assert_eq!(suspended.resume(buffers(MIN_BUFFER - 1)).err(), Some(Error::SmallBuffer));
    assert!(suspended.resume(buffers(500)).is_ok());
    assert_eq!(suspended.resume(buffers(500)).err(), Some(Error::Closed));
}

#[test]
fn a_channel_in_use_does_not_rest() {
    let (mut client, mut end) = pair(false, 500);
    // Before the end of its handshake.
    assert!(server(500).suspend().is_none());
    // A part of a record has come; then its content is not all read.
    let record = seals(&mut client, b"content").unwrap().concat();
    takes(&mut end, &record[..10]);
    assert!(end.suspend().is_none());
    takes(&mut end, &record[10..]);
    assert!(end.suspend().is_none());
    assert_eq!(end.read(&mut [0; 3]), Ok(Some(3)));
    assert!(end.suspend().is_none());
    assert_eq!(end.read(&mut [0; 10]), Ok(Some(4)));
    // Content is collected; then it is sealed and not sent.
    assert_eq!(end.write(b"x"), Ok(1));
    assert!(end.suspend().is_none());
    end.seal().unwrap();
    assert!(end.suspend().is_none());
    sent(&mut end).unwrap();
    assert!(end.suspend().is_some());
}
