//! Two sessions over a link that follows the script.

mod link;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::store::{Reply, Request};
use tinyferry_core::{Config, GetRequest, Millis, Outcome, Session, Store, Task};
use tinyferry_kit::{
    File, Input, Memory, Port, Progress, Random, Sparse, content, perform, session_number,
};

use self::link::Link;
use crate::script::Script;
use crate::watched::Watched;

/// Steps of both after which they count as stuck.
const MOST: u32 = 3_000_000;

/// One end.
struct End {
    session: Session<Sparse>,
    store: Shared,
    wire: Wire,
}

/// The store of an end: its session asks it for buffered chunks, its port for all else.
#[derive(Clone)]
struct Shared(Rc<RefCell<Watched>>);

impl Store for Shared {
    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.0.borrow_mut().store(position, bytes)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        self.0.borrow_mut().digest(start, position, end)
    }
}

/// The driver's side of an end.
struct Wire {
    store: Shared,
    /// `None`: a driver without a clock.
    clock: Option<Millis>,
    /// Bytes moved at once, at most.
    grain: usize,
    /// Whether its driver never reads while it writes.
    is_half_duplex: bool,
    /// Whether the sessions take chunks from the buffer of the link.
    is_buffered: bool,
    arriving: VecDeque<u8>,
    leaving: Vec<u8>,
    /// The stream to it has ended.
    is_cut: bool,
}

impl Port for Wire {
    fn now(&self) -> Option<Millis> {
        self.clock
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let count = self.arriving.len().min(into.len()).min(self.grain);
        for (to, from) in into.iter_mut().zip(self.arriving.drain(..count)) {
            *to = from;
        }
        match count {
            0 if self.is_cut => Input::End,
            0 => Input::Nothing,
            count => Input::Bytes(count),
        }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        let count = out.len().min(self.grain);
        self.leaving.extend(&out[..count]);
        count
    }

    fn is_half_duplex(&self) -> bool {
        self.is_half_duplex
    }

    fn buffered(&mut self) -> &[u8] {
        if self.is_buffered { self.arriving.make_contiguous() } else { &[] }
    }

    fn consume(&mut self, count: usize) {
        self.arriving.drain(..count);
    }

    fn storage<S: Store + ?Sized>(&mut self, _: &mut S, request: Request<'_>) -> Option<Reply> {
        Some(self.store.0.borrow_mut().answer(request, None))
    }
}

struct Setting {
    is_lossy: bool,
    is_tree: bool,
    is_get: bool,
    is_unsized: bool,
    sizes: [usize; 2],
    refused: u8,
    partials: u8,
    seed: u64,
}

impl Setting {
    const PATHS: [&'static str; 2] = ["t/a", "t/b"];

    /// The sender's store, and the receiver's.
    fn stores(&self) -> (Memory, Memory) {
        let (mut from, mut to) = (Memory::default(), Memory::default());
        from.directories.insert("t".into());
        from.directories.insert("t/empty".into());
        from.unsized_offers = self.is_unsized;
        for (number, (path, size)) in Self::PATHS.into_iter().zip(self.sizes).enumerate() {
            let mut bytes = content(size, self.seed.wrapping_add(number as u64));
            if self.seed % 2 == 1 {
                bytes[size / 4..size * 3 / 4].fill(0);
            }
            let bit = 1 << number;
            if self.refused & bit != 0 {
                to.refuse.insert(path.into(), Reason::NoSpace);
            }
            if self.refused & (bit << 2) != 0 {
                from.broken.insert(path.into(), Reason::NoPermission);
            }
            let part = bytes[..size * 7 / 8].to_vec();
            match self.partials >> (2 * number) & 3 {
                0 => {}
                1 => drop(to.partials.insert(path.into(), part)),
                2 => {
                    let mut wrong = part;
                    wrong.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                    to.partials.insert(path.into(), wrong);
                }
                _ => {
                    let mut other = File::new(bytes.clone());
                    other.bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
                    to.files.insert(path.into(), other);
                }
            }
            from.files.insert(path.into(), File::new(bytes));
        }
        (from, to)
    }

    /// Every file has its old or its new content; all have the new one after success.
    fn check(&self, to: &Memory, outcome: Option<Outcome>) {
        let (from, before) = self.stores();
        for (path, file) in &to.files {
            let is_one = [&from, &before].iter().any(|store| store.files.get(path) == Some(file));
            assert!(is_one, "{path} is a mixture");
        }
        let Some(outcome) = outcome else { return };
        let wanted = if self.is_tree { &Self::PATHS[..] } else { &Self::PATHS[..1] };
        let mut refused = 0;
        for path in wanted {
            if before.refuse.contains_key(*path) || from.broken.contains_key(*path) {
                refused += 1;
                assert_eq!(to.files.get(*path), before.files.get(*path));
            } else {
                assert_eq!(to.files.get(*path), from.files.get(*path), "{path}");
            }
        }
        assert_eq!(outcome.refused, refused);
        assert!(!self.is_tree || to.directories.contains("t/empty"));
    }
}

impl End {
    fn new(session: Session<Sparse>, mut memory: Memory, grain: u8, flags: u8) -> Self {
        memory.in_order = flags & 1 != 0;
        memory.sums = flags & 16 != 0;
        memory.busy = u32::from(flags >> 6);
        memory.sparse = flags & 32 != 0;
        let store = Shared(Rc::new(RefCell::new(Watched::new(memory))));
        let wire = Wire {
            store: store.clone(),
            clock: (flags & 2 == 0).then_some(0),
            grain: if grain == 0 { usize::MAX } else { usize::from(grain) },
            is_half_duplex: flags & 4 != 0,
            is_buffered: flags & 8 != 0,
            arriving: VecDeque::new(),
            leaving: Vec::new(),
            is_cut: false,
        };
        Self { session, store, wire }
    }

    /// Tells the time to a driver with a clock.
    fn tick(&mut self, now: Millis) {
        self.wire.clock = self.wire.clock.map(|_| now);
    }

    fn step(&mut self, now: Millis) -> Progress {
        self.tick(now);
        perform(&mut self.session, &mut self.store, &mut self.wire)
    }
}

/// A client, a server, and the link between them.
pub fn pair(data: &[u8]) {
    let mut script = Script::new(data);
    let [flags, small, units, chunk, grain, other_grain, more, partials] = script.front();
    let [a, b, c, d, seed, ends, other_ends, clock] = script.front();
    let setting = Setting {
        is_lossy: flags & 1 != 0,
        is_tree: flags & 2 != 0,
        is_get: flags & 4 != 0,
        is_unsized: flags & 8 != 0,
        sizes: [usize::from(u16::from_le_bytes([a, b])) % 9000, usize::from(c) * usize::from(d)],
        // A file that both ends refuse counts twice.
        refused: more & 3 | (more & 12 & !(more << 2)),
        partials,
        seed: seed.into(),
    };
    let config = |end: u8| {
        Config::RELIABLE
            .lossy(setting.is_lossy)
            .half_duplex(ends & 4 != 0 || other_ends & 4 != 0)
            .sha256(flags & 16 != 0)
            .block((units >> (4 * end) & 15) % 3)
            .chunk(1024 + u16::from(chunk))
            .credit(if small >> 7 == end { 1 + u16::from(small & 127) } else { 128 })
            .timeout(20_000)
    };
    let (from, to) = setting.stores();
    let (here, there) = if setting.is_get { (to, from) } else { (from, to) };
    let mut client =
        End::new(Session::client(session_number(0x7EA5_0001), config(0)), here, grain, ends);
    let mut server = End::new(Session::server(config(1)), there, other_grain, other_ends);
    let path = if setting.is_tree { "t" } else { Setting::PATHS[0] };
    let task = match (setting.is_get, setting.is_tree) {
        (true, tree) => Task::Get(GetRequest { tree, ..GetRequest::file(path) }),
        (false, true) => {
            client.store.0.borrow_mut().memory.queue_tree(path);
            Task::Put
        }
        (false, false) => {
            client.store.0.borrow_mut().memory.queue_file(path);
            Task::Put
        }
    };
    let mut link = Link {
        script,
        noise: Random::new(seed.into()),
        may_cut: !setting.is_lossy,
        is_damaged: false,
        now: u32::from_le_bytes([clock; 4]),
        start: u32::from_le_bytes([clock; 4]),
    };
    for end in [&mut client, &mut server] {
        end.tick(link.now);
        end.session.resume(end.wire.clock);
    }
    client.session.begin(task).expect("it may");
    let result = link.run(&mut client, &mut server);
    client.store.0.borrow().assert_closed();

    let receiver = if setting.is_get { &client } else { &server };
    let to = &receiver.store.0.borrow().memory;
    let lone_refusal = !setting.is_tree && setting.refused & 5 != 0;
    setting.check(to, result.ok().filter(|_| !lone_refusal));
    match result {
        Ok(_) => assert!(!lone_refusal),
        Err(Failure::Refused(Reason::NoSpace | Reason::NoPermission)) if lone_refusal => {}
        Err(failure) => {
            assert!(link.is_damaged, "without damage: {failure}");
            assert!(
                !setting.is_lossy || matches!(failure, Failure::TimedOut | Failure::Stalled),
                "on noise: {failure}"
            );
        }
    }
    let is_busy = (ends | other_ends) >> 6 > 0;
    assert!(link.is_damaged || is_busy || link.now == link.start, "it waited for a timer");
}
