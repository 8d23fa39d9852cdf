//! A client of the core and a server, over two lines, in virtual time.

use tinyferry_core::error::Failure;
use tinyferry_core::{Config, Millis, Outcome, Session, Task};
use tinyferry_kit::{Faults, Input, Line, Memory, Port, Progress, perform, session_number};
use tinyferry_tiny::{Server, Step};

const CLEAN: Faults = Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };

/// Noisy lines: each kind of fault, and all of them.
pub(crate) const NOISES: [Faults; 6] = [
    Faults { flip: 1e-4, ..CLEAN },
    Faults { drop: 1e-3, ..CLEAN },
    Faults { insert: 1e-3, ..CLEAN },
    Faults { double: 1e-3, ..CLEAN },
    Faults { burst: 2e-4, ..CLEAN },
    Faults { flip: 2e-5, drop: 2e-4, insert: 2e-4, double: 2e-4, burst: 2e-5 },
];

const MILLISECOND: u64 = 1_000_000;
const SILENCE: u64 = 20 * MILLISECOND;

/// The two lines and the time.
pub(crate) struct World {
    pub(crate) up: Line,
    pub(crate) down: Line,
    pub(crate) now: u64,
    /// Bytes that the server reads at once.
    pub(crate) read: usize,
    /// When the last byte came, or the last silence was reported.
    heard_at: u64,
    /// Bytes of the server that the line had no room for.
    unwritten: Vec<u8>,
}

struct Wire<'a>(&'a mut World);

impl Port for Wire<'_> {
    fn now(&self) -> Option<Millis> {
        Some((self.0.now / MILLISECOND) as u32)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        match self.0.down.read(self.0.now, into) {
            0 => Input::Nothing,
            count => Input::Bytes(count),
        }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        self.0.up.write(self.0.now, out)
    }
}

/// A client that puts this image.
pub(crate) fn client(number: u32, config: Config, image: &[u8]) -> (Session, Memory) {
    let mut store = Memory::with([("image", image.to_vec())]);
    store.queue_file("image");
    (Session::client(session_number(number), config), store)
}

impl World {
    /// Perfect lines.
    pub(crate) fn new() -> Self {
        let (up, down) = (Line::perfect(1), Line::perfect(2));
        Self { up, down, now: 0, read: usize::MAX, heard_at: 0, unwritten: Vec::new() }
    }

    /// Serial lines of 115,200 baud.
    pub(crate) fn serial(seed: u64) -> Self {
        let (up, down) = (Line::serial(115_200, seed * 2), Line::serial(115_200, seed * 2 + 1));
        Self { up, down, ..Self::new() }
    }

    /// Runs the task of the client until it is over.
    pub(crate) fn run<F, S: Server<F>>(
        &mut self,
        (client, files): (&mut Session, &mut Memory),
        task: Task<'_>,
        server: &mut S,
        image: &mut F,
    ) -> Result<Outcome, Failure> {
        client.begin(task)?;
        client.resume(Some((self.now / MILLISECOND) as u32));
        for _ in 0..20_000_000u64 {
            let progress = perform(client, files, &mut Wire(self));
            let is_moved = self.step(server, image);
            let room = self.up.writable_at().max(self.now + 1);
            let until = match progress {
                Progress::Over(result) => return result,
                Progress::Moved => continue,
                _ if is_moved => continue,
                Progress::AwaitsInput => self.down.readable_at(),
                Progress::AwaitsRoom { reads: false } => Some(room),
                Progress::AwaitsRoom { reads: true } => {
                    self.down.readable_at().into_iter().chain([room]).min()
                }
                Progress::AwaitsStore => panic!("the store of the client works at once"),
            };
            let deadline = client.deadline().map(|deadline| {
                let left = deadline.wrapping_sub((self.now / MILLISECOND) as u32);
                let left = if left < 1 << 31 { u64::from(left) } else { 0 };
                (self.now / MILLISECOND + left.max(1)) * MILLISECOND
            });
            let next = [until, deadline, self.server_until()];
            self.now = next.into_iter().flatten().min().expect("a deadline").max(self.now);
            if deadline == Some(self.now) && self.down.readable_at().is_none_or(|at| at > self.now)
            {
                client.timed_out(Some((self.now / MILLISECOND) as u32));
            }
        }
        panic!("it does not end");
    }

    /// When the server has something to do.
    fn server_until(&self) -> Option<u64> {
        if !self.unwritten.is_empty() {
            return Some(self.down.writable_at().max(self.now + 1));
        }
        Some(self.up.readable_at().unwrap_or(u64::MAX).min(self.heard_at + SILENCE))
    }

    /// One step of the server; whether there may be another one at once.
    fn step<F, S: Server<F>>(&mut self, server: &mut S, image: &mut F) -> bool {
        if !self.unwritten.is_empty() {
            let count = self.down.write(self.now, &self.unwritten);
            self.unwritten.drain(..count);
            return count > 0;
        }
        match server.poll(image) {
            Step::Transmit(bytes) => self.unwritten.extend_from_slice(bytes),
            Step::Broken => panic!("no byte is damaged on a reliable link"),
            Step::Receive(into) => {
                let most = into.len().min(self.read);
                assert!(most > 0, "there is always room");
                let count = self.up.read(self.now, &mut into[..most]);
                if count > 0 {
                    server.received(count);
                } else if self.now >= self.heard_at + SILENCE {
                    server.silence();
                } else {
                    return false;
                }
                self.heard_at = self.now;
                return count > 0;
            }
        }
        true
    }
}
