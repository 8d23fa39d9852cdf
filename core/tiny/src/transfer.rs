//! One transfer, from its request to its ending.

use crate::checksum::crc64;
use crate::map::Map;
use crate::metadata::file_path;
use crate::reader::HEADER_LEN;
use crate::signal::{DON, ERR, PON, SAF, SIGNAL_LEN, Words};
use crate::{Reason, Store};

/// Sizes and positions are below this (R62: such an offer needs no answer on a reliable link).
const SIZE_END: u32 = 1 << 31;
/// Bytes that are read back at once: each frame has room for them.
const PIECE: usize = 8;
/// The metadata of a signal begins behind a header of its own.
const METADATA: usize = SIGNAL_LEN + HEADER_LEN;
const IS_PREFIX: u32 = 1 << 15;

/// The transfer of the last request.
pub(crate) struct Transfer {
    pub(crate) number: u16,
    /// The count of the last `PIN` or `DON` (R47).
    pub(crate) count: u16,
    /// Everything before it is stored.
    position: u32,
    size: u32,
    /// CRC-64 of everything before the position.
    digest: u64,
    map: Map,
    pub(crate) state: State,
}

#[derive(Clone, Copy)]
pub(crate) enum State {
    /// No request of the session has come; its number is none.
    Unrequested,
    /// The position is that of the prefix: no content has come yet.
    Offered,
    Receiving,
    Done,
    Refused(Reason),
}

impl Transfer {
    pub(crate) const NONE: Self = Self {
        number: 0,
        count: 0,
        position: 0,
        size: 0,
        digest: 0,
        map: Map::EMPTY,
        state: State::Unrequested,
    };

    /// Begins with the request `number`, refused so far.
    pub(crate) fn begin(&mut self, number: u16, reason: Reason) {
        self.number = number;
        self.count = 0;
        self.position = 0;
        self.digest = 0;
        self.map = Map::EMPTY;
        self.state = State::Refused(reason);
    }

    /// A new session begins.
    pub(crate) fn forget(&mut self) {
        self.number = 0;
        self.state = State::Unrequested;
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Offered | State::Receiving)
    }

    /// A file is offered, which can be resumed up to `resume`.
    ///
    /// # Errors
    /// The reason of the refusal.
    pub(crate) fn offer<S: Store>(
        &mut self,
        store: &mut S,
        frame: &mut [u8],
        [resume, size, size_high]: [u32; 3],
    ) -> Result<(), Reason> {
        if size_high != 0 || size >= SIZE_END {
            return Err(Reason::TooLarge);
        }
        store.offer(file_path(frame.get(METADATA..).unwrap_or_default())?, size)?;
        self.size = size;
        if S::RESUMES && resume == 0 {
            store.discard();
        } else if S::RESUMES {
            let mut prefix = store.prefix(resume).min(resume).min(size);
            if prefix != size {
                prefix &= !1023;
            }
            self.read_back(store, prefix, frame)?;
        }
        self.state = State::Offered;
        Ok(())
    }

    /// Adds the stored bytes up to `end` to the digest; `space` is for pieces of them.
    fn read_back<S: Store>(
        &mut self,
        store: &mut S,
        end: u32,
        space: &mut [u8],
    ) -> Result<(), Reason> {
        while self.position < end {
            let left = end.wrapping_sub(self.position) as usize;
            let piece = space.get_mut(..left.min(PIECE)).ok_or(Reason::Storage)?;
            store.load(self.position, piece)?;
            self.digest = crc64(self.digest, piece);
            self.position = self.position.wrapping_add(piece.len() as u32);
        }
        Ok(())
    }

    /// A chunk came; `block` is the binary logarithm of the length of a block.
    ///
    /// # Errors
    /// The reason for which the transfer ends.
    pub(crate) fn chunk<S: Store>(
        &mut self,
        store: &mut S,
        block: u8,
        position: u32,
        frame: &mut [u8],
    ) -> Result<(), Reason> {
        let bytes = frame.get(HEADER_LEN..).unwrap_or_default();
        let length = bytes.len() as u32;
        let ahead = position.wrapping_sub(self.position);
        let end = position.wrapping_add(length);
        let unaligned = (1u32 << block).wrapping_sub(1);
        if end > self.size || (S::OUT_OF_ORDER && end & unaligned != 0 && end != self.size) {
            return Ok(());
        }
        let blocks = length.wrapping_add(unaligned) >> block;
        if ahead == 0 {
            store.store(position, bytes)?;
            self.state = State::Receiving;
            self.digest = crc64(self.digest, bytes);
            self.position = end;
            if S::OUT_OF_ORDER {
                let mut is_received = false;
                for _ in 0..blocks {
                    is_received = self.map.advance();
                }
                while is_received {
                    let end = self.position.wrapping_add(1 << block).min(self.size);
                    self.read_back(store, end, frame)?;
                    is_received = self.map.advance();
                }
            }
        } else if S::OUT_OF_ORDER && ahead & unaligned == 0 {
            let first = (ahead >> block) as usize;
            if self.map.lacks(first, blocks as usize) {
                store.store(position, bytes)?;
                self.state = State::Receiving;
                for block in 0..blocks as usize {
                    self.map.insert(first.wrapping_add(block));
                }
            }
        }
        Ok(())
    }

    /// The sender's `DON`: its position, of two words, and the digest.
    ///
    /// # Errors
    /// The reason for which the file is not in place.
    pub(crate) fn finish<S: Store>(
        &mut self,
        store: &mut S,
        position: [u32; 2],
        digest: [u32; 2],
        is_lossy: bool,
    ) -> Result<(), Reason> {
        if position != [self.size, 0] {
            return Err(Reason::Incomplete);
        }
        if self.position != self.size {
            // R57, R34
            return if is_lossy { Ok(()) } else { Err(Reason::Incomplete) };
        }
        if digest != halves(self.digest) {
            return Err(Reason::DigestDiffers);
        }
        store.commit()?;
        self.state = State::Done;
        Ok(())
    }

    // Smaller so: a caller in line would have the rest of its function twice.
    #[inline(never)]
    pub(crate) fn refuse<S: Store>(&mut self, store: &mut S, reason: Reason) {
        if S::RESUMES && matches!(reason, Reason::DigestDiffers | Reason::PrefixDiffers) {
            store.discard(); // R64
        }
        self.state = State::Refused(reason);
    }

    /// Answers the question in `words`.
    pub(crate) fn answer<S: Store>(&self, words: &mut Words, credit: u8) {
        let [code, second, position, high, detail @ ..] = words;
        let is_offer = *code == SAF;
        *second = self.number.into();
        (*position, *high) = (self.position, 0);
        let count = u32::from(self.count);
        let [a, b, c, d] = detail;
        match self.state {
            State::Offered | State::Receiving => {
                *code = PON;
                *a = count << 16 | u32::from(credit);
                // R60
                if S::RESUMES && is_offer && self.has_prefix() {
                    *a |= IS_PREFIX;
                    [*b, *c] = halves(self.digest);
                    *d = 0;
                } else if S::OUT_OF_ORDER {
                    [*b, *c, *d] = self.map.words();
                } else {
                    (*b, *c, *d) = (0, 0, 0);
                }
            }
            State::Unrequested | State::Done => {
                *code = DON;
                (*a, *b) = (count, 0);
                [*c, *d] = halves(self.digest);
            }
            State::Refused(reason) => {
                (*code, *position) = (ERR, 0);
                (*a, *b, *c, *d) = (reason.code().into(), 0, 0, 0);
            }
        }
    }

    /// Whether the answer to the offer is a prefix.
    pub(crate) fn has_prefix(&self) -> bool {
        matches!(self.state, State::Offered) && self.position > 0
    }
}

fn halves(digest: u64) -> [u32; 2] {
    [digest as u32, (digest >> 32) as u32]
}
