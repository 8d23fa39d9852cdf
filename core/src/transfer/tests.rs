//! Counts, numbers of transfers, and the outbox.

use super::*;

fn id(number: u16) -> TransferId {
    TransferId::new(number).unwrap_or(TransferId::MIN)
}

/// R25.
#[test]
fn a_count_is_reached_by_itself_and_by_the_half_of_the_range_after_it() {
    for mark in [0, 1, 0x7FFF, 0x8000, 0xFFFF] {
        assert!(is_reached(mark, mark) && is_reached(mark.wrapping_add(0x7FFF), mark));
        assert!(!is_reached(mark.wrapping_sub(1), mark));
        assert!(!is_reached(mark.wrapping_add(0x8000), mark));
    }
}

/// R25.
#[test]
fn a_transfer_is_not_after_itself() {
    assert!(!is_after(id(7), id(7)) && is_after(id(8), id(7)) && is_after(id(1), id(0xFFFF)));
}

/// R24.
#[test]
fn numbers_skip_0_and_the_open_tree() {
    assert_eq!(next_id(0, None), id(1));
    assert_eq!(next_id(0xFFFF, None), id(1));
    assert_eq!(next_id(4, Some(id(5))), id(6));
    assert_eq!(next_id(0xFFFF, Some(id(1))), id(2));
}

#[test]
fn two_refusals_are_sent_in_order() {
    let mut outbox = Outbox::new();
    outbox.refuse(1, Reason::Incomplete);
    outbox.refuse(2, Reason::BadPath);
    assert_eq!(outbox.take_refusal(), Some((1, Reason::Incomplete)));
    assert_eq!(outbox.take_refusal(), Some((2, Reason::BadPath)));
    assert_eq!(outbox.take_refusal(), None);
}

#[test]
fn all_output_is_dropped_but_the_completed_transfer_is_remembered() {
    let mut outbox = Outbox::new();
    outbox.abandon(Reason::Cancelled, true);
    outbox.refuse(1, Reason::NoSpace);
    outbox.complete(Completed::refused(id(1), Reason::NoSpace));
    outbox.clear();
    assert!(outbox.abandon.is_none() && !outbox.refuses());
    assert!(outbox.take_refusal().is_none() && outbox.pending_reply().is_none());
    assert!(outbox.is_last_completed(1));
}

#[test]
fn a_refusal_is_the_next_signal_where_one_is_queued_or_err_is_the_reply() {
    let mut outbox = Outbox::new();
    outbox.reply(Signal::close(1));
    assert!(!outbox.refuses());
    outbox.refuse(1, Reason::NoSpace);
    assert!(outbox.refuses());
    outbox.drop_refusals();
    outbox.complete(Completed::refused(id(1), Reason::NoSpace));
    assert!(outbox.refuses());
}
