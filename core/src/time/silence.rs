//! The silence that ends a frame on a lossy line (`PROTOCOL.md`, R71).

use super::*;

impl Timer {
    /// Bytes came. `mid_frame`: after the begin of a frame.
    pub(crate) fn bytes_received<P: Profile>(&mut self, mid_frame: bool) {
        if P::has_gaps() && (mid_frame || self.cut_frame) {
            let gap = self.now.wrapping_sub(self.byte_at).min(LONGEST_SILENCE.into());
            self.gap = self.gap.max(gap as u16);
        }
        self.byte_at = self.now;
    }

    /// Whether the silence has lasted long enough for an incomplete frame to count as damaged.
    pub(crate) fn line_is_idle(&self) -> bool {
        reached(self.now, self.idle_line_at())
    }

    pub(crate) fn idle_line_at(&self) -> Millis {
        self.byte_at.wrapping_add(self.silence.into())
    }

    /// A silence has cut an incomplete frame.
    pub(crate) fn frame_cut(&mut self) {
        self.cut_frame = true;
        self.gap = 0;
    }

    /// Bytes that make no frame were dropped. After a silence they are the rest of the frame that it
    /// has cut: the line has such gaps.
    pub(crate) fn bytes_dropped(&mut self) {
        if self.cut_frame && self.gap > 0 {
            self.cut_frame = false;
            self.silence = self.silence.max(self.silence_for(self.gap));
        }
    }

    /// A valid frame is complete: the gaps inside it are those of the line.
    pub(crate) fn frame_complete(&mut self) {
        let gap = core::mem::take(&mut self.gap);
        // The bytes after a silence were a frame of their own.
        let was_cut = core::mem::take(&mut self.cut_frame);
        let needed = if was_cut { self.shortest_silence } else { self.silence_for(gap) };
        let excess = self.silence.saturating_sub(needed);
        self.silence = needed.max(self.silence.saturating_sub(excess.div_ceil(64)));
    }

    /// The silence that ends a frame on a line with such gaps, in ms.
    fn silence_for(&self, gap: u16) -> u16 {
        gap.saturating_mul(2).min(LONGEST_SILENCE).max(self.shortest_silence)
    }
}
