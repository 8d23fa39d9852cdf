//! Credit: how many frames are in flight, and when the position is queried.

use super::*;
use crate::link::tests::negotiated;
use crate::{Config, Standard};

fn link(lossy: bool, half_duplex: bool, credit: u16) -> Negotiated {
    negotiated(Config::RELIABLE.lossy(lossy).half_duplex(half_duplex).credit(credit))
}

/// Sends as many frames as may be sent.
fn fill(flow: &mut Flow, link: &Negotiated) -> u16 {
    let before = flow.frames_sent;
    while flow.may_send::<Standard>(link) {
        flow.sent();
    }
    flow.frames_sent.wrapping_sub(before)
}

/// R48.
#[test]
fn no_more_frames_are_in_flight_than_the_credit() {
    let link = link(true, false, 5);
    let mut flow = Flow::new(5);
    assert_eq!(fill(&mut flow, &link), 5);
    assert!(flow.ack(3));
    assert_eq!(fill(&mut flow, &link), 3);
}

/// R52.
#[test]
fn on_a_half_duplex_link_at_most_8_frames_are_in_flight() {
    assert_eq!(fill(&mut Flow::new(100), &link(true, true, 100)), 8);
}

/// R48.
#[test]
fn an_old_and_an_impossible_count_acknowledge_nothing() {
    let mut flow = Flow::new(9);
    fill(&mut flow, &link(true, false, 9));
    assert!(flow.ack(4) && !flow.ack(3) && !flow.ack(10));
    assert_eq!(flow.acked_count(), 4);
}

/// R47.
#[test]
fn counts_wrap_around() {
    let mut flow = Flow::new(4);
    flow.frames_sent = 0xFFFE;
    flow.acked_count = 0xFFFE;
    assert_eq!(fill(&mut flow, &link(true, false, 4)), 4);
    assert!(flow.ack(1) && !flow.ack(0xFFFF));
}

/// R47, R48.
#[test]
fn a_repeated_question_is_not_counted_again_and_needs_no_credit() {
    let link = link(true, false, 1);
    let mut flow = Flow::new(1);
    flow.sent();
    assert!(!flow.may_send::<Standard>(&link));
    flow.unanswered(true);
    assert!(flow.may_send::<Standard>(&link));
    flow.sent();
    assert_eq!((flow.frames_sent, flow.may_send::<Standard>(&link)), (1, false));
}

/// R50.
#[test]
fn a_query_is_due_every_8_frames_on_a_lossy_link() {
    let link = link(true, false, 100);
    let mut flow = Flow::new(100);
    for _ in 0..8 {
        assert!(!flow.query_due::<Standard>(&link));
        flow.sent();
    }
    assert!(flow.query_due::<Standard>(&link));
}

/// R50.
#[test]
fn a_query_is_due_every_quarter_of_the_credit_on_a_reliable_link() {
    let link = link(false, false, 100);
    let mut flow = Flow::new(100);
    (0..24).for_each(|_| flow.sent());
    assert!(!flow.query_due::<Standard>(&link));
    flow.sent();
    assert!(flow.query_due::<Standard>(&link));
}

/// R52.
#[test]
fn on_a_half_duplex_link_no_query_is_due() {
    let mut flow = Flow::new(100);
    flow.unanswered(false);
    assert!(!flow.query_due::<Standard>(&link(true, true, 100)));
}

/// R73.
#[test]
fn an_unanswered_query_is_due_again() {
    let mut flow = Flow::new(100);
    flow.unanswered(false);
    assert!(flow.query_due::<Standard>(&link(true, false, 100)));
}

/// R74.
#[test]
fn the_first_answer_at_or_past_the_probe_measures_the_round_trip() {
    let mut flow = Flow::new(100);
    flow.sent();
    assert!(flow.probe() && !flow.probe());
    flow.sent();
    assert!(!flow.take_probe(0) && flow.take_probe(2) && !flow.take_probe(2));
}

#[test]
fn a_busy_receiver_is_queried_at_once_when_its_transfer_is_completed() {
    let mut flow = Flow::new(5);
    flow.query_if_busy();
    assert_eq!(flow.queried_at, Some(0), "it has credit");
    flow.credit = 0;
    flow.query_if_busy();
    assert_eq!(flow.queried_at, None);
}

#[test]
fn a_query_is_open_until_its_answer_comes() {
    let mut flow = Flow::new(5);
    assert!(!flow.is_probing());
    assert!(flow.probe() && flow.is_probing());
    assert!(flow.take_probe(0) && !flow.is_probing());
}
