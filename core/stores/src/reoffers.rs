//! The files of a request that are sent a second time.

use heapless::Vec;
use tinyferry_core::Reason;

/// The largest number of files in one request that are sent a second time, since the receiver has other content of
/// the same size.
pub(crate) const REOFFERS: usize = 16;

/// The files that the other end wants once more. A session numbers all entries that are given, also those that are
/// given again.
#[derive(Debug, Default)]
pub(crate) struct Reoffers {
    /// The number of entries given.
    given: u32,
    refused: Vec<Reoffer, REOFFERS>,
}

#[derive(Debug)]
struct Reoffer {
    number: u32,
    /// Its number among the entries that were given a first time.
    index: u32,
    /// Its number when it was given again.
    again: Option<u32>,
}

/// The next entry to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The entry after the last one that was given a first time.
    New,
    /// The one with this number among those.
    Again(u32),
}

impl Reoffers {
    pub(crate) const fn new() -> Self {
        Self { given: 0, refused: Vec::new() }
    }

    /// An entry was refused; returns whether it will be given again.
    pub(crate) fn refused(&mut self, number: u32, reason: Reason) -> bool {
        let is_second = |reoffer: &Reoffer| reoffer.again == Some(number);
        if !reason.wants_reoffer() || self.refused.iter().any(is_second) {
            return false;
        }
        if self.refused.iter().any(|reoffer| reoffer.number == number) {
            return true;
        }
        let before = |reoffer: &&Reoffer| reoffer.again.is_some_and(|again| again < number);
        let before = self.refused.iter().filter(before).count();
        let index = number.saturating_sub(u32::try_from(before).unwrap_or(u32::MAX));
        self.refused.push(Reoffer { number, index, again: None }).is_ok()
    }

    /// Whether no entry was given yet.
    pub(crate) const fn is_first(&self) -> bool {
        self.given == 0
    }

    /// The next entry to give.
    pub(crate) fn turn(&self) -> Turn {
        let mut waiting = self.refused.iter().filter(|reoffer| reoffer.again.is_none());
        waiting.next().map_or(Turn::New, |reoffer| Turn::Again(reoffer.index))
    }

    /// The entry of a turn was given.
    pub(crate) fn gave(&mut self, turn: Turn) {
        let number = self.given;
        self.given = number.saturating_add(1);
        let waiting = self.refused.iter_mut().find(|reoffer| reoffer.again.is_none());
        if let (Turn::Again(_), Some(reoffer)) = (turn, waiting) {
            reoffer.again = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_after_one_that_was_given_again_keep_their_places() {
        let mut reoffers = Reoffers::new();
        for _ in 0..3 {
            assert_eq!(reoffers.turn(), Turn::New);
            reoffers.gave(Turn::New);
        }
        assert!(reoffers.refused(1, Reason::PrefixDiffers));
        assert!(!reoffers.refused(0, Reason::NoSpace));
        assert!(reoffers.refused(1, Reason::DigestDiffers), "both ends give it up");
        assert_eq!(reoffers.turn(), Turn::Again(1));
        reoffers.gave(Turn::Again(1));
        assert!(!reoffers.refused(3, Reason::DigestDiffers), "it was the second time");
        assert_eq!(reoffers.turn(), Turn::New);
        reoffers.gave(Turn::New);
        // The fourth entry has number 4, since the second one had 3 as well.
        assert!(reoffers.refused(4, Reason::PrefixDiffers));
        assert_eq!(reoffers.turn(), Turn::Again(3));
    }

    #[test]
    fn the_number_of_files_that_are_sent_a_second_time_is_limited() {
        let mut reoffers = Reoffers::new();
        for number in 0..100 {
            reoffers.gave(Turn::New);
            let is_within = usize::try_from(number).is_ok_and(|number| number < REOFFERS);
            assert_eq!(reoffers.refused(number, Reason::PrefixDiffers), is_within, "{number}");
        }
    }
}
