//! A followed log that does not grow, and a follower that is gone.

use tinyferry_core::error::Failure;

use super::*;

/// R76, R78.
#[test]
fn ten_minutes_without_a_line_keep_both_ends_awake() {
    for config in configs() {
        let parts = [(1, b"first\n".to_vec()), (60_000, b"second\n".to_vec())];
        let mut pair = pair(config, Log::of_parts(parts.into_iter()), Screen::default(), 1);
        pair.run(follow()).expect("it ends").expect("it succeeds");
        assert_eq!(pair.client.store.content, b"first\nsecond\n");
        assert!(pair.now >= 590 * SECOND, "{config:?}: {} ns", pair.now);
        assert!(pair.down.silence <= LIFE_SIGN, "{config:?}: {} ns", pair.down.silence);
    }
}

/// R75, R78: a sender that waits asks, and gives up if it gets no answer.
#[test]
fn a_follower_that_is_gone_is_given_up() {
    for config in configs() {
        let timeout = if config.lossy { 60 } else { 300 };
        let parts = [(1, b"first\n".to_vec()), (1_000_000, b"second\n".to_vec())];
        let mut pair = pair(config, Log::of_parts(parts.into_iter()), Screen::default(), 1);
        // The handshake, the request and the first answers pass.
        pair.up.lose = (8..10_000).collect();
        let outcome = pair.run(follow());
        let (log, screen) = (&pair.server.store, &pair.client.store);
        assert!(log.is_abandoned, "{config:?}: {outcome:?}");
        assert!(!screen.content.is_empty(), "{config:?}");
        let seconds = pair.now / SECOND;
        // The client waits for the server, which has given up before.
        assert!((timeout..2 * timeout + 20).contains(&seconds), "{config:?}: {seconds} s");
        assert_eq!(outcome.ok(), Some(Err(Failure::TimedOut)), "{config:?}");
    }
}

/// R75. Whichever frame is the last one that passes, a few questions follow it, not one after the other for ever.
#[test]
fn a_follower_that_vanishes_after_any_frame_is_asked_rarely_and_given_up() {
    for config in configs().into_iter().filter(|config| config.lossy) {
        for last in 3..9 {
            let blocks = (0..5).map(|n| (1, vec![n; 1_024]));
            let parts = blocks.chain([(1_000_000, b"last\n".to_vec())]);
            let mut pair = pair(config, Log::of_parts(parts), Screen::default(), 1);
            pair.limit = 400 * SECOND;
            pair.up.lose = (last..10_000).collect();
            let outcome = pair.run(follow()).expect("it ends");
            assert!(outcome.is_err(), "{config:?}, {last}: {outcome:?}");
            let frames = pair.down.frames;
            assert!(frames < 200, "{config:?}, {last}: {frames} frames");
        }
    }
}
