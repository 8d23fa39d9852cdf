//! Two machines, their stores, and the lines between them.

use tinyferry_kit::session_number;

use super::*;

pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;
pub(super) const ENDS: [usize; 2] = [CLIENT, SERVER];
pub(super) const NAMES: [&str; 2] = ["client", "server"];
/// The longest wait before a question is repeated, in ms: who waits longer only listens.
pub(super) const LONGEST: Millis = 5_000;
/// Events after which a continuation counts as endless.
pub(super) const ENDLESS: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum At {
    Receives,
    Exchanges,
    Over,
}

#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) session: Peer,
    pub(super) store: Memory,
    /// Whether it never reads while it writes.
    pub(super) half_duplex: bool,
    pub(super) at: At,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) ends: [Machine; 2],
    /// The frames on their way to each end.
    pub(super) lines: [VecDeque<Rc<[u8]>>; 2],
    pub(super) now: Millis,
    pub(super) faults: u8,
    pub(super) reboots: u8,
    pub(super) outages: u8,
    /// The job at hand, as an index.
    pub(super) job: usize,
    /// Sessions begun.
    pub(super) sessions: u32,
    /// The server knows nothing of the session any more: the client may find nobody.
    pub(super) forgotten: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The next frame comes in.
    Deliver(usize),
    /// It comes in and comes again.
    Double(usize),
    Lose(usize),
    /// Only its first half comes in.
    CutShort(usize),
    /// The end writes on before it reads.
    Write(usize),
    /// The time runs out for which the end waits.
    Timeout(usize),
    Reboot(usize),
    /// The stream ends at both ends; frames on their way still arrive, or do not.
    Hangup {
        arrives: bool,
    },
    /// The line carries nothing until the server gives up.
    Outage,
    /// The line carries nothing until the client gives up.
    GiveUp,
}

pub(super) type Wrong = String;

/// Where in time canonical worlds are: far from where clocks wrap around.
pub(super) const ORIGIN: Millis = 1 << 30;

impl World {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let machine = |end: usize| Machine {
            session: Peer::server(scenario.configs[end]),
            store: scenario.stores[end].clone(),
            half_duplex: scenario.configs[end].half_duplex,
            at: At::Over,
        };
        let mut world = Self {
            ends: [machine(CLIENT), machine(SERVER)],
            lines: [VecDeque::new(), VecDeque::new()],
            now: ORIGIN,
            faults: scenario.faults,
            reboots: scenario.reboots,
            outages: scenario.outages,
            job: 0,
            sessions: 0,
            forgotten: false,
        };
        world.restart(scenario).expect("a client can begin");
        world.settle(SERVER);
        world
    }

    /// A new session of the client, with the job at hand.
    pub(super) fn restart(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        self.sessions += 1;
        let number = 0xC0FF_EE00 + self.sessions;
        self.ends[CLIENT].session = Peer::client(session_number(number), scenario.configs[CLIENT]);
        self.forgotten = false;
        self.begin(scenario.jobs[self.job])
    }

    pub(super) fn begin(&mut self, job: Job) -> Result<(), Wrong> {
        let now = Some(self.now);
        let Machine { session, store, .. } = &mut self.ends[CLIENT];
        store.refused.clear();
        store.answers.clear();
        match job {
            Job::Put(path) => store.queue_file(path),
            Job::PutTree(path) => store.queue_tree(path),
            Job::Operate(tree) => queue_operations(store, tree),
            _ => {}
        }
        session.resume(now);
        session.begin(job.task()).map_err(|failure| format!("it may not begin: {failure}"))?;
        self.settle(CLIENT);
        Ok(())
    }

    /// Runs an end as long as it needs nothing from outside.
    pub(super) fn settle(&mut self, end: usize) {
        let now = Some(self.now);
        for _ in 0..100_000 {
            let Machine { session, store, half_duplex, at } = &mut self.ends[end];
            match session.poll() {
                Step::Transmit(out) => {
                    let count = out.len();
                    self.lines[1 - end].push_back(Rc::from(out));
                    session.transmitted(count, now);
                }
                Step::Storage(request) => {
                    let reply = answer(store, request);
                    session.answered(reply, now);
                }
                Step::Exchange { out, .. } if *half_duplex => {
                    let count = out.len();
                    if count > 0 {
                        self.lines[1 - end].push_back(Rc::from(out));
                    }
                    session.transmitted(count, now);
                }
                Step::Pause => session.transmitted(0, now),
                Step::Text(_) => session.text_taken(),
                Step::Receive(_) => return *at = At::Receives,
                Step::Exchange { .. } => return *at = At::Exchanges,
                Step::Over(_) => return *at = At::Over,
            }
        }
        panic!("the {} never waits", NAMES[end]);
    }

    /// Hands bytes to an end, as it takes them.
    pub(super) fn feed(&mut self, end: usize, mut bytes: &[u8]) {
        let now = Some(self.now);
        while !bytes.is_empty() {
            self.settle(end);
            let session = &mut self.ends[end].session;
            let (Step::Receive(into) | Step::Exchange { into, .. }) = session.poll() else {
                return;
            };
            let count = bytes.len().min(into.len());
            assert!(count > 0, "a step must lend at least one byte");
            into[..count].copy_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
            session.received(count, now);
        }
        self.settle(end);
    }

    pub(super) fn write(&mut self, end: usize) {
        let now = Some(self.now);
        let session = &mut self.ends[end].session;
        if let Step::Exchange { out, .. } = session.poll() {
            let count = out.len();
            if count > 0 {
                self.lines[1 - end].push_back(Rc::from(out));
            }
            session.transmitted(count, now);
        }
        self.settle(end);
    }

    /// How long an end waits, where it does not wait for ever.
    pub(super) fn wait(&self, end: usize) -> Option<Millis> {
        let left = self.ends[end].session.deadline()?.wrapping_sub(self.now);
        Some(if left < 1 << 31 { left } else { 0 })
    }

    /// Whether an end waits for an answer, or for the rest of a frame, and not for any frame.
    pub(super) fn asks(&self, end: usize) -> bool {
        let rests = self.ends[end].session.is_idle();
        self.wait(end).is_some_and(|wait| wait <= LONGEST && !rests)
    }

    pub(super) fn time_out(&mut self, end: usize) {
        self.now = self.now.wrapping_add(self.wait(end).unwrap_or(0));
        self.ends[end].session.timed_out(Some(self.now));
        self.settle(end);
    }

    pub(super) fn arrives(&self, end: usize) -> bool {
        self.ends[end].at != At::Over && !self.lines[end].is_empty()
    }

    /// Whether nothing happens any more but that time passes.
    pub(super) fn is_quiet(&self) -> bool {
        ENDS.iter().all(|end| !self.arrives(*end) && self.ends[*end].at != At::Exchanges)
    }

    /// Whether an end's time runs out with nothing else to come before.
    pub(super) fn is_due(&self, end: usize) -> bool {
        let first = ENDS.into_iter().filter_map(|end| self.wait(end)).min();
        self.is_quiet() && self.wait(end).is_some_and(|wait| Some(wait) == first)
    }

    /// The end whose time runs out first.
    pub(super) fn first(&self) -> Option<usize> {
        ENDS.into_iter().filter(|end| self.wait(*end).is_some()).min_by_key(|end| self.wait(*end))
    }

    /// The same world at [`ORIGIN`], without the fields that can influence nothing any more.
    pub(super) fn canonical(&self) -> Self {
        let mut same = self.clone();
        for end in &mut same.ends {
            end.session = end.session.canonical(self.now, ORIGIN);
        }
        same.now = ORIGIN;
        same
    }

    /// All that influences the events, as 128 bits.
    pub(super) fn fingerprint(&self) -> u128 {
        let mut hashers = Hashers::default();
        let Self { ends, lines, now, faults, reboots, outages, job, sessions, forgotten } = self;
        for Machine { session, store, half_duplex, at } in ends {
            let session = session.canonical(*now, ORIGIN);
            (session, store, half_duplex, at).hash(&mut hashers);
        }
        (lines, faults, reboots, outages, job, sessions, forgotten).hash(&mut hashers);
        hashers.both()
    }
}
