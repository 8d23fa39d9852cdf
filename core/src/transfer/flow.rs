//! Flow control of a sender: its credit, and when it queries the position (`PROTOCOL.md`, R47 to
//! R52).

use super::is_reached;
use crate::link::Negotiated;
use crate::profile::Profile;

#[cfg(test)]
mod tests;

/// The largest number of unacknowledged frames on a half-duplex link: the answers must fit unread
/// into the smallest receive buffer.
const HALF_DUPLEX_FRAMES: u16 = 8;
/// The number of frames between two queries on a lossy link.
const LOSSY_INTERVAL: u16 = 8;

/// Counts of frames, all modulo 2^16.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Flow {
    /// Frames sent in the request.
    pub(super) frames_sent: u16,
    /// The count that the receiver acknowledged last.
    acked_count: u16,
    /// Frames that may follow the acknowledged count; 0: the receiver is busy.
    pub(super) credit: u16,
    /// The count at the last query; `None` where one is due in any case.
    pub(super) queried_at: Option<u16>,
    /// The count at the query that measures the round trip.
    rtt_probe: Option<u16>,
    /// Whether the next frame repeats a question: it was counted before, and has its credit.
    pub(super) repeats: bool,
    /// Whether the receiver has begun a file anew that it was asked about (R96).
    pub(super) begins_anew: bool,
}

impl Flow {
    pub(super) const fn new(credit: u16) -> Self {
        Self {
            frames_sent: 0,
            acked_count: 0,
            credit,
            queried_at: Some(0),
            rtt_probe: None,
            repeats: false,
            begins_anew: false,
        }
    }

    /// A frame is sent.
    pub(super) fn sent(&mut self) {
        let repeats = core::mem::take(&mut self.repeats);
        self.frames_sent = self.frames_sent.wrapping_add(u16::from(!repeats));
    }

    /// The frame that was counted last is not sent.
    pub(super) fn unsent(&mut self) {
        self.frames_sent = self.frames_sent.wrapping_sub(1);
    }

    /// No answer came. The question is repeated, or else the position is queried.
    pub(super) fn unanswered(&mut self, repeats: bool) {
        self.rtt_probe = None;
        if repeats {
            self.repeats = true;
        } else {
            self.queried_at = None;
        }
    }

    /// The transfer that kept the receiver busy is completed: its credit is queried at once.
    pub(super) fn query_if_busy(&mut self) {
        if self.credit == 0 {
            self.queried_at = None;
        }
    }

    /// A query is sent. Whether it measures the round trip.
    pub(super) fn probe(&mut self) -> bool {
        let starts = self.rtt_probe.is_none();
        self.rtt_probe = self.rtt_probe.or(Some(self.frames_sent));
        starts
    }

    pub(super) fn acked_count(&self) -> u16 {
        self.acked_count
    }

    /// Whether a query is not answered yet.
    pub(super) fn is_probing(&self) -> bool {
        self.rtt_probe.is_some()
    }

    /// Whether an answer with this count ends the measurement of the round trip.
    pub(super) fn take_probe(&mut self, count: u16) -> bool {
        self.rtt_probe.take_if(|probe| is_reached(count, *probe)).is_some()
    }

    /// The receiver acknowledges `count`. Returns false where that is an old or an impossible one.
    pub(super) fn ack(&mut self, count: u16) -> bool {
        let is_new = is_reached(self.frames_sent, count) && is_reached(count, self.acked_count);
        if is_new {
            self.acked_count = count;
        }
        is_new
    }

    /// Whether the receiver has acknowledged all frames, and is not busy.
    pub(super) fn is_settled(&self) -> bool {
        self.acked_count == self.frames_sent && self.credit > 0
    }

    pub(super) fn may_send<P: Profile>(&self, link: &Negotiated) -> bool {
        let limit = if link.is_half_duplex::<P>() { HALF_DUPLEX_FRAMES } else { u16::MAX };
        let in_flight = self.frames_sent.wrapping_sub(self.acked_count);
        self.repeats || in_flight < self.credit.min(limit)
    }

    /// Whether to query the position although more may be sent: not on a half-duplex link, where the
    /// receiver could not read the query.
    pub(super) fn query_due<P: Profile>(&self, link: &Negotiated) -> bool {
        let interval = if link.is_lossy::<P>() { LOSSY_INTERVAL } else { (self.credit / 4).max(1) };
        let queried_at = self.queried_at.unwrap_or(self.frames_sent.wrapping_sub(interval));
        !link.is_half_duplex::<P>() && self.frames_sent.wrapping_sub(queried_at) >= interval
    }
}
