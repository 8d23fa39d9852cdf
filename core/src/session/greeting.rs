//! The greeting, from either end (`PROTOCOL.md`, section 6.1).

use super::*;

impl<P: Profile> Session<P> {
    /// A client greets; then it goes on with what is wanted.
    pub(super) fn greet(&mut self, wanted: Wanted) {
        let greeting = self.config.greeting::<P>(self.shared.terms.session);
        self.shared.reply(Signal::greeting(Code::Pin, &greeting));
        self.phase = Phase::ExpectWelcome(wanted);
    }

    pub(super) fn on_session_signal(&mut self) {
        let signal = &self.shared.signal;
        match signal.code {
            Code::Pin if P::SERVER => self.on_greeting(&signal.terms()),
            Code::Pon if P::CLIENT => self.on_welcome(&signal.terms()),
            Code::Err if self.is_client() && signal.session() == self.shared.terms.session => {
                self.end(Failure::Refused(signal.reason()));
            }
            _ => {}
        }
    }

    fn on_greeting(&mut self, greeting: &Greeting) {
        let is_closing = matches!(self.phase, Phase::Closing);
        let is_new = !self.is_acquainted || greeting.session != self.shared.terms.session;
        if self.is_client() || greeting.session == 0 || (is_closing && is_new) {
            return;
        }
        if is_new {
            let own = self.config.greeting::<P>(greeting.session);
            let chosen = Terms::choose(&own, greeting);
            let agreed = Terms::agreed::<P>(&chosen, greeting.credit, self.config.credit);
            let agreed = match (self.config.refuse, agreed) {
                (Some(reason), _) => Err(reason),
                _ if chosen.version == 0 => Err(Reason::Version),
                (None, agreed) => agreed.ok_or(Reason::Unsupported),
            };
            match agreed {
                Ok(terms) => {
                    self.abandon(Reason::Cancelled);
                    self.shared.terms = terms;
                    self.is_acquainted = true;
                    self.shared.ending = Ending::NONE;
                    self.timer.restart();
                    self.phase = Phase::ExpectRequest;
                }
                Err(reason) => {
                    self.end(Failure::Refused(reason));
                    self.shared.reply(Signal::refuse(0, 0, reason, greeting.session));
                    return;
                }
            }
        } else if let Phase::Sending(sender) = &mut self.phase
            && P::SENDS
            && self.shared.terms.is_lossy::<P>()
        {
            // The client has completed the transfer and its answer was lost. The answer comes first,
            // or the client would leave without it.
            sender.repeat_question();
            return;
        }
        self.shared.reply(Signal::greeting(Code::Pon, &self.shared.terms.chosen()));
    }

    fn on_welcome(&mut self, chosen: &Greeting) {
        let Phase::ExpectWelcome(wanted) = self.phase else { return };
        if chosen.session != self.shared.terms.session {
            return;
        }
        if chosen.version != VERSION {
            self.end(Failure::Refused(Reason::Version));
            return;
        }
        let own = self.config.greeting::<P>(chosen.session);
        let is_choice =
            Terms::choose(&Greeting { credit: chosen.credit, ..own }, chosen) == *chosen;
        let terms = Terms::agreed::<P>(chosen, chosen.credit, self.config.credit);
        let Some(terms) = terms.filter(|_| is_choice) else {
            self.end(Failure::Peer);
            return;
        };
        self.shared.terms = terms;
        self.is_acquainted = true;
        self.start(wanted);
    }
}
