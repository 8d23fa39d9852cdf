//! The round trip, the wait before a question is repeated, and the silence that ends a frame.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::Standard;

/// A timer at this time.
fn at(now: Millis) -> Timer {
    let mut timer = Timer::new(true, SHORTEST_SILENCE);
    timer.tick(Some(now));
    timer.restart();
    timer
}

/// Sends a probe and answers it after `milliseconds`.
fn measure(timer: &mut Timer, milliseconds: Millis) {
    timer.probe_sent();
    timer.tick(Some(timer.now.wrapping_add(milliseconds)));
    timer.frame_received();
    timer.probe_answered();
}

/// The wait that the timer chooses now.
fn timeout(timer: &mut Timer, busy: bool) -> Millis {
    timer.cancel();
    timer.await_answer(busy, false, 60_000);
    timer.deadline().map_or(0, |deadline| deadline.wrapping_sub(timer.now))
}

#[test]
fn a_question_is_first_repeated_after_1_second() {
    assert_eq!(timeout(&mut at(7), false), 1_000);
}

#[test]
fn the_timeout_is_twice_the_round_trip() {
    let mut timer = at(100);
    measure(&mut timer, 40);
    assert_eq!(timeout(&mut timer, false), 80);
}

/// R74.
#[test]
fn the_round_trip_is_smoothed_by_an_eighth() {
    let mut timer = at(100);
    measure(&mut timer, 80);
    measure(&mut timer, 160);
    // 7/8 · 80 + 1/8 · 160 = 90
    assert_eq!(timeout(&mut timer, false), 180);
}

#[test]
fn a_round_trip_below_1_ms_counts_as_1_ms() {
    let mut timer = at(100);
    measure(&mut timer, 0);
    assert_eq!(timeout(&mut timer, false), 2);
}

/// R74.
#[test]
fn the_answer_to_a_repeated_question_measures_nothing() {
    let mut timer = at(100);
    timer.probe_sent();
    assert!(timer.retry(30_000));
    timer.probe_sent();
    timer.tick(Some(5_000));
    timer.probe_answered();
    assert_eq!(timer.round_trip, None);
}

#[test]
fn each_retry_doubles_the_timeout_up_to_5_seconds() {
    let mut timer = at(100);
    measure(&mut timer, 400);
    let mut timeouts = Vec::new();
    for _ in 0..5 {
        timeouts.push(timeout(&mut timer, false));
        assert!(timer.retry(30_000));
    }
    assert_eq!(timeouts, [800, 1_600, 3_200, 5_000, 5_000]);
}

/// R75. The 8 retries end with the timeout, however short that is.
#[test]
fn no_wait_is_longer_than_an_eighth_of_the_timeout() {
    let mut timer = at(100);
    measure(&mut timer, 200);
    timer.restart();
    let (begin, mut is_over) = (timer.now, false);
    while !is_over {
        timer.await_answer(false, false, 3_000);
        timer.tick(timer.deadline());
        is_over = !timer.retry(3_000);
    }
    assert_eq!(timer.now.wrapping_sub(begin), 3_000);
    // R49.
    timer.await_answer(true, false, 400);
    assert_eq!(timer.deadline(), Some(timer.now.wrapping_add(250)));
}

#[test]
fn no_wait_is_shorter_than_the_round_trip() {
    let mut timer = at(100);
    measure(&mut timer, 1_400);
    for _ in 0..3 {
        timer.await_answer(false, false, 5_000);
        assert_eq!(timer.deadline(), Some(timer.now.wrapping_add(1_400)));
        timer.retry(5_000);
    }
}

#[test]
fn a_valid_frame_ends_the_doubling() {
    let mut timer = at(100);
    assert!(timer.retry(30_000) && timer.retry(30_000));
    timer.frame_received();
    assert_eq!(timeout(&mut timer, false), 1_000);
}

/// R49.
#[test]
fn a_busy_peer_is_not_asked_again_within_250_ms() {
    let mut timer = at(100);
    measure(&mut timer, 1);
    assert_eq!((timeout(&mut timer, false), timeout(&mut timer, true)), (2, 250));
}

/// R75.
#[test]
fn retries_end_after_8_of_them_and_the_timeout() {
    let mut timer = at(100);
    for _ in 0..7 {
        assert!(timer.retry(1_000));
    }
    timer.tick(Some(1_099));
    assert!(timer.retry(1_000), "the timeout has not passed");
    timer.tick(Some(1_100));
    assert!(!timer.retry(1_000));
}

/// R75.
#[test]
fn after_the_timeout_there_are_still_8_retries_unless_frames_come() {
    let mut timer = at(100);
    timer.tick(Some(5_000));
    for _ in 0..7 {
        assert!(timer.retry(1_000));
    }
    assert!(!timer.retry(1_000));

    let mut timer = at(100);
    timer.tick(Some(5_000));
    (0..8).for_each(|_| timer.frame_counts());
    assert!(!timer.retry(1_000), "frames come, and make no progress");
}

#[test]
fn frames_without_progress_still_come_until_8_retries_were_in_vain() {
    let mut timer = at(100);
    assert!(!timer.receives_futile_frames());
    (0..8).for_each(|_| timer.frame_counts());
    for _ in 0..8 {
        assert!(timer.receives_futile_frames());
        timer.retry(1_000);
    }
    assert!(!timer.receives_futile_frames());
}

#[test]
fn frames_without_progress_stall_after_8_of_them_and_the_timeout() {
    let mut timer = at(100);
    timer.tick(Some(2_000));
    for _ in 0..7 {
        timer.frame_counts();
        assert!(!timer.is_stalled_for(1_000));
    }
    timer.frame_counts();
    assert!(timer.is_stalled_for(1_000) && !timer.is_stalled_for(2_000));
    timer.progress();
    assert!(!timer.is_stalled_for(1_000));
}

/// R76.
#[test]
fn time_in_the_own_store_does_not_count_as_time_without_progress() {
    let mut timer = at(100);
    timer.store_worked(Some(5_000));
    timer.await_frame(NonZeroU32::new(1_000));
    assert_eq!(timer.deadline(), Some(6_000));
}

/// R71.
#[test]
fn a_line_is_idle_20_ms_after_the_last_byte() {
    let mut timer = at(100);
    timer.bytes_received::<Standard>(false);
    timer.tick(Some(119));
    assert!(!timer.line_is_idle());
    timer.tick(Some(120));
    assert!(timer.line_is_idle());
}

/// R71.
#[test]
fn gaps_inside_valid_frames_lengthen_the_silence_and_short_ones_shorten_it_slowly() {
    let mut timer = at(100);
    timer.bytes_received::<Standard>(false);
    timer.tick(Some(250));
    timer.bytes_received::<Standard>(true);
    timer.frame_complete();
    assert_eq!(timer.silence, 300);
    timer.frame_complete();
    // By a 64th of the excess over 20 ms, rounded up.
    assert_eq!(timer.silence, 295);
}

/// R71.
#[test]
fn the_rest_of_a_frame_after_a_silence_lengthens_the_silence() {
    let mut timer = at(100);
    timer.bytes_received::<Standard>(false);
    timer.tick(Some(120));
    timer.frame_cut();
    // The begin of the frame is dropped.
    timer.bytes_dropped();
    timer.tick(Some(160));
    timer.bytes_received::<Standard>(false);
    timer.bytes_dropped();
    assert_eq!(timer.silence, 120);
}

#[test]
fn a_gap_before_dropped_bytes_that_no_silence_has_cut_lengthens_nothing() {
    let mut timer = at(100);
    timer.bytes_received::<Standard>(false);
    timer.tick(Some(115));
    timer.bytes_received::<Standard>(true);
    timer.bytes_dropped();
    assert_eq!(timer.silence, 20);
}

#[test]
fn points_in_time_are_compared_on_a_clock_that_wraps_around() {
    assert!(reached(3, Millis::MAX - 2) && !reached(Millis::MAX - 2, 3));
    let mut timer = at(Millis::MAX - 10);
    timer.await_frame(NonZeroU32::new(20));
    timer.tick(Some(8));
    assert!(!timer.is_due());
    timer.tick(Some(9));
    assert!(timer.is_due());
}

/// R71.
#[test]
fn the_silence_of_a_link_is_never_shorter_than_its_setting() {
    for (setting, silence) in [(0, 20), (20, 20), (100, 100), (500, 500), (9_000, 500)] {
        let mut timer = Timer::new(true, setting);
        assert_eq!(timer.silence, silence);
        timer.frame_complete();
        assert_eq!((timer.silence, timer.idle_line_at()), (silence, silence.into()));
    }
    let mut timer = Timer::new(true, 100);
    timer.tick(Some(1));
    timer.bytes_received::<crate::Standard>(false);
    timer.tick(Some(151));
    timer.bytes_received::<crate::Standard>(true);
    timer.frame_complete();
    assert_eq!(timer.silence, 300);
}
