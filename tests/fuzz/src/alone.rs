//! One session against a peer, a driver and a store that follow the script.

mod outline;
mod reply;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Reply, Request};
use tinyferry_core::{Config, GetRequest, Session, Step, Task};
use tinyferry_kit::{File, Memory, content, session_number};

use self::outline::outline;
use self::reply::{accepted, any_reply, entry};
use crate::Weak;
use crate::script::Script;
use crate::watched::Watched;

/// Steps after the script has ended; a session that takes more does not end.
const TAIL: u32 = 50_000;

/// A server.
pub fn server(data: &[u8]) {
    let mut script = Script::new(data);
    let setup = script.front::<8>();
    let session = Session::server(config(setup));
    Alone::new(session, script, setup).run(None);
}

/// A client, and its first task.
pub fn client(data: &[u8]) {
    let mut script = Script::new(data);
    let setup = script.front::<8>();
    let session = Session::client(session_number(0x1234_5678), config(setup));
    Alone::new(session, script, setup).run(Some(setup[5]));
}

fn config([flags, block, chunk, credit, more, ..]: [u8; 8]) -> Config {
    let mut config = Config::RELIABLE
        .lossy(flags & 1 != 0)
        .half_duplex(flags & 2 != 0)
        .may_close(flags & 4 != 0)
        .sha256(flags & 8 != 0)
        .handshake_timeout(if more & 16 != 0 { 3000 } else { 0 })
        .idle_timeout(if more & 16 != 0 { 3000 } else { 0 })
        .timeout(1000)
        .block(block & 3)
        .chunk(1024 - u16::from(chunk) * 4)
        .credit(if credit == 0 { 128 } else { u16::from(credit) * 128 >> (credit % 8) });
    config.refuse = (more & 15 == 15).then_some(Reason::Busy);
    config
}

/// Files of all sizes that matter, and parts of some.
fn memory(flags: u8) -> Memory {
    let mut memory = Memory::with([
        ("f", content(2600, 1)),
        ("t/a", content(300, 2)),
        ("t/b", Vec::new()),
        ("t/c", content(1024, 3)),
    ]);
    memory.directories.insert("t/d".into());
    memory.files.insert("in".into(), File::new(content(600, 4)));
    memory.partials.insert("new".into(), content(3000, 5));
    memory.in_order = flags & 1 != 0;
    memory.unsized_offers = flags & 2 != 0;
    memory.shrinks = flags & 4 != 0;
    memory.sums = flags & 32 != 0;
    if flags & 8 != 0 {
        memory.broken.insert("t/a".into(), Reason::NoPermission);
    }
    if flags & 16 != 0 {
        memory.step = 100;
    }
    memory
}

struct Alone<'a> {
    session: Session<Weak>,
    script: Script<'a>,
    store: Watched,
    /// `None`: a driver without a clock.
    now: Option<u32>,
    /// Whether the stream ends when the peer has said all; else it is silent.
    closes: bool,
    tail: u32,
}

impl<'a> Alone<'a> {
    fn new(session: Session<Weak>, script: Script<'a>, setup: [u8; 8]) -> Self {
        let clock = u32::from_le_bytes([setup[7]; 4]);
        Self {
            session,
            script,
            store: Watched::new(memory(setup[6])),
            now: (setup[4] & 32 == 0).then_some(clock),
            closes: setup[4] & 64 == 0,
            tail: 0,
        }
    }

    fn run(mut self, task: Option<u8>) {
        self.session.resume(self.now);
        if let Some(task) = task
            && !self.begin(task)
        {
            return;
        }
        while self.step() {
            if self.script.is_over() {
                self.tail += 1;
                assert!(self.tail < TAIL, "it does not end");
            }
        }
    }

    fn begin(&mut self, task: u8) -> bool {
        let (tree, names_only) = (task & 8 != 0, task & 16 != 0);
        let path = if tree { "t" } else { "new" };
        let task = match task & 7 {
            0 => {
                self.store.memory.queue_file("f");
                Task::Put
            }
            1 => {
                self.store.memory.queue_tree("t");
                Task::Put
            }
            2..=4 => Task::Get(GetRequest { tree, names_only, ..GetRequest::file(path) }),
            5 => Task::Close,
            6 => Task::Get(GetRequest {
                path: &"a long name/".repeat(80)[..959],
                tree,
                names_only,
                options: None,
            }),
            _ => Task::Ping,
        };
        self.store.begin();
        self.session.begin(task).is_ok()
    }

    /// Whether there is another step.
    fn step(&mut self) -> bool {
        let first = outline(&self.session.poll());
        let facts = |session: &Session<Weak>| {
            (session.deadline(), session.is_idle(), session.number(), session.message().len())
        };
        let before = facts(&self.session);
        assert_eq!(first, outline(&self.session.poll()), "asked again it is another step");
        assert_eq!(before, facts(&self.session));
        assert!(first.2 > 0, "a step must lend at least one byte: {}", first.0);
        let decision = self.script.decide();
        let low = decision & 15;
        match decision >> 4 {
            2 => self.pass(1 << low),
            3 => {
                self.pass(1 << low);
                self.session.timed_out(self.now);
                return true;
            }
            4 => {
                self.wait();
                return true;
            }
            15 => {
                let input = self.script.ahead(usize::from(low) * 300);
                let taken = self.session.take_input(input, &mut self.store, self.now);
                assert!(taken <= input.len());
                self.script.pass(taken);
            }
            5 => {
                let reply = any_reply(&mut self.script);
                let mut lie = reply;
                if let (0 | 1 | 4.., Step::Storage(request)) = (low, self.session.poll()) {
                    // The store has done it, and the driver does not say so.
                    lie = self.store.answer(request, (low > 3).then_some(reply));
                }
                match low {
                    0 => self.session.received(0, self.now),
                    1 => self.session.transmitted(1, self.now),
                    2 => self.session.resume(self.now),
                    3 => drop(self.session.begin(Task::Ping)),
                    _ => self.session.answered(lie, self.now),
                }
                return true;
            }
            _ => {}
        }
        // How many bytes are moved of those that could be.
        let count = |able: usize| match decision >> 4 {
            1 => able.min(usize::from(low) + 1),
            6 => able + 1 + usize::from(low) * 1000,
            7 if low == 0 => 0,
            7 => usize::MAX,
            _ => able,
        };
        match self.session.poll() {
            Step::Receive(into) => {
                assert!(into.len() <= 1036);
                let most = count(into.len());
                let lent = into.len();
                let able = self.script.read(&mut into[..most.min(lent)]);
                if able == 0 && most > 0 && most <= lent {
                    return self.receive_nothing();
                }
                self.session.received(if most > lent { most } else { able }, self.now);
            }
            Step::Transmit(out) => {
                assert!(out.len() <= 1036);
                let count = count(out.len());
                self.session.transmitted(count, self.now);
            }
            Step::Exchange { out, into } => {
                assert!(out.len() <= 1036 && into.len() <= 1036 && !into.is_empty());
                let reads = decision >> 4 == 8 || out.is_empty();
                let able = if reads { into.len().min(usize::from(low) + 1) } else { 0 };
                let able = self.script.read(&mut into[..able]);
                let count = count(out.len());
                if able > 0 {
                    self.session.received(able, self.now);
                } else {
                    self.session.transmitted(count, self.now);
                }
            }
            Step::Pause => self.session.transmitted(0, self.now),
            Step::Text(_) => self.session.text_taken(),
            Step::Storage(request) => {
                let is_fair = !matches!(decision >> 4, 6 | 7 | 9..);
                let reply = match (&request, decision >> 4) {
                    _ if is_fair => None,
                    (Request::Load { holes: true, .. }, 7) => {
                        Some(Reply::Hole(self.script.number()))
                    }
                    (Request::StoreZeros { length, .. }, 6 | 7) => {
                        Some(Reply::Moved(count(usize::try_from(*length).unwrap_or(0))))
                    }
                    (Request::Load { into, .. }, 6 | 7) => Some(Reply::Moved(count(into.len()))),
                    (Request::Store { bytes, .. }, 6 | 7) => Some(Reply::Moved(count(bytes.len()))),
                    (Request::Offer(_), 6..=12) => {
                        Some(Reply::Accepted(accepted(&mut self.script)))
                    }
                    (Request::Next { .. }, 6..=12) => Some(Reply::Entry(entry(&mut self.script))),
                    (_, 13) => Some(any_reply(&mut self.script)),
                    _ => Some(Reply::Refused(Reason::from_code(u16::from(low) + 3))),
                };
                let reply = self.store.answer(request, reply);
                self.session.answered(reply, self.now);
            }
            Step::Over(_) => {
                self.store.assert_closed();
                if self.script.is_over() {
                    return false;
                }
                let task = self.script.decide();
                return self.begin(task);
            }
        }
        true
    }

    fn pass(&mut self, milliseconds: u32) {
        self.now = self.now.map(|now| now.wrapping_add(milliseconds));
    }

    /// The peer has nothing to say.
    fn receive_nothing(&mut self) -> bool {
        if self.closes {
            self.session.received(0, self.now);
            return true;
        }
        self.wait()
    }

    /// Nothing comes until the deadline.
    fn wait(&mut self) -> bool {
        let deadline = self.session.deadline();
        if let (Some(_), Some(deadline)) = (self.now, deadline) {
            self.now = Some(deadline);
        }
        self.session.timed_out(self.now);
        deadline.is_some()
    }
}
