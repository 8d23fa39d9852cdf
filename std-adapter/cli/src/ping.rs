//! `tinyferry ping`.

use std::time::Duration;

use tinyferry::client::{Client, Error, Space};
use tinyferry::core::{Negotiated, PROTOCOL_VERSION, Reason};

use crate::args::PingArgs;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json::{self, Event, Pong};
use crate::message::Task;
use crate::progress::Verbosity;

/// The number of round trips for a program, and with -v.
const ROUND_TRIPS: u32 = 5;

pub(crate) fn ping(args: &PingArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let peer = &args.peer;
    let is_long = json::is_on() || verbosity >= Verbosity::Files;
    // Whether the server has SHA-256 is negotiated only if this end wants it.
    let mut client = peer.connect(Task::Query, is_long)?;
    let mut measure = || -> Result<(Trips, Option<Abilities>), Error> {
        let handshake = client.ping()?;
        let count = args.count.unwrap_or(if is_long { ROUND_TRIPS } else { 1 });
        let trips = (0..count).map(|_| client.ping()).collect::<Result<Vec<_>, _>>()?;
        let abilities = if is_long { Some(Abilities::of(&mut client)?) } else { None };
        Ok((Trips::new(handshake, trips), abilities))
    };
    let measured = measure();
    let (trips, abilities) =
        measured.map_err(|error| peer.context(Task::Query, &client, "").error(&error))?;
    let agreed = client.negotiated();
    match (abilities, agreed) {
        (Some(abilities), Some(agreed)) if json::is_on() => {
            json::emit(&Event::Ping(pong(&trips, &agreed, &abilities)));
        }
        _ if verbosity == Verbosity::Quiet => {}
        (Some(abilities), Some(agreed)) => {
            print_line!("{} {trips}", peer.endpoint);
            print_line!("{}", features(&agreed));
            print_line!("{}", abilities.sentence());
        }
        _ => print_line!("{} {trips}", peer.endpoint),
    }
    Ok(Exit::Done)
}

/// Round trips.
struct Trips {
    /// The first one, with the handshake.
    handshake: Duration,
    /// The others, the shortest one first; at least one.
    sorted: Vec<Duration>,
}

impl Trips {
    fn new(handshake: Duration, mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self { handshake, sorted: all }
    }

    fn min(&self) -> Duration {
        self.sorted.first().copied().unwrap_or_default()
    }

    fn median(&self) -> Duration {
        self.sorted.get((self.sorted.len().saturating_sub(1)) / 2).copied().unwrap_or_default()
    }

    fn max(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Trips {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [handshake, min, median, max] =
            [self.handshake, self.min(), self.median(), self.max()].map(milliseconds);
        match self.sorted.len() {
            1 => write!(f, "answers in {median:.3} ms (handshake: {handshake:.3} ms)"),
            count => write!(
                f,
                "answers in {median:.3} ms (median of {count}; min {min:.3} ms, max {max:.3} ms; handshake: \
                 {handshake:.3} ms)"
            ),
        }
    }
}

/// The abilities of a server for this client; `None`: it does not state them.
#[derive(Debug, Default)]
struct Abilities {
    sends: Option<bool>,
    receives: Option<bool>,
    space: Option<Space>,
}

impl Abilities {
    /// Asks for the space, as a sender does, and for an entry, as a receiver does.
    fn of(client: &mut Client) -> Result<Self, Error> {
        let (receives, space) = match client.space("") {
            Ok(space) => (Some(true), Some(space)),
            Err(error) => match error.refusal() {
                Some(Reason::ReadOnly) => (Some(false), None),
                Some(_) => (None, None),
                None => return Err(error),
            },
        };
        // There is hardly an entry of this name. If there is one, the answer is the same.
        let sends = match client.kind_of("tinyferry-ping") {
            Ok(_) => Some(true),
            Err(error) => match error.refusal() {
                Some(Reason::WriteOnly) => Some(false),
                Some(_) => None,
                None => return Err(error),
            },
        };
        Ok(Self { sends, receives, space })
    }

    /// In a sentence.
    fn sentence(&self) -> String {
        let does = match (self.sends, self.receives) {
            (Some(true), Some(true)) => "it sends and receives files",
            (Some(true), Some(false)) => "it sends files, and receives none",
            (Some(false), Some(true)) => "it receives files, and sends none",
            (Some(true), None) => "it sends files",
            (None, Some(true)) => "it receives files",
            _ => "it does not tell whether it sends or receives files",
        };
        let space = self.space.map_or_else(String::new, |space| {
            format!("; {} of {} are free", human::bytes(space.free), human::bytes(space.total))
        });
        format!("{does}{space}")
    }
}

/// The features of the session in a sentence.
fn features(agreed: &Negotiated) -> String {
    let yes_or_no = |value| if value { "yes" } else { "no" };
    format!(
        "protocol {PROTOCOL_VERSION}, chunks of {} bytes, SHA-256: {}, holes: {}, lossy: {}, half-duplex: {}",
        agreed.chunk,
        yes_or_no(agreed.sha256()),
        yes_or_no(agreed.holes()),
        yes_or_no(agreed.lossy),
        yes_or_no(agreed.half_duplex),
    )
}

fn pong(trips: &Trips, agreed: &Negotiated, abilities: &Abilities) -> Pong {
    Pong {
        protocol: PROTOCOL_VERSION,
        chunk: agreed.chunk,
        sha256: agreed.sha256(),
        holes: agreed.holes(),
        lossy: agreed.lossy,
        half_duplex: agreed.half_duplex,
        sends: abilities.sends,
        receives: abilities.receives,
        free: abilities.space.map(|space| space.free),
        total: abilities.space.map(|space| space.total),
        handshake_ms: milliseconds(trips.handshake),
        round_trips: trips.sorted.len(),
        min_ms: milliseconds(trips.min()),
        median_ms: milliseconds(trips.median()),
        max_ms: milliseconds(trips.max()),
    }
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}
