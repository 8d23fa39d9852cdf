//! How long each state waits for an end that is silent, that sends noise, or that sends valid frames which
//! bring the work no further. Virtual time; prints the table of the longest waits.

mod peer;

use tinyferry_core::error::Reason;
use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal};
use tinyferry_core::{Config, Millis, Session, Task};
use tinyferry_kit::{Frames, Memory, Progress, content, perform, session_number};

use self::peer::{Other, Then};

const NUMBER: u32 = 0xC0FF_EE01;
const SIZE: u64 = 5000;
/// Longer than any wait may take.
const HOUR: Millis = 3_600_000;
/// The time of a read while bytes come faster than they are read.
const READ: Millis = 10;
/// The time after which a wait counts as endless.
const END: Millis = 700_000;

/// The reason for which one end waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// A client: the answer to its hello.
    Ping,
    /// The offer of the requested file.
    Offer,
    /// The answer to its `CLS`.
    Close,
    /// More of the file that comes in.
    Chunks,
    /// The next entry of the tree that comes in.
    Entry,
    /// More credit for the file that goes out.
    Credit,
    /// The answer to the `DON` of its file.
    Done,
    /// A server: the first hello.
    Hello,
    /// The next request.
    Request,
    /// More of the file that a client puts.
    Put,
    /// The next entry of the tree that a client puts.
    PutEntry,
    /// More credit for the file that a client gets.
    GetCredit,
    /// The answer to the `DON` of the file that a client gets.
    GetDone,
    /// Nothing: the server was closed, and repeats its answer.
    Closing,
}

const CLIENT: [Waits; 7] = [
    Waits::Ping,
    Waits::Offer,
    Waits::Close,
    Waits::Chunks,
    Waits::Entry,
    Waits::Credit,
    Waits::Done,
];
const SERVER: [Waits; 6] =
    [Waits::Hello, Waits::Request, Waits::Put, Waits::PutEntry, Waits::GetCredit, Waits::GetDone];

impl Waits {
    fn is_of_client(self) -> bool {
        CLIENT.contains(&self)
    }

    fn task(self) -> Task<'static> {
        match self {
            Self::Ping => Task::Ping,
            Self::Close => Task::Close,
            Self::Credit | Self::Done => Task::Put,
            Self::Entry => Task::get_tree("t"),
            _ => Task::get_file("f"),
        }
    }

    /// The frames that the other end sends before it makes no more progress.
    fn script(self, config: Config) -> Frames {
        let mut frames = match self.is_of_client() {
            true => Frames::server(NUMBER, config),
            false => Frames::client(NUMBER, config),
        };
        let offer = Signal::offer(1, SIZE, SIZE, 7);
        let bytes = content(SIZE as usize, 1);
        match self {
            Self::Ping | Self::Hello => drop(frames.take()),
            Self::Offer | Self::Close | Self::Request => {}
            Self::Credit | Self::Done if config.lossy => {
                frames.signal(Signal::ack(1, 0, 128, 0, AckInfo::Sack(SackMap::EMPTY)));
            }
            Self::Credit | Self::Done => {}
            Self::Chunks | Self::Put => {
                frames.described(offer, b"f");
                frames.chunk(1, 0, &bytes[..1024]);
            }
            Self::Entry | Self::PutEntry => {
                frames.described(Signal::offer_tree(1, 9, 90_000), b"t");
                frames.described(Signal::offer(2, 0, 0, 7), b"d/");
            }
            Self::GetCredit | Self::GetDone => {
                frames.described(Signal::request(1, false, false), b"f");
                if config.lossy {
                    frames.signal(Signal::ack(1, 0, 128, 0, AckInfo::Sack(SackMap::EMPTY)));
                }
            }
            Self::Closing => frames.signal(Signal::new(Code::Cls, 1, 0)),
        }
        frames
    }

    /// Frames that bring nothing in this state.
    fn useless(self, config: Config) -> Vec<(&'static str, Vec<u8>)> {
        let of_client = self.is_of_client();
        let make = |fill: &dyn Fn(&mut Frames)| {
            let mut frames = match of_client {
                true => Frames::server(NUMBER, config),
                false => Frames::client(NUMBER, config),
            };
            let hello = frames.take();
            fill(&mut frames);
            if frames.bytes.is_empty() { hello } else { frames.take() }
        };
        let none = AckInfo::Sack(SackMap::EMPTY);
        let signals = [
            ("hellos", None),
            ("positions", Some(Signal::ack(1, 0, 100, 0, none))),
            ("questions", Some(Signal::ask(1, 0, 0))),
            ("other endings", Some(Signal::done(77, SIZE, 3, 0))),
            ("other refusals", Some(Signal::refuse(77, 0, Reason::Storage, 0))),
            ("the offer again", Some(Signal::offer(1, SIZE, SIZE, 7))),
            ("the request again", Some(Signal::new(Code::Raf, 1, 0))),
        ];
        let mut all: Vec<_> = signals
            .into_iter()
            .map(|(name, signal)| {
                (name, make(&|frames| signal.into_iter().for_each(|signal| frames.signal(signal))))
            })
            .collect();
        let bytes = content(1024, 1);
        // A frame that is the next step in this state is not useless.
        all.retain(|(name, _)| match self {
            Self::Ping | Self::Hello => *name != "hellos",
            Self::Offer => *name != "the offer again",
            _ => true,
        });
        all.push(("the first chunk again", make(&|frames| frames.chunk(1, 0, &bytes))));
        all.push(("chunks of another file", make(&|frames| frames.chunk(99, 0, &bytes))));
        all
    }

    /// The longest wait that is allowed, in seconds: for silence, and for frames that bring nothing. On
    /// a lossy link the last retry may be under way for some seconds when the time is over.
    fn most(self, lossy: bool) -> (Millis, Millis) {
        let (timeout, slack) = (30, 6);
        match (self, lossy) {
            (Self::Closing, _) => (3, 3),
            (Self::Ping | Self::Offer | Self::Close, false) => (timeout, timeout),
            (Self::Ping | Self::Offer | Self::Close, true) => (timeout + slack, timeout + slack),
            (Self::Hello, _) => (10, 10),
            (Self::Request, _) => (50, 50),
            (_, false) => (10 * timeout, 2 * timeout),
            (_, true) => (2 * timeout + slack, 2 * timeout + slack),
        }
    }
}

/// How long the session waits.
fn wait(waits: Waits, config: Config, then: &Then) -> Option<Millis> {
    let mut store = Memory::with([("f", content(SIZE as usize, 1))]);
    let mut session: Session = if waits.is_of_client() {
        store.queue_file("f");
        Session::client(session_number(NUMBER), config)
    } else {
        Session::server(config)
    };
    session.resume(Some(0));
    if waits.is_of_client() {
        session.begin(waits.task()).expect("it may");
    }
    let mut other = Other {
        now: 0,
        coming: waits.script(config).take().into(),
        begun: None,
        read_time: if then.every() == 0 { READ } else { 0 },
        is_abandoned: false,
    };
    let (mut at, mut next) = (0, 0);
    while other.now < END {
        let deadline = session.deadline();
        match perform(&mut session, &mut store, &mut other) {
            Progress::AwaitsInput => {}
            Progress::Over(_) => return Some(other.now - other.begun.unwrap_or(other.now)),
            // A server on a lossy link goes on with the next client.
            _ if other.is_abandoned => return other.begun.map(|begun| other.now - begun),
            _ => continue,
        }
        if other.begun.is_none() {
            (other.begun, next) = (Some(other.now), other.now + then.every());
            if waits == Waits::Put && !config.lossy {
                assert!(!store.is_closed(), "the file is open");
            }
        }
        other.now = deadline.map_or(next, |deadline| deadline.min(next)).max(other.now);
        if next <= other.now {
            next = other.now + then.every();
            match then {
                Then::Silence => return None,
                Then::Says(_, bytes) => other.coming.extend(bytes),
                Then::Drips(_, bytes) => other.coming.push_back(bytes[at % bytes.len()]),
            }
            at += 1;
        } else {
            session.timed_out(Some(other.now));
        }
    }
    None
}

fn config(waits: Waits, lossy: bool) -> Config {
    let config = if lossy { Config::LOSSY } else { Config::RELIABLE };
    let credit = if matches!(waits, Waits::Credit | Waits::GetCredit) { 2 } else { 128 };
    config.handshake_timeout(10_000).idle_timeout(50_000).may_close(true).credit(credit)
}

/// R75, R76.
#[test]
#[expect(clippy::use_debug, reason = "the states are named in a table")]
fn every_wait_ends_for_any_input() {
    let mut faults = Vec::new();
    println!("| state | link | silence | noise | a dripped frame | frames that bring nothing |");
    println!("|---|---|---|---|---|---|");
    for waits in CLIENT.into_iter().chain(SERVER).chain([Waits::Closing]) {
        for lossy in [false, true] {
            let config = config(waits, lossy);
            let (silent, useless) = waits.most(lossy);
            let mut most = |what: &str, limit: Millis, cases: Vec<(String, Then)>| {
                let mut longest = 0;
                for (name, then) in &cases {
                    let waited = wait(waits, config, then);
                    longest = longest.max(waited.unwrap_or(Millis::MAX));
                    // Eight frames are waited for in any case; a chunk of no open file is read over, and
                    // no frame.
                    let limit = match then {
                        Then::Says(every, _) if what == "frames" && !name.contains("chunk") => {
                            (limit * 1000).max(8 * every) + 2 * every
                        }
                        _ => silent.max(limit) * 1000,
                    };
                    if waited.is_none_or(|waited| waited > limit + 500) {
                        faults.push(format!("{waits:?}, lossy {lossy}: {what} {name}: {waited:?}"));
                    }
                }
                match longest {
                    Millis::MAX => "for ever".to_owned(),
                    longest => format!("{:.1} s", f64::from(longest) / 1000.0),
                }
            };
            let silence = most("silence", silent, vec![(String::new(), Then::Silence)]);
            let noise = if lossy {
                let cases = [0, 10, 19, 50, 900]
                    .map(|every| (format!("every {every} ms"), Then::Says(every, b"x".to_vec())));
                most("noise", silent, cases.into())
            } else {
                "ends at once".to_owned()
            };
            // A client that sends a frame within each idle time stays, as it is documented.
            let frames = if waits == Waits::Request { Vec::new() } else { waits.useless(config) };
            let drips = [0, 100, 900].into_iter().flat_map(|every| {
                let drip = |(name, bytes): &(&str, Vec<u8>)| {
                    (format!("{name} every {every} ms"), Then::Drips(every, bytes.clone()))
                };
                frames.iter().map(drip).collect::<Vec<_>>()
            });
            let dripped = most("drip", silent, drips.collect());
            let says = [0, 100, 900, 4000, 7000].into_iter().flat_map(|every| {
                let say = |(name, bytes): &(&str, Vec<u8>)| {
                    (format!("{name} every {every} ms"), Then::Says(every, bytes.clone()))
                };
                frames.iter().map(say).collect::<Vec<_>>()
            });
            let said = most("frames", useless, says.collect());
            let link = if lossy { "lossy" } else { "reliable" };
            println!("| {waits:?} | {link} | {silence} | {noise} | {dripped} | {said} |");
        }
    }
    assert!(faults.is_empty(), "{} waits too long:\n{}", faults.len(), faults.join("\n"));
}
