//! A client that takes its time: what a server waits for, in virtual time.

use tinyferry_core::checksum::Tables;
use tinyferry_core::store::answer;
use tinyferry_core::wire::{
    Code, FRAME_MAX, Greeting, HEADER_LEN, Header, SIGNAL_LEN, Signal, UNKNOWN_TIME, VERSION,
};
use tinyferry_core::{Config, Failure, Session, Step};
use tinyferry_tests::Memory;

/// A server between two bytes of a client that sends one a second, in the middle of a file.
#[test]
fn a_transfer_that_drips_is_over_300_seconds_after_its_last_whole_frame() {
    let config = Config { idle: 1000, ..Config::RELIABLE };
    let mut server: Session = Session::server(config);
    let mut store = Memory::default();
    let mut said = Vec::new();
    let greeting = Greeting {
        session: 7,
        version: VERSION,
        lossy: false,
        half_duplex: false,
        features: 0,
        chunk: 1024,
        unit: 0,
        credit: 8,
    };
    let offer = Signal { description: 1, ..Signal::offer(1, 0, 1024, UNKNOWN_TIME) };
    for signal in [Signal::greeting(Code::Pin, &greeting), offer] {
        let mut bytes = [0; SIGNAL_LEN];
        signal.emit::<Tables>(7, &mut bytes);
        said.extend_from_slice(&bytes);
    }
    for (description, payload) in [(true, &b"f"[..]), (false, &[0; 1024])] {
        let mut frame = [0; FRAME_MAX];
        frame[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
        let header = Header { transfer: 1, description, length: payload.len() as u16, position: 0 };
        header.emit::<Tables>(7, &mut frame);
        said.extend_from_slice(&frame[..HEADER_LEN + payload.len()]);
    }
    let whole = said.len() - (HEADER_LEN + 1024);
    let (mut now, mut sent) = (0, 0);
    let result = loop {
        let deadline = server.deadline();
        match server.poll() {
            Step::Receive(into) => {
                if sent >= whole {
                    now += 1000;
                }
                if deadline.is_some_and(|deadline| deadline <= now) {
                    server.timeout(Some(now));
                    continue;
                }
                into[0] = said[sent];
                sent += 1;
                server.received(1, Some(now));
            }
            Step::Transmit(bytes) => {
                let count = bytes.len();
                server.transmitted(count, Some(now));
            }
            Step::Exchange { .. } => unreachable!("nothing is loaded to be sent"),
            Step::Storage(request) => {
                let reply = answer(&mut store, request);
                server.answered(reply, Some(now));
            }
            Step::Over(result) => break result,
        }
    };
    assert_eq!((result, now), (Err(Failure::Silent), 300_000));
    assert_eq!(store.bytes("f"), None);
}
