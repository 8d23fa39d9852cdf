//! The same profiles over full-duplex lines, in virtual time: with a clock at the other end, with faults,
//! and with slow stores.

use std::fmt::Debug;

use tinyferry_core::store::{Accepted, Deferral, Offer};
use tinyferry_core::wire::SIGNAL_LEN;
use tinyferry_kit::{End, Faults, Pair, session_number};

use super::*;

const NUMBER: u32 = 0xC0FF_EE01;
const SIZE: usize = 24_000;
const PREFIX: usize = 12 * 1024;
const MILLISECOND: u64 = 1_000_000;

/// Remembers where each offer may begin, and where it does.
#[derive(Debug, Clone)]
pub(super) struct Offers {
    pub(super) memory: Memory,
    pub(super) begins: Vec<(u64, u64)>,
}

impl Offers {
    pub(super) fn of(memory: Memory) -> Self {
        Self { memory, begins: Vec::new() }
    }
}

impl Store for Offers {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(&mut self.memory)
    }

    // An offer reaches this store and not the one inside.
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        None
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let accepted = self.memory.offer(offer)?;
        self.begins.push((offer.resume, accepted.prefix));
        Ok(accepted)
    }
}

/// The lines between two ends.
#[derive(Debug, Clone, Copy)]
struct Lines {
    seed: u64,
    faults: Faults,
    /// Milliseconds that each call of a store takes.
    work: u64,
    /// The number of bytes that the drivers keep in a buffer of their own.
    ahead: usize,
}

impl Lines {
    fn all(config: Config) -> Vec<Self> {
        let perfect = Self { seed: 1, faults: Faults::default(), work: 0, ahead: 0 };
        let slow = Self { seed: 2, work: 40, ..perfect };
        let mut lines = vec![perfect, slow, Self { ahead: 4096, ..perfect }];
        if config.lossy {
            let faults = Faults { flip: 2e-6, drop: 3e-5, insert: 3e-5, ..Faults::default() };
            lines.extend((3..6).map(|seed| Self { seed, faults, ..perfect }));
        }
        lines
    }

    fn pair<C: Profile, S: Profile>(
        self,
        config: Config,
        clocks: [bool; 2],
        [client, server]: [Offers; 2],
    ) -> Pair<End<Offers, C>, End<Offers, S>> {
        let mut client = End::of(Session::<C>::client(session_number(NUMBER), config), client);
        let mut server = End::of(Session::<S>::server(config), server);
        [client.has_clock, server.has_clock] = clocks;
        client.work = self.work * MILLISECOND;
        server.work = self.work * MILLISECOND;
        (client.ahead, server.ahead) = (self.ahead, self.ahead);
        let mut pair = Pair::of(client, server).serial(921_600, self.seed).delayed(3);
        for line in [&mut pair.up, &mut pair.down] {
            line.faults = self.faults;
            line.room = 4096;
            line.record = Some(Vec::new());
        }
        pair
    }
}

/// A run, with the values that the tests of one profile assert beyond the file.
struct Moved {
    puts: bool,
    /// Where the first offer may begin, and where it does.
    begins: (u64, u64),
    partial: Partial,
    /// The bytes that the client and the server have sent.
    sent: [Vec<u8>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partial {
    None,
    Good,
    Bad,
}

impl Partial {
    fn put_into(self, memory: &mut Memory) {
        let bytes = match self {
            Self::None => return,
            Self::Good => content(SIZE, 2)[..PREFIX].to_vec(),
            Self::Bad => vec![7; PREFIX],
        };
        memory.partials.insert("f".into(), bytes);
    }
}

/// Puts and gets a file over each kind of line. Each receiver has no part of it, a good one or a bad one.
fn moves<C, S>(config: Config, clocks: [bool; 2], check: impl Fn(&Moved))
where
    C: Profile + Clone + Debug,
    S: Profile + Clone + Debug,
{
    let source = || Memory::with([("f", content(SIZE, 2))]);
    for lines in Lines::all(config) {
        for partial in [Partial::None, Partial::Good, Partial::Bad] {
            for puts in [true, false] {
                let (mut here, mut there) = match puts {
                    true => (source(), Memory::default()),
                    false => (Memory::default(), source()),
                };
                here.queue_file("f");
                partial.put_into(if puts { &mut there } else { &mut here });
                let stores = [here, there].map(Offers::of);
                let mut pair = lines.pair::<C, S>(config, clocks, stores);
                let result = pair.run(if puts { Task::Put } else { GET });
                let run = format!("{config:?} {lines:?} {clocks:?} {partial:?}, puts {puts}");
                let outcome = result.expect(&run).unwrap_or_else(|error| panic!("{run}: {error}"));
                assert_eq!(outcome.refused, 0, "{run}");
                let [client, server] = [&pair.client.store, &pair.server.store];
                assert_eq!(client.memory.files, server.memory.files, "{run}");
                assert!(client.memory.bytes("f") == Some(&content(SIZE, 2)), "{run}");
                let begins = if puts { &server.begins } else { &client.begins };
                let sent =
                    [&pair.up, &pair.down].map(|line| line.record.clone().expect("it is recorded"));
                check(&Moved { puts, begins: begins[0], partial, sent });
            }
        }
    }
}

/// The same on both kinds of links, with the profile at either end. The end that can do all has a clock; the
/// other one has it or not.
fn moves_at_either_end<P>(check: impl Fn(&Moved, bool))
where
    P: Profile + Clone + Debug,
{
    for config in [Config::RELIABLE, Config::LOSSY] {
        for has_clock in [true, false] {
            moves::<P, Standard>(config, [has_clock, true], |run| check(run, true));
            moves::<Standard, P>(config, [true, has_clock], |run| check(run, false));
        }
    }
}

/// The signals of this code that an end has sent. No chunk of these tests contains the code.
fn count(sent: &[u8], code: &[u8; 3]) -> usize {
    sent.windows(SIGNAL_LEN).filter(|bytes| bytes.starts_with(code)).count()
}

/// Where a part of the file may be resumed, it is.
fn resumes(run: &Moved) {
    let prefix = if run.partial == Partial::None { 0 } else { PREFIX as u64 };
    let most = SIZE as u64;
    assert!(run.begins.0 > 0 && run.begins.0 <= most, "{:?}", run.begins);
    assert_eq!(run.begins.1, prefix);
}

#[test]
fn a_build_without_clock_moves_files_to_and_from_an_end_with_one() {
    moves_at_either_end::<NoClock>(|run, _| resumes(run));
}

#[test]
fn a_build_without_duplex_moves_files_to_and_from_a_duplex_end() {
    moves_at_either_end::<NoDuplex>(|run, is_client| {
        resumes(run);
        let [client, server] = &run.sent;
        let hello = if is_client { client } else { server };
        let hello = hello.first_chunk().expect("a hello");
        let hello = Signal::parse::<Small>(0, hello).expect("a hello").as_hello();
        assert!(hello.half_duplex);
    });
}

#[test]
fn a_build_without_stalls_moves_files_to_and_from_an_end_that_detects_them() {
    moves_at_either_end::<NoStalls>(|run, _| resumes(run));
}

#[test]
fn a_build_without_resumes_sends_and_receives_each_file_from_its_begin() {
    moves_at_either_end::<NoResumes>(|run, is_client| {
        assert_eq!(run.begins, (0, 0), "{is_client}");
        // The whole file is on the line.
        let [client, server] = &run.sent;
        let sent = if run.puts { client } else { server };
        assert!(sent.len() > SIZE, "{}", sent.len());
    });
}

#[test]
fn the_smallest_build_moves_files_to_and_from_one_that_can_do_all() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for has_clock in [true, false] {
            moves::<Standard, Smallest>(config, [true, has_clock], |run| {
                assert_eq!(run.begins, (0, 0));
            });
        }
    }
}

/// The keepalives of a server whose store is busy for 80 s, as the client sees them.
fn keepalives<S: Profile + Clone + Debug>(config: Config, has_clock: bool) -> usize {
    let mut here = Memory::with([("f", content(3000, 2))]);
    here.queue_file("f");
    let mut there = Memory::default();
    there.busy = 400;
    let client = End::of(Session::<Standard>::client(session_number(NUMBER), config), here);
    let mut server = End::of(Session::<S>::server(config), there);
    server.has_clock = has_clock;
    server.wait = 100 * MILLISECOND;
    let mut pair = Pair::of(client, server).delayed(3);
    pair.down.record = Some(Vec::new());
    let result = pair.run(Task::Put).expect("it ends");
    assert!(result.is_ok(), "{config:?} {has_clock} {result:?}");
    assert!(pair.server.store.bytes("f") == Some(&content(3000, 2)));
    count(&pair.down.record.expect("it is recorded"), b"PON")
}

#[test]
fn a_build_without_clock_sends_no_keepalive_and_still_answers_queries() {
    for has_clock in [true, false] {
        let with = keepalives::<Standard>(Config::RELIABLE, true);
        let without = keepalives::<NoClock>(Config::RELIABLE, has_clock);
        assert!(with > 5 && without <= 2, "{with} {without}");
        // On a lossy link the client asks.
        assert!(keepalives::<NoClock>(Config::LOSSY, has_clock) > 2);
    }
}
