//! How many frames may go, and when to ask (`PROTOCOL.md`, section 6.3).

use crate::profile::Profile;
use crate::serial::is_reached;
use crate::terms::Terms;

/// Frames that half-duplex ends keep unanswered at most, so that the answers fit unread into the
/// smallest buffer.
const HALF_DUPLEX_FRAMES: u16 = 8;
/// On a lossy link the position is asked for every so many frames.
const LOSSY_INTERVAL: u16 = 8;

/// Counts of frames; all modulo 2^16.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Flow {
    pub(super) count: u16,
    /// The count that the last position spoke of.
    echoed: u16,
    pub(super) credit: u16,
    /// The count at the last question; `None` when one is to be asked in any case.
    pub(super) asked: Option<u16>,
    /// The count at the question whose answer measures the round trip.
    measured: Option<u16>,
    /// The next frame is one that was sent before: it is counted already, and has had its credit.
    pub(super) repeats: bool,
}

impl Flow {
    pub(super) const fn new(credit: u16) -> Self {
        Self { count: 0, echoed: 0, credit, asked: Some(0), measured: None, repeats: false }
    }

    pub(super) fn sent(&mut self) {
        let repeats = core::mem::take(&mut self.repeats);
        self.count = self.count.wrapping_add(u16::from(!repeats));
    }

    /// No answer came: what was asked goes out `again`, or else the position is asked for.
    pub(super) fn unanswered(&mut self, again: bool) {
        self.measured = None;
        if again {
            self.repeats = true;
        } else {
            self.asked = None;
        }
    }

    /// What the other end was busy with is over: whether more may go is asked anew.
    pub(super) fn ask_if_busy(&mut self) {
        if self.credit == 0 {
            self.asked = None;
        }
    }

    /// A question goes out. Whether it starts a measurement of the round trip.
    pub(super) fn measure(&mut self) -> bool {
        let starts = self.measured.is_none();
        self.measured = self.measured.or(Some(self.count));
        starts
    }

    /// The count that the other end spoke of last.
    pub(super) fn echoed(&self) -> u16 {
        self.echoed
    }

    /// Whether a question is not answered yet.
    pub(super) fn is_awaited(&self) -> bool {
        self.measured.is_some()
    }

    /// Whether what speaks of `count` answers the question that measures the round trip.
    pub(super) fn is_measured(&mut self, count: u16) -> bool {
        self.measured.take_if(|measured| is_reached(count, *measured)).is_some()
    }

    /// The other end speaks of `count`. Whether that is not older than what it spoke of before.
    pub(super) fn echo(&mut self, count: u16) -> bool {
        let is_fresh = is_reached(self.count, count) && is_reached(count, self.echoed);
        if is_fresh {
            self.echoed = count;
        }
        is_fresh
    }

    pub(super) fn may_send(&self, terms: &Terms) -> bool {
        let limit = if terms.half_duplex { HALF_DUPLEX_FRAMES } else { u16::MAX };
        self.repeats || self.count.wrapping_sub(self.echoed) < self.credit.min(limit)
    }

    /// Whether to ask although more may be sent. Half-duplex ends do not: nobody would listen.
    pub(super) fn question_due<P: Profile>(&self, terms: &Terms) -> bool {
        let interval =
            if terms.is_lossy::<P>() { LOSSY_INTERVAL } else { (self.credit / 4).max(1) };
        let asked = self.asked.unwrap_or(self.count.wrapping_sub(interval));
        !terms.half_duplex && self.count.wrapping_sub(asked) >= interval
    }
}
