//! A search through what two machines can do to each other: every order of events, with a few
//! frames lost, doubled or cut short, late answers, reboots and cut streams on the way.
//!
//! Frames travel whole, and time passes only where an end waits. A state is what both machines,
//! both stores and both lines hold, without the time. In every state what is in place must be
//! whole, and from every state the work must end well once nothing more goes wrong.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Instant;

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::machine::{Millis, Outcome, Step};
use tinyferry_core::store::answer;
use tinyferry_core::{Config, Session, Task};
use tinyferry_tests::{File, Memory, content};

const CLIENT: usize = 0;
const SERVER: usize = 1;
const ENDS: [usize; 2] = [CLIENT, SERVER];
const NAMES: [&str; 2] = ["client", "server"];
/// The longest wait before a question is repeated, in ms: who waits longer only listens.
const LONGEST: Millis = 5_000;
/// Events after which a continuation counts as endless.
const ENDLESS: usize = 2_000;

/// States per scenario: a few by default, as many as the environment says in a campaign.
fn most(few: usize) -> usize {
    std::env::var("TINYFERRY_STATES").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}

/// What the client is told to do.
#[derive(Debug, Clone, Copy)]
enum Job {
    Put(&'static str),
    PutTree(&'static str),
    Get(&'static str),
    GetTree(&'static str),
    Names(&'static str),
    Close,
    Ping,
}

impl Job {
    fn task(self) -> Task<'static> {
        match self {
            Self::Put(_) | Self::PutTree(_) => Task::Put,
            Self::Get(path) => Task::Get { path, tree: false, names_only: false },
            Self::GetTree(path) => Task::Get { path, tree: true, names_only: false },
            Self::Names(path) => Task::Get { path, tree: true, names_only: true },
            Self::Close => Task::Close,
            Self::Ping => Task::Ping,
        }
    }

    /// The end that receives, and the paths that it is to have.
    fn moves(self, worlds: &[Memory; 2]) -> Option<(usize, Vec<String>)> {
        let (to, path) = match self {
            Self::Put(path) | Self::PutTree(path) => (SERVER, path),
            Self::Get(path) | Self::GetTree(path) => (CLIENT, path),
            Self::Names(_) | Self::Close | Self::Ping => return None,
        };
        let below = format!("{path}/");
        let wanted = |name: &&String| name.as_str() == path || name.starts_with(&below);
        Some((to, worlds[1 - to].files.keys().filter(wanted).cloned().collect()))
    }
}

/// Where a search begins, what may happen in it, and what is expected.
#[derive(Clone)]
struct Scenario {
    name: String,
    configs: [Config; 2],
    stores: [Memory; 2],
    jobs: Vec<Job>,
    /// Frames lost, doubled, cut short or late, in all.
    faults: u8,
    /// Reboots of either end; on a reliable link, ends of the stream.
    reboots: u8,
    /// Silences after which the server gives up and the client does not.
    outages: u8,
    /// What the first job comes to: entries and refusals, or a reason.
    expected: Result<(u32, u32), Reason>,
    /// Paths that will not be in place.
    refused: &'static [&'static str],
    /// States to be searched, unless the environment says more.
    states: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Receives,
    Exchanges,
    Over,
}

#[derive(Debug, Clone)]
struct Machine {
    session: Session,
    store: Memory,
    /// Whether it never reads while it writes.
    half_duplex: bool,
    at: At,
}

#[derive(Debug, Clone)]
struct World {
    ends: [Machine; 2],
    /// What is on its way to each end.
    lines: [VecDeque<Rc<[u8]>>; 2],
    now: Millis,
    faults: u8,
    reboots: u8,
    outages: u8,
    /// The job at hand, as an index.
    job: usize,
    /// Sessions begun.
    sessions: u32,
    /// The server knows nothing of the session any more: the client may find nobody.
    forgotten: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
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
    /// The stream ends at both ends; what is on its way still comes, or does not.
    Hangup {
        arrives: bool,
    },
    /// The line is dead until the server gives up.
    Outage,
    /// The line is dead until the client gives up.
    GiveUp,
}

type Wrong = String;

impl World {
    fn new(scenario: &Scenario) -> Self {
        let machine = |end: usize| Machine {
            session: Session::server(scenario.configs[end]),
            store: scenario.stores[end].clone(),
            half_duplex: scenario.configs[end].half_duplex,
            at: At::Over,
        };
        let mut world = Self {
            ends: [machine(CLIENT), machine(SERVER)],
            lines: [VecDeque::new(), VecDeque::new()],
            now: 0,
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
    fn restart(&mut self, scenario: &Scenario) -> Result<(), Wrong> {
        self.sessions += 1;
        let number = 0xC0FF_EE00 + self.sessions;
        self.ends[CLIENT].session = Session::client(number, scenario.configs[CLIENT]);
        self.forgotten = false;
        self.begin(scenario.jobs[self.job])
    }

    fn begin(&mut self, job: Job) -> Result<(), Wrong> {
        let now = Some(self.now);
        let Machine { session, store, .. } = &mut self.ends[CLIENT];
        store.refused.clear();
        match job {
            Job::Put(path) => store.queue_file(path),
            Job::PutTree(path) => store.queue_tree(path),
            _ => {}
        }
        session.begin_at(now);
        session.begin(job.task()).map_err(|failure| format!("it may not begin: {failure}"))?;
        self.settle(CLIENT);
        Ok(())
    }

    /// Lets an end do what needs nothing from outside.
    fn settle(&mut self, end: usize) {
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
                Step::Receive(_) => return *at = At::Receives,
                Step::Exchange { .. } => return *at = At::Exchanges,
                Step::Over(_) => return *at = At::Over,
            }
        }
        panic!("the {} never waits", NAMES[end]);
    }

    /// Hands bytes to an end, as it takes them.
    fn feed(&mut self, end: usize, mut bytes: &[u8]) {
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

    fn write(&mut self, end: usize) {
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
    fn wait(&self, end: usize) -> Option<Millis> {
        let left = self.ends[end].session.deadline()?.wrapping_sub(self.now);
        Some(if left < 1 << 31 { left } else { 0 })
    }

    /// Whether an end waits for an answer, or for the rest of a frame, not for whatever comes.
    fn asks(&self, end: usize) -> bool {
        let rests = self.ends[end].session.is_at_rest();
        self.wait(end).is_some_and(|wait| wait <= LONGEST && !rests)
    }

    fn time_out(&mut self, end: usize) {
        self.now = self.now.wrapping_add(self.wait(end).unwrap_or(0));
        self.ends[end].session.timeout(Some(self.now));
        self.settle(end);
    }

    fn arrives(&self, end: usize) -> bool {
        self.ends[end].at != At::Over && !self.lines[end].is_empty()
    }

    /// Whether nothing happens any more but that time passes.
    fn is_quiet(&self) -> bool {
        ENDS.iter().all(|end| !self.arrives(*end) && self.ends[*end].at != At::Exchanges)
    }

    /// The end whose time runs out first.
    fn first(&self) -> Option<usize> {
        ENDS.into_iter().filter(|end| self.wait(*end).is_some()).min_by_key(|end| self.wait(*end))
    }

    fn events(&self, scenario: &Scenario) -> Vec<Event> {
        let mut events = Vec::new();
        let (is_quiet, first) = (self.is_quiet(), self.first());
        let lossy = scenario.configs[CLIENT].lossy;
        for end in ENDS {
            if self.arrives(end) {
                events.push(Event::Deliver(end));
                if self.faults > 0 {
                    events.extend([Event::Double(end), Event::Lose(end), Event::CutShort(end)]);
                }
            }
            if self.ends[end].at == At::Exchanges {
                events.push(Event::Write(end));
            }
            let due = if is_quiet {
                self.asks(end) || first == Some(end)
            } else {
                // What is on its way is late.
                lossy && self.faults > 0 && self.asks(end)
            };
            if due {
                events.push(Event::Timeout(end));
            }
        }
        if self.reboots > 0 {
            if lossy {
                events.extend([Event::Reboot(CLIENT), Event::Reboot(SERVER)]);
            } else {
                events.extend([Event::Hangup { arrives: false }, Event::Hangup { arrives: true }]);
            }
        }
        let server = &self.ends[SERVER].session;
        if self.outages > 0 && server.number() != 0 && !server.is_at_rest() {
            events.push(Event::Outage);
        }
        if self.forgotten && is_quiet {
            events.push(Event::GiveUp);
        }
        events
    }

    /// Lets an event happen. Whether there is a job left, or what went wrong.
    fn apply(&mut self, event: Event, scenario: &Scenario) -> Result<bool, Wrong> {
        match event {
            Event::Timeout(_) if !self.is_quiet() => self.faults -= 1,
            Event::Double(_) | Event::Lose(_) | Event::CutShort(_) => self.faults -= 1,
            _ => {}
        }
        match event {
            Event::Deliver(end) | Event::CutShort(end) | Event::Lose(end) => {
                let frame = self.lines[end].pop_front().unwrap_or_else(|| Rc::from([]));
                match event {
                    Event::Deliver(_) => self.feed(end, &frame),
                    Event::CutShort(_) => self.feed(end, &frame[..frame.len() / 2]),
                    _ => {}
                }
            }
            Event::Double(end) => {
                let frame = self.lines[end].front().cloned().unwrap_or_else(|| Rc::from([]));
                self.feed(end, &frame);
            }
            Event::Write(end) => self.write(end),
            Event::Timeout(end) => self.time_out(end),
            Event::Reboot(CLIENT) => {
                self.reboots -= 1;
                self.ends[CLIENT].store.reboot();
                // Whoever has something else to do leaves the job where it is.
                self.job = (self.job + 1).min(scenario.jobs.len() - 1);
                self.restart(scenario)?;
            }
            Event::Reboot(_) => {
                self.reboots -= 1;
                self.ends[SERVER].store.reboot();
                self.ends[SERVER].session = Session::server(scenario.configs[SERVER]);
                self.ends[SERVER].session.begin_at(Some(self.now));
                self.forgotten = true;
                self.settle(SERVER);
            }
            Event::Hangup { arrives } => {
                self.reboots -= 1;
                self.hang_up(arrives)?;
                self.ends[SERVER].session = Session::server(scenario.configs[SERVER]);
                self.settle(SERVER);
                self.forgotten = true;
            }
            Event::Outage => {
                self.outages -= 1;
                self.lines = Default::default();
                let mut tries = 0;
                while !self.ends[SERVER].session.is_at_rest() && tries < 50 {
                    if self.ends[SERVER].at == At::Exchanges {
                        self.write(SERVER);
                    } else {
                        self.time_out(SERVER);
                    }
                    self.lines = Default::default();
                    tries += 1;
                }
                self.forgotten = true;
            }
            Event::GiveUp => {
                let mut tries = 0;
                while self.ends[CLIENT].at != At::Over && tries < 50 {
                    if self.ends[CLIENT].at == At::Exchanges {
                        self.write(CLIENT);
                    } else {
                        self.time_out(CLIENT);
                    }
                    self.lines = Default::default();
                    tries += 1;
                }
                if self.ends[CLIENT].at != At::Over {
                    return Err("the client never gives up".into());
                }
            }
        }
        for end in &mut self.ends {
            // What was heard, not what is held.
            end.store.offers.clear();
            end.store.digests.clear();
            end.store.loaded = 0;
        }
        self.invariants(scenario)?;
        self.follow(scenario)
    }

    /// Both ends find the stream at its end.
    fn hang_up(&mut self, arrives: bool) -> Result<(), Wrong> {
        let lines = std::mem::take(&mut self.lines);
        for (end, line) in lines.into_iter().enumerate() {
            for frame in line.iter().filter(|_| arrives) {
                self.feed(end, frame);
            }
            for _ in 0..ENDLESS {
                match self.ends[end].at {
                    At::Over => break,
                    _ => self.ends[end].session.received(0, Some(self.now)),
                }
                self.settle(end);
            }
            if self.ends[end].at != At::Over {
                return Err(format!("the {} does not see the end of the stream", NAMES[end]));
            }
        }
        self.lines = Default::default();
        Ok(())
    }

    /// The client's job may be over: what came of it, and what comes next.
    fn follow(&mut self, scenario: &Scenario) -> Result<bool, Wrong> {
        let Step::Over(result) = self.ends[CLIENT].session.poll() else { return Ok(true) };
        if self.forgotten && matches!(result, Err(Failure::Silent | Failure::Vanished)) {
            self.restart(scenario)?;
            return Ok(true);
        }
        self.judge(result, scenario)?;
        self.job += 1;
        let Some(job) = scenario.jobs.get(self.job) else { return Ok(false) };
        if self.forgotten && !scenario.configs[CLIENT].lossy {
            self.restart(scenario)?;
        } else {
            self.begin(*job)?;
        }
        Ok(true)
    }

    /// Whether a result is what it should be.
    fn judge(&self, result: Result<Outcome, Failure>, scenario: &Scenario) -> Result<(), Wrong> {
        let job = scenario.jobs[self.job];
        let expected = if self.job == 0 { scenario.expected } else { Ok((1, 0)) };
        let outcome = match (result, expected) {
            (Err(Failure::Refused(reason)), Err(expected)) if reason == expected => return Ok(()),
            (Ok(outcome), Ok(_)) => outcome,
            _ => return Err(format!("{job:?} came to {result:?}")),
        };
        let counts = (outcome.entries, outcome.refused);
        let counted = !matches!(job, Job::Close | Job::Ping);
        // An offer that came before a reboot need not come once more.
        let fits = |(entries, refused)| {
            refused == counts.1 && (entries == counts.0 || self.sessions > 1 && entries > counts.0)
        };
        if counted && !expected.is_ok_and(fits) {
            return Err(format!("{job:?} counted {counts:?}"));
        }
        if let Some((to, paths)) = job.moves(&scenario.stores) {
            for path in paths.iter().filter(|path| !scenario.refused.contains(&path.as_str())) {
                if self.ends[to].store.files.get(path) != scenario.stores[1 - to].files.get(path) {
                    return Err(format!("{job:?} is over, and {path} is not in place"));
                }
            }
            if to == SERVER && self.job == 0 {
                let heard = self.ends[CLIENT].store.refused.iter().map(|(path, _)| path.as_str());
                let heard: Vec<_> = heard.collect();
                let unique: BTreeSet<_> = heard.iter().copied().collect();
                // It knows by itself what it cannot read.
                let broken = &scenario.stores[CLIENT].broken;
                let wanted = scenario.refused.iter().copied();
                let wanted: BTreeSet<_> =
                    wanted.filter(|path| !broken.contains_key(*path)).collect();
                if unique.len() != heard.len() || unique != wanted {
                    return Err(format!("the client heard of refusals of {heard:?}"));
                }
            }
        }
        Ok(())
    }

    /// What is in place was there, or is what the other end has under that name.
    fn invariants(&self, scenario: &Scenario) -> Result<(), Wrong> {
        for end in ENDS {
            let [own, others] = [&scenario.stores[end], &scenario.stores[1 - end]];
            for (path, file) in &self.ends[end].store.files {
                if own.files.get(path) != Some(file) && others.files.get(path) != Some(file) {
                    return Err(format!("{path} at the {} was never offered", NAMES[end]));
                }
            }
            for path in &self.ends[end].store.directories {
                if !own.directories.contains(path) && !others.directories.contains(path) {
                    return Err(format!("{path}/ at the {} was never offered", NAMES[end]));
                }
            }
        }
        Ok(())
    }

    /// What happens next where nothing goes wrong any more.
    fn next(&self) -> Option<Event> {
        for end in [SERVER, CLIENT] {
            if self.arrives(end) {
                return Some(Event::Deliver(end));
            }
        }
        for end in ENDS {
            if self.ends[end].at == At::Exchanges {
                return Some(Event::Write(end));
            }
        }
        if self.forgotten { Some(Event::GiveUp) } else { self.first().map(Event::Timeout) }
    }

    /// Goes on without faults until all jobs are done, and sees that both ends can do more.
    fn end_well(mut self, scenario: &Scenario, mut goes_on: bool) -> Result<(), Wrong> {
        (self.faults, self.reboots, self.outages) = (0, 0, 0);
        let mut path = Vec::new();
        let wrong = |path: &[Event], wrong: Wrong| format!("{wrong}, going on with {path:?}");
        while goes_on {
            let next = self.next().ok_or_else(|| wrong(&path, "both wait for ever".into()))?;
            path.push(next);
            if path.len() > ENDLESS {
                return Err(wrong(&path[ENDLESS - 20..], "there is no end".into()));
            }
            goes_on = self.apply(next, scenario).map_err(|text| wrong(&path, text))?;
        }
        self.rest(scenario).map_err(|text| wrong(&path, text))
    }

    /// After the last job: the server comes to rest, and a further job goes well.
    fn rest(mut self, scenario: &Scenario) -> Result<(), Wrong> {
        while self.arrives(SERVER) || self.ends[SERVER].at == At::Exchanges {
            let event = if self.arrives(SERVER) { Event::Deliver } else { Event::Write };
            self.step_after(event(SERVER), scenario)?;
        }
        if matches!(scenario.jobs.last(), Some(Job::Close)) {
            return Ok(());
        }
        if !self.ends[SERVER].session.is_at_rest() && !self.forgotten {
            // It may still wait for the rest of a frame.
            while self.asks(SERVER) {
                self.step_after(Event::Timeout(SERVER), scenario)?;
            }
            if !self.ends[SERVER].session.is_at_rest() {
                return Err("the server does not come to rest".into());
            }
        }
        let mut scenario = scenario.clone();
        scenario.jobs.extend([Job::Ping, Job::Put("later")]);
        let later = File::new(content(300, 99));
        self.ends[SERVER].store.room = u64::MAX;
        self.ends[CLIENT].store.shrinks = false;
        self.ends[CLIENT].store.files.insert("later".into(), later.clone());
        scenario.stores[CLIENT].files.insert("later".into(), later);
        if self.forgotten {
            self.restart(&scenario)?;
        } else {
            self.begin(scenario.jobs[self.job])?;
        }
        for _ in 0..ENDLESS {
            let next = self.next().ok_or("then both wait for ever")?;
            if !self.apply(next, &scenario).map_err(|text| format!("later {text}"))? {
                return Ok(());
            }
        }
        Err("later there is no end".into())
    }

    fn step_after(&mut self, event: Event, scenario: &Scenario) -> Result<(), Wrong> {
        match event {
            Event::Deliver(end) => {
                if let Some(frame) = self.lines[end].pop_front() {
                    self.feed(end, &frame);
                }
            }
            Event::Write(end) => self.write(end),
            _ => self.time_out(SERVER),
        }
        self.invariants(scenario)
    }

    /// All that matters for what can happen, as 128 bits.
    fn fingerprint(&self) -> u128 {
        let mut half = [DefaultHasher::new(), DefaultHasher::new()];
        1.hash(&mut half[1]);
        let mut both = |bytes: &[u8]| half.iter_mut().for_each(|half| bytes.hash(half));
        for end in &self.ends {
            both(Essence::of(&end.session).as_bytes());
            if end.at == At::Exchanges
                && let Step::Exchange { out, .. } = end.session.clone().poll()
            {
                both(out);
            }
            let mut store = DefaultHasher::new();
            end.store.hash(&mut store);
            both(&store.finish().to_le_bytes());
        }
        for line in &self.lines {
            both(&line.len().to_le_bytes());
            line.iter().for_each(|frame| both(frame));
        }
        both(&[self.faults, self.reboots, self.outages, self.job as u8, self.forgotten as u8]);
        let [low, high] = half.map(|half| u128::from(half.finish()));
        high << 64 | low
    }
}

/// What a session is, without the time, its own terms, and bytes that are left over.
#[derive(Default)]
struct Essence {
    /// The buffers, if they are wanted.
    buffers: Option<String>,
    text: String,
    part: Part,
}

/// Which fields of a session are being written.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Buffers,
    Kept,
    Timer,
    /// Only the timer has use for it.
    Measured,
}

impl Write for Essence {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly all is bytes of the buffers.
        if self.part == Part::Buffers && !text.starts_with('r') {
            if let Some(buffers) = &mut self.buffers {
                buffers.push_str(text);
            }
            return Ok(());
        }
        self.part = match (self.part, text) {
            (Part::Buffers, "reader") => Part::Kept,
            (Part::Kept, "timer") => Part::Timer,
            (Part::Timer, "terms") => Part::Kept,
            (Part::Kept, "measured") => Part::Measured,
            (Part::Measured, "repeats") => Part::Kept,
            (part, _) => part,
        };
        if self.part == Part::Kept {
            self.text.push_str(text);
        }
        Ok(())
    }
}

impl Essence {
    fn of(session: &Session) -> String {
        let mut essence = Self::default();
        essence.take(session);
        let text = essence.text.as_str();
        let holds = ["OfferTree", "ExpectTreeAnswer", "Offer {", "ExpectAnswer", "ExpectOffer {"];
        let is_settled = text.contains("start: 0, end: 0,");
        let describes = holds.iter().any(|stage| text.contains(stage));
        if is_settled && !describes {
            return essence.text;
        }
        let mut whole = Self { buffers: Some(String::new()), ..Self::default() };
        whole.take(session);
        let buffers = whole.buffers.unwrap_or_default();
        if is_settled {
            // A description that may go out again; all paths are short.
            essence.text.extend(buffers.split(',').take(64));
        } else {
            essence.text.push_str(&buffers);
        }
        essence.text
    }

    fn take(&mut self, session: &Session) {
        fmt::write(self, format_args!("{session:?}")).expect("text can be written");
    }
}

/// What a frame says, for a person.
fn label(frame: &[u8]) -> String {
    let number = |at: usize, length: usize| {
        let bytes = frame.get(at..at + length).unwrap_or_default();
        bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte))
    };
    if frame.first() == Some(&0xFA) {
        let described = if number(2, 2) >> 15 == 1 { " description" } else { "" };
        return format!("chunk{described} {} at {}", number(1, 1), number(4, 4));
    }
    let code = String::from_utf8_lossy(frame.get(..3).unwrap_or_default()).into_owned();
    format!("{code} {} {} {:x}", number(4, 2), number(8, 8), number(16, 4))
}

/// The way to a state, in words.
fn tell(scenario: &Scenario, path: &[Event]) -> String {
    let mut told = String::new();
    let mut world = World::new(scenario);
    for event in path {
        let frame = match event {
            Event::Deliver(end) | Event::Double(end) | Event::Lose(end) | Event::CutShort(end) => {
                world.lines[*end].front().map_or(String::new(), |frame| label(frame))
            }
            _ => String::new(),
        };
        told.push_str(&format!("\n  {event:?} {frame}"));
        if world.apply(*event, scenario).is_err() {
            break;
        }
    }
    let lines: Vec<Vec<_>> =
        world.lines.iter().map(|line| line.iter().map(|frame| label(frame)).collect()).collect();
    told + &format!("\n  on their way: {lines:?}")
}

/// Where a state was found: the state before, by its number, and what happened then.
struct Found {
    before: usize,
    event: Event,
}

/// The way to a state.
fn way(found: &[Found], mut at: usize) -> Vec<Event> {
    let mut path = Vec::new();
    while at > 0 {
        path.push(found[at].event);
        at = found[at].before;
    }
    path.reverse();
    path
}

impl Scenario {
    /// Searches what happens with no trouble first, then with one, and so on; each time from both
    /// ends, so that trouble comes early and late even where the search is cut short.
    fn search(&self) {
        let began = Instant::now();
        let most = most(self.states);
        let world = World::new(self);
        let troubles = |world: &World| usize::from(world.faults + world.reboots + world.outages);
        let budget = troubles(&world);
        let mut seen = HashSet::from([world.fingerprint()]);
        let mut found = vec![Found { before: 0, event: Event::GiveUp }];
        let mut ahead = vec![VecDeque::new(); budget + 1];
        ahead[0].push_back((0, world));
        let (mut level, mut events) = (0, 0);
        while level <= budget && found.len() < most {
            let is_deep = found.len() % 2 == 1;
            let queue = &mut ahead[level];
            let next = if is_deep { queue.pop_back() } else { queue.pop_front() };
            let Some((before, world)) = next else {
                level += 1;
                continue;
            };
            for event in world.events(self) {
                let mut next = world.clone();
                events += 1;
                let goes_on = next.apply(event, self).unwrap_or_else(|wrong| {
                    let mut path = way(&found, before);
                    path.push(event);
                    panic!("{}: {wrong}{}", self.name, tell(self, &path))
                });
                if !seen.insert(next.fingerprint()) {
                    continue;
                }
                found.push(Found { before, event });
                let number = found.len() - 1;
                next.clone().end_well(self, goes_on).unwrap_or_else(|wrong| {
                    let path = way(&found, number);
                    panic!("{}: {wrong}, after{}", self.name, tell(self, &path))
                });
                if goes_on {
                    ahead[budget - troubles(&next)].push_back((number, next));
                }
            }
        }
        let done = match level.checked_sub(1) {
            Some(level) => format!("all with {level} of {budget} troubles"),
            None => "not all".into(),
        };
        let (states, took) = (found.len(), began.elapsed().as_millis());
        println!("{}: {states} states, {done}, {events} events, {took} ms", self.name);
    }
}

const LOSSY: Config = Config { chunk: 256, credit: 3, ..Config::LOSSY };
const RELIABLE: Config = Config { chunk: 256, credit: 3, ..Config::RELIABLE };

/// A tree of three entries: `t/a` is empty, `t/b` has some units, `t/c` is there to be refused.
fn tree() -> Memory {
    Memory::with([("t/a", Vec::new()), ("t/b", content(600, 2)), ("t/c", content(300, 3))])
}

fn base(name: &str, config: Config, client: Memory, server: Memory) -> Scenario {
    let faults = if most(0) > 0 { 3 } else { 2 };
    Scenario {
        name: name.to_owned(),
        configs: [config; 2],
        stores: [client, server],
        jobs: Vec::new(),
        faults: if config.lossy { faults } else { 0 },
        reboots: 0,
        outages: 0,
        expected: Ok((1, 0)),
        refused: &[],
        states: 800,
    }
}

/// A file that takes the place of another.
fn put(name: &str, config: Config, size: usize) -> Scenario {
    let client = Memory::with([("f", content(size, 1))]);
    let server = Memory::with([("f", content(100, 9))]);
    let name = format!("{name}, {size} bytes");
    Scenario { jobs: vec![Job::Put("f")], ..base(&name, config, client, server) }
}

/// A tree of which `t/c` is refused.
fn put_tree(name: &str, config: Config) -> Scenario {
    let mut server = Memory::default();
    server.refuse.insert("t/c".into(), Reason::NoPermission);
    Scenario {
        jobs: vec![Job::PutTree("t")],
        expected: Ok((3, 1)),
        refused: &["t/c"],
        ..base(name, config, tree(), server)
    }
}

/// The same the other way: the client asks for it.
fn turned(mut scenario: Scenario) -> Scenario {
    scenario.stores.reverse();
    for job in &mut scenario.jobs {
        *job = match *job {
            Job::Put(path) => Job::Get(path),
            Job::PutTree(path) => Job::GetTree(path),
            job => job,
        };
    }
    scenario.name.push_str(", asked for");
    scenario
}

fn both_ways(scenario: Scenario) {
    scenario.search();
    turned(scenario).search();
}

/// What the receiver begins with of a file of 1300 bytes, or has in place under its name.
fn resumed(config: Config) -> Vec<Scenario> {
    let start = |name: &str| put(name, config, 1300);
    let whole = content(1300, 1);
    let mut prefix = start("held prefix");
    prefix.stores[SERVER].partials.insert("f".into(), whole[..1024].to_vec());
    let mut other = start("prefix of another file");
    other.stores[SERVER].partials.insert("f".into(), content(1024, 5));
    let mut same = start("same file");
    same.stores[SERVER].files.insert("f".into(), File::new(whole));
    let mut alike = start("file of the same size and time");
    alike.stores[SERVER].files.insert("f".into(), File::new(content(1300, 5)));
    (other.expected, alike.expected) = (Ok((2, 0)), Ok((2, 0)));
    vec![prefix, other, same, alike]
}

/// Stores that fail, and names that are not there.
fn refused(config: Config) -> Vec<Scenario> {
    let mut offer = put("refused file", config, 300);
    offer.stores[SERVER].refuse.insert("f".into(), Reason::NoPermission);
    offer.expected = Err(Reason::NoPermission);
    let mut full = put("file without room", config, 600);
    full.stores[SERVER].room = 300;
    full.expected = Err(Reason::NoSpace);
    let mut changed = put("file that changes", config, 600);
    changed.stores[CLIENT].shrinks = true;
    changed.expected = Err(Reason::SourceChanged);
    let mut broken = put("file that cannot be read", config, 300);
    broken.stores[CLIENT].broken.insert("f".into(), Reason::Storage);
    broken.expected = Err(Reason::Storage);
    let mut tree = put_tree("refused tree", config);
    tree.stores[SERVER].refuse.insert("t".into(), Reason::NotDirectory);
    tree.expected = Err(Reason::NotDirectory);
    let mut entry = put_tree("tree with what cannot be read", config);
    entry.stores[CLIENT].broken.insert("t/b".into(), Reason::Storage);
    (entry.expected, entry.refused) = (Ok((3, 2)), &["t/b", "t/c"]);
    let mut again = put_tree("tree with a prefix of another file", config);
    again.stores[CLIENT].files.insert("t/b".into(), File::new(content(1300, 2)));
    again.stores[SERVER].partials.insert("t/b".into(), content(1024, 5));
    again.expected = Ok((4, 1));
    vec![offer, full, changed, broken, tree, entry, again]
}

/// What only a client can ask for.
fn asked(config: Config) -> Vec<Scenario> {
    let mut missing = base("missing file", config, Memory::default(), Memory::default());
    (missing.jobs, missing.expected) = (vec![Job::Get("f")], Err(Reason::NotFound));
    let mut names = base("names", config, Memory::default(), tree());
    (names.jobs, names.expected) = (vec![Job::Names("t")], Ok((3, 0)));
    let may_close = Config { may_close: true, ..config };
    let mut close = base("close", may_close, Memory::default(), Memory::default());
    // The server stays for 3 s only: whoever loses more learns nothing.
    (close.jobs, close.faults) = (vec![Job::Close], close.faults.min(1));
    let mut refused = base("refused close", config, Memory::default(), Memory::default());
    (refused.jobs, refused.expected) = (vec![Job::Close], Err(Reason::NotAllowed));
    vec![missing, names, close, refused]
}

/// Jobs one after another in one session.
fn in_a_row(config: Config) -> Vec<Scenario> {
    let both = |first: Job, second: Job| {
        let client = Memory::with([("f", content(300, 1))]);
        let server = Memory::with([("g", content(300, 2))]);
        let name = format!("{first:?}, then {second:?}");
        Scenario { jobs: vec![first, second], ..base(&name, config, client, server) }
    };
    vec![
        both(Job::Put("f"), Job::Put("f")),
        both(Job::Put("f"), Job::Get("g")),
        both(Job::Get("g"), Job::Put("f")),
        both(Job::Get("g"), Job::Get("g")),
    ]
}

/// A file after a tree of which something was refused.
fn after_a_tree(config: Config) -> Scenario {
    let mut scenario = put_tree("file after a tree", config);
    scenario.stores[CLIENT].files.insert("f".into(), File::new(content(300, 1)));
    scenario.jobs.push(Job::Put("f"));
    scenario
}

#[test]
fn files_of_few_units_on_a_lossy_link() {
    for size in [0, 1, 300, 600] {
        both_ways(put("lossy file", LOSSY, size));
    }
    let half_duplex = Config { half_duplex: true, ..LOSSY };
    both_ways(put("half-duplex file", half_duplex, 300));
    // Long enough to be asked about on the way.
    for half_duplex in [false, true] {
        let config = Config { half_duplex, credit: 16, ..LOSSY };
        both_ways(put("file of some more chunks", config, 2600));
    }
    both_ways(put("file with a credit of 1", Config { credit: 1, ..LOSSY }, 600));
    let mut scenario = put("file in order", LOSSY, 600);
    scenario.stores[SERVER].in_order = true;
    both_ways(scenario);
    let mut scenario = put("lossy file of unknown size", LOSSY, 600);
    scenario.stores[CLIENT].unsized_offers = true;
    both_ways(scenario);
    both_ways(put("file with SHA-256", Config { sha256: true, ..LOSSY }, 300));
}

#[test]
fn trees_on_a_lossy_link() {
    both_ways(put_tree("lossy tree", LOSSY));
    both_ways(put_tree("half-duplex tree", Config { half_duplex: true, ..LOSSY }));
    both_ways(put_tree("tree with a credit of 1", Config { credit: 1, ..LOSSY }));
}

#[test]
fn what_is_held_on_a_lossy_link() {
    resumed(LOSSY).into_iter().for_each(both_ways);
}

#[test]
fn refusals_on_a_lossy_link() {
    refused(LOSSY).into_iter().for_each(both_ways);
    asked(LOSSY).iter().for_each(Scenario::search);
}

#[test]
fn jobs_in_a_row_on_a_lossy_link() {
    both_ways(after_a_tree(LOSSY));
    in_a_row(LOSSY).iter().for_each(Scenario::search);
}

#[test]
fn reboots_on_a_lossy_link() {
    let (file, tree) = (put("rebooted file", LOSSY, 600), put_tree("rebooted tree", LOSSY));
    for scenario in [file, tree, after_a_tree(LOSSY)] {
        both_ways(Scenario { reboots: 1, faults: scenario.faults - 1, ..scenario });
    }
}

#[test]
fn outages_on_a_lossy_link() {
    let (file, tree) = (put("outage in a file", LOSSY, 600), put_tree("outage in a tree", LOSSY));
    let empty = Scenario { states: 2000, ..put("outage in a file", LOSSY, 0) };
    for scenario in [empty, file, tree, after_a_tree(LOSSY)] {
        both_ways(Scenario { outages: 1, faults: scenario.faults - 1, ..scenario });
    }
}

#[test]
fn all_of_it_on_a_reliable_link() {
    for credit in [1, 2, 3] {
        for half_duplex in [false, true] {
            let config = Config { credit, half_duplex, ..RELIABLE };
            for size in [0, 300, 600] {
                both_ways(put("reliable file", config, size));
            }
            let mut scenario = put("reliable file of unknown size", config, 600);
            scenario.stores[CLIENT].unsized_offers = true;
            both_ways(scenario);
            both_ways(put_tree("reliable tree", config));
            both_ways(after_a_tree(config));
            resumed(config).into_iter().for_each(both_ways);
            refused(config).into_iter().for_each(both_ways);
            asked(config).iter().for_each(Scenario::search);
            in_a_row(config).iter().for_each(Scenario::search);
        }
    }
}

#[test]
fn what_is_sent_before_the_prefix_is_known() {
    // With so much credit the sender may be past the prefix when it hears of it.
    for scenario in resumed(Config { credit: 8, ..RELIABLE }) {
        both_ways(scenario);
    }
}

#[test]
fn cuts_of_a_reliable_link() {
    for scenario in [put("cut file", RELIABLE, 600), put_tree("cut tree", RELIABLE)] {
        both_ways(Scenario { reboots: 1, ..scenario });
    }
    for scenario in resumed(RELIABLE) {
        both_ways(Scenario { reboots: 1, ..scenario });
    }
}
