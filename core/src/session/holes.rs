//! Replies of the store about the holes of a file (`PROTOCOL.md`, section 13).

use super::*;
use crate::checksum::Checksums;

impl<P: Profile> Session<P> {
    /// The store has `hole` zeros next. Whether the next step is chosen.
    pub(super) fn hole_loaded(
        &mut self,
        position: u64,
        length: u16,
        done: u16,
        sends: bool,
        hole: u64,
    ) -> bool {
        let (State::Sending(_) | State::Receiving(_), Some(link)) = (&self.state, self.negotiated)
        else {
            return false;
        };
        if done == 0 && (sends || P::resumes()) {
            let zeros = match &self.state {
                State::Sending(sender) if P::can_send() && sends && link.holes() => {
                    sender.hole(position, hole, length, &link)
                }
                State::Sending(sender) if P::can_send() && !sends => {
                    Some(capped(hole.min(sender.unread_prefix())))
                }
                State::Receiving(receiver) if P::can_receive() => {
                    Some(capped(hole.min(receiver.undigested())))
                }
                _ => None,
            };
            if let Some(zeros) = zeros.filter(|zeros| *zeros > 0) {
                return self.zeros_loaded(position, zeros, sends);
            }
        }
        // The hole goes on its own if it can.
        let is_whole = done & link.block().wrapping_sub(1) == 0;
        if done > 0 && (!sends || (is_whole && link.holes())) {
            return self.load_ends(position, done, sends, false);
        }
        let payload = self.buffer.payload_mut().get_mut(done.into()..length.into());
        let payload = payload.unwrap_or_default();
        let count = payload.len().min(usize::try_from(hole).unwrap_or(usize::MAX));
        payload.iter_mut().take(count).for_each(|byte| *byte = 0);
        self.loaded(position, length, done, sends, count)
    }

    /// `zeros` zeros are sent as a hole, or only digested. Whether the next step is chosen.
    pub(super) fn zeros_loaded(&mut self, position: u64, zeros: u32, sends: bool) -> bool {
        let sha256 = &mut self.sha256;
        let digest = |crc64| both_over_zeros::<P>(crc64, sha256, zeros);
        match (&mut self.state, &self.negotiated) {
            (State::Sending(sender), _) if P::can_send() => {
                sender.loaded(position, zeros, digest);
                if sends {
                    let transfer = low_byte(sender.last_id());
                    let hole = Hole { transfer, position, length: zeros.into() };
                    let seed = self.seeds().sending;
                    hole.emit::<P::Checksums>(seed, self.buffer.frame_mut());
                    self.timer.frame_sent();
                    self.io = PendingIo::SendChunk { done: 0, length: HOLE_LEN };
                }
            }
            (State::Receiving(receiver), Some(link)) if P::can_receive() => {
                receiver.digested(zeros, link, &mut self.outbox, digest);
            }
            _ => {}
        }
        sends
    }

    /// `count` zeros of a hole were stored. Returns whether the next step is chosen. If not, the remaining
    /// zeros of the hole are the next frame.
    pub(super) fn zeros_stored(&mut self, done: u32, count: usize) -> bool {
        let Some((position, length)) = self.placed_hole() else { return false };
        let left = length.saturating_sub(done);
        let count = u32::try_from(count).map_or(left, |count| count.min(left));
        let is_part = count > 0 && count < left;
        let is_counted = is_part && done == 0 && self.takes_parts_of_hole(position);
        if is_part && !is_counted {
            self.io = PendingIo::StoreZeros { done: done.saturating_add(count) };
            return true;
        }
        let stored = if is_counted { count } else { length };
        if count > 0 {
            self.chunk_stored(position, stored, |crc64, sha256| {
                both_over_zeros::<P>(crc64, sha256, stored)
            });
        } else if let State::Receiving(receiver) = &mut self.state {
            receiver.drop_file(Reason::Storage, &mut self.outbox);
        }
        if !is_counted {
            self.reader.consume(HOLE_LEN);
        }
        false
    }
}

/// Continues both digests over `zeros` zeros.
fn both_over_zeros<P: Profile>(crc64: u64, sha256: &mut Option<P::Sha256>, zeros: u32) -> u64 {
    if P::has_sha256()
        && let Some(sha256) = sha256
    {
        sha256.update_zeros(zeros);
    }
    P::Checksums::crc64_zeros(crc64, zeros.into())
}

/// As many of the zeros as are digested in one step.
fn capped(zeros: u64) -> u32 {
    zeros.min(HOLE_MAX.into()) as u32
}
