//! How it ends: what was asked is through, or nothing more can come.

use super::*;

impl<P: Profile> Session<P> {
    /// What was asked is through.
    pub(super) fn finish(&mut self, result: Result<(), Reason>) {
        let (number, outcome) = match &self.phase {
            Phase::Sending(sender) if P::SENDS => (sender.number(), sender.outcome()),
            Phase::Receiving(receiver) if P::RECEIVES => (receiver.number(), receiver.outcome()),
            _ => return,
        };
        let is_get = matches!(self.phase, Phase::Receiving(_));
        let result = result.map(|()| outcome).map_err(Failure::Refused);
        // A repeated signal may still want its description, which need not come.
        self.shared.todo.pending = false;
        self.timer.restart();
        if !self.is_client() {
            self.phase = Phase::ExpectRequest;
            return;
        }
        self.number = number;
        if P::TREES
            && let Phase::Sending(sender) = &self.phase
            && next_number(number, 0) == sender.tree()
        {
            // A tree of 65,534 entries has used all others; the server still answers for this one.
            self.number = sender.tree();
        }
        if is_get && self.shared.terms.is_lossy::<P>() {
            // The server answers once it has got the last DON.
            self.greet(Wanted::Answer(result));
        } else {
            self.phase = Phase::Rest(result);
        }
    }

    /// The store is to close what is open.
    pub(super) fn abandon(&mut self, reason: Reason) {
        self.shared.todo = Todo::new();
        if matches!(self.phase, Phase::Sending(_) | Phase::Receiving(_) | Phase::Opening { .. }) {
            self.shared.todo.abandon = Some((reason, true));
        }
    }

    /// Nothing more can be done in this session.
    pub(super) fn end(&mut self, failure: Failure) {
        self.abandon(match failure {
            Failure::Refused(reason) => reason,
            _ => Reason::Cancelled,
        });
        self.phase = Phase::Dead(failure);
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.end(failure);
        self.settle();
    }

    pub(super) fn end_of_stream(&mut self) {
        if self.is_at_rest() {
            self.phase = Phase::Rest(Ok(Outcome::default()));
            self.settle();
        } else {
            self.fail(Failure::Vanished);
        }
    }

    /// What was awaited did not come: ask again, or give up.
    #[inline(never)]
    pub(super) fn out_of_time(&mut self) {
        if self.is_busy() {
            return self.settle();
        }
        match &self.phase {
            Phase::ExpectGreeting | Phase::ExpectRequest => return self.fail(Failure::Idle),
            Phase::Closing => {
                let closed = Outcome { closed: true, ..Outcome::default() };
                self.phase = Phase::Rest(Ok(closed));
                return self.settle();
            }
            Phase::Receiving(_) => return self.silent(),
            _ if !self.is_lossy() => return self.silent(),
            _ if !self.timer.try_again(self.patience()) => return self.silent(),
            _ => {}
        }
        // The words that were announced are lost. They may have taken the place of a path: a refused
        // greeting counts without them.
        let announced = core::mem::take(&mut self.shared.todo.pending);
        if announced && P::CLIENT && matches!(self.phase, Phase::ExpectWelcome(_)) {
            self.on_session_signal();
            return self.settle();
        }
        match &mut self.phase {
            Phase::ExpectWelcome(wanted) if P::CLIENT => {
                let wanted = *wanted;
                self.greet(wanted);
            }
            Phase::Sending(sender) if P::SENDS => sender.repeat_question(),
            _ if P::CLIENT => self.request(),
            _ => {}
        }
        self.settle();
    }

    fn silent(&mut self) {
        self.give_up();
        self.settle();
    }

    /// The other end is gone, or nothing that it says brings the work further. A server on a line
    /// goes on waiting for the next one.
    #[inline(never)]
    pub(super) fn give_up(&mut self) {
        let is_lossy = self.shared.terms.is_lossy::<P>();
        if self.is_client() || !is_lossy {
            let asks = matches!(self.phase, Phase::ExpectWelcome(_) | Phase::ExpectClose);
            let is_stalled = P::LOSSY && is_lossy && self.timer.hears_in_vain() && !asks;
            return self.end(if is_stalled { Failure::Stalled } else { Failure::Silent });
        }
        let in_tree = matches!(&self.phase, Phase::Receiving(receiver) if receiver.is_in_tree());
        self.abandon(Reason::Cancelled);
        self.phase = Phase::ExpectRequest;
        if in_tree {
            // An entry that still comes is no file of its own: the client must greet first.
            self.is_acquainted = false;
            self.phase = Phase::ExpectGreeting;
        }
        self.timer.restart();
    }
}
