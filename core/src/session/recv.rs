//! Received frames: decides which frames are accepted. A chunk in either buffer passes `parse_frame`,
//! `on_chunk`, the store and `chunk_stored`.

use super::*;

impl<P: Profile> Session<P> {
    /// Finds the next frame in the buffer; a signal is returned in `signal`. Metadata in front of it
    /// is consumed.
    pub(super) fn next_frame(&mut self, signal: &mut Signal) -> Parsed {
        self.reader.consume_metadata();
        let awaits_metadata = self.outbox.is_awaiting_metadata();
        let is_receiving = P::can_receive() && matches!(self.state, State::Receiving(_));
        let in_chunk = awaits_metadata || is_receiving;
        if self.input_in_chunk && !in_chunk {
            self.reader.clear();
        }
        self.input_in_chunk = in_chunk;
        let expected = self.expected();
        let buffer: &[u8] = if in_chunk { self.buffer.frame() } else { self.buffer.signal() };
        let parsed = self.reader.next_frame::<P>(buffer, &expected, signal);
        if P::has_gaps() && self.reader.take_dropped() {
            self.timer.bytes_dropped();
        }
        parsed
    }

    /// The frames that are accepted now.
    #[inline(always)]
    pub(super) fn expected(&self) -> Expect {
        let lossy = self.is_lossy();
        let metadata = self.outbox.awaiting_metadata();
        let metadata = metadata.map(|signal| (signal.transfer, signal.metadata));
        let (file, chunks_missing) = match (&self.state, &self.negotiated) {
            (State::Receiving(receiver), Some(link)) if P::can_receive() => {
                (receiver.expected_file(link), receiver.expects_chunks())
            }
            _ => (None, false),
        };
        // On a reliable link no more than the next frame is read, as far as its length is known: a
        // frame that waits in the buffer could not be handled while a file is compared or committed.
        let next = match metadata {
            _ if lossy || (chunks_missing && metadata.is_none()) => 0,
            Some((_, length)) => length.into(),
            None => SIGNAL_LEN - HEADER_LEN,
        };
        let last_transfer = match &self.state {
            _ if !P::has_console() || self.negotiated.is_none() => None,
            State::Receiving(receiver) if P::can_receive() => Some(receiver.last_id()),
            _ => Some(self.last_id),
        };
        Expect {
            seed: self.seeds().receiving,
            lossy,
            skips: self.negotiated.is_some() && !lossy,
            holes: self.has_holes(),
            metadata,
            file,
            last_transfer: last_transfer.map(low_byte),
            wanted: HEADER_LEN.saturating_add(next),
        }
    }

    /// On a reliable link, the length of the chunk that has begun to come in: until it is complete
    /// there is nothing to decide.
    pub(super) fn incomplete_chunk(&self) -> Option<usize> {
        if self.input_in_chunk && !self.is_lossy() {
            self.reader.incomplete_chunk::<P>(self.buffer.frame())
        } else {
            None
        }
    }

    /// A chunk of the open file came: its place, if it is stored.
    pub(super) fn on_chunk(&mut self, ahead: u32, length: u16) -> Option<Placement> {
        self.frame_received();
        let (State::Receiving(receiver), Some(link)) = (&self.state, &self.negotiated) else {
            return None;
        };
        let placement = receiver.file()?.place::<P>(ahead, length, link)?;
        self.timer.progress();
        Some(placement)
    }

    /// A hole of the open file came: whether a part of it is stored.
    pub(super) fn on_hole(&mut self) -> bool {
        self.frame_received();
        let is_stored = self.placed_hole().is_some();
        if is_stored {
            self.timer.progress();
        }
        is_stored
    }

    /// The part of the hole at the reader's front that is stored: its position and its length.
    pub(super) fn placed_hole(&self) -> Option<(u64, u32)> {
        let hole = self.reader.hole(self.buffer.frame())?;
        let (State::Receiving(receiver), Some(link)) = (&self.state, &self.negotiated) else {
            return None;
        };
        receiver.file()?.place_hole::<P>(hole.position, hole.length, link)
    }

    /// Whether the position moves over each stored part of a hole at `position`: acks then show the progress of a slow
    /// store.
    pub(super) fn takes_parts_of_hole(&self, position: u64) -> bool {
        matches!((&self.state, &self.negotiated), (State::Receiving(receiver), Some(_))
            if !self.is_lossy() && receiver.file().is_some_and(|file| file.is_next(position)))
    }

    /// Sends `PON` for the open file without a query, if a keepalive is due. Whether it is sent.
    pub(super) fn send_due_ack(&mut self) -> bool {
        if P::has_clock()
            && self.timer.keepalive_due()
            && let (State::Receiving(receiver), Some(link)) = (&self.state, &self.negotiated)
            && let Some(ack) = receiver.unsolicited_ack(link)
        {
            self.transmit(&ack);
            return true;
        }
        false
    }

    /// `length` bytes of a chunk were stored at `position`; `digest` continues over them.
    pub(super) fn chunk_stored(
        &mut self,
        position: u64,
        length: u32,
        digest: impl FnOnce(u64, &mut Option<P::Sha256>) -> u64,
    ) {
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated)
            && let Some(file) = receiver.file_mut()
        {
            let sha256 = &mut self.sha256;
            file.stored::<P>(position, length, link, |crc64| digest(crc64, sha256));
        }
    }
}
