//! The transfer of a sender: its position in the file, and the answers of the client.

use crate::checksum::{crc32, crc64};
use crate::reader::HEADER_LEN;
use crate::signal::{DON, ERR, PIN, PON, RAF};
use crate::{Reason, Source};

/// Sizes are below this.
const SIZE_END: u32 = 1 << 31;

/// The transfer of the last request.
pub(crate) struct Transfer {
    pub(crate) number: u16,
    pub(crate) state: State,
    /// Whether the question of the state is sent, and not answered.
    pub(crate) is_asking: bool,
    /// Frames sent, and those acknowledged (R47).
    pub(crate) count: u16,
    pub(crate) acknowledged: u16,
    /// The position up to which chunks were sent.
    pub(crate) sent: u32,
    /// `None` until the end of a file whose size is not known.
    pub(crate) size: Option<u32>,
    /// CRC-64 of everything before `digested`.
    pub(crate) digest: u64,
    pub(crate) digested: u32,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum State {
    /// No file is sent, and no request was refused last.
    Idle,
    /// Its question is the offer.
    Offering { names_only: bool },
    /// Its question is `PIN`.
    Sending,
    /// Its question is `DON`.
    Finishing,
    /// It could not be sent. Its question is `ERR`.
    Failing(Reason),
    /// A request was refused: its answer is repeated.
    Refused(Reason),
}

impl Transfer {
    /// A request came: for a file of this size, or one that is refused.
    pub(crate) fn begin(
        &mut self,
        number: u16,
        opened: Result<Option<u32>, Reason>,
        names_only: bool,
    ) {
        self.number = number;
        // The offer counts.
        (self.count, self.acknowledged) = (1, 0);
        (self.sent, self.digest, self.digested) = (0, 0, 0);
        (self.size, self.is_asking) = (None, false);
        self.state = match opened {
            Err(reason) => State::Refused(reason),
            Ok(Some(SIZE_END..)) => State::Refused(Reason::TooLarge),
            Ok(size) => {
                self.size = size;
                State::Offering { names_only }
            }
        };
    }

    /// The client sent a signal on this transfer.
    pub(crate) fn answered(&mut self, code: u32, position: u32, detail: u32, credit: &mut u16) {
        let (count, given) = ((detail >> 16) as u16, detail as u16 & 0x7FFF);
        match (code, self.state) {
            (PON, State::Offering { .. }) if given > 0 => {
                (self.state, self.is_asking, *credit) = (State::Sending, false, given);
            }
            // Its count is that of the present question: an earlier answer tells nothing new.
            (PON, State::Sending | State::Finishing)
                if given > 0 && count == self.count && position <= self.sent && self.is_asking =>
            {
                (self.acknowledged, self.sent, *credit) = (count, position, given);
                (self.state, self.is_asking) = (State::Sending, false);
            }
            (DON, State::Finishing | State::Offering { names_only: true }) | (ERR, _) => {
                self.state = State::Idle;
            }
            (PIN | RAF, _) => self.is_asking = false,
            _ => {}
        }
    }

    /// Loads the next chunk behind the header in `frame`; returns its length, 0 at the end.
    pub(crate) fn load<S: Source>(
        &mut self,
        source: &mut S,
        chunk: u16,
        frame: &mut [u8],
    ) -> Result<usize, Reason> {
        let mut limit = self.size.unwrap_or(SIZE_END).wrapping_sub(self.sent).min(chunk.into());
        if self.sent < self.digested {
            limit = limit.min(self.digested.wrapping_sub(self.sent));
        }
        let end = HEADER_LEN.saturating_add(limit as usize);
        let payload = frame.get_mut(HEADER_LEN..end).unwrap_or_default();
        let mut length: usize = 0;
        while let Some(rest) = payload.get_mut(length..)
            && !rest.is_empty()
        {
            match source.load(self.sent.wrapping_add(length as u32), rest)? {
                0 => break,
                count => length = length.saturating_add(count),
            }
        }
        let end = self.sent.wrapping_add(length as u32);
        if (length as u32) < limit {
            if self.size.is_some() {
                return Err(Reason::SourceChanged);
            }
            self.size = Some(end);
        }
        if self.sent == self.digested {
            self.digest = crc64(self.digest, payload.get(..length).unwrap_or_default());
            self.digested = end;
        }
        self.sent = end;
        Ok(length)
    }
}

/// Completes a chunk of `length` bytes; returns the length of its frame.
pub(crate) fn seal(
    frame: &mut [u8],
    [first, position]: [u32; 2],
    length: usize,
    seed: u32,
) -> usize {
    let end = length.saturating_add(HEADER_LEN);
    let Some((header, payload)) = frame.split_at_mut_checked(HEADER_LEN) else { return 0 };
    let ([a, b, check], _) = header.as_chunks_mut::<4>() else { return 0 };
    *a = (first | (length as u32) << 16).to_le_bytes();
    *b = position.to_le_bytes();
    let crc = crc32(crc32(seed, a), b);
    *check = crc32(crc, payload.get(..length).unwrap_or_default()).to_le_bytes();
    end
}
