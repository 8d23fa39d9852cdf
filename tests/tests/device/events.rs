//! The events of a device: their order, their values, and that each comes after its answer.

use tinyferry_core::device::{Device, Event};
use tinyferry_core::store::Kind;
use tinyferry_core::{Config, Outcome, Reason, Task};
use tinyferry_kit::{Memory, Operates, QueuedOperation, content, session_number};

use super::peer::{Peer, Told, serve};

const CONFIGS: [Config; 2] = [Config::RELIABLE, Config::LOSSY];

fn tree() -> Memory {
    let mut store = Memory::with([("t/a", content(3_000, 1)), ("t/d/b", content(700, 2))]);
    store.queue_tree("t");
    store
}

#[test]
fn a_put_of_a_tree_and_a_get_are_reported_in_order() {
    for config in CONFIGS {
        let mut peer = Peer::new(config, tree(), [Task::Put, Task::get_file("f")]);
        let mut there = Memory::with([("f", content(5_000, 3))]);
        let told = serve(&mut peer, &mut there, config);
        assert!(peer.results.iter().all(|(result, _)| result.is_ok()), "{:?}", peer.results);
        let file = |path: &str, size| Told::Offered(path.to_owned(), Kind::File, Some(size), 0);
        let stored = |path: &str, size| Told::Stored(path.to_owned(), Kind::File, size);
        let mut expected = vec![
            Told::Connected(Some(session_number(5))),
            Told::Offered("t".to_owned(), Kind::Tree, Some(3_700), 0),
            file("t/a", 3_000),
            stored("t/a", 3_000),
            file("t/d/b", 700),
            stored("t/d/b", 700),
            Told::Stored("t".to_owned(), Kind::Tree, 0),
        ];
        // On a lossy line the next request comes before the silence.
        if !config.lossy {
            expected.push(Told::Idle);
        }
        expected.extend([
            Told::Sent("f".to_owned(), 5_000),
            Told::Idle,
            Told::Closed(Ok(Outcome::default())),
        ]);
        let told: Vec<_> = told
            .into_iter()
            .map(|event| match event {
                Told::Offered(path, Kind::Tree, _, prefix) => {
                    Told::Offered(path, Kind::Tree, Some(3_700), prefix)
                }
                event => event,
            })
            .collect();
        assert_eq!(told, expected, "lossy: {}", config.lossy);
    }
}

#[test]
fn each_event_comes_when_its_answer_is_on_the_wire() {
    for config in CONFIGS {
        for grain in [1, 7, 36, usize::MAX] {
            let mut here = tree();
            here.queue_file("t/a");
            let mut peer = Peer::new(config, here, [Task::Put]);
            let mut there = Memory::default();
            let stored = Told::Stored("t/a".to_owned(), Kind::File, 3_000);
            assert_eq!(answered(&mut peer, &mut there, config, grain, &[("DON", 1)]), [stored]);

            let mut here = Memory::default();
            let rename = QueuedOperation::Rename("t/a".to_owned());
            here.queue_operations(Some(""), &[("g", rename), ("g", QueuedOperation::Remove)]);
            let mut peer = Peer::new(config, here, [Task::Put]);
            let answers = [("DON", 2), ("DON", 3), ("DON", 1)];
            let told = answered(&mut peer, &mut there, config, grain, &answers);
            let expected = [
                Told::Renamed("t/a".to_owned(), "g".to_owned()),
                Told::Removed("g".to_owned()),
                Told::Stored(String::new(), Kind::Tree, 0),
            ];
            assert_eq!(told, expected, "grain {grain}, lossy: {}", config.lossy);
            assert!(there.files.is_empty());

            let mut peer = Peer::new(config, Memory::default(), [Task::get_file("missing")]);
            let told = answered(&mut peer, &mut there, config, grain, &[("ERR", 1)]);
            assert_eq!(told, [Told::Refused("missing".to_owned(), Reason::NotFound)]);
        }
    }
}

/// Serves. Returns the events that have an answer. When each is reported, the answer has arrived as the last signal.
fn answered(
    peer: &mut Peer,
    store: &mut Memory,
    config: Config,
    grain: usize,
    answers: &[(&str, u16)],
) -> Vec<Told> {
    let mut device: Device<Operates> = Device::new(config);
    let (mut told, mut answers) = (Vec::new(), answers.iter());
    let output = peer.output.clone();
    peer.grain = grain;
    let _ = device.serve(peer, store, |control, event| {
        let has_answer = matches!(
            event,
            Event::Stored { .. }
                | Event::Renamed { .. }
                | Event::Removed { .. }
                | Event::Refused { .. }
        );
        if has_answer {
            let (code, transfer) = answers.next().expect("no more events are expected");
            let output = output.borrow();
            assert!(output.ends_with(code, *transfer), "{event:?}: {:?}", output.arrived());
            told.push(Told::of(control, event));
        }
    });
    assert_eq!(peer.results.len(), 1);
    told
}

#[test]
fn progress_is_reported_up_to_the_size() {
    for config in CONFIGS {
        let mut here = Memory::with([("f", content(5_000, 3))]);
        here.queue_file("f");
        let mut peer = Peer::new(config, here, [Task::Put, Task::get_file("f")]);
        let mut device: Device<Operates> = Device::new(config);
        let (mut positions, mut there) = (Vec::new(), Memory::default());
        let _ = device.serve(&mut peer, &mut there, |_, event| {
            if let Event::Progress { path, position, size } = event {
                assert_eq!((path, size), ("f", Some(5_000)));
                positions.push(position);
            }
        });
        let expected = [1024, 2048, 3072, 4096, 5000, 1024, 2048, 3072, 4096, 5000];
        assert_eq!(positions, expected, "lossy: {}", config.lossy);
    }
}

#[test]
fn a_refused_entry_of_a_tree_is_reported_and_the_others_are_stored() {
    for config in CONFIGS {
        let mut peer = Peer::new(config, tree(), [Task::Put]);
        let mut there = Memory::default();
        there.refuse.insert("t/a".to_owned(), Reason::NoSpace);
        let told = serve(&mut peer, &mut there, config);
        let refused = Told::Refused("t/a".to_owned(), Reason::NoSpace);
        assert!(told.contains(&refused), "{told:?}");
        assert!(told.contains(&Told::Stored("t/d/b".to_owned(), Kind::File, 700)), "{told:?}");
        assert!(!told.contains(&Told::Stored("t/a".to_owned(), Kind::File, 3_000)));
    }
}

#[test]
fn a_file_that_fails_while_it_is_stored_is_reported_as_refused() {
    for config in CONFIGS {
        let mut here = tree();
        here.queue_file("t/a");
        let mut peer = Peer::new(config, here, [Task::Put]);
        let mut there = Memory::default();
        there.room = 2_000;
        let told = serve(&mut peer, &mut there, config);
        assert!(told.contains(&Told::Refused("t/a".to_owned(), Reason::NoSpace)), "{told:?}");
        assert!(!told.iter().any(|event| matches!(event, Told::Stored(..))), "{told:?}");
    }
}

#[test]
fn a_path_that_is_too_long_for_the_buffer_is_cut() {
    let config = Config::RELIABLE;
    let mut here = Memory::with([("abc/de\u{e9}f", content(10, 1))]);
    here.queue_file("abc/de\u{e9}f");
    let mut peer = Peer::new(config, here, [Task::Put]);
    let mut device: Device<Operates, 7> = Device::new(config);
    let mut stored = Vec::new();
    let _ = device.serve(&mut peer, &mut Memory::default(), |_, event| {
        if let Event::Stored { path, .. } = event {
            stored.push(path.to_owned());
        }
    });
    assert_eq!(stored, ["abc/de"]);
}

#[test]
fn a_device_serves_one_request_and_reports_the_silence_in_the_next_call() {
    for config in CONFIGS {
        let mut here = tree();
        here.queue_file("t/a");
        let mut peer = Peer::new(config, here, [Task::Put, Task::get_file("t/a")]);
        let mut device: Device<Operates> = Device::new(config);
        let mut there = Memory::default();
        let mut calls = Vec::new();
        loop {
            let mut told = Vec::new();
            let served = device.serve_request(&mut peer, &mut there, |control, event| {
                told.push(Told::of(control, event));
            });
            told.retain(|event| matches!(event, Told::Stored(..) | Told::Sent(..) | Told::Idle));
            calls.push(told);
            if !matches!(served, Ok(None)) {
                break;
            }
        }
        let stored = Told::Stored("t/a".to_owned(), Kind::File, 3_000);
        let sent = Told::Sent("t/a".to_owned(), 3_000);
        let expected = match config.lossy {
            false => vec![vec![stored, Told::Idle], vec![sent, Told::Idle], vec![]],
            true => vec![vec![stored], vec![sent], vec![Told::Idle]],
        };
        assert_eq!(calls, expected);
    }
}
