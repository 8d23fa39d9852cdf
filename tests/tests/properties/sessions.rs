//! Sessions of two ends, with and without faults.

use proptest::prelude::*;
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::{Config, Session, Task};
use tinyferry_kit::{Faults, Memory, Pair, content, session_number};

use crate::cases;
use crate::setting::settings;

/// Faults of every kind, or not, of 10^-lowest to 10^-highest; the exponents in tenths.
fn faults(lowest: i32, highest: i32) -> impl Strategy<Value = Option<Faults>> {
    let power = |tenths: i32| 10f64.powf(f64::from(-tenths) / 10.0);
    let rate = || prop_oneof![Just(0.0), (highest..lowest).prop_map(power)];
    (rate(), rate(), rate(), rate(), rate()).prop_map(|(flip, drop, insert, double, burst)| {
        Some(Faults { flip: flip / 8.0, drop, insert, double, burst: burst / 64.0 })
    })
}

/// A loss for every few chunks at most.
fn mild() -> impl Strategy<Value = Option<Faults>> {
    faults(50, 32)
}

/// Of the shortest chunks few come through, of signals about half.
fn loud() -> impl Strategy<Value = Option<Faults>> {
    faults(32, 22)
}

const SECOND: u64 = 1_000_000_000;

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn without_faults_every_file_arrives_and_no_timer_expires(setting in settings(Just(None))) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        for _ in 0..=u8::from(setting.twice) {
            setting.check_result(setting.run(&mut pair))?;
            setting.check(&pair)?;
        }
        match setting.line {
            None => prop_assert_eq!(pair.now, 0, "it waited for a timer"),
            Some(_) => prop_assert!(pair.now < 30 * SECOND, "it took {} ms", pair.now / 1_000_000),
        }
    }

    #[test]
    fn over_noise_every_file_arrives(setting in settings(mild())) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        for _ in 0..=u8::from(setting.twice) {
            setting.check_result(setting.run(&mut pair))?;
            setting.check(&pair)?;
        }
    }

    #[test]
    fn over_loud_noise_a_file_arrives_or_the_task_fails_and_no_file_is_mixed(setting in settings(loud())) {
        let mut pair = setting.pair();
        pair.limit = 3600 * SECOND;
        match setting.run(&mut pair) {
            Err(Failure::TimedOut | Failure::Stalled) => {}
            result => {
                setting.check_result(result)?;
                setting.check(&pair)?;
            }
        }
        setting.check_names(&pair)?;
    }

    #[test]
    fn a_cut_line_ends_both_sessions_and_no_file_is_mixed(
        setting in settings(Just(None)),
        cut in 0..9000u64,
        both: bool,
    ) {
        let mut pair = setting.pair();
        pair.limit = 600 * SECOND;
        pair.up.cut = Some(cut);
        pair.down.cut = both.then_some(cut / 4);
        let result = setting.run(&mut pair);
        if !matches!(result, Err(Failure::UnexpectedEof | Failure::TimedOut)) {
            setting.check_result(result)?;
            setting.check(&pair)?;
        }
        setting.check_names(&pair)?;

        // Another session resumes the partial.
        let mut next = setting.pair();
        for (end, old) in [(&mut next.client, &pair.client), (&mut next.server, &pair.server)] {
            end.store = old.store.clone();
            end.store.reboot();
            end.store.holes = 97 * 1024;
        }
        next.limit = 600 * SECOND;
        setting.check_result(setting.run(&mut next))?;
        setting.check(&next)?;
    }

    #[test]
    fn impossible_hellos_are_refused(
        units in any::<[u8; 2]>(),
        wild: [bool; 2],
        chunks in [0..1100u16, 0..1100u16],
        credits in [0..3u16, 0..3u16],
    ) {
        let units = [0, 1].map(|end| if wild[end] { units[end] } else { units[end] % 4 });
        let config = |end: usize| Config::RELIABLE.block(units[end]).chunk(chunks[end]).credit(credits[end]);
        let mut pair = Pair::new(Config::RELIABLE, Memory::with([("f", content(3000, 1))]), Memory::default());
        pair.client.session = Session::client(session_number(9), config(0));
        pair.server.session = Session::server(config(1));
        pair.client.store.queue_file("f");
        let block = units[0].max(units[1]);
        let is_possible = block <= 2
            && chunks[0].min(chunks[1]) >= 256 << block
            && credits[0] > 0
            && credits[1] > 0;
        let result = pair.run(Task::Put).expect("it ends");
        if is_possible {
            prop_assert!(result.is_ok(), "{:?}", result);
            prop_assert_eq!(&pair.server.store.files, &pair.client.store.files);
        } else {
            prop_assert_eq!(result, Err(Failure::Refused(Reason::Unsupported)));
        }
    }
}
