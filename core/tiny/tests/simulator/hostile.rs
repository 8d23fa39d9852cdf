//! Bytes that no client sends.

use tinyferry_core::Config;
use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::wire::{Code, Signal};
use tinyferry_kit::{Frames, Random, content};
use tinyferry_tiny::{Link, Lossy, Receiver, Reliable};

use crate::frames::{Ends, SESSION, answers};
use crate::image::Image;

/// Valid frames with any fields, whole and damaged, in any order.
fn frames(random: &mut Random) -> Vec<u8> {
    let mut client = Frames::client(SESSION, Config::LOSSY);
    client.take();
    for _ in 0..random.below(30) {
        let codes = [
            Code::Saf,
            Code::Sar,
            Code::Raf,
            Code::Rar,
            Code::Cls,
            Code::Don,
            Code::Err,
            Code::Pin,
            Code::Pon,
        ];
        let number = random.below(4) as u16;
        let mut values = [0; 3];
        for value in &mut values {
            *value = random.next() >> [0, 32, 50, 56, 64 - 9][random.below(5)];
        }
        match random.below(4) {
            0 => client.chunk(number, values[0], &content(1 + random.below(1024), 1)),
            1 => {
                let path = [&b"image"[..], b"image\0\x01\x04abcd", b"image\0\x80\0", b"/", b""]
                    [random.below(5)];
                client.described(Signal::offer(number, values[0], values[1], 0), path);
            }
            2 => {
                let mut signal = Signal::done(number, values[0], values[1] as u16, values[2]);
                signal.code = codes[random.below(codes.len())];
                client.signal(signal);
            }
            _ => client.described(
                Signal::offer(number, values[0], values[1], 0),
                &content(1 + random.below(1024), 2),
            ),
        }
        if random.below(8) == 0 {
            let mut noise = vec![0; random.below(20)];
            noise.fill_with(|| [0xFA, b'P', b'I', b'N', random.next() as u8][random.below(5)]);
            client.bytes.extend(noise);
        }
        if random.below(8) == 0 {
            let at = random.below(client.bytes.len());
            client.bytes[at] ^= 1 << random.below(8);
        }
    }
    client.take()
}

fn survives<L: Link, const R: bool, const O: bool>(seed: u64, buffer: usize) {
    let mut random = Random::new(seed);
    let mut buffer = vec![0; buffer];
    let mut ends = Ends::<L, R, O>::new(&mut buffer);
    for _ in 0..3 {
        let bytes = frames(&mut random);
        let (_, is_broken) = answers(&mut ends.receiver, &mut ends.store, &bytes);
        if is_broken {
            assert!(!L::LOSSY);
            return;
        }
        ends.receiver.silence();
        answers(&mut ends.receiver, &mut ends.store, &[]);
    }
    // After any of it a client begins a session.
    ends.client = Frames::client(SESSION + 1, Config::LOSSY);
    if L::LOSSY {
        let (sent, _) = answers(&mut ends.receiver, &mut ends.store, &ends.client.take());
        assert_eq!(sent.len(), 36, "seed {seed}");
        assert_eq!(sent[..3], *b"PON");
    }
}

#[test]
fn any_frames_in_any_order_leave_a_receiver_that_serves() {
    for seed in 0..1000 {
        survives::<Lossy, false, false>(seed, 268);
        survives::<Lossy, true, true>(seed, 268);
        survives::<Lossy, true, false>(seed, 1036);
        survives::<Reliable, true, true>(seed, 268);
        survives::<Lossy, false, true>(seed, 268 + seed as usize % 800);
    }
}

#[test]
fn no_length_of_the_buffer_panics() {
    for length in 0..60 {
        let mut buffer = vec![0; length];
        let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 1);
        let hello = Frames::client(SESSION, Config::LOSSY).take();
        for byte in hello.into_iter().chain(content(100, 1)) {
            if let tinyferry_tiny::Step::Receive([first, ..]) =
                receiver.poll(&mut Image::<true, true>::default())
            {
                *first = byte;
                receiver.received(1);
            }
        }
        receiver.received(usize::MAX);
        receiver.silence();
        let _ = receiver.poll(&mut Image::<true, true>::default());
    }
}

#[test]
fn bytes_that_are_no_frame_break_a_reliable_link_and_no_other() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<Reliable>::new(&mut buffer);
    assert!(answers(&mut ends.receiver, &mut ends.store, b"GET / HTTP/1.1").1);
    let mut buffer = [0; 268];
    let mut receiver: Receiver<'_, Reliable> = Receiver::new(&mut buffer, 1);
    // Before the handshake there is no frame of a session (R19).
    let mut client = Frames::client(SESSION, Config::RELIABLE);
    client.take();
    client.signal(Signal::ask(1, 0, 0));
    let mut store = Image::<false, false>::default();
    assert!(answers(&mut receiver, &mut store, &client.take()).1);
}

#[test]
fn a_hello_in_the_content_of_a_damaged_chunk_is_ignored() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<Lossy>::new(&mut buffer);
    let mut hello = Frames::client(SESSION + 1, Config::LOSSY).take();
    assert_eq!(Tables::crc32(0, &hello[..32]).to_le_bytes(), hello[32..]);
    ends.client.described(Signal::offer(1, 0, 36, 0), b"image");
    assert_eq!(ends.exchange().len(), 1);
    ends.client.chunk(1, 0, &hello);
    ends.client.bytes[5] ^= 1; // the position
    assert_eq!(ends.exchange(), []);
    // The file is still open.
    ends.client.signal(Signal::ask(1, 0, 1));
    assert_eq!(ends.exchange().len(), 1);
    // After a silence it is a client's (R72).
    hello.insert(0, b'x');
    assert_eq!(answers(&mut ends.receiver, &mut ends.store, &hello).0, []);
    ends.receiver.silence();
    let (sent, _) = answers(&mut ends.receiver, &mut ends.store, &hello[1..]);
    assert_eq!(sent.len(), 36);
}
