//! Sessions in every state that two real sessions reach: two that differ have different
//! fingerprints, so that the search can take no two states for one.

use std::collections::HashMap;

use tinyferry_kit::{Input, Port, Progress, perform, session_number};

use super::*;

/// Two sessions that do their tasks over a line, and their states on the way.
struct Run {
    ends: [(Peer, Memory); 2],
    lines: [VecDeque<u8>; 2],
    now: Millis,
    /// Bytes that cross a line at once.
    grain: usize,
    /// The distance of lost bytes; 0: none is lost.
    loses: usize,
    crossed: usize,
    seen: Vec<Peer>,
}

/// The lines of one end.
struct Ends<'a> {
    incoming: &'a mut VecDeque<u8>,
    outgoing: &'a mut VecDeque<u8>,
    now: Millis,
    grain: usize,
    loses: usize,
    crossed: &'a mut usize,
}

impl Port for Ends<'_> {
    fn now(&self) -> Option<Millis> {
        Some(self.now)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let count = into.len().min(self.incoming.len()).min(self.grain);
        into.iter_mut().zip(self.incoming.drain(..count)).for_each(|(to, byte)| *to = byte);
        if count == 0 { Input::Nothing } else { Input::Bytes(count) }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        let count = out.len().min(self.grain);
        for byte in &out[..count] {
            *self.crossed += 1;
            if self.loses == 0 || !self.crossed.is_multiple_of(self.loses) {
                self.outgoing.push_back(*byte);
            }
        }
        count
    }
}

impl Run {
    fn new(config: Config, grain: usize, loses: usize) -> Self {
        let mut server = tree();
        server.files.insert("g".into(), File::new(content(700, 4)));
        server.refuse.insert("t/c".into(), Reason::NoPermission);
        server.partials.insert("f".into(), content(1024, 5));
        server.late.insert("t/b".into(), Reason::Storage);
        server.tardy = !config.lossy;
        let mut client = tree();
        client.files.insert("f".into(), File::new(content(1300, 1)));
        client.files.insert("u/a".into(), File::new(content(300, 6)));
        client.broken.insert("u/a".into(), Reason::Storage);
        Self {
            ends: [
                (Peer::client(session_number(9), config), client),
                (Peer::server(config), server),
            ],
            lines: [VecDeque::new(), VecDeque::new()],
            now: ORIGIN,
            grain,
            loses,
            crossed: 0,
            seen: Vec::new(),
        }
    }

    /// Does one step of an end. Whether there was one.
    fn step(&mut self, end: usize) -> bool {
        let (session, store) = &mut self.ends[end];
        self.seen.push(session.canonical(self.now, ORIGIN));
        let [up, down] = &mut self.lines;
        let (incoming, outgoing) = if end == CLIENT { (up, down) } else { (down, up) };
        let Self { now, grain, loses, crossed, .. } = self;
        let mut port =
            Ends { incoming, outgoing, now: *now, grain: *grain, loses: *loses, crossed };
        perform(session, store, &mut port) == Progress::Moved
    }

    fn run(&mut self, job: Job) {
        let (client, store) = &mut self.ends[CLIENT];
        match job {
            Job::Put(path) => store.queue_file(path),
            Job::PutTree(path) => store.queue_tree(path),
            Job::Operate(tree) => queue_operations(store, tree),
            _ => {}
        }
        client.resume(Some(self.now));
        client.begin(job.task()).expect("it may begin");
        for _ in 0..100_000 {
            if self.step(SERVER) | self.step(CLIENT) {
                continue;
            }
            if matches!(self.ends[CLIENT].0.poll(), Step::Over(_)) {
                return;
            }
            let deadlines = self.ends.iter().filter_map(|(session, _)| session.deadline());
            self.now = deadlines.min().expect("somebody waits").max(self.now);
            self.ends.iter_mut().for_each(|(session, _)| session.timed_out(Some(self.now)));
        }
        panic!("{job:?} never ends");
    }
}

/// The states of sessions in every kind of task, the `first` of these first.
fn sessions(config: Config, first: usize, grain: usize, loses: usize) -> Vec<Peer> {
    let mut run = Run::new(config.may_close(true), grain, loses);
    let mut jobs = [
        Job::Ping,
        Job::Put("f"),
        Job::PutTree("t"),
        Job::PutTree("u"),
        Job::Get("g"),
        Job::GetTree("t"),
        Job::Names("t"),
        Job::Get("missing"),
        Job::Operate(Some("t")),
        Job::Operate(None),
        Job::Options("t"),
    ];
    jobs.rotate_left(first);
    jobs.into_iter().chain([Job::Close]).for_each(|job| run.run(job));
    run.seen
}

fn fingerprint(session: &Peer) -> u128 {
    let mut hashers = Hashers::default();
    session.hash(&mut hashers);
    hashers.both()
}

/// The text of a session: all of its fields, by other code than the hash.
fn written(session: &Peer) -> String {
    format!("{session:?}")
}

/// The states that sessions must have been in, as they are written.
const STATES: &[&str] = &[
    "state: AwaitClientHello",
    "state: AwaitServerHello(Put)",
    "state: AwaitServerHello(Get",
    "state: AwaitServerHello(Ping",
    "state: AwaitServerHello(Confirm(Ok",
    "state: AwaitRequest",
    "state: Opening",
    "state: AwaitOffer",
    "state: AwaitClosed",
    "state: Closing",
    "state: Sending",
    "state: Receiving",
    "state: Idle(Ok",
    "state: Idle(Err",
    "stage: NextEntry",
    "stage: Await(OfferTree)",
    "stage: Ask(Operate)",
    "stage: Await(Operate)",
    "io: Operate",
    "stage: Ask(OfferFile)",
    "stage: Await(OfferFile)",
    "stage: Data",
    "stage: Check",
    "stage: Await(FileDone)",
    "stage: Ask(FileError)",
    "stage: Await(FileError)",
    "stage: Ask(TreeDone)",
    "stage: Await(TreeDone)",
    "stage: AwaitOffer",
    "stage: File",
    "stage: CommitTree",
    "io: Receive",
    "io: SendSignal {",
    "io: SendChunk",
    "io: Load",
    "io: Pause",
    "io: Store",
    "io: Offer",
    "io: Open",
    "io: NextEntry",
    "io: Check",
    "io: Commit",
    "io: FlushCommits",
    "io: Abandon",
    "io: Refused",
    "io: Over",
    "slot: Reply",
    "slot: AwaitMetadata",
    "refusals: [Some",
    "resyncing: true",
    "retries: 1",
    "path: None",
    "phase: CheckPrefix",
    "claimed: Some",
];

#[test]
fn sessions_that_differ_in_any_state_differ_in_their_fingerprint() {
    let sha256 = |config: Config| config.sha256(true);
    let mut seen = sessions(LOSSY, 0, 700, 0);
    seen.extend(sessions(sha256(LOSSY), 1, 7, 0));
    seen.extend(sessions(LOSSY, 4, 700, 901));
    seen.extend(sessions(RELIABLE, 0, 700, 0));
    seen.extend(sessions(sha256(RELIABLE), 4, 7, 0));
    let mut texts = HashMap::new();
    for session in &seen {
        texts.insert(written(session), fingerprint(session));
    }
    let mut fingerprints = HashMap::new();
    for (text, fingerprint) in &texts {
        if let Some(other) = fingerprints.insert(fingerprint, text) {
            panic!("these are taken for the same:\n{text}\n{other}");
        }
    }
    assert!(texts.len() > 5_000, "only {} sessions", texts.len());
    let missing: Vec<_> =
        STATES.iter().filter(|state| !texts.keys().any(|text| text.contains(**state))).collect();
    assert!(missing.is_empty(), "no session was in {missing:?}");
}

#[test]
fn an_idle_client_differs_from_one_with_a_task() {
    for config in [LOSSY, RELIABLE] {
        let mut run = Run::new(config, usize::MAX, 0);
        run.run(Job::Ping);
        let idle = run.ends[CLIENT].0.canonical(run.now, ORIGIN);
        let mut states = vec![("idle", idle.clone())];
        for (name, task) in [
            ("ping", Task::Ping),
            ("close", Task::Close),
            ("put", Task::Put),
            ("get", Task::get_file("f")),
            ("get of another file", Task::get_file("g")),
            ("list", Task::Get(GetRequest::tree("f").names())),
        ] {
            let mut session = idle.clone();
            session.begin(task).expect("it may begin");
            states.push((name, session.clone()));
            let waits = !matches!(session.poll(), Step::Transmit(_));
            // The request is out, and its answer is awaited.
            while let Step::Transmit(out) = session.poll() {
                let count = out.len();
                session.transmitted(count, Some(ORIGIN));
            }
            if !waits {
                states.push((name, session));
            }
        }
        let states: Vec<_> = states
            .iter()
            .map(|(name, session)| (name, fingerprint(&session.canonical(ORIGIN, ORIGIN))))
            .collect();
        for (at, (name, one)) in states.iter().enumerate() {
            for (other_name, other) in &states[at + 1..] {
                assert_ne!(one, other, "{name} and {other_name}");
            }
        }
    }
}
