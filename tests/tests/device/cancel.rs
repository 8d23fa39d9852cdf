//! Requests that a device cancels: from its callback, with a reason of the application and a message.

use tinyferry_core::device::{Device, Event};
use tinyferry_core::{Config, Failure, Profile, Reason, Standard, Store, Task};
use tinyferry_kit::{Memory, content};

use super::peer::{Peer, Told};

const BATTERY: Reason = Reason::application(7);
const MESSAGE: &str = "the battery is low";

/// With messages.
#[derive(Debug, Clone)]
pub(super) struct Speaks;

impl Profile for Speaks {
    type Checksums = <Standard as Profile>::Checksums;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const OPERATIONS: bool = true;
    const MESSAGES: bool = true;
    const REPORTS: bool = true;
}

fn files() -> Memory {
    Memory::with([("t/a", content(9_000, 1)), ("t/b", content(9_000, 2)), ("t/c", content(10, 3))])
}

/// The files of a client that puts the tree, or the first file of it.
fn queued(tree: bool) -> Memory {
    let mut here = files();
    if tree {
        here.queue_tree("t");
    } else {
        here.queue_file("t/a");
    }
    here
}

/// Serves, and cancels at the event number `at` of the present request. Returns the events.
fn cancel_at(peer: &mut Peer<Speaks>, store: &mut Memory, config: Config, at: usize) -> Vec<Told> {
    let mut device: Device<Speaks> = Device::new(config);
    let (mut told, mut count) = (Vec::new(), 0);
    let _ = device.serve(peer, store, |control, event| {
        if count == at {
            control.cancel(BATTERY, MESSAGE);
        }
        count += 1;
        told.push(Told::of(control, event));
    });
    assert!(store.is_closed(), "an entry is still open");
    told
}

/// Whether the client was told of the refusal, or all went well as it came too late.
fn is_refused(peer: &Peer<Speaks>, told: &[Told], context: &str) -> bool {
    let (result, message) = &peer.results[0];
    let refusals = &peer.refusals;
    match result {
        Ok(outcome) if outcome.refused == 0 => {
            assert!(!told.iter().any(|event| matches!(event, Told::Refused(..))), "{context}");
            false
        }
        Ok(_) | Err(Failure::Refused(BATTERY)) => {
            let has_message = message == MESSAGE
                || refusals
                    .iter()
                    .any(|(reason, words)| (*reason, words.as_str()) == (BATTERY, MESSAGE));
            assert!(has_message, "{context}: {result:?}, {message:?}, {refusals:?}");
            true
        }
        result => panic!("{context}: {result:?}"),
    }
}

#[test]
fn a_put_is_cancelled_at_each_event_and_the_client_gets_reason_and_message() {
    for (config, tree) in all() {
        let mut cancelled = 0;
        for at in 0.. {
            let context = format!("event {at}, lossy {}, tree {tree}", config.lossy);
            let here = queued(tree);
            let mut peer = Peer::of(config, here, [Task::Put, Task::Ping]);
            let mut there = Memory::default();
            let told = cancel_at(&mut peer, &mut there, config, at);
            let is_last = matches!(told[at.min(told.len() - 1)], Told::Closed(_));
            assert_eq!(peer.results.len(), 2, "{context}: {:?}", peer.results);
            cancelled += usize::from(is_refused(&peer, &told, &context));
            if is_last {
                break;
            }
        }
        assert!(cancelled > 9, "{cancelled} requests were cancelled");
    }
}

#[test]
fn a_get_is_cancelled_at_each_event_and_the_client_gets_reason_and_message() {
    for (config, tree) in all() {
        let mut cancelled = 0;
        for at in 0.. {
            let context = format!("event {at}, lossy {}, tree {tree}", config.lossy);
            let task = if tree { Task::get_tree("t") } else { Task::get_file("t/a") };
            let mut peer = Peer::of(config, Memory::default(), [task, Task::Ping]);
            let told = cancel_at(&mut peer, &mut files(), config, at);
            let is_last = matches!(told[at.min(told.len() - 1)], Told::Closed(_));
            assert_eq!(peer.results.len(), 2, "{context}: {:?}", peer.results);
            cancelled += usize::from(is_refused(&peer, &told, &context));
            if is_last {
                break;
            }
        }
        assert!(cancelled >= 8, "{cancelled} requests were cancelled");
    }
}

fn all() -> impl Iterator<Item = (Config, bool)> {
    [Config::RELIABLE, Config::LOSSY]
        .into_iter()
        .flat_map(|config| [(config, false), (config, true)])
}

#[test]
fn the_next_request_is_served_after_a_cancelled_one() {
    for (config, tree) in all() {
        let here = queued(tree);
        let mut peer: Peer<Speaks> = Peer::of(config, here, [Task::Put, Task::get_file("old")]);
        let mut there = Memory::with([("old", content(5_000, 9))]);
        let mut device: Device<Speaks> = Device::new(config);
        let mut sent = Vec::new();
        let _ = device.serve(&mut peer, &mut there, |control, event| match event {
            Event::Progress { path: "t/a", position: 4096, .. } => control.cancel(BATTERY, MESSAGE),
            Event::Sent { path, .. } => sent.push(path.to_owned()),
            _ => {}
        });
        assert!(!there.files.contains_key("t/a"));
        assert!(peer.results[1].0.is_ok(), "{:?}", peer.results);
        assert_eq!(
            (sent, peer.store.bytes("old").map(<[u8]>::len)),
            (vec!["old".to_owned()], Some(5_000))
        );
    }
}

#[test]
fn a_wish_to_cancel_without_a_request_is_dropped() {
    for (config, tree) in all() {
        let here = queued(tree);
        let mut peer: Peer<Speaks> = Peer::of(config, here, [Task::Put]);
        let mut device: Device<Speaks> = Device::new(config);
        device.cancel(BATTERY, MESSAGE);
        let mut there = Memory::default();
        let _ = device.serve(&mut peer, &mut there, |control, event| {
            if matches!(event, Event::Connected) {
                control.cancel(BATTERY, MESSAGE);
            }
        });
        assert!(peer.results[0].0.is_ok_and(|outcome| outcome.refused == 0));
    }
}

/// Keeps the refusals that the other end sends.
pub(super) struct Refusals<'a, S>(pub(super) &'a mut S, pub(super) &'a mut Vec<(Reason, String)>);

impl<S: Store> Store for Refusals<'_, S> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(self.0)
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        self.1.push((reason, message.to_owned()));
        self.0.refused(entry, reason, message)
    }

    fn tree_refused(&mut self, reason: Reason, message: &str) {
        self.1.push((reason, message.to_owned()));
        self.0.tree_refused(reason, message);
    }

    fn given_up(&mut self, reason: Reason, message: &str) {
        self.1.push((reason, message.to_owned()));
        self.0.given_up(reason, message);
    }
}

#[test]
fn a_cancelled_request_ends_at_the_client_although_the_refusal_is_lost() {
    for is_put in [true, false] {
        for tree in [true, false] {
            for at in 1..7 {
                let mut here = Memory::default();
                let mut there = files();
                let task = match (is_put, tree) {
                    (true, _) => Task::Put,
                    (false, true) => Task::get_tree("t"),
                    (false, false) => Task::get_file("t/a"),
                };
                if is_put {
                    std::mem::swap(&mut here, &mut there);
                    if tree { here.queue_tree("t") } else { here.queue_file("t/a") }
                }
                let mut peer: Peer<Speaks> = Peer::of(Config::LOSSY, here, [task, Task::Ping]);
                peer.lose_answers = 1;
                cancel_at(&mut peer, &mut there, Config::LOSSY, at);
                let result = peer.results[0].0;
                let is_told = match result {
                    Ok(outcome) => outcome.refused > 0,
                    Err(failure) => failure == Failure::Refused(BATTERY),
                };
                assert!(is_told, "put {is_put}, tree {tree}, event {at}: {result:?}");
                assert!(peer.results[1].0.is_ok(), "{:?}", peer.results);
            }
        }
    }
}
