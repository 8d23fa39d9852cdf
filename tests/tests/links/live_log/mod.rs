//! A log that grows while it is sent: its lines come at once, on reliable and on lossy links, in virtual time.

use std::collections::VecDeque;

use tinyferry_core::store::{Accepted, Entry, Offer, RequestOptions};
use tinyferry_core::{Config, GetRequest, Reason, Session, Store, Task};
use tinyferry_kit::{End, Faults, Pair, Pipes, session_number};

mod faults;
mod refusals;
mod silence;

const SECOND: u64 = 1_000_000_000;
/// The questions in two seconds.
const POLLS: usize = 200;
const LINES: usize = 1_800;
/// The longest silence of an end that waits, in nanoseconds.
const LIFE_SIGN: u64 = 2 * SECOND + SECOND / 10;

/// The log of a device. It grows while it is followed.
#[derive(Debug, Clone, Default)]
struct Log {
    content: Vec<u8>,
    /// The parts that come later: each after this number of questions without content.
    later: VecDeque<(usize, Vec<u8>)>,
    polls: usize,
    /// Everything before was loaded.
    loaded: usize,
    /// The largest distance of a repeated load from the end of the loaded content.
    back: usize,
    is_next: bool,
    /// Whether the transfer ended early.
    is_abandoned: bool,
}

impl Log {
    /// A line every two seconds, for `lines` lines.
    fn of_lines(lines: usize) -> Self {
        let line = |number| format!("line {number}: 21 degrees\n").into_bytes();
        Self::of_parts((1..=lines).map(|number| (POLLS, line(number))))
    }

    fn of_parts(parts: impl Iterator<Item = (usize, Vec<u8>)>) -> Self {
        Self { later: parts.collect(), ..Self::default() }
    }

    /// The whole log.
    fn whole(&self) -> Vec<u8> {
        let later = self.later.iter().flat_map(|(_, part)| part);
        self.content.iter().chain(later).copied().collect()
    }
}

impl Store for Log {
    fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        if options.follow { Ok(()) } else { Err(Reason::Unsupported) }
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.is_next = path == "log" && !tree;
        if self.is_next { Ok(()) } else { Err(Reason::NotFound) }
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if !std::mem::take(&mut self.is_next) {
            return Ok(None);
        }
        self.loaded = 0;
        path[..3].copy_from_slice(b"log");
        Ok(Some(Entry { size: None, ..Entry::file(3, 0) }))
    }

    fn has_more(&mut self) -> bool {
        self.loaded < self.content.len() || self.later.is_empty()
    }

    fn is_ready(&mut self) -> bool {
        if self.has_more() {
            return true;
        }
        self.polls += 1;
        if self.later.front().is_some_and(|(polls, _)| *polls > self.polls) {
            return false;
        }
        let part = self.later.pop_front().map(|(_, part)| part).unwrap_or_default();
        self.polls = 0;
        self.content.extend(part);
        true
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let position = position as usize;
        self.back = self.back.max(self.loaded.saturating_sub(position));
        let rest = &self.content[position..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.loaded = self.loaded.max(position + count);
        Ok(count)
    }

    fn abandon(&mut self, _: Reason, _: bool) {
        self.is_abandoned = true;
    }
}

/// A screen: it takes bytes in order, and has no memory of them but its content.
#[derive(Debug, Clone, Default)]
struct Screen {
    content: Vec<u8>,
    /// The bytes that this attempt has brought.
    received: usize,
    /// The number of calls that brought new bytes.
    parts: usize,
    is_whole: bool,
}

impl Store for Screen {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        assert_eq!(offer.size, None);
        self.received = 0;
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        assert_eq!(position as usize, self.received);
        let shown = self.content.len().saturating_sub(self.received).min(bytes.len());
        // Content of an earlier attempt comes again.
        assert_eq!(self.content[self.received..][..shown], bytes[..shown]);
        self.content.extend(&bytes[shown..]);
        self.parts += usize::from(shown < bytes.len());
        self.received += bytes.len();
        Ok(bytes.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.is_whole = true;
        Ok(())
    }
}

type Followed = Pair<End<Screen, Pipes>, End<Log, Pipes>>;

/// The request of a client that follows.
fn follow() -> Task<'static> {
    let options = RequestOptions { follow: true, ..RequestOptions::default() };
    Task::Get(GetRequest::file("log").with(options))
}

fn pair(config: Config, log: Log, screen: Screen, number: u32) -> Followed {
    let client = Session::<Pipes>::client(session_number(number), config);
    let server = Session::<Pipes>::server(config);
    let mut pair = Pair::of(End::of(client, screen), End::of(server, log));
    pair.limit = 20_000 * SECOND;
    pair
}

/// The links that a log is followed over.
fn configs() -> [Config; 4] {
    let lossy = Config::LOSSY;
    [Config::RELIABLE, Config::RELIABLE.half_duplex(true), lossy, lossy.half_duplex(true)]
}

/// R10, R76, R78, R99.
#[test]
fn a_log_that_grows_by_a_line_every_two_seconds_is_followed_for_an_hour() {
    for config in configs() {
        let log = Log::of_lines(LINES);
        let whole = log.whole();
        let mut pair = pair(config, log, Screen::default(), 1);
        pair.run(follow()).expect("it ends").expect("it succeeds");
        assert!(pair.client.store.is_whole && pair.client.store.content == whole);
        assert!(pair.now >= 3_500 * SECOND, "{} ns", pair.now);
        assert!(pair.down.silence <= LIFE_SIGN, "{} ns", pair.down.silence);
        // Each line comes before the next one.
        assert_eq!(pair.client.store.parts, LINES, "{config:?}");
        assert_eq!(pair.server.store.back, 0);
    }
}

/// R99: with noise each line comes before the next one too, and content is loaded again from 97 blocks before the end
/// of the loaded content at most.
#[test]
fn a_log_is_followed_for_an_hour_over_a_noisy_line() {
    for half_duplex in [false, true] {
        let config = Config::LOSSY.half_duplex(half_duplex);
        let log = Log::of_lines(LINES);
        let whole = log.whole();
        let mut pair = pair(config, log, Screen::default(), 1).serial(115_200, 1);
        for line in [&mut pair.up, &mut pair.down] {
            line.faults = Faults { flip: 1e-4, drop: 1e-4, ..Faults::default() };
        }
        pair.run(follow()).expect("it ends").expect("it succeeds");
        assert!(pair.client.store.is_whole && pair.client.store.content == whole);
        assert!(pair.client.store.parts > LINES * 99 / 100, "{} parts", pair.client.store.parts);
        assert!(pair.server.store.back <= 97 * 1024, "{} bytes", pair.server.store.back);
    }
}
