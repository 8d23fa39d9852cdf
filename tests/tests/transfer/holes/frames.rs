//! Holes that no sender may send, or that a receiver has not agreed to: frame by frame.

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{Code, HOLE_LEN, HOLE_MAX, Header, Signal, UNKNOWN, UNKNOWN_TIME};
use tinyferry_core::{Config, Session};
use tinyferry_kit::{Endpoint, Frames, Memory, Sparse, outline};

use super::SESSION;

/// A server that has answered the hello of a client with holes, and that client, which has offered a file.
fn offered(config: Config, size: u64) -> (Endpoint<Memory, Sparse>, Frames) {
    let mut client = Frames::sparse_client(SESSION, config);
    let mut server = Endpoint::of(Session::<Sparse>::server(config), Memory::default());
    client.described(Signal::offer(1, 0, size, UNKNOWN_TIME), b"f");
    let answered = outline(&server.receive(&client.take()));
    let expected = [(Code::Pon, 0), (Code::Pon, 1)];
    assert_eq!(answered, expected[..if config.lossy { 2 } else { 1 }]);
    (server, client)
}

/// The answer of the server to these holes and the end of the file.
fn end(config: Config, size: u64, holes: &[(u64, u64)]) -> (Code, Option<Reason>, u64) {
    let (mut server, mut client) = offered(config, size);
    for (position, length) in holes {
        client.hole(1, *position, *length);
    }
    let digest = Tables::crc64(0, &vec![0; size.min(1 << 25) as usize]);
    let count = 2 + holes.len() as u16;
    client.signal(Signal::done(1, size, count, digest));
    let answer = *server.receive(&client.take()).last().expect("an answer");
    let reason = (answer.code == Code::Err).then(|| answer.reason());
    (answer.code, reason, server.store.zeros)
}

/// R94.
#[test]
fn holes_are_dropped_that_no_sender_may_send() {
    let done = |zeros| (Code::Don, None, zeros);
    let missing = |zeros| (Code::Err, Some(Reason::Incomplete), zeros);
    let reliable = |size, holes: &[_]| end(Config::RELIABLE, size, holes);
    assert_eq!(reliable(5_000, &[(0, 5_000)]), done(5_000));
    assert_eq!(reliable(5_000, &[(0, 1_024), (1_024, 3_976)]), done(5_000));
    assert_eq!(reliable(5_000, &[(0, 2_048), (1_024, 3_976)]), done(5_000), "they may overlap");
    assert_eq!(reliable(5_000, &[(0, 1_000), (1_000, 4_000)]), missing(0), "not whole blocks");
    assert_eq!(reliable(5_000, &[(0, 1_024), (1_000, 4_000)]), missing(1_024), "not on a block");
    assert_eq!(reliable(5_000, &[(0, 5_001)]), missing(0), "past the size");
    assert_eq!(reliable(5_000, &[(0, 6_144)]), missing(0), "past the size");
    assert_eq!(reliable(5_000, &[(0, 0)]), missing(0), "no zeros");
    assert_eq!(reliable(5_000, &[(0, UNKNOWN)]), missing(0));
    assert_eq!(reliable(5_000, &[(1 << 32, UNKNOWN - 255)]), missing(0), "the end overflows");
    assert_eq!(reliable(5_000, &[(1 << 32, 5_000)]), missing(0), "another position");
    let most = u64::from(HOLE_MAX);
    assert_eq!(reliable(most, &[(0, most)]), done(most));
    assert_eq!(reliable(most + 256, &[(0, most + 256)]), missing(0), "too long");
    let lossy = |size, holes: &[_]| end(Config::LOSSY, size, holes);
    let window = 97 * 256;
    assert_eq!(lossy(window, &[(0, window)]), done(window));
    assert_eq!(lossy(window, &[(512, window - 512), (0, 512)]), done(window), "in any order");
    let nothing = (Code::Pon, None, 0);
    assert_eq!(lossy(window + 256, &[(0, window + 256)]), nothing, "past the window");
    assert_eq!(lossy(window + 256, &[(256, window)]), nothing, "past the window");
    assert_eq!(reliable(window + 256, &[(256, window)]), missing(0), "past the window");
}

/// R11, R93: bit 11 without the agreement, or with another length, begins no chunk.
#[test]
fn a_hole_that_was_not_agreed_is_no_chunk() {
    let (mut server, mut client) = Endpoint::server(SESSION, Config::RELIABLE, Memory::default());
    client.described(Signal::offer(1, 0, 5_000, UNKNOWN_TIME), b"f");
    client.hole(1, 0, 5_000);
    server.receive(&client.take());
    assert_eq!(server.result(), Some(Err(Failure::Damaged)));
    let mut client = Frames::client(SESSION, Config::RELIABLE);
    let session = Session::<Sparse>::server(Config::RELIABLE);
    let mut server = Endpoint::of(session, Memory::default());
    client.described(Signal::offer(1, 0, 5_000, UNKNOWN_TIME), b"f");
    client.hole(1, 0, 5_000);
    server.receive(&client.take());
    assert_eq!(server.result(), Some(Err(Failure::Damaged)), "this client has no holes");
    for length in [15_u8, 17, 0] {
        let (mut server, mut client) = offered(Config::RELIABLE, 5_000);
        client.hole(1, 0, 5_000);
        let mut frame = client.take();
        frame[2] = length;
        assert_eq!(frame.len(), HOLE_LEN);
        server.receive(&frame);
        assert_eq!(server.result(), Some(Err(Failure::Damaged)), "{length}");
    }
    let header = [0xFA, 1, 16, 0x88, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(Header::parse(&header), None, "no metadata is a hole");
    assert_eq!(tinyferry_core::wire::Hole::parse_header(&header), None);
}

/// R93: a refused file's holes are skipped.
#[test]
fn holes_of_a_refused_file_are_skipped() {
    let mut store = Memory::default();
    store.refuse.insert("f".into(), Reason::NoPermission);
    let mut client = Frames::sparse_client(SESSION, Config::RELIABLE);
    let mut server = Endpoint::of(Session::<Sparse>::server(Config::RELIABLE), store);
    client.described(Signal::offer(1, 0, 5_000, UNKNOWN_TIME), b"f");
    client.hole(1, 0, 5_000);
    client.described(Signal::offer(2, 0, 5_000, UNKNOWN_TIME), b"g");
    client.hole(2, 0, 5_000);
    let answers = server.receive(&client.take());
    assert_eq!(outline(&answers), [(Code::Pon, 0), (Code::Err, 1)]);
    assert_eq!(server.store.zeros, 5_000);
}
