//! Gets from a sender, over lines of all kinds.

use tinyferry_core::checksum::{Checksums, Tables};
use tinyferry_core::error::Failure;
use tinyferry_core::wire::{AckInfo, Code, Signal};
use tinyferry_core::{Config, Session, Task};
use tinyferry_kit::{Frames, Memory, Random, content, seeds, session_number};
use tinyferry_tiny::{Link, Lossy, Reason, Reliable, Sender, Source, Step};

use crate::frames::{SESSION, signals};
use crate::world::{NOISES, World};

/// The source of a board: its log.
#[derive(Default)]
struct Log {
    bytes: Vec<u8>,
    is_unsized: bool,
    /// Bytes that one call loads at most.
    step: usize,
    /// The number of bytes that the file is shorter than its size.
    missing: usize,
    fails: bool,
}

impl Source for Log {
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
        match path {
            b"log" if self.is_unsized => Ok(None),
            b"log" => Ok(Some((self.bytes.len() + self.missing) as u32)),
            _ => Err(Reason::NotFound),
        }
    }

    fn path(&self) -> &[u8] {
        b"log"
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        if self.fails {
            return Err(Reason::Storage);
        }
        let rest = &self.bytes[position as usize..];
        let count = rest.len().min(into.len()).min(self.step);
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn log(bytes: &[u8]) -> Log {
    Log { bytes: bytes.to_vec(), step: usize::MAX, ..Log::default() }
}

/// Gets the log from a sender with this buffer.
fn get<L: Link>(world: &mut World, config: Config, buffer: &mut [u8], mut log: Log) {
    let mut sender: Sender<'_, L> = Sender::new(buffer, 4);
    let (mut session, mut files) = (Session::client(session_number(7), config), Memory::default());
    let ends = (&mut session, &mut files);
    let task = Task::get_file("log");
    let outcome = world.run(ends, task, &mut sender, &mut log).expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (1, 0));
    assert!(files.bytes("log") == Some(&log.bytes), "the log differs");
}

#[test]
fn a_file_of_any_size_goes_with_chunks_of_any_size() {
    for size in [0, 1, 255, 256, 257, 1024, 5000, 100_000] {
        let bytes = content(size, 1);
        for (buffer, block) in [(268, 0), (524, 1), (1036, 0), (1036, 2), (700, 0), (5000, 0)] {
            let mut buffer = vec![0; buffer];
            for (is_unsized, step) in [(false, usize::MAX), (true, usize::MAX), (true, 100)] {
                let log = || Log { is_unsized, step, ..log(&bytes) };
                let config = Config::LOSSY.block(block);
                get::<Lossy>(&mut World::new(), config, &mut buffer, log());
                get::<Lossy>(&mut World::new(), config.credit(1), &mut buffer, log());
                let config = Config::RELIABLE.block(block);
                get::<Reliable>(&mut World::new(), config, &mut buffer, log());
                get::<Reliable>(&mut World::new(), config.credit(2), &mut buffer, log());
                get::<Lossy>(&mut World::new(), config, &mut buffer, log());
            }
        }
    }
}

#[test]
fn a_file_survives_a_line_that_flips_loses_inserts_and_doubles() {
    for seed in 0..seeds(8) {
        let bytes = content(12_000 + seed as usize * 37, seed);
        for faults in NOISES {
            let mut world = World::serial(seed);
            (world.up.faults, world.down.faults) = (faults, faults);
            let log = Log { is_unsized: seed % 2 == 0, ..log(&bytes) };
            get::<Lossy>(&mut world, Config::LOSSY, &mut [0; 268], log);
        }
    }
}

#[test]
fn each_frame_may_be_lost_or_doubled_once() {
    let bytes = content(4000, 3);
    for frame in 0..30 {
        for change in 0..4 {
            let mut world = World::serial(1);
            let line = if change < 2 { &mut world.up } else { &mut world.down };
            line.room = 2000;
            let list = if change % 2 == 0 { &mut line.lose } else { &mut line.twice };
            list.push(frame);
            get::<Lossy>(&mut world, Config::LOSSY, &mut [0; 268], log(&bytes));
        }
    }
}

#[test]
fn requests_that_it_cannot_fulfil_are_refused_and_the_next_one_is_not() {
    let mut buffer = [0; 268];
    for config in [Config::LOSSY, Config::RELIABLE] {
        let mut sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 4);
        let (mut session, mut files) =
            (Session::client(session_number(7), config), Memory::default());
        let (mut world, mut source) = (World::new(), log(b"it works"));
        let mut run = |task: Task<'_>, change: fn(&mut Log)| {
            change(&mut source);
            world.run((&mut session, &mut files), task, &mut sender, &mut source)
        };
        use tinyferry_core::Reason as Core;
        let refused = |reason| Err(Failure::Refused(reason));
        assert_eq!(run(Task::get_file("other"), |_| {}), refused(Core::NotFound));
        assert_eq!(run(Task::get_tree("log"), |_| {}), refused(Core::Unsupported));
        assert_eq!(run(Task::Close, |_| {}), refused(Core::NotAllowed));
        let changed = run(Task::get_file("log"), |log| log.missing = 5);
        assert_eq!(changed, refused(Core::SourceChanged));
        let failed = run(Task::get_file("log"), |log| log.fails = true);
        assert_eq!(failed, refused(Core::Storage));
        let well = run(Task::get_file("log"), |log| (log.missing, log.fails) = (0, false));
        assert_eq!(well.expect("it succeeds").refused, 0);
        assert_eq!(files.bytes("log"), Some(&b"it works"[..]));
    }
}

/// All that the sender sends for these bytes and these silences.
fn answers(
    sender: &mut Sender<'_, Lossy>,
    log: &mut Log,
    mut bytes: &[u8],
    silences: usize,
) -> Vec<u8> {
    let (mut sent, mut silences) = (Vec::new(), silences);
    loop {
        match sender.poll(log) {
            Step::Broken => panic!("the link is lossy"),
            Step::Transmit(frame) => sent.extend_from_slice(frame),
            Step::Receive(_) if bytes.is_empty() && silences == 0 => return sent,
            Step::Receive(_) if bytes.is_empty() => {
                silences -= 1;
                sender.silence();
            }
            Step::Receive(into) => {
                let count = into.len().min(bytes.len());
                into[..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                sender.received(count);
            }
        }
    }
}

#[test]
fn a_question_is_repeated_until_the_client_has_gone() {
    let (mut buffer, mut log) = ([0; 268], log(b"hello"));
    let mut sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 4);
    let mut client = Frames::client(SESSION, Config::LOSSY);
    client.described(Signal::request(1, false, false), b"log");
    let sent = answers(&mut sender, &mut log, &client.take(), 0);
    // The hello reply, the offer with its path of 3 bytes.
    assert_eq!(sent.len(), 36 + 36 + 15);
    let offer = sent[36..].to_vec();
    assert_eq!(answers(&mut sender, &mut log, &[], 49), []);
    assert_eq!(answers(&mut sender, &mut log, &[], 1), offer);
    assert_eq!(answers(&mut sender, &mut log, &[], 99), []);
    // A request that comes again asks for it (9.3).
    client.described(Signal::request(1, false, false), b"log");
    assert_eq!(answers(&mut sender, &mut log, &client.take(), 0), offer);
    let repeats = answers(&mut sender, &mut log, &[], 50 * 90).len() / offer.len();
    assert!((8..20).contains(&repeats), "{repeats}");
    assert_eq!(answers(&mut sender, &mut log, &[], 50 * 90), []);
    // The next request is served, with an answer and an ending.
    client.described(Signal::request(2, false, false), b"log");
    client.signal(Signal::ack(2, 0, 4, 0, AckInfo::Sack(Default::default())));
    let sent = answers(&mut sender, &mut log, &client.take(), 0);
    let done = signals(&sent[sent.len() - 36..]);
    assert_eq!(done, [Signal::done(2, 5, 3, Tables::crc64(0, b"hello"))]);
    // A hello while the ending is awaited is answered with the question (R28).
    client.hello(Code::Pin, Config::LOSSY);
    let sent = answers(&mut sender, &mut log, &client.take(), 0);
    assert_eq!(signals(&sent), done);
    client.signal(Signal::done(2, 5, 3, Tables::crc64(0, b"hello")));
    client.hello(Code::Pin, Config::LOSSY);
    let sent = answers(&mut sender, &mut log, &client.take(), 0);
    assert_eq!(signals(&sent).first().map(|signal| signal.code), Some(Code::Pon));
}

#[test]
fn a_put_is_refused() {
    let (mut buffer, mut log) = ([0; 268], log(b"hello"));
    let mut sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 4);
    let mut client = Frames::client(SESSION, Config::LOSSY);
    client.described(Signal::offer(1, 0, 5, 0), b"image");
    client.described(Signal::offer_tree(2, 0, 5), b"tree");
    let sent = answers(&mut sender, &mut log, &client.take(), 0);
    let reasons: Vec<_> = signals(&sent)[1..].iter().map(|signal| signal.reason().code()).collect();
    assert_eq!(reasons, [17, 17]);
}

#[test]
fn any_bytes_leave_a_sender_that_serves() {
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let (mut buffer, mut log) = (vec![0; 268 + seed as usize % 800], log(&content(3000, seed)));
        let mut sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 4);
        let mut client = Frames::client(SESSION, Config::LOSSY);
        for _ in 0..random.below(20) {
            let number = random.below(3) as u16;
            match random.below(4) {
                0 => client.described(Signal::request(number, false, random.below(2) > 0), b"log"),
                1 => client.chunk(number, random.next(), &content(1 + random.below(1024), 1)),
                2 => client.bytes.extend(content(random.below(50), random.next())),
                _ => {
                    let codes = [Code::Pon, Code::Don, Code::Err, Code::Pin, Code::Saf];
                    let (position, count) =
                        (random.next() >> random.below(64), random.below(8) as u16);
                    let info = AckInfo::PrefixDigest(random.next());
                    let mut signal =
                        Signal::ack(number, position, random.below(4) as u16, count, info);
                    signal.code = codes[random.below(codes.len())];
                    client.signal(signal);
                }
            }
        }
        let bytes = client.take();
        answers(&mut sender, &mut log, &bytes, random.below(300));
        answers(&mut sender, &mut log, &[], 6000);
        let hello = Frames::client(SESSION + 1, Config::LOSSY).take();
        assert_eq!(answers(&mut sender, &mut log, &hello, 0).len(), 36, "seed {seed}");
    }
}
