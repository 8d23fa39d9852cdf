//! What the receiver answered.

use super::*;

impl<P: Profile> Sender<P> {
    /// `PON`, `DON` or `ERR`. Whether it answers the question that measures the round trip.
    pub(crate) fn on_answer(&mut self, shared: &mut Shared) -> bool {
        let signal = &shared.signal;
        let count = signal.count();
        match signal.code {
            Code::Pon if self.entry_of(signal.transfer).is_some() => {
                if self.flow.echo(count) {
                    self.flow.credit = signal.credit();
                }
                self.on_held(shared);
            }
            Code::Don => {
                self.flow.echo(count);
                self.on_done(signal.transfer);
            }
            Code::Err => {
                self.on_refused(signal.transfer, signal.reason(), shared);
                return false;
            }
            // The client repeats its request: the answer to it was lost.
            Code::Pin | Code::Raf | Code::Rar if shared.terms.is_lossy::<P>() => {
                self.repeat_question();
                return false;
            }
            _ => return false,
        }
        self.flow.is_measured(count)
    }

    fn on_held(&mut self, shared: &Shared) {
        let signal = &shared.signal;
        let (number, count) = (signal.transfer, signal.count());
        let everything_counted = count == self.flow.count;
        // No credit: the other end is alive and busy.
        if signal.credit() == 0 {
            return;
        }
        if number == self.tree() {
            match self.stage {
                Stage::ExpectTreeAnswer => self.stage = Stage::Next,
                // The receiver waits for a file to be offered once more.
                Stage::ExpectTreeDone if everything_counted => self.stage = Stage::Next,
                _ => {}
            }
            return;
        }
        if number != self.number {
            return;
        }
        match self.stage {
            Stage::ExpectAnswer => self.stage = self.after_offer(),
            Stage::Data | Stage::Check | Stage::Done => {}
            Stage::ExpectDone if shared.terms.is_lossy::<P>() => {}
            _ => return,
        }
        self.file.on_held::<P>(shared, everything_counted);
        if self.stage == Stage::ExpectDone && !self.file.lost.is_empty() {
            self.stage = Stage::Data;
        }
    }

    fn on_done(&mut self, number: u16) {
        match self.stage {
            Stage::ExpectTreeDone if number == self.tree() => self.stage = Stage::Over,
            Stage::ExpectDone | Stage::ExpectAnswer if number == self.number => {
                self.file.refusal = None;
                self.stage = Stage::Next;
                self.flow.ask_if_busy();
            }
            _ => {}
        }
    }

    fn on_refused(&mut self, number: u16, reason: Reason, shared: &mut Shared) {
        let is_lossy = shared.terms.is_lossy::<P>();
        if number == self.tree() && number != 0 {
            if self.stage == Stage::Over {
                return;
            }
            // Where entries are on their way already, this end says when the last has come.
            let is_through = matches!(
                self.stage,
                Stage::ExpectTreeDone | Stage::GiveUpTree | Stage::ExpectTreeGivenUp
            );
            if !self.is_given_up && !matches!(self.stage, Stage::ExpectTreeGivenUp) {
                shared.todo.abandon = Some((reason, true));
            }
            self.file.refusal = Some(reason);
            self.is_given_up = true;
            self.stage = if is_lossy || is_through { Stage::Over } else { Stage::GiveUpTree };
            return;
        }
        // On a lossy link an earlier ending may only be repeated.
        let Some(entry) = self.entry_of(number).filter(|_| !is_lossy || number == self.number)
        else {
            return;
        };
        if number == self.number {
            match self.stage {
                // It only repeats what this end said.
                Stage::ExpectGivenUp => {
                    self.stage = Stage::Next;
                    return;
                }
                Stage::GiveUp | Stage::GiveUpTree | Stage::ExpectTreeGivenUp | Stage::Over => {
                    return;
                }
                // There it is awaited with the entry, and can only be a repeated one now.
                Stage::TreeDone | Stage::ExpectTreeDone if is_lossy => return,
                Stage::TreeDone | Stage::ExpectTreeDone => {}
                _ => self.stage = Stage::Next,
            }
            self.flow.ask_if_busy();
        }
        if number == self.number {
            self.file.refusal = Some(reason);
        }
        shared.todo.refused = Some((entry, reason));
    }

    /// The last entry that had this number, if the request has used it; of the tree, the first.
    pub(crate) fn entry_of(&self, number: u16) -> Option<u32> {
        let back = self.number.wrapping_sub(number);
        if number == 0 {
            return None;
        }
        let is_between = |skipped: u16| self.number.wrapping_sub(skipped) < back;
        let skipped = u32::from(is_between(0))
            .saturating_add(u32::from(self.tree() != 0 && is_between(self.tree())));
        let back = u32::from(back).saturating_sub(skipped);
        if number == self.tree() {
            return Some(0);
        }
        self.entries.checked_sub(back.saturating_add(1))
    }
}
