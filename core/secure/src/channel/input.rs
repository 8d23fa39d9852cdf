//! The input of a channel: its records, and their content.

use super::*;

pub(super) struct Input<B> {
    pub(super) buffer: B,
    /// Bytes as they came.
    pub(super) raw: Range<usize>,
    /// Bytes that are decrypted and not yet read; they are before the raw ones.
    pub(super) content: Range<usize>,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>, C: Ciphers> Channel<B, C> {
    /// Whether something is decrypted, or the end is reached: a [`Channel::read`] returns at once.
    ///
    /// # Errors
    /// The input is not genuine, or not in order.
    pub fn is_ready(&mut self) -> Result<bool, Error> {
        self.open_next()?;
        let has_ended = matches!(self.state, State::Open(Open { has_ended: true, .. }));
        Ok(has_ended || !self.input.content.is_empty())
    }

    /// Reads decrypted bytes; 0: the other end has closed. `None`: more must be received first.
    ///
    /// # Errors
    /// The input is not genuine, or not in order, or the handshake is not over.
    pub fn read(&mut self, into: &mut [u8]) -> Result<Option<usize>, Error> {
        if into.is_empty() {
            return Ok(Some(0));
        }
        if !self.is_ready()? {
            return Ok(None);
        }
        let content = self.input.buffer.as_ref().get(self.input.content.clone());
        let count = copy(into, content.unwrap_or_default());
        self.input.content.start = self.input.content.start.saturating_add(count);
        Ok(Some(count))
    }

    /// Where the next bytes of the stream go; never empty while [`Channel::read`] returns `None`.
    pub fn room(&mut self) -> &mut [u8] {
        let Input { buffer, raw, content } = &mut self.input;
        let buffer = buffer.as_mut();
        if Range::is_empty(raw) && Range::is_empty(content) {
            *raw = 0..0;
        }
        let need = needed(buffer.get(raw.clone()).unwrap_or_default());
        if Range::is_empty(content) && raw.start.saturating_add(need) > buffer.len() {
            let length = raw.len();
            if raw.end <= buffer.len() {
                buffer.copy_within(raw.clone(), 0);
            }
            *raw = 0..length;
        }
        buffer.get_mut(raw.end..).unwrap_or_default()
    }

    /// `count` bytes were read into [`Channel::room`]; 0: the stream has ended.
    ///
    /// # Errors
    /// [`Error::Truncated`], where the other end has not closed before.
    pub fn received(&mut self, count: usize) -> Result<(), Error> {
        let result = match &self.state {
            State::Open(Open { has_ended: false, .. }) if count == 0 => Err(Error::Truncated),
            State::Failed(error) => Err(*error),
            _ => Ok(()),
        };
        let end = self.input.raw.end.saturating_add(count);
        self.input.raw.end = end.min(self.input.buffer.as_ref().len());
        self.checked(result)
    }

    /// Decrypts the next record, if nothing is left of the one before and all of it is there.
    fn open_next(&mut self) -> Result<(), Error> {
        let result = self.try_open_next();
        self.checked(result)
    }

    fn try_open_next(&mut self) -> Result<(), Error> {
        let State::Open(Open { incoming, has_ended, .. }) = &mut self.state else {
            return self.open_state().map(drop);
        };
        let Input { buffer, raw, content } = &mut self.input;
        if !Range::is_empty(content) || *has_ended {
            return Ok(());
        }
        let (buffer, start) = (buffer.as_mut(), raw.start);
        let most = buffer.len().saturating_sub(HEADER);
        let record = buffer.get_mut(raw.clone()).unwrap_or_default();
        let Some((header, rest)) = record.split_first_chunk_mut() else { return Ok(()) };
        let header = Header::from_bytes(header);
        let length = usize::from(header.length);
        // The header itself is not sealed: only an attacker between the ends could gain by a wrong one.
        if length <= KIND + TAG || length > most {
            return Err(Error::Tampered);
        }
        let Some(record) = rest.get_mut(..length) else { return Ok(()) };
        incoming.open(header.number, record)?;
        let kind = record.first().copied().and_then(Kind::from_byte);
        let told = record.get(KIND..length.saturating_sub(TAG)).unwrap_or_default();
        match (kind, told) {
            (Some(Kind::Data), _) => {
                let begin = start.saturating_add(HEADER + KIND);
                *content = begin..begin.saturating_add(told.len());
                raw.start = start.saturating_add(HEADER).saturating_add(length);
                Ok(())
            }
            (Some(Kind::Close), [0]) => {
                *has_ended = true;
                *raw = 0..0;
                Ok(())
            }
            (Some(Kind::Close), [code]) => Err(Error::Refused(Refusal::from_code(*code))),
            _ => Err(Error::Malformed),
        }
    }
}

/// The length of the record that begins here, or of its header while that is incomplete.
fn needed(raw: &[u8]) -> usize {
    match raw.first_chunk() {
        Some(header) => usize::from(Header::from_bytes(header).length).saturating_add(HEADER),
        None => HEADER,
    }
}
