//! Finding frames again on a lossy link: R69 to R72 of `PROTOCOL.md`.

use tinyferry_core::Config;
use tinyferry_core::checksum::{Checksums as _, Tables};
use tinyferry_core::wire::{Code, FRAME_MAX, HEADER_LEN, Header, Seeds, Signal};
use tinyferry_kit::{Endpoint, Frames, Memory, content, outline};

const SESSION: u32 = 0x0102_0304;
/// How far past the position a chunk may end: 97 units of 256 bytes.
const WINDOW: u64 = 97 * 256;
/// How far behind the position a chunk may begin.
const BEHIND: u64 = 131_072;

/// A server that receives a file of which it has all before `position`, and its client.
fn receiving(position: usize) -> (Endpoint<Memory>, Frames) {
    let mut store = Memory::default();
    store.partials.insert("f".into(), content(position, 1));
    let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, store);
    client.described(Signal::offer(1, 1_000_000, 1_000_000, 5), b"f");
    let said = server.receive(&client.take());
    assert_eq!(
        said.last().map(|signal| (signal.code, signal.position)),
        Some((Code::Pon, position as u64))
    );
    (server, client)
}

/// Whether the reader waits for the rest of a chunk after its header alone.
fn awaits_rest(prefix: u64, position: u64, length: usize) -> bool {
    let (mut server, mut client) = receiving(prefix as usize);
    client.chunk(1, position, &vec![0; length]);
    let header = client.take()[..HEADER_LEN].to_vec();
    client.signal(Signal::ask(1, 0, 9));
    server.receive(&header);
    let answers = outline(&server.receive(&client.take()));
    assert!(answers.is_empty() || answers == [(Code::Pon, 1)]);
    answers.is_empty()
}

/// R70.
#[test]
fn the_rest_of_a_chunk_is_awaited_only_where_a_chunk_can_lie() {
    let prefix = 2 * BEHIND;
    for (position, length, expected) in [
        (prefix, 1024, true),
        (prefix + WINDOW - 1024, 1024, true),
        (prefix + WINDOW - 1024 + 256, 1024, false),
        (prefix + WINDOW, 256, false),
        (prefix - 256, 256, true),
        (prefix - BEHIND, 256, true),
        (prefix - BEHIND - 256, 256, false),
    ] {
        assert_eq!(awaits_rest(prefix, position, length), expected, "{position} {length}");
    }
}

/// R70.
#[test]
fn the_rest_of_metadata_is_awaited_only_as_it_was_announced() {
    for (announced, length, position, is_awaited) in
        [(1000, 1000, 0, true), (1, 1000, 0, false), (1000, 1000, 256, false)]
    {
        let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, Memory::default());
        client.signal(Signal { metadata: announced, ..Signal::offer(1, 0, 0, 5) });
        server.receive(&client.take());
        let mut frame = [0; FRAME_MAX];
        let header = Header { transfer: 1, metadata: true, length, position };
        header.emit::<Tables>(Seeds::client(SESSION).sending, &mut frame);
        server.receive(&frame[..HEADER_LEN]);
        // Another offer is lost where the rest of the description is awaited.
        client.described(Signal::offer(2, 0, 0, 5), b"g");
        let expected = if is_awaited { vec![] } else { vec![(Code::Pon, 2)] };
        assert_eq!(outline(&server.receive(&client.take())), expected, "{announced} {position}");
    }
}

/// R72.
#[test]
fn a_hello_behind_bytes_that_are_dropped_at_the_end_of_a_transfer_is_ignored() {
    let bytes = content(512, 1);
    for silence in [0, 1_000] {
        let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, Memory::default());
        client.described(Signal::offer(1, 0, 512, 5), b"f");
        client.chunk(1, 0, &bytes);
        server.receive(&client.take());
        // A damaged chunk contains `DON`, and the first letters of a signal are behind it.
        client.signal(Signal::done(1, 512, 3, Tables::crc64(0, &bytes)));
        let payload = [client.take().as_slice(), b"PIN"].concat();
        client.chunk(1, 512, &payload);
        let mut damaged = client.take();
        damaged[8] ^= 1;
        assert_eq!(outline(&server.receive(&damaged)), [(Code::Don, 1)]);
        server.wait(silence);
        let hello = Frames::client(77, Config::LOSSY).take();
        let expected = if silence == 0 { vec![] } else { vec![(Code::Pon, 0)] };
        assert_eq!(outline(&server.receive(&hello)), expected);
    }
}
