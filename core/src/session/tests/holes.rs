//! Holes, and stores that take long for them.

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
    const HOLES: bool = true;
}

/// R94: acks report the progress of a slow store within one hole at intervals.
#[test]
fn a_store_that_takes_long_for_a_hole_does_not_leave_the_sender_without_acks() {
    const PIECE: usize = 100_000;
    let config = Config::RELIABLE;
    let mut server = Line::of(Session::<Holes>::server(config));
    server.receive(&[from_client(Signal::hello(Code::Pin, &config.hello::<Holes>(NUMBER)))]);
    server.receive(&[offer(1, HOLE_MAX.into())]);
    let mut frame = [0; FRAME_MAX];
    let seed = Seeds::client(NUMBER).sending;
    Hole { transfer: 1, position: 0, length: HOLE_MAX.into() }.emit::<Tables>(seed, &mut frame);
    let done = Signal::done(1, HOLE_MAX.into(), 3, Tables::crc64_zeros(0, HOLE_MAX.into()));
    let bytes = [&frame[..HOLE_LEN], &from_client(done)].concat();
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
