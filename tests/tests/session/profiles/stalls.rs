//! The same profiles beside an end that is silent, or that sends frames that make no progress.

use std::fmt::Debug;

use tinyferry_core::wire::{AckInfo, SackMap};
use tinyferry_kit::{End, Endpoint, Frames, Pair, session_number};

use super::*;

const NUMBER: u32 = 0xC0FF_EE01;
const SIZE: usize = 60_000;
const MILLISECOND: u64 = 1_000_000;
/// The wait during a transfer on a lossy link, with some seconds for the last retry.
const LONGEST: u32 = 66_000;

/// Where the server is silent after its first frames, the client ends. The time that it waits, in ms.
fn silence<P: Profile + Clone + Debug>(config: Config, has_clock: bool, task: Task<'_>) -> u64 {
    let source = || Memory::with([("f", content(SIZE, 2))]);
    let (mut here, there) = match task {
        Task::Put => (source(), Memory::default()),
        _ => (Memory::default(), source()),
    };
    here.queue_file("f");
    let mut client = End::of(Session::<P>::client(session_number(NUMBER), config), here);
    client.has_clock = has_clock;
    let server = End::of(Session::<Standard>::server(config), there);
    let mut pair = Pair::of(client, server).serial(921_600, 1).delayed(3);
    let received = match (task, config.lossy) {
        (Task::Put, false) => 1,
        (Task::Put, true) => 2,
        _ => 6,
    };
    // Each frame is one write.
    (pair.up.room, pair.down.room) = (4096, 4096);
    pair.down.lose = (received..10_000).collect();
    let result = pair.run(task).expect("it ends");
    assert_eq!(result, Err(Failure::TimedOut), "{config:?} {has_clock} {task:?}");
    assert!(pair.client.store.is_closed());
    pair.now / MILLISECOND
}

#[test]
fn each_build_gives_up_where_the_other_end_is_silent() {
    fn ends<P: Profile + Clone + Debug>() {
        for (config, least, most) in
            [(Config::RELIABLE, 300_000, 301_000), (Config::LOSSY, 60_000, LONGEST.into())]
        {
            for has_clock in [true, false] {
                for task in [Task::Put, GET] {
                    let waited = silence::<P>(config, has_clock, task);
                    assert!((least..=most).contains(&waited), "{config:?} {task:?}: {waited} ms");
                }
            }
        }
    }
    ends::<Standard>();
    ends::<NoClock>();
    ends::<NoDuplex>();
    ends::<NoStalls>();
    ends::<NoResumes>();
}

/// A client on a lossy link that puts or gets the file, and a server that sends `useless` each second after
/// it has sent the first useful frames.
struct Stalled<P: Profile> {
    client: Endpoint<Memory, P>,
    useless: Vec<u8>,
}

impl<P: Profile> Stalled<P> {
    fn new(task: Task<'_>, useless: Useless) -> Self {
        let config = Config::LOSSY;
        let mut store = Memory::with([("f", content(SIZE, 2))]);
        if task == Task::Put {
            store.queue_file("f");
        } else {
            store = Memory::default();
        }
        let mut session = Session::<P>::client(session_number(NUMBER), config);
        session.begin(task).expect("it may begin");
        let mut client = Endpoint::of(session, store);
        let hello = client.receive(&[])[0].as_hello();
        let mut server = Frames::server(NUMBER, config.half_duplex(hello.half_duplex));
        client.receive(&server.take());
        if task == Task::Put {
            useless(&mut server);
        } else {
            server.described(Signal::offer(1, SIZE as u64, SIZE as u64, 7), b"f");
            server.chunk(1, 0, &content(SIZE, 2)[..1024]);
        }
        client.receive(&server.take());
        useless(&mut server);
        Self { client, useless: server.take() }
    }

    /// The frames come for this time, in ms. The result, and when the client has ended.
    fn stalls_for(&mut self, milliseconds: u32) -> Option<(Result<Outcome, Failure>, u32)> {
        let end = self.client.now + milliseconds;
        while self.client.now < end {
            let next = self.client.now + 1000;
            self.client.receive(&self.useless.clone());
            self.client.wait_until(next);
            if let Some(result) = self.client.result() {
                return Some((result, self.client.now));
            }
        }
        None
    }

    /// No frame comes any more. The result, and for how long the client has waited.
    fn is_silent(&mut self) -> (Result<Outcome, Failure>, u32) {
        let begin = self.client.now;
        while self.client.result().is_none() && self.client.now < begin + 2 * LONGEST {
            let next = self.client.now + 1000;
            self.client.wait_until(next);
        }
        (self.client.result().expect("it gives up"), self.client.now - begin)
    }
}

fn old_ack(frames: &mut Frames) {
    frames.signal(Signal::ack(1, 0, 128, 0, AckInfo::Sack(SackMap::EMPTY)));
}

fn offer_again(frames: &mut Frames) {
    frames.described(Signal::offer(1, SIZE as u64, SIZE as u64, 7), b"f");
}

fn old_chunk(frames: &mut Frames) {
    frames.chunk(1, 0, &content(SIZE, 2)[..1024]);
}

/// Adds a frame that makes no progress.
type Useless = fn(&mut Frames);

const SIGNALS: [(Task<'static>, Useless); 2] = [(Task::Put, old_ack), (GET, offer_again)];

#[test]
fn signals_without_progress_end_a_transfer_only_where_stalls_are_detected() {
    fn ends<P: Profile>() {
        for (task, useless) in SIGNALS {
            let (result, at) = Stalled::<P>::new(task, useless)
                .stalls_for(2 * LONGEST)
                .unwrap_or_else(|| panic!("{task:?}: it goes on"));
            assert_eq!(result, Err(Failure::Stalled), "{task:?}");
            assert!((60_000..=LONGEST).contains(&at), "{task:?}: {at}");
        }
    }
    ends::<Standard>();
    ends::<NoClock>();
    ends::<NoDuplex>();
    ends::<NoResumes>();
    for (task, useless) in SIGNALS {
        let mut stalled = Stalled::<NoStalls>::new(task, useless);
        assert_eq!(stalled.stalls_for(5 * LONGEST), None, "{task:?}");
        let (result, waited) = stalled.is_silent();
        assert_eq!(result, Err(Failure::TimedOut), "{task:?}");
        // The last frame came up to two seconds before.
        assert!((58_000..=LONGEST).contains(&waited), "{task:?}: {waited}");
        assert!(stalled.client.store.is_closed());
    }
}

#[test]
fn chunks_without_new_content_end_a_transfer_of_each_build() {
    fn ends<P: Profile>(expected: Failure) {
        let (result, at) =
            Stalled::<P>::new(GET, old_chunk).stalls_for(2 * LONGEST).expect("it gives up");
        assert_eq!(result, Err(expected));
        assert!((60_000..=LONGEST).contains(&at), "{at}");
    }
    ends::<Standard>(Failure::Stalled);
    ends::<NoClock>(Failure::Stalled);
    ends::<NoDuplex>(Failure::Stalled);
    ends::<NoResumes>(Failure::Stalled);
    ends::<NoStalls>(Failure::TimedOut);
}
