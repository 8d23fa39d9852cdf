//! The packets in the input, and the records among them.

use core::ops::Range;

use super::packet::{HEADER, Header, Kind, MARK};
use super::{LossyChannel, State};
use crate::ciphers::{Portable, TAG};
use crate::suite::{ChaChaPoly, open};

impl<B: AsRef<[u8]> + AsMut<[u8]>> LossyChannel<B> {
    /// Drops the first received byte: no packet begins there.
    pub(super) fn drop_byte(&mut self) {
        self.raw.start = self.raw.start.saturating_add(1).min(self.raw.end);
    }

    /// Opens the record at the front of the input, if nothing is left of the one before.
    pub(super) fn open_record(&mut self) {
        while Range::is_empty(&self.content) {
            let Some((header, whole)) = self.front() else { return };
            let State::Open(keys) = &mut self.state else { return };
            let is_next = header.kind == Kind::Record && header.number >= keys.expected;
            let packet = self.input.as_mut().get_mut(whole.clone()).unwrap_or_default();
            // A record that does not open is left as it was: the next packet may begin in it.
            let opens = is_next && header.number < u32::MAX && {
                match packet.split_first_chunk_mut::<HEADER>() {
                    Some((head, body)) => {
                        let number = header.number.into();
                        open::<ChaChaPoly<Portable>>(&keys.incoming, number, head, body)
                    }
                    None => false,
                }
            };
            if opens {
                keys.expected = header.number.saturating_add(1);
                let start = whole.start.saturating_add(HEADER);
                self.content = start..whole.end.saturating_sub(TAG);
                self.raw.start = whole.end;
            } else if header.kind == Kind::Record {
                self.drop_byte();
            } else {
                return;
            }
        }
    }

    /// The whole packet at the front of the input. Bytes that begin none are dropped.
    pub(super) fn front(&mut self) -> Option<(Header, Range<usize>)> {
        loop {
            let most = self.input.as_ref().len().saturating_sub(HEADER);
            let raw = self.input.as_ref().get(self.raw.clone()).unwrap_or_default();
            if *raw.first()? != MARK {
                self.drop_byte();
                continue;
            }
            let header = match raw.first_chunk().map(Header::from_bytes) {
                None => return None,
                Some(Some(header)) if usize::from(header.length) <= most => header,
                Some(_) => {
                    self.drop_byte();
                    continue;
                }
            };
            let length = HEADER.saturating_add(header.length.into());
            let end = self.raw.start.saturating_add(length);
            return (raw.len() >= length).then_some((header, self.raw.start..end));
        }
    }
}
