//! The identity of a session, for a search through the states of sessions: all of its state, without
//! the bytes and times that have no influence any more.

use super::*;

impl<P: Profile + Clone> Session<P> {
    /// The same session at `origin` instead of `now`, with zeros for each byte that is not read
    /// again. Sessions whose canonical forms are equal behave alike.
    #[doc(hidden)]
    pub fn canonical(&self, now: Millis, origin: Millis) -> Self {
        let mut same = self.clone();
        same.timer = self.timer.moved(now, origin, self.reader.ignores_silence());
        same.reader = self.reader.at_front();
        same.buffer = P::Buffer::EMPTY;
        if self.input_in_chunk {
            copy(same.buffer.frame_mut(), self.reader.buffered(self.buffer.frame()), 0);
        } else {
            copy(same.buffer.signal_mut(), self.reader.buffered(self.buffer.signal()), 0);
        }
        if let State::Sending(sender) = &mut same.state {
            sender.forget_metadata();
        }
        let behind = |length: u16| HEADER_LEN.saturating_add(length.into());
        same.keep(self, HEADER_LEN..behind(self.outgoing_metadata()));
        match self.io {
            PendingIo::SendSignal { done, metadata } => {
                if self.input_in_chunk {
                    copy(
                        same.buffer.signal_mut(),
                        self.buffer.signal().get(done..).unwrap_or_default(),
                        done,
                    );
                } else {
                    let from = P::Buffer::FRAME.saturating_sub(SIGNAL_LEN).saturating_add(done);
                    same.keep(self, from..P::Buffer::FRAME);
                }
                if metadata > 0 {
                    same.keep(self, 0..behind(metadata));
                }
            }
            PendingIo::SendChunk { done, length } => same.keep(self, done..length),
            PendingIo::Load { done, .. } => same.keep(self, HEADER_LEN..behind(done)),
            _ => {}
        }
        same
    }

    /// Keeps these bytes of the chunk buffer.
    fn keep(&mut self, of: &Self, range: core::ops::Range<usize>) {
        let from = range.start;
        copy(self.buffer.frame_mut(), of.buffer.frame().get(range).unwrap_or_default(), from);
    }

    /// Length of the metadata in the chunk buffer that may have to go out again.
    fn outgoing_metadata(&self) -> u16 {
        match &self.state {
            State::AwaitServerHello(Goal::Get(get)) | State::AwaitOffer(get) => {
                get.path.unwrap_or(0)
            }
            State::Sending(sender) => sender.buffered_metadata().unwrap_or(0),
            _ => 0,
        }
    }
}

fn copy(to: &mut [u8], from: &[u8], at: usize) {
    for (to, from) in to.iter_mut().skip(at).zip(from) {
        *to = *from;
    }
}
