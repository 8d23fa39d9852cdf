//! What was heard: greetings, requests, and signals for the half at work.

use super::*;

impl<P: Profile> Session<P> {
    /// A client greets; then it goes on with what is wanted.
    pub(super) fn greet(&mut self, wanted: Wanted) {
        let greeting = self.config.greeting::<P>(self.terms.session);
        self.todo.reply = Some(Signal::new(0, Body::Greet(greeting)));
        self.phase = Phase::ExpectWelcome(wanted);
    }

    /// A client begins what is wanted, in a session that stands.
    pub(super) fn start(&mut self, wanted: Wanted) {
        let number = crate::sender::next_number(self.number, 0);
        self.phase = match wanted {
            Wanted::Put => Phase::Sending(Sender::new(number, false, &self.terms)),
            Wanted::Get { tree, names_only } => {
                self.number = number;
                Phase::ExpectOffer { tree, names_only }
            }
            Wanted::Close => {
                self.number = number;
                Phase::ExpectClose
            }
            Wanted::Answer(result) => Phase::Rest(result),
        };
        self.request();
    }

    /// Sends a client's request, for the first time or again.
    pub(super) fn request(&mut self) {
        let body = match self.phase {
            // Who has begun to answer need not hear the path again.
            Phase::ExpectOffer { .. } if self.overwritten => Body::Ask { sent: 0, count: 0 },
            Phase::ExpectOffer { tree, names_only } => Body::Request { tree, names_only },
            Phase::ExpectClose => Body::Close,
            _ => return,
        };
        let signal = Signal::new(self.number, body);
        let has_path = matches!(body, Body::Request { .. });
        self.todo.reply = Some(if has_path { self.announce(signal) } else { signal });
    }

    pub(super) fn wants_description(&self, signal: &Signal) -> bool {
        match (&signal.body, &self.phase) {
            (Body::SendFile { .. } | Body::SendTree { .. }, Phase::Receiving(receiver)) => {
                receiver.wants(signal.transfer)
            }
            (Body::SendFile { .. } | Body::SendTree { .. }, Phase::ExpectOffer { .. }) => {
                signal.transfer == self.number
            }
            (
                Body::SendFile { .. } | Body::SendTree { .. } | Body::Request { .. },
                Phase::ExpectRequest,
            ) => signal.transfer != self.ending.number,
            (Body::Done { .. }, Phase::Receiving(_)) => self.terms.sha256,
            (Body::Refuse { .. }, Phase::Sending(sender)) => !sender.holds_description(),
            // Words that are for another would cost the path that may have to go out again.
            (
                Body::Refuse { session, .. },
                Phase::ExpectOffer { .. } | Phase::ExpectClose | Phase::ExpectWelcome(_),
            ) => match signal.transfer {
                0 => *session == self.terms.session,
                number => number == self.number && self.is_acquainted(),
            },
            _ => false,
        }
    }

    pub(super) fn on_signal(&mut self, signal: Signal, clean: bool) {
        let receives = matches!(self.phase, Phase::Receiving(_));
        match signal.body {
            // They have no seed, and may stand in the content of a damaged frame.
            Body::Greet(_) | Body::Welcome(_) if !clean && receives => {}
            Body::Refuse { .. } if signal.transfer == 0 && !clean && receives => {}
            Body::Greet(greeting) => self.on_greeting(&greeting),
            Body::Welcome(greeting) => self.on_welcome(&greeting),
            Body::Refuse { reason, session, .. } if signal.transfer == 0 => {
                if self.is_client && session == self.terms.session {
                    self.end(Failure::Refused(reason));
                }
            }
            _ if !self.is_acquainted() => {}
            _ => match &mut self.phase {
                Phase::Sending(_) if P::SENDS => self.on_receiver_signal(signal),
                // The sender had no fresh offer to make, and goes on with something else.
                Phase::Receiving(receiver)
                    if !self.is_client
                        && receiver.awaits_fresh_offer()
                        && matches!(signal.body, Body::Request { .. } | Body::Close) =>
                {
                    self.phase = Phase::ExpectRequest;
                    self.on_request(signal);
                }
                Phase::Receiving(_) if P::RECEIVES => self.on_sender_signal(signal),
                Phase::ExpectRequest => self.on_request(signal),
                Phase::ExpectOffer { tree, names_only } if signal.transfer == self.number => {
                    let (tree, names_only) = (*tree, *names_only);
                    match signal.body {
                        Body::SendFile { .. } if !tree => self.on_first_offer(signal, names_only),
                        Body::SendTree { .. } if tree => self.on_first_offer(signal, names_only),
                        Body::Refuse { reason, .. } => {
                            self.phase = Phase::Rest(Err(Failure::Refused(reason)));
                        }
                        _ => self.end(Failure::Peer),
                    }
                }
                Phase::ExpectClose if signal.transfer == self.number => match signal.body {
                    Body::Done { .. } => {
                        let closed = Outcome { closed: true, ..Outcome::default() };
                        self.phase = Phase::Rest(Ok(closed));
                    }
                    Body::Refuse { reason, .. } => {
                        self.phase = Phase::Rest(Err(Failure::Refused(reason)));
                    }
                    _ => {}
                },
                _ => self.on_late_question(&signal),
            },
        }
    }

    fn on_receiver_signal(&mut self, signal: Signal) {
        let Phase::Sending(sender) = &mut self.phase else { return };
        let (number, terms) = (signal.transfer, &self.terms);
        let measured = match signal.body {
            Body::Held { position, credit, count, proof } => {
                sender.on_held(number, (position, credit, count), proof, terms)
            }
            Body::Done { count, .. } => sender.on_done(number, count),
            Body::Refuse { reason, .. } => {
                sender.on_refused(number, reason, terms, &mut self.todo);
                false
            }
            _ => false,
        };
        if measured {
            self.timer.question_answered();
        }
    }

    /// A question about a transfer that has ended: its ending is repeated where it can be lost.
    fn on_late_question(&mut self, signal: &Signal) {
        if self.terms.lossy && signal.transfer == self.ending.number {
            let count = match signal.body {
                Body::Ask { count, .. } | Body::Done { count, .. } => count,
                Body::Held { .. } => return,
                _ => 0,
            };
            self.todo.reply = Some(self.ending.signal(count));
        }
    }

    fn on_greeting(&mut self, greeting: &Greeting) {
        let is_closing = matches!(self.phase, Phase::Closing);
        let is_new = !self.is_acquainted() || greeting.session != self.terms.session;
        if self.is_client || greeting.session == 0 || (is_closing && is_new) {
            return;
        }
        let own = self.config.greeting::<P>(greeting.session);
        let chosen = Terms::choose(&own, greeting);
        let agreed = Terms::agreed(&chosen, greeting.credit, self.config.credit);
        let refusal = match (self.config.refuse, agreed) {
            (Some(reason), _) => Some(reason),
            (None, _) if chosen.version == 0 => Some(Reason::Version),
            (None, None) => Some(Reason::Unsupported),
            (None, Some(_)) => None,
        };
        if let Some(reason) = refusal {
            let body = Body::Refuse { position: 0, reason, session: greeting.session };
            self.end(Failure::Refused(reason));
            self.todo.reply = Some(Signal::new(0, body));
            return;
        }
        if !is_new {
            // What is awaited comes first, or the client would leave without it.
            if matches!(self.phase, Phase::Sending(_)) && self.terms.lossy {
                return;
            }
        } else if let Some(terms) = agreed {
            self.abandon(Reason::Cancelled);
            self.terms = terms;
            self.seeds = Seeds::server(terms.session);
            self.ending = Ending::NONE;
            self.phase = Phase::ExpectRequest;
        }
        self.todo.reply = Some(Signal::new(0, Body::Welcome(chosen)));
    }

    fn on_welcome(&mut self, chosen: &Greeting) {
        let Phase::ExpectWelcome(wanted) = self.phase else { return };
        if chosen.session != self.terms.session {
            return;
        }
        if chosen.version != VERSION {
            self.end(Failure::Refused(Reason::Version));
            return;
        }
        let own = self.config.greeting::<P>(chosen.session);
        let is_choice =
            Terms::choose(&Greeting { credit: chosen.credit, ..own }, chosen) == *chosen;
        let terms = Terms::agreed(chosen, chosen.credit, self.config.credit);
        let Some(terms) = terms.filter(|_| is_choice) else {
            self.end(Failure::Peer);
            return;
        };
        self.terms = terms;
        self.seeds = Seeds::client(terms.session);
        self.start(wanted);
    }

    /// A server's next request.
    fn on_request(&mut self, signal: Signal) {
        let number = signal.transfer;
        if number == self.ending.number {
            return self.on_late_question(&signal);
        }
        match signal.body {
            Body::SendFile { .. } | Body::SendTree { .. } if P::RECEIVES => {
                self.on_first_offer(signal, false);
            }
            Body::SendFile { .. } | Body::SendTree { .. } => {
                self.refuse_request(number, Reason::ReadOnly);
            }
            Body::Request { tree, names_only } if P::SENDS => match self.path_of(&signal) {
                Ok(()) => {
                    self.phase = Phase::Opening { number, names_only };
                    self.todo.open = Some(tree);
                }
                Err(reason) => self.refuse_request(number, reason),
            },
            Body::Request { .. } => self.refuse_request(number, Reason::WriteOnly),
            Body::Close if self.config.may_close => {
                self.ending = Ending { number, result: Ok((0, 0)) };
                self.todo.reply = Some(self.ending.signal(0));
                let closed = Outcome { closed: true, ..Outcome::default() };
                self.phase =
                    if self.terms.lossy { Phase::Closing } else { Phase::Rest(Ok(closed)) };
            }
            Body::Close => self.refuse_request(number, Reason::NotAllowed),
            _ => {}
        }
    }

    pub(super) fn refuse_request(&mut self, number: u16, reason: Reason) {
        self.ending = Ending { number, result: Err(reason) };
        self.todo.reply = Some(self.ending.signal(0));
        self.phase = Phase::ExpectRequest;
    }

    fn on_first_offer(&mut self, signal: Signal, names_only: bool) {
        self.phase = Phase::Receiving(Receiver::new(names_only));
        self.on_sender_signal(signal);
    }

    fn on_sender_signal(&mut self, signal: Signal) {
        let path = self.path_of(&signal);
        let bytes = self.reader.payload(&self.chunk, self.description.into());
        let sha256 = Description::parse(bytes).ok().and_then(|found| found.sha256);
        let Phase::Receiving(receiver) = &mut self.phase else { return };
        let (terms, ending, todo) = (&self.terms, &mut self.ending, &mut self.todo);
        let number = signal.transfer;
        match signal.body {
            Body::SendTree { .. } if receiver.is_in_tree() && receiver.wants(number) => {
                self.end(Failure::Peer);
            }
            Body::SendFile { .. } | Body::SendTree { .. } if receiver.wants(number) => {
                receiver.on_offer(signal, ending, todo);
                if let Err(reason) = path {
                    todo.offer = None;
                    receiver.offered(&signal, Err(reason), terms, ending, todo);
                }
            }
            Body::SendFile { .. } | Body::SendTree { .. } if number == ending.number => {
                self.on_late_question(&signal);
            }
            Body::SendFile { .. } | Body::SendTree { .. } => {
                receiver.on_repeated_offer(number, terms, todo);
            }
            Body::Done { size, count, digest } => {
                if let Some(digest) = &mut self.sha256 {
                    digest.expect(sha256);
                }
                receiver.on_done(number, (size, count, digest), terms, ending, todo);
            }
            Body::Ask { count, .. } => receiver.on_ask(number, count, terms, ending, todo),
            Body::Refuse { reason, .. } => {
                receiver.on_refused(number, reason, terms, ending, todo);
            }
            _ => {}
        }
    }

    /// Whether the description at hand names a path that may be.
    fn path_of(&self, signal: &Signal) -> Result<(), Reason> {
        let bytes = self.reader.payload(&self.chunk, self.description.into());
        match Description::parse(bytes) {
            Err(Malformed::Required) => Err(Reason::Unsupported),
            Ok(found) if is_sound(found.text) => {
                let is_directory = found.text.ends_with('/');
                let fits = match signal.body {
                    Body::SendFile { size, .. } if is_directory => size == Some(0),
                    Body::SendFile { .. } => !found.text.is_empty(),
                    _ => !is_directory,
                };
                if fits { Ok(()) } else { Err(Reason::BadPath) }
            }
            _ => Err(Reason::BadPath),
        }
    }

    pub(super) fn on_chunk(&mut self, ahead: u32, length: u16) -> Option<Action> {
        self.timer.frame_came();
        let place = match &self.phase {
            Phase::Receiving(receiver) => receiver.place(ahead, length, &self.terms),
            _ => None,
        };
        match place {
            Some(place) => Some(Action::Store { place, length, done: 0 }),
            None => {
                self.reader.consume(HEADER_LEN.saturating_add(length.into()));
                None
            }
        }
    }
}
