//! How a client or a person leaves a server on a terminal: by the byte of Ctrl-C. Between frames any byte is allowed.
//! The byte of Ctrl-D counts as well: a program between the two ends sends it when the client has left.

#[cfg(unix)]
pub(crate) use self::recognition::Leave;

/// The byte of Ctrl-C.
const CTRL_C: u8 = 3;
/// The bytes that a client sends when it leaves.
pub(crate) const LEAVE: [u8; 5] = [CTRL_C; 5];

#[cfg(unix)]
mod recognition {
    use tinyferry_core::Millis;

    use super::{CTRL_C, LEAVE};

    /// The byte of Ctrl-D.
    const CTRL_D: u8 = 4;
    /// The smallest number of these bytes with a silence before and behind them: a person presses a key.
    const FEWEST: usize = 3;
    /// The largest number during a request: more of them are content.
    const MOST: usize = 10;
    /// The silence, in ms.
    pub(super) const SILENCE: Millis = 300;
    /// The silence after which they are counted anew, in ms.
    const LONG_SILENCE: Millis = 1000;

    /// Recognises that a client or a person leaves.
    #[derive(Debug, Default)]
    pub(crate) struct Leave {
        /// The number of these bytes with nothing else behind them.
        count: usize,
        /// Whether a silence came before them.
        is_alone: bool,
        /// When the last byte came.
        byte_at: Millis,
        /// When the last other byte came.
        other_at: Millis,
    }

    impl Leave {
        /// Bytes came.
        pub(crate) fn take(&mut self, bytes: &[u8], now: Millis) {
            let is_other = |byte: &u8| !matches!(*byte, CTRL_C | CTRL_D);
            let other = bytes.iter().rposition(is_other);
            let count = bytes.len() - other.map_or(0, |at| at + 1);
            if other.is_some() {
                (self.count, self.is_alone, self.other_at) = (0, false, now);
            } else if self.count == 0 || now.wrapping_sub(self.byte_at) >= LONG_SILENCE {
                self.count = 0;
                self.is_alone = now.wrapping_sub(self.other_at) >= SILENCE;
            }
            self.count = self.count.saturating_add(count);
            self.byte_at = now;
        }

        /// Whether the silence behind enough of these bytes is over. `is_idle`: no request is under way, so that they
        /// are no content.
        pub(crate) fn is_due(&self, now: Millis, is_idle: bool) -> bool {
            self.is_meant(is_idle) && now.wrapping_sub(self.byte_at) >= SILENCE
        }

        /// The sooner one of a deadline and the end of that silence.
        pub(crate) fn sooner_than(
            &self,
            deadline: Option<Millis>,
            now: Millis,
            is_idle: bool,
        ) -> Option<Millis> {
            let at = self.byte_at.wrapping_add(SILENCE);
            let is_sooner = |deadline: Millis| at.wrapping_sub(now) < deadline.wrapping_sub(now);
            if self.is_meant(is_idle) && deadline.is_none_or(is_sooner) {
                Some(at)
            } else {
                deadline
            }
        }

        fn is_meant(&self, is_idle: bool) -> bool {
            let fewest = if self.is_alone { FEWEST } else { LEAVE.len() };
            let most = if is_idle { usize::MAX } else { MOST };
            (is_idle || self.is_alone) && (fewest..=most).contains(&self.count)
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use tinyferry_core::Millis;

    use super::recognition::SILENCE;
    use super::*;

    type Input<'a> = &'a [(&'a [u8], Millis)];

    /// Whether these bytes, each with its time, mean to leave.
    fn leaves(input: Input<'_>, is_idle: bool) -> bool {
        let mut leave = Leave::default();
        let mut end = 0;
        for (bytes, at) in input {
            assert!(!leave.is_due(*at, is_idle), "before {at} ms");
            leave.take(bytes, *at);
            end = *at;
        }
        assert!(!leave.is_due(end, is_idle));
        let deadline = end + 1000;
        let is_sooner = leave.sooner_than(Some(deadline), end, is_idle) == Some(end + SILENCE);
        assert_eq!(leave.is_due(end + SILENCE, is_idle), is_sooner);
        is_sooner
    }

    #[test]
    fn three_times_ctrl_c_and_silence_mean_to_leave() {
        for is_idle in [false, true] {
            assert!(leaves(&[(&[3], 1000), (&[3], 1200), (&[3], 1400)], is_idle));
            assert!(leaves(&[(&[0xFA; 20], 1000), (&[3], 2000), (&[3; 2], 2200)], is_idle));
            assert!(!leaves(&[(&[3], 1000), (&[3], 1200)], is_idle));
            assert!(!leaves(&[(&[3], 1000), (b"a", 1100), (&[3, 3], 1200)], is_idle));
            assert!(!leaves(&[], is_idle));
        }
        // Somebody presses the key many times, and again.
        let mut leave = Leave::default();
        leave.take(&[0xFA; 20], 1000);
        (0..20).for_each(|count| leave.take(&[3], 1400 + 100 * count));
        assert!(leave.is_due(4000, true) && !leave.is_due(4000, false));
        (0..3).for_each(|count| leave.take(&[3], 4400 + 100 * count));
        assert!(leave.is_due(5000, false));
    }

    #[test]
    fn a_client_leaves_behind_its_last_frames() {
        let inputs: [Input<'_>; 3] = [
            &[(b"PIN", 1000), (&LEAVE, 1001)],
            &[(&[0xFA, 7, 9, 3, 3], 1000), (&[3; 3], 1001)],
            &[(&LEAVE, 1000), (&[4], 1001)],
        ];
        for input in inputs {
            assert!(leaves(input, true));
        }
        assert!(!leaves(&[(b"PIN", 1000), (&[3; 4], 1001)], true));
        assert!(!leaves(&[(&LEAVE, 1000), (b"PIN", 1001)], true));
    }

    #[test]
    fn content_means_nothing() {
        let inputs: [Input<'_>; 4] = [
            &[(&[0xFA, 3, 3, 3, 3, 3, 3], 1000)],
            // The rest of a chunk.
            &[(&[0xFA; 20], 1000), (&[3; 5], 1010)],
            &[(&[3; 500], 1000)],
            &[(&[3; 5], 1000), (&[3; 5], 1010), (&[3; 5], 1020)],
        ];
        for input in inputs {
            assert!(!leaves(input, false));
        }
    }

    #[test]
    fn a_deadline_that_is_sooner_stays() {
        let mut leave = Leave::default();
        leave.take(&LEAVE, u32::MAX - 100);
        let sooner = |deadline| leave.sooner_than(deadline, u32::MAX - 90, true);
        assert_eq!(sooner(Some(u32::MAX - 50)), Some(u32::MAX - 50));
        assert_eq!(sooner(Some(400)), Some(199));
        assert_eq!(sooner(None), Some(199));
        assert_eq!(Leave::default().sooner_than(Some(7), 0, true), Some(7));
    }
}
