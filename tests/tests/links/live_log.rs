//! A log that grows by a line every two seconds is followed for an hour, in virtual time.

use tinyferry_core::store::Entry;
use tinyferry_core::{Config, Reason, Session, Store, Task};
use tinyferry_kit::{End, Memory, Pair, Pipes, session_number};

const SECOND: u64 = 1_000_000_000;
/// A store that is not ready is asked again this often, in milliseconds.
const PAUSE: u64 = 10;
/// The questions in two seconds.
const POLLS: usize = 200;
const LINES: usize = 1_800;
/// The longest silence of an end that waits, in nanoseconds.
const LIFE_SIGN: u64 = 2 * SECOND + SECOND / 10;

/// The log of a device.
#[derive(Default)]
struct Log {
    content: Vec<u8>,
    lines: usize,
    polls: usize,
    /// Everything before was loaded.
    loaded: usize,
    /// The largest distance of a repeated load from the end of the loaded content.
    back: usize,
    is_next: bool,
}

impl Store for Log {
    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        self.is_next = path == "log" && !tree;
        if self.is_next { Ok(()) } else { Err(Reason::NotFound) }
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if !std::mem::take(&mut self.is_next) {
            return Ok(None);
        }
        path[..3].copy_from_slice(b"log");
        Ok(Some(Entry { size: None, ..Entry::file(3, 0) }))
    }

    fn has_more(&mut self) -> bool {
        self.loaded < self.content.len() || self.lines == LINES
    }

    fn is_ready(&mut self) -> bool {
        if self.loaded < self.content.len() || self.lines == LINES {
            return true;
        }
        self.polls += 1;
        if self.polls < POLLS {
            return false;
        }
        self.polls = 0;
        self.lines += 1;
        self.content.extend(format!("line {}: 21 degrees\n", self.lines).bytes());
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
}

/// R10, R76, R78.
#[test]
fn a_log_that_grows_by_a_line_every_two_seconds_is_followed_for_an_hour() {
    let config = Config::RELIABLE;
    let client = Session::<Pipes>::client(session_number(0xC0FF_EE01), config);
    let client = End::of(client, Memory::default());
    let server = End::of(Session::<Pipes>::server(config), Log::default());
    let mut pair = Pair::of(client, server);
    pair.server.wait = PAUSE * SECOND / 1000;
    pair.limit = 10_000 * SECOND;
    pair.run(Task::get_file("log")).expect("it ends").expect("it succeeds");
    let log = &pair.server.store;
    assert_eq!(pair.client.store.bytes("log"), Some(&log.content[..]));
    assert!(pair.now >= 3_500 * SECOND, "{} ns", pair.now);
    assert!(pair.down.silence <= LIFE_SIGN, "{} ns", pair.down.silence);
    // Each line comes at once.
    assert!(pair.down.frames >= LINES, "{} frames", pair.down.frames);
    assert_eq!(log.back, 0);
}
