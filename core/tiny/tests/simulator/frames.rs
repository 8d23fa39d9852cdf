//! Frames written by hand, and the answers to them.

use tinyferry_core::Config;
use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::wire::{Ack, AckInfo, Body, Code, SIGNAL_LEN, Signal};
use tinyferry_kit::{Frames, content};
use tinyferry_tiny::{Link, Lossy, Receiver, Reliable, Step, Store};

use crate::image::{Image, LARGEST};

/// The number of the session of the vectors.
pub(crate) const SESSION: u32 = 0x1234_5678;

/// All that the receiver sends for these bytes; whether the link is broken.
pub(crate) fn answers<L: Link>(
    receiver: &mut Receiver<'_, L>,
    store: &mut impl Store,
    mut bytes: &[u8],
) -> (Vec<u8>, bool) {
    let mut sent = Vec::new();
    loop {
        match receiver.poll(store) {
            Step::Broken => return (sent, true),
            Step::Transmit(frame) => sent.extend_from_slice(frame),
            Step::Receive(_) if bytes.is_empty() => return (sent, false),
            Step::Receive(into) => {
                let count = into.len().min(bytes.len());
                into[..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                receiver.received(count);
            }
        }
    }
}

/// The signals of a server in these bytes.
pub(crate) fn signals(bytes: &[u8]) -> Vec<Signal> {
    let frames = bytes.as_chunks::<SIGNAL_LEN>().0;
    frames.iter().map(|frame| Signal::parse::<Tables>(!SESSION, frame).expect("a signal")).collect()
}

/// A receiver after its handshake, and its client.
pub(crate) struct Ends<'b, L: Link, const R: bool = false, const O: bool = false> {
    pub(crate) receiver: Receiver<'b, L>,
    pub(crate) client: Frames,
    pub(crate) store: Image<R, O>,
}

impl<'b, L: Link, const R: bool, const O: bool> Ends<'b, L, R, O> {
    pub(crate) fn new(buffer: &'b mut [u8]) -> Self {
        let config = if L::LOSSY { Config::LOSSY } else { Config::RELIABLE };
        let client = Frames::client(SESSION, config);
        let mut ends = Self { receiver: Receiver::new(buffer, 5), client, store: Image::default() };
        let [hello] = ends.exchange()[..] else { panic!("one answer") };
        assert_eq!(({ hello.code }, { hello.transfer }), (Code::Pon, 0));
        ends
    }

    /// The answers to the frames of the client so far.
    pub(crate) fn exchange(&mut self) -> Vec<Signal> {
        let (sent, is_broken) = answers(&mut self.receiver, &mut self.store, &self.client.take());
        assert!(!is_broken);
        signals(&sent)
    }

    fn offer(&mut self, transfer: u16, size: u64) -> Vec<Signal> {
        self.client.described(Signal::offer(transfer, 0, size, i64::MIN), b"image");
        self.exchange()
    }

    fn refusal(&mut self) -> u16 {
        let [answer] = self.exchange()[..] else { panic!("one answer") };
        assert_eq!(({ answer.code }, { answer.position }), (Code::Err, 0));
        answer.reason().code()
    }
}

#[test]
fn the_vectors_of_a_put_give_the_answers_of_the_vectors() {
    let vectors = include_str!("../../../vectors.txt");
    let vector = |name: &str| {
        let line = vectors.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let digits = line.expect("a vector").as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16);
        digits.chunks(2).map(|pair| byte(pair).expect("a byte")).collect::<Vec<_>>()
    };
    struct File(Vec<u8>);
    impl Store for File {
        fn offer(&mut self, path: &[u8], size: u32) -> Result<(), tinyferry_tiny::Reason> {
            assert_eq!((path, size), (&b"hi.txt"[..], 5));
            Ok(())
        }
        fn store(&mut self, _: u32, bytes: &[u8]) -> Result<(), tinyferry_tiny::Reason> {
            self.0.extend(bytes);
            Ok(())
        }
        fn commit(&mut self) -> Result<(), tinyferry_tiny::Reason> {
            Ok(())
        }
    }
    let (mut buffer, mut file) = ([0; 1036], File(Vec::new()));
    let mut receiver: Receiver<'_, Reliable> = Receiver::new(&mut buffer, 128);
    let (mut sent, is_broken) = answers(&mut receiver, &mut file, &vector("put.client"));
    assert!(!is_broken && file.0 == b"hello");
    // The server of the vector has another credit and is not half-duplex.
    let mut expected = vector("put.server");
    expected[21] = 2;
    expected[28..30].copy_from_slice(&128u16.to_le_bytes());
    for frame in [&mut sent, &mut expected] {
        frame[32..36].fill(0);
    }
    assert_eq!(sent, expected);
}

#[test]
fn a_hello_is_answered_with_the_common_features() {
    let answer = |buffer: usize, change: fn(&mut [u8])| {
        let mut hello = Frames::client(SESSION, Config::LOSSY.block(1)).take();
        change(&mut hello);
        let check = Tables::crc32(0, &hello[..32]);
        hello[32..].copy_from_slice(&check.to_le_bytes());
        let mut buffer = vec![0; buffer];
        let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 0);
        let (sent, _) = answers(&mut receiver, &mut Image::<false, false>::default(), &hello);
        let sent = signals(&sent);
        let hello = sent.first().map(|signal| match signal.code {
            Code::Pon => Ok(signal.as_hello()),
            _ => Err((signal.reason().code(), u32::from_le_bytes(sent_session(signal)))),
        });
        (sent.len(), hello)
    };
    fn sent_session(signal: &Signal) -> [u8; 4] {
        let Body::Error { session, .. } = signal.body() else { panic!("an ERR") };
        session.to_le_bytes()
    }
    let (1, Some(Ok(hello))) = answer(700, |_| {}) else { panic!("a hello reply") };
    assert_eq!((hello.session, hello.version, hello.credit), (SESSION, 1, 1));
    assert_eq!((hello.chunk, hello.block, hello.features), (512, 1, 0));
    assert!(hello.lossy && hello.half_duplex);
    let (1, Some(Ok(hello))) = answer(1036, |hello| hello[20] = 9) else { panic!("a hello reply") };
    assert_eq!((hello.version, hello.chunk), (1, 1024));
    assert_eq!(answer(700, |hello| hello[16..20].fill(0)), (0, None));
    assert_eq!(answer(700, |hello| hello[20] = 0), (1, Some(Err((2, SESSION)))));
    let unsupported = (1, Some(Err((20, SESSION))));
    assert_eq!(answer(300, |_| {}), unsupported);
    assert_eq!(answer(700, |hello| hello[26] = 3), unsupported);
    assert_eq!(answer(700, |hello| hello[28..30].fill(0)), unsupported);
    assert_eq!(answer(700, |hello| hello[24..26].fill(0)), unsupported);
    assert_eq!(answer(48, |_| {}), unsupported);
    // A client on a lossy link at a receiver of a reliable one (R20).
    let mut buffer = [0; 268];
    let mut receiver: Receiver<'_, Reliable> = Receiver::new(&mut buffer, 1);
    let hello = Frames::client(SESSION, Config::LOSSY).take();
    let (sent, _) = answers(&mut receiver, &mut Image::<false, false>::default(), &hello);
    assert_eq!(signals(&sent)[0].reason().code(), 20);
}

/// R14, R97.
fn refuses_signals_of_other_roles<L: Link>() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<L>::new(&mut buffer);
    let request = |ends: &mut Ends<'_, L>, signal, metadata: &[u8]| {
        ends.client.described(signal, metadata);
        ends.refusal()
    };
    assert_eq!(request(&mut ends, Signal::offer_tree(1, 1, 1), b"image"), 20);
    assert_eq!(request(&mut ends, Signal::request(2, false, false), b"image"), 18);
    assert_eq!(request(&mut ends, Signal::request(3, true, false), b""), 18);
    assert_eq!(request(&mut ends, Signal::close(4), b""), 19);
    let offer = |transfer, size| Signal::offer(transfer, 0, size, i64::MIN);
    assert_eq!(request(&mut ends, offer(5, 5), b"other"), 3);
    assert_eq!(request(&mut ends, offer(6, 1 + u64::from(LARGEST)), b"image"), 11);
    assert_eq!(request(&mut ends, offer(7, 1 << 31), b"image"), 11);
    assert_eq!(request(&mut ends, offer(8, u64::MAX), b"image"), 11);
    assert_eq!(request(&mut ends, offer(9, 1 << 32), b"image"), 11);
    assert_eq!(request(&mut ends, offer(10, 5), b""), 8);
    assert_eq!(request(&mut ends, offer(11, 0), b"image/"), 8);
    // The largest metadata has 268 - 48 bytes.
    assert_eq!(request(&mut ends, offer(12, 5), &[b'a'; 220]), 3);
    assert_eq!(request(&mut ends, offer(13, 5), &[b'a'; 221]), 9);
    assert_eq!(request(&mut ends, offer(14, 5), &[b'a'; 960]), 9);
    // R14; and an operation (R81) is no offer.
    assert_eq!(request(&mut ends, offer(15, 0), b"image\0\x80\x01\x02"), 20);
    assert_eq!(request(&mut ends, offer(16, 0), b"image\0\x01\x04ab"), 8);
    assert_eq!(request(&mut ends, offer(17, 0), b"image\0\x01"), 8);
    // Tags below 0x80 are ignored.
    ends.client.described(offer(18, 0), b"image\0\x01\x04abcd\x7F\x00");
    ends.client.signal(Signal::done(18, 0, 2, 0));
    assert_eq!(ends.exchange().last().map(|answer| answer.code), Some(Code::Don));
    assert_eq!(ends.store.commits, 1);
}

#[test]
fn requests_that_are_not_for_it_are_refused_with_their_reasons() {
    refuses_signals_of_other_roles::<Lossy>();
    refuses_signals_of_other_roles::<Reliable>();
}

#[test]
fn an_ending_is_repeated_for_each_signal_on_its_number() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<Lossy>::new(&mut buffer);
    let digest = Tables::crc64(0, b"hello");
    ends.offer(1, 5);
    ends.client.chunk(1, 0, b"hello");
    ends.client.signal(Signal::done(1, 5, 3, digest));
    let ending = ends.exchange();
    assert_eq!(ending, [Signal::done(1, 5, 3, digest)]);
    for signal in [
        Signal::done(1, 5, 3, digest),
        Signal::ask(1, 5, 3),
        Signal::close(1),
        Signal::request(1, true, false),
    ] {
        ends.client.signal(signal);
        assert_eq!(ends.exchange(), ending);
    }
    assert_eq!(ends.offer(1, 5), ending);
    // R27: the count of the question that is answered.
    ends.client.signal(Signal::done(1, 5, 9, digest));
    assert_eq!(ends.exchange(), [Signal::done(1, 5, 9, digest)]);
    // Others are no questions, and no requests.
    for number in [1, 2] {
        ends.client.signal(Signal::ack(number, 0, 1, 0, AckInfo::PrefixDigest(0)));
    }
    ends.client.signal(Signal::ask(2, 0, 0));
    ends.client.signal(Signal::done(2, 0, 0, 0));
    ends.client.chunk(1, 0, b"hello");
    assert_eq!(ends.exchange(), []);
    assert_eq!(ends.store.commits, 1);
}

#[test]
fn a_transfer_ends_with_the_reason_of_its_fault() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<Lossy>::new(&mut buffer);
    // Another size (R34), another digest, an ERR of the sender (R33).
    ends.offer(1, 5);
    ends.client.signal(Signal::done(1, 4, 3, 0));
    assert_eq!(ends.refusal(), 16);
    ends.offer(2, 5);
    ends.client.chunk(2, 0, b"hello");
    ends.client.signal(Signal::done(2, 5, 3, 7));
    assert_eq!(ends.refusal(), 15);
    ends.offer(3, 5);
    ends.client.signal(Signal::refuse(3, 0, tinyferry_core::Reason::SourceChanged, 0));
    assert_eq!(ends.refusal(), 13);
    // The storage fails: the next question tells.
    ends.store.fails_at = Some(0);
    ends.offer(4, 5);
    ends.client.chunk(4, 0, b"hello");
    assert_eq!(ends.exchange(), []);
    ends.client.signal(Signal::ask(4, 5, 2));
    assert_eq!(ends.refusal(), 12);
    ends.store.fails_at = None;
    ends.store.commit_fails = true;
    ends.offer(5, 0);
    ends.client.signal(Signal::done(5, 0, 3, 0));
    assert_eq!(ends.refusal(), 10);
    assert_eq!(ends.store.commits, 0);
}

#[test]
fn an_offer_and_a_request_wait_until_the_open_file_has_ended() {
    let mut buffer = [0; 268];
    let mut ends = Ends::<Lossy>::new(&mut buffer);
    ends.offer(1, 5);
    assert_eq!(ends.offer(2, 9), []);
    ends.client.signal(Signal::close(3));
    assert_eq!(ends.exchange(), []);
    ends.client.signal(Signal::ask(1, 0, 1));
    assert_eq!(ends.exchange().len(), 1);
    // A new session ends it (R22).
    ends.client = Frames::client(SESSION, Config::LOSSY);
    assert_eq!(ends.exchange().len(), 1, "the same number changes nothing");
    ends.client.signal(Signal::ask(1, 0, 1));
    assert_eq!(ends.exchange().len(), 1);
}

#[test]
fn chunks_that_r9_does_not_allow_change_nothing() {
    let image = content(2000, 1);
    let mut buffer = [0; 268];
    let mut ends = Ends::<Lossy, false, true>::new(&mut buffer);
    ends.offer(1, 2000);
    for (position, length) in
        [(1, 255), (0, 255), (256, 255), (1792, 209), (1 << 20, 1), (u64::MAX, 1)]
    {
        ends.client.chunk(1, position, &vec![7; length]);
    }
    ends.client.chunk(2, 0, &image[..256]);
    assert_eq!(ends.exchange(), []);
    assert_eq!(ends.store.written, 0);
    for (position, end) in [(512, 768), (1792, 2000), (512, 768), (0, 256), (0, 256)] {
        ends.client.chunk(1, position as u64, &image[position..end]);
    }
    ends.client.signal(Signal::ask(1, 0, 6));
    let [answer] = ends.exchange()[..] else { panic!("one answer") };
    let Body::Ack(Ack { info: AckInfo::Sack(map), .. }) = answer.body() else { panic!("a map") };
    assert_eq!({ answer.position }, 256);
    assert_eq!((0..96).filter(|bit| map.contains(*bit)).collect::<Vec<_>>(), [0, 5]);
    assert_eq!(ends.store.written, 256 + 208 + 256);
}
