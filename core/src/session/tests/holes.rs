//! Holes, and stores that take long for them.

use std::string::String;
use std::vec::Vec;

use crate::store::{Reply, Request};
use crate::wire::{Body, HOLE_LEN, HOLE_MAX, Hole};

use super::*;

/// A build with holes.
#[derive(Debug, Clone)]
struct Holes;

impl Profile for Holes {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    type Buffer = crate::buffer::Buffer1024;
    const HOLES: bool = true;
}

/// A build with holes and pipes.
#[derive(Debug, Clone)]
struct Pipes;

impl Profile for Pipes {
    type Checksums = Tables;
    type Sha256 = crate::checksum::NoSha256;
    type Buffer = crate::buffer::Buffer1024;
    const HOLES: bool = true;
    const PIPES: bool = true;
}

/// A server that a client has connected to, on a reliable link.
fn established_with_holes<P: Profile>() -> Line<P> {
    let config = Config::RELIABLE;
    let mut server = Line::of(Session::<P>::server(config));
    server.receive(&[from_client(Signal::hello(Code::Pin, &config.hello::<P>(NUMBER)))]);
    server
}

/// A hole from the beginning of transfer 1 on, as long as a hole can be.
fn hole() -> Vec<u8> {
    let mut frame = [0; crate::wire::FRAME_MAX];
    let seed = Seeds::client(NUMBER).sending;
    Hole { transfer: 1, position: 0, length: HOLE_MAX.into() }.emit::<Tables>(seed, &mut frame);
    frame.get(..HOLE_LEN).unwrap_or_default().into()
}

/// R59: content that is stored before the prefix is proven would have to be loaded back for the digest.
#[test]
fn the_prefix_of_a_pipe_is_proven_before_a_hole_that_begins_in_it_is_stored() {
    let mut server = established_with_holes::<Pipes>();
    (server.store.prefix, server.store.content) = (1024, [0; 1024].into());
    server.store.prefix_digest = Some(Tables::crc64_zeros(0, 1024));
    server.store.unreadable = Some(Reason::Storage);
    let digest = Tables::crc64_zeros(0, HOLE_MAX.into());
    let done = from_client(Signal::done(1, HOLE_MAX.into(), 3, digest));
    // A reliable sender does not wait for the prefix.
    let sent = server.receive(&[resumable_offer(1, 1024, HOLE_MAX.into()), hole(), done]);
    assert_eq!(sent.first().map(String::as_str), Some("Pon 1: at 1024, credit 32767, count 0"));
    assert_eq!(sent.last().map(String::as_str), Some("Don 1: size 16777216, count 3"));
    assert!(server.store.is_committed);
}

/// R94: acks report the progress of a slow store within one hole at intervals.
#[test]
fn a_store_that_takes_long_for_a_hole_does_not_leave_the_sender_without_acks() {
    const PIECE: usize = 100_000;
    let mut server = established_with_holes::<Holes>();
    server.receive(&[offer(1, HOLE_MAX.into())]);
    let done = Signal::done(1, HOLE_MAX.into(), 3, Tables::crc64_zeros(0, HOLE_MAX.into()));
    let bytes = [hole(), from_client(done)].concat();
    let (mut rest, mut out, mut acked_at) = (bytes.as_slice(), Vec::new(), server.now);
    let (mut stored, mut told, mut acks) = (0, 0, 0);
    while !server.store.is_committed {
        match server.session.poll() {
            Step::Receive(into) | Step::Exchange { into, .. } if !rest.is_empty() => {
                let count = into.len().min(rest.len());
                into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                rest = rest.get(count..).unwrap_or_default();
                server.session.received(count, Some(server.now));
            }
            Step::Storage(Request::StoreZeros { position, length, .. }) => {
                assert_eq!(position, stored);
                let count = PIECE.min(length as usize);
                stored += count as u64;
                server.now += 300;
                server.session.answered(Reply::Moved(count), Some(server.now));
                let silence = server.now - acked_at;
                assert!(silence <= 2_600, "no ack for {silence} ms at {stored}");
            }
            Step::Storage(request) => {
                let reply = crate::store::answer(&mut server.store, request);
                server.session.answered(reply, Some(server.now));
            }
            Step::Transmit(bytes) | Step::Exchange { out: bytes, .. } => {
                out.extend_from_slice(bytes);
                let count = bytes.len();
                server.session.transmitted(count, Some(server.now));
                if let Some(bytes) = out.first_chunk::<SIGNAL_LEN>() {
                    let ack = Signal::parse::<Tables>(server.session.seeds().sending, bytes);
                    if let Some(Body::Ack(ack)) = ack.as_ref().map(Signal::body) {
                        assert!(ack.position > told || acks == 0, "{} again", ack.position);
                        assert!(ack.position <= stored && ack.credit > 0);
                        (told, acked_at, acks) = (ack.position, server.now, acks + 1);
                    }
                    out.clear();
                }
            }
            step => assert!(matches!(step, Step::Over(Ok(_))), "{step:?}"),
        }
    }
    assert!(stored == HOLE_MAX.into() && acks > 20, "{stored} zeros, {acks} acks");
}
