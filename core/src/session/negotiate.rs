//! The handshake, from either end (`PROTOCOL.md`, R18 to R22).

use super::*;

impl<P: Profile> Session<P> {
    /// A client sends its hello; then it goes on with its goal.
    pub(super) fn send_hello(&mut self, goal: Goal) {
        let hello = self.config.hello::<P>(self.number_on_wire());
        self.outbox.reply(Signal::hello(Code::Pin, &hello));
        self.enter(Event::SendHello, State::AwaitServerHello(goal));
    }

    /// A signal on transfer 0.
    pub(super) fn on_session_signal(&mut self, signal: &Signal) {
        match signal.code {
            Code::Pin if P::can_be_server() => self.on_client_hello(&signal.as_hello()),
            Code::Pon if P::can_be_client() => self.on_server_hello(&signal.as_hello()),
            Code::Err if self.is_client() && self.is_number(signal.session()) => {
                self.end(Failure::Refused(signal.reason()));
            }
            _ => {}
        }
    }

    fn on_client_hello(&mut self, hello: &Hello) {
        let Some(number) = NonZeroU32::new(hello.session) else { return };
        let is_repeated = self.negotiated.is_some() && self.id == Some(number);
        let is_closing = matches!(self.state, State::Closing);
        if self.is_client() || (is_closing && !is_repeated) {
            return;
        }
        if !is_repeated && let Err(reason) = self.negotiate(number, hello) {
            self.end(Failure::Refused(reason));
            self.outbox.reply(Signal::refuse(0, 0, reason, hello.session));
            self.has_message = P::has_messages() && self.config.refuse.is_some();
            return;
        }
        let is_lossy = self.is_lossy();
        match (&mut self.state, &self.negotiated) {
            // The client has completed the transfer and its answer was lost. The answer comes first,
            // or the client would leave without it.
            (State::Sending(sender), _) if P::can_send() && is_lossy => sender.repeat_question(),
            (_, Some(negotiated)) => {
                self.outbox.reply(Signal::hello(Code::Pon, &negotiated.hello(number.get())));
            }
            _ => {}
        }
    }

    /// A server establishes a new session.
    fn negotiate(&mut self, number: NonZeroU32, hello: &Hello) -> Result<(), Reason> {
        let own = self.config.hello::<P>(hello.session);
        let chosen = Negotiated::choose(&own, hello);
        if let Some(reason) = self.config.refuse {
            return Err(reason);
        }
        if chosen.version == 0 {
            return Err(Reason::Version);
        }
        let negotiated = Negotiated::from_hello::<P>(&chosen, hello.credit, self.config.credit);
        let negotiated = negotiated.ok_or(Reason::Unsupported)?;
        self.abandon(Reason::Cancelled);
        self.establish(number, negotiated);
        self.outbox.completed = None;
        self.timer.restart();
        self.enter(Event::ClientHello, State::AwaitRequest);
        Ok(())
    }

    fn on_server_hello(&mut self, chosen: &Hello) {
        let State::AwaitServerHello(goal) = self.state else { return };
        let Some(number) = self.id.filter(|number| number.get() == chosen.session) else { return };
        if chosen.version != VERSION {
            self.end(Failure::Refused(Reason::Version));
            return;
        }
        let own = self.config.hello::<P>(chosen.session);
        let is_choice =
            Negotiated::choose(&Hello { credit: chosen.credit, ..own }, chosen) == *chosen;
        let negotiated = Negotiated::from_hello::<P>(chosen, chosen.credit, self.config.credit);
        let Some(negotiated) = negotiated.filter(|_| is_choice) else {
            self.end(Failure::ProtocolViolation);
            return;
        };
        self.establish(number, negotiated);
        self.start(goal);
    }

    fn establish(&mut self, number: NonZeroU32, negotiated: Negotiated) {
        self.id = Some(number);
        self.lossy = negotiated.lossy;
        self.negotiated = Some(negotiated);
    }
}
