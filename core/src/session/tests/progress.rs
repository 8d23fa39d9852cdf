//! Which frames are progress, and end no wait (`PROTOCOL.md`, R75 and R76).

use std::vec::Vec;

use crate::wire::SackMap;

use super::*;

/// Receives frame after frame, one every 5 seconds. Returns whether the session goes on after 100 seconds.
fn goes_on(line: &mut Line, frame: impl Fn(u64) -> Vec<u8>) -> bool {
    (0..20).all(|number| {
        line.now += 5_000;
        line.receive(&[frame(number)]);
        !line.session.is_idle() && !matches!(line.session.poll(), Step::Over(_))
    })
}

/// A server on a lossy link that receives a file of 100,000 bytes.
fn receiver() -> Line {
    let mut server = established(Config::LOSSY);
    server.receive(&[offer(1, 100_000)]);
    server
}

/// A client that has offered a file of 100,000 bytes, and sends.
fn sender(config: Config) -> Line {
    let mut client = client(config, "f", &[7; 100_000]);
    assert!(client.session.begin(Task::Put).is_ok());
    client.receive(&[]);
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(config)))]);
    client
}

fn ack(position: u64, credit: u16) -> Vec<u8> {
    from_server(Signal::ack(1, position, credit, 0, AckInfo::Sack(SackMap::EMPTY)))
}

#[test]
fn at_a_receiver_a_query_of_another_position_is_progress() {
    assert!(goes_on(&mut receiver(), |number| from_client(Signal::ask(1, number + 1, 1))));
    assert!(!goes_on(&mut receiver(), |_| from_client(Signal::ask(1, 1, 1))));
}

#[test]
fn at_a_receiver_new_content_is_progress_and_repeated_content_is_not() {
    let chunk = |number| chunk(1, false, number as u32 * 256, &[7; 256]);
    assert!(goes_on(&mut receiver(), chunk));
    assert!(!goes_on(&mut receiver(), |_| chunk(0)));
}

#[test]
fn at_a_receiver_a_repeated_offer_is_no_progress() {
    assert!(!goes_on(&mut receiver(), |_| offer(1, 100_000)));
}

#[test]
fn at_a_sender_credit_0_is_progress() {
    assert!(goes_on(&mut sender(Config::LOSSY), |_| ack(0, 0)));
    assert!(!goes_on(&mut sender(Config::LOSSY), |_| ack(0, 128)));
}

#[test]
fn at_a_sender_on_a_reliable_link_any_other_position_is_progress() {
    assert!(goes_on(&mut sender(Config::RELIABLE), |number| ack(number + 1, 9)));
    assert!(!goes_on(&mut sender(Config::RELIABLE), |_| ack(1, 9)));
}

#[test]
fn at_a_sender_on_a_lossy_link_only_a_later_position_is_progress() {
    let mut client = sender(Config::LOSSY);
    assert!(!goes_on(&mut client, |number| ack(number % 2 * 256, 128)));
}

#[test]
fn a_stalled_transfer_has_a_failure_of_its_own() {
    let mut client = sender(Config::LOSSY);
    assert!(!goes_on(&mut client, |_| ack(0, 128)));
    assert!(matches!(client.session.poll(), Step::Over(Err(Failure::Stalled))));
}

#[test]
fn for_an_idle_server_each_frame_is_progress() {
    let config = Config::LOSSY.idle_timeout(8_000);
    let mut server = established(config);
    let same = from_client(Signal::hello(Code::Pin, &hello(config)));
    for _ in 0..20 {
        server.now += 5_000;
        assert_eq!(server.receive(core::slice::from_ref(&same)), ["Pon 0: session 12345678"]);
    }
    server.now += 8_000;
    server.session.timed_out(Some(server.now));
    server.wait();
    assert!(matches!(server.session.poll(), Step::Over(Err(Failure::IdleTimeout))));
}

#[test]
fn a_task_without_progress_is_stuck() {
    let mut client = sender(Config::LOSSY);
    assert!(!client.session.is_stuck_for(1));
    goes_on(&mut client, |_| ack(0, 128));
    assert!(client.session.is_stuck_for(1_000));
    let mut server = receiver();
    goes_on(&mut server, |number| from_client(Signal::ask(1, number + 1, 1)));
    assert!(!server.session.is_stuck_for(1_000));
}
