//! A device that is reset in the callback of an event: its client has the answer.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tinyferry_core::device::{Device, Event};
use tinyferry_core::driver::blocking::Link;
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Memory, Operates, content};

use super::peer::Peer;

/// The reset of a device.
struct Reset;

/// Serves until `is_reset` of an event. The output that is not flushed is lost.
fn serve_until_reset(
    peer: &mut Peer,
    store: &mut Memory,
    config: Config,
    is_reset: impl Fn(&Event<'_, embedded_io::ErrorKind>) -> bool,
) {
    let served = catch_unwind(AssertUnwindSafe(|| {
        let mut device: Device<Operates> = Device::new(config);
        let _ = device.serve(peer, store, |_, event| {
            if is_reset(&event) {
                resume_unwind(Box::new(Reset));
            }
        });
    }));
    assert!(served.is_err_and(|reason| reason.is::<Reset>()), "the device was not reset");
    let mut output = peer.output.borrow_mut();
    let flushed = output.flushed;
    output.written.truncate(flushed);
}

/// Lets the client read the bytes that have arrived, and nothing more.
fn finish(peer: &mut Peer) {
    peer.set_read_deadline(None, true);
    let mut byte = [0];
    while embedded_io::Read::read(peer, &mut byte).is_ok_and(|count| count > 0) {}
}

#[test]
fn a_client_has_its_answer_when_the_device_is_reset_after_a_file_is_stored() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        for grain in (1..80).chain([1_100]) {
            let mut here = Memory::with([("f", content(3_000, 3))]);
            here.queue_file("f");
            let mut peer = Peer::new(config, here, [Task::Put]);
            peer.grain = grain;
            let mut there = Memory::default();
            serve_until_reset(&mut peer, &mut there, config, |event| {
                matches!(event, Event::Stored { path: "f", .. })
            });
            finish(&mut peer);
            let [(Ok(outcome), _)] = &peer.results[..] else {
                panic!("grain {grain}: {:?}", peer.results)
            };
            assert_eq!((outcome.entries, outcome.refused), (1, 0));
            assert!(there.files.contains_key("f"));
        }
    }
}

#[test]
fn a_client_on_a_lossy_link_that_lacks_the_answer_has_it_before_the_device_is_idle() {
    for lost in 0..3 {
        let config = Config::LOSSY;
        let mut here = Memory::with([("f", content(3_000, 3))]);
        here.queue_file("f");
        let mut peer = Peer::new(config, here, [Task::Put]);
        peer.lose_answers = lost;
        let mut there = Memory::default();
        serve_until_reset(&mut peer, &mut there, config, |event| matches!(event, Event::Idle));
        finish(&mut peer);
        assert!(matches!(peer.results[..], [(Ok(_), _)]), "{lost} lost: {:?}", peer.results);
        let arrived = peer.output.borrow().arrived();
        assert_eq!(arrived.iter().filter(|(code, _)| code == "DON").count(), lost + 1);
    }
}
