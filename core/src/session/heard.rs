//! What was heard: requests, and signals for the half at work.

use super::*;
use crate::receiver::Place;

impl<P: Profile> Session<P> {
    /// A client begins what is wanted, in a session that stands.
    pub(super) fn start(&mut self, wanted: Wanted) {
        let number = next_number(self.number, 0);
        self.phase = match wanted {
            Wanted::Put => Phase::Sending(Sender::new(number, false, &self.shared.terms)),
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
        match self.phase {
            // Who has begun to answer need not hear the path again.
            Phase::ExpectOffer { .. } if self.overwritten => {
                self.shared.reply(Signal::ask(self.number, 0, 0));
            }
            Phase::ExpectOffer { tree, names_only } => {
                self.shared.reply(Signal::request(self.number, tree, names_only));
                self.describe();
            }
            Phase::ExpectClose => self.shared.reply(Signal::new(Code::Cls, self.number, 0)),
            _ => {}
        }
    }

    pub(super) fn wants_description(&self) -> bool {
        let signal = &self.shared.signal;
        match (signal.code, &self.phase) {
            (Code::Saf | Code::Sar, Phase::Receiving(receiver)) if P::RECEIVES => {
                receiver.wants(signal.transfer)
            }
            (Code::Saf | Code::Sar, Phase::ExpectOffer { .. }) if P::CLIENT => {
                signal.transfer == self.number
            }
            (Code::Saf | Code::Sar | Code::Raf | Code::Rar, Phase::ExpectRequest) => {
                !self.shared.has_ended::<P>(signal.transfer)
            }
            // Instead of a fresh offer.
            (Code::Raf | Code::Rar, Phase::Receiving(receiver)) if !self.is_client() => {
                receiver.awaits_fresh_offer()
            }
            (Code::Don, Phase::Receiving(_)) => self.shared.terms.sha256,
            (Code::Err, Phase::Sending(sender)) if P::SENDS => !sender.holds_description(),
            // Words that are for another would cost the path that may have to go out again.
            (
                Code::Err,
                Phase::ExpectOffer { .. } | Phase::ExpectClose | Phase::ExpectWelcome(_),
            ) if P::CLIENT => match signal.transfer {
                0 => signal.session() == self.shared.terms.session,
                number => number == self.number && self.is_acquainted,
            },
            _ => false,
        }
    }

    /// A signal was heard, and its description is at hand if it is wanted.
    pub(super) fn on_signal(&mut self) {
        let Signal { code, transfer, .. } = self.shared.signal;
        if transfer == 0 {
            self.on_session_signal();
        }
        let is_first = match self.phase {
            Phase::ExpectGreeting => true,
            _ => transfer != 0 && !self.is_acquainted,
        };
        if is_first && !self.is_lossy() {
            // Nothing but a greeting and its answer comes first.
            self.end(Failure::NotTinyferry);
        }
        if transfer == 0 || !self.is_acquainted {
            return;
        }
        let is_request =
            !self.is_client() && matches!(code, Code::Sar | Code::Raf | Code::Rar | Code::Cls);
        match &mut self.phase {
            Phase::Sending(_) if P::SENDS => self.on_receiver_signal(),
            // The sender had no fresh offer to make, and goes on with something else.
            Phase::Receiving(receiver) if is_request && receiver.awaits_fresh_offer() => {
                self.phase = Phase::ExpectRequest;
                self.on_request();
            }
            Phase::Receiving(_) if P::RECEIVES => self.on_sender_signal(),
            Phase::ExpectRequest if P::SERVER => self.on_request(),
            Phase::ExpectOffer { tree, names_only } if P::CLIENT && transfer == self.number => {
                match (code, *tree) {
                    (Code::Saf, false) | (Code::Sar, true) => {
                        let names_only = *names_only;
                        self.on_first_offer(names_only);
                    }
                    (Code::Err, _) => {
                        self.phase =
                            Phase::Rest(Err(Failure::Refused(self.shared.signal.reason())));
                    }
                    _ => self.end(Failure::Peer),
                }
            }
            Phase::ExpectClose if P::CLIENT && transfer == self.number => match code {
                Code::Don => {
                    let closed = Outcome { closed: true, ..Outcome::default() };
                    self.phase = Phase::Rest(Ok(closed));
                }
                Code::Err => {
                    self.phase = Phase::Rest(Err(Failure::Refused(self.shared.signal.reason())));
                }
                _ => {}
            },
            _ => self.on_late_question(),
        }
    }

    fn on_receiver_signal(&mut self) {
        let Phase::Sending(sender) = &mut self.phase else { return };
        self.timer.work_begins();
        if sender.on_answer(&mut self.shared) {
            self.timer.question_answered();
        }
    }

    /// A question about a transfer that has ended: its ending is repeated where it can be lost.
    fn on_late_question(&mut self) {
        let signal = &self.shared.signal;
        if self.shared.has_ended::<P>(signal.transfer) {
            let count = match signal.code {
                Code::Pin | Code::Don => signal.count(),
                Code::Pon => return,
                _ => 0,
            };
            self.shared.repeat_ending(count);
        }
    }

    /// A server's next request.
    fn on_request(&mut self) {
        let signal = &self.shared.signal;
        let number = signal.transfer;
        if self.shared.has_ended::<P>(number) {
            return self.on_late_question();
        }
        match signal.code {
            Code::Saf | Code::Sar if P::RECEIVES => self.on_first_offer(false),
            Code::Saf | Code::Sar => self.refuse_request(number, Reason::ReadOnly),
            Code::Raf | Code::Rar if P::SENDS => match self.path_of() {
                Ok(()) => {
                    // Whoever asks for something else knows how the last one ended.
                    self.shared.ending.number = 0;
                    self.phase = Phase::Opening { number, names_only: signal.names_only() };
                    self.shared.todo.open = Some(signal.code == Code::Rar);
                }
                Err(reason) => self.refuse_request(number, reason),
            },
            Code::Raf | Code::Rar => self.refuse_request(number, Reason::WriteOnly),
            Code::Cls if self.config.may_close => {
                self.shared.ending = Ending::done(number, 0, 0);
                self.shared.repeat_ending(0);
                let closed = Outcome { closed: true, ..Outcome::default() };
                self.phase = if self.shared.terms.is_lossy::<P>() {
                    Phase::Closing
                } else {
                    Phase::Rest(Ok(closed))
                };
            }
            Code::Cls => self.refuse_request(number, Reason::NotAllowed),
            _ => {}
        }
    }

    pub(super) fn refuse_request(&mut self, number: u16, reason: Reason) {
        self.shared.refused(number, reason);
        self.shared.repeat_ending(0);
        self.phase = Phase::ExpectRequest;
    }

    fn on_first_offer(&mut self, names_only: bool) {
        self.phase = Phase::Receiving(Receiver::new(names_only));
        self.on_sender_signal();
    }

    fn on_sender_signal(&mut self) {
        let Phase::Receiving(receiver) = &mut self.phase else { return };
        let shared = &mut self.shared;
        let Signal { code, transfer: number, .. } = shared.signal;
        match code {
            Code::Sar if receiver.is_in_tree() && receiver.wants(number) => {
                self.end(Failure::Peer);
            }
            Code::Saf | Code::Sar if receiver.wants(number) => {
                receiver.on_offer(shared);
            }
            Code::Saf | Code::Sar if number == shared.ending.number => {
                receiver.repeat_ending(shared);
            }
            Code::Saf | Code::Sar => receiver.on_repeated_offer(number, shared),
            Code::Pin | Code::Don => {
                if <P::Sha256 as Sha256>::SUPPORTED
                    && code == Code::Don
                    && let Some(digest) = &mut self.sha256
                {
                    let bytes = self.reader.payload(&*self.chunk, self.description.into());
                    let found = Description::parse(bytes).ok();
                    digest.claim(found.and_then(|found| found.sha256).copied());
                }
                receiver.on_question(shared);
            }
            Code::Err => receiver.on_refused(shared),
            _ => {}
        }
    }

    /// Whether the description at hand names a path that may be, of something that can be.
    pub(super) fn path_of(&self) -> Result<(), Reason> {
        let signal = &self.shared.signal;
        match self.description() {
            Err(Malformed::Required) => Err(Reason::Unsupported),
            Ok(_) if !P::TREES && matches!(signal.code, Code::Sar | Code::Rar) => {
                Err(Reason::Unsupported)
            }
            Ok(found) if is_sound(found.text) => {
                let is_directory = found.text.ends_with('/');
                let fits = match signal.code {
                    Code::Saf if is_directory => signal.size() == 0,
                    Code::Saf => !found.text.is_empty(),
                    _ => !is_directory,
                };
                if fits { Ok(()) } else { Err(Reason::BadPath) }
            }
            _ => Err(Reason::BadPath),
        }
    }

    pub(super) fn on_chunk(&mut self, ahead: u32, length: u16) -> bool {
        self.frame_came();
        let place = match &self.phase {
            Phase::Receiving(receiver) => receiver.place(ahead, length, &self.shared.terms),
            _ => None,
        };
        match place {
            Some(Place { position, skip }) => {
                self.timer.progress();
                self.action = Action::Store { position, skip, length, done: 0 };
                true
            }
            None => {
                self.reader.consume(HEADER_LEN.saturating_add(length.into()));
                self.no_progress();
                false
            }
        }
    }
}
