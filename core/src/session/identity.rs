//! The identity of a session: all of its state, without the bytes and times that cannot influence
//! it any more. For a search through the states of sessions.

use super::*;

impl<P: Profile + Clone> Session<P> {
    /// The same session at `origin` instead of `now`, with zeros for every byte that is not read
    /// again. Sessions whose canonical forms are equal behave alike.
    #[doc(hidden)]
    pub fn canonical(&self, now: Millis, origin: Millis) -> Self {
        let mut same = self.clone();
        same.timer = self.timer.moved(now, origin, self.reader.is_settled());
        same.reader = self.reader.at_front();
        same.signal = [0; SIGNAL_LEN];
        same.chunk = Chunk::new();
        if self.in_chunk {
            copy(&mut *same.chunk, self.reader.held(&*self.chunk), 0);
        } else {
            copy(&mut same.signal, self.reader.held(&self.signal), 0);
        }
        if !self.holds_path() {
            same.described = 0;
        }
        let behind = |length: u16| HEADER_LEN.saturating_add(length.into());
        let path = behind(same.described);
        same.keep(self, HEADER_LEN..path);
        match self.action {
            Action::Transmit { done, description } => {
                if self.in_chunk {
                    copy(&mut same.signal, self.signal.get(done..).unwrap_or_default(), done);
                } else {
                    let from = (FRAME_MAX - SIGNAL_LEN).saturating_add(done);
                    same.keep(self, from..FRAME_MAX);
                }
                if description > 0 {
                    same.keep(self, 0..behind(description));
                }
            }
            Action::TransmitChunk { done, length } => same.keep(self, done..length),
            Action::Load { done, .. } => same.keep(self, HEADER_LEN..behind(done)),
            _ => {}
        }
        if !self.awaits_signal() {
            same.shared.signal = Signal::new(Code::Err, 0, 0);
        }
        same
    }

    /// Keeps these bytes of the chunk buffer.
    fn keep(&mut self, of: &Self, range: core::ops::Range<usize>) {
        let from = range.start;
        copy(&mut *self.chunk, of.chunk.get(range).unwrap_or_default(), from);
    }

    /// Whether the description in the chunk buffer may have to go out again.
    fn holds_path(&self) -> bool {
        match &self.phase {
            Phase::ExpectWelcome(Wanted::Get { .. }) | Phase::ExpectOffer { .. } => {
                !self.overwritten
            }
            Phase::Sending(sender) => sender.holds_description(),
            _ => false,
        }
    }

    /// Whether the signal that came in last, or is to go out, is read again.
    fn awaits_signal(&self) -> bool {
        let todo = &self.shared.todo;
        let is_asked = matches!(self.action, Action::Offer { .. });
        todo.pending || todo.reply || todo.offer || todo.open.is_some() || is_asked
    }
}

fn copy(to: &mut [u8], from: &[u8], at: usize) {
    for (to, from) in to.iter_mut().skip(at).zip(from) {
        *to = *from;
    }
}
