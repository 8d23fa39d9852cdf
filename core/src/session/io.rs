//! The interface to a driver: the steps it is asked for, and its answers.

use super::*;

/// The next step of a driver. A slice that it lends is the one that the session works on.
///
/// Each step names the method that answers it. Polling again before the answer returns the same step.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step<'a> {
    /// Flush the output, then read at least one byte: [`Session::received`]. 0 bytes: the stream has
    /// ended.
    Receive(&'a mut [u8]),
    /// Write at least one of these bytes: [`Session::transmitted`].
    Transmit(&'a [u8]),
    /// Read where input is ready ([`Session::received`]), else write ([`Session::transmitted`]; 0
    /// where `out` is empty: then flush the output).
    Exchange {
        /// To be written.
        out: &'a [u8],
        /// To be read into.
        into: &'a mut [u8],
    },
    /// Flush the output, check that the stream is still open, and yield: [`Session::transmitted`]
    /// with 0.
    Pause,
    /// Let the store do this: [`Session::answered`].
    Storage(Request<'a>),
    /// Text came between two frames of a lossy link, with [`Profile::CONSOLE`]: pass it to the
    /// application, then [`Session::text_taken`]. Each byte comes once, and in order.
    Text(&'a [u8]),
    /// The task is completed, or the session has failed.
    Over(Result<Outcome, Failure>),
}

impl<P: Profile> Session<P> {
    /// The next step.
    pub fn poll(&mut self) -> Step<'_> {
        match self.io {
            PendingIo::Receive { wanted } => Step::Receive(self.space(wanted)),
            PendingIo::Pause { wanted: Some(wanted) } if P::pauses() => {
                Step::Exchange { out: &[], into: self.space(wanted) }
            }
            PendingIo::Pause { wanted: None } if P::pauses() => Step::Pause,
            PendingIo::SendSignal { done, .. } => {
                Step::Transmit(self.outgoing().get_mut(done..).unwrap_or_default())
            }
            PendingIo::SendChunk { done, length } => {
                let (signal, frame) = self.buffer.split();
                let out = frame.get(done..length).unwrap_or_default();
                let reads =
                    matches!(self.state, State::Sending(_)) && !self.outbox.is_awaiting_metadata();
                if !P::is_duplex() || !reads {
                    return Step::Transmit(out);
                }
                // A whole signal in the buffer is handled once this chunk is out.
                let into = self.reader.space(signal, SIGNAL_LEN);
                if into.is_empty() { Step::Transmit(out) } else { Step::Exchange { out, into } }
            }
            PendingIo::Text { at, length } if P::has_console() => {
                let buffer: &[u8] =
                    if self.input_in_chunk { self.buffer.frame() } else { self.buffer.signal() };
                let text = buffer.get(at.into()..).and_then(|text| text.get(..length.into()));
                Step::Text(text.unwrap_or_default())
            }
            _ => self.storage_step(),
        }
    }

    /// The text of [`Step::Text`] was taken.
    pub fn text_taken(&mut self) {
        match self.io {
            PendingIo::Text { .. } if P::has_console() => {
                self.drive();
                self.end_wait_if_due();
            }
            _ => self.fail(Failure::ApiMisuse),
        }
    }

    /// Whether the driver may write text (R98): on a lossy link, between two frames. On a half-duplex link only
    /// where the other end waits for the next frame, or where nothing came for a while (`is_quiet`).
    pub fn may_print(&self, is_quiet: bool) -> bool {
        let may = match self.io {
            PendingIo::SendSignal { done: 0, .. } => true,
            PendingIo::SendChunk { done: 0, .. } => !self.is_metadata_next(),
            PendingIo::Receive { .. } | PendingIo::Pause { .. } => {
                is_quiet || !P::is_half_duplex(self.config.half_duplex)
            }
            _ => false,
        };
        may && self.is_lossy()
    }

    /// Whether the chunk that goes out is the metadata of the signal before.
    fn is_metadata_next(&self) -> bool {
        self.buffer
            .frame()
            .first_chunk()
            .and_then(Header::parse)
            .is_some_and(|header| header.metadata)
    }

    /// Bytes may come for ever, faster than they are read, and be no answer.
    fn end_wait_if_due(&mut self) {
        if matches!(self.io, PendingIo::Receive { .. }) && self.timer.is_due() {
            self.wait_over();
        }
    }

    /// Tells the time to a session that was left alone: a wait that begins now begins at `now`. A
    /// driver with a clock calls it first.
    pub fn resume(&mut self, now: Option<Millis>) {
        self.timer.tick(now);
        self.timer.restart();
        if matches!(self.io, PendingIo::Receive { .. }) {
            self.drive();
        }
    }

    /// Whether the next step is [`Step::Receive`]: all output is written.
    pub(crate) fn awaits_input(&self) -> bool {
        matches!(self.io, PendingIo::Receive { .. })
    }

    /// `count` bytes were read for [`Step::Receive`] or [`Step::Exchange`]; 0: the stream has ended.
    pub fn received(&mut self, count: usize, now: Option<Millis>) {
        self.timer.tick(now);
        let wanted = match self.io {
            PendingIo::Receive { wanted } => wanted,
            PendingIo::Pause { wanted: Some(wanted) } if P::pauses() => wanted,
            PendingIo::SendChunk { .. } if P::is_duplex() => SIGNAL_LEN,
            _ => return self.fail(Failure::ApiMisuse),
        };
        let count = count.min(self.space(wanted).len());
        if count == 0 {
            return self.end_of_stream();
        }
        self.timer.bytes_received::<P>(self.reader.is_mid_frame());
        self.reader.filled(count);
        if P::is_duplex() && matches!(self.io, PendingIo::SendChunk { .. }) {
            return;
        }
        match self.incomplete_chunk() {
            Some(wanted) => {
                self.timer.await_frame(NonZeroU32::new(self.timeout()));
                self.io = PendingIo::Receive { wanted };
            }
            None => self.drive(),
        }
        self.end_wait_if_due();
    }

    /// The stream has failed: the session is over, and the store closes the open file.
    pub fn link_failed(&mut self) {
        if self.is_closing() {
            return self.end_of_stream();
        }
        self.fail(Failure::UnexpectedEof);
    }

    /// `count` bytes were written for [`Step::Transmit`] or [`Step::Exchange`].
    pub fn transmitted(&mut self, count: usize, now: Option<Millis>) {
        match self.io {
            PendingIo::Pause { .. } if P::pauses() => self.timer.store_worked(now),
            _ => self.timer.tick(now),
        }
        match &mut self.io {
            PendingIo::Pause { .. } if P::pauses() => {}
            PendingIo::SendSignal { done, metadata } => {
                *done = done.saturating_add(count).min(SIGNAL_LEN);
                if *done < SIGNAL_LEN {
                    return;
                }
                if *metadata > 0 {
                    let length = HEADER_LEN.saturating_add((*metadata).into());
                    self.io = PendingIo::SendChunk { done: 0, length };
                    return;
                }
            }
            PendingIo::SendChunk { done, length } => {
                *done = done.saturating_add(count).min(*length);
                if *done < *length {
                    return;
                }
            }
            _ => return self.fail(Failure::ApiMisuse),
        }
        self.drive();
    }

    /// The session fails; next the store closes the open file.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.end(failure);
        self.drive();
    }

    pub(super) fn result(&self) -> Result<Outcome, Failure> {
        match self.state {
            State::Idle(result) => result,
            State::Closed(failure) => Err(failure),
            _ => Err(Failure::ApiMisuse),
        }
    }

    /// The buffer of the signal that goes out.
    pub(super) fn outgoing(&mut self) -> &mut [u8] {
        if self.input_in_chunk {
            self.buffer.signal_mut()
        } else {
            let at = P::Buffer::FRAME.saturating_sub(SIGNAL_LEN);
            self.buffer.frame_mut().get_mut(at..).unwrap_or_default()
        }
    }

    fn space(&mut self, wanted: usize) -> &mut [u8] {
        if self.input_in_chunk {
            self.reader.space(self.buffer.frame_mut(), wanted)
        } else {
            self.reader.space(self.buffer.signal_mut(), wanted)
        }
    }
}
