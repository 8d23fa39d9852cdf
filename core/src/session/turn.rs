//! Whose turn it is: from what has come in and what is left to do, to the next action.

use super::*;

/// How long a server that was asked to close repeats its answer on a lossy link, in ms.
const CLOSING: Millis = 3_000;
/// While a transfer is under way on a reliable link, patience is so many times longer.
const BUSY: Millis = 10;

impl<P: Profile> Session<P> {
    /// Chooses the next action: what is left to do, then frames that are held, then what the half
    /// at work intends.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(action) = self.take_todo() {
                self.action = action;
                return;
            }
            if matches!(self.phase, Phase::Rest(_) | Phase::Dead(_)) {
                self.action = Action::Over;
                return;
            }
            let chosen = match self.look() {
                Found::Nothing { wanted } => self.act(wanted),
                Found::Chunk { ahead, length } => self.on_chunk(ahead, length),
                Found::Signal { signal, clean } => {
                    self.timer.frame_came();
                    self.pending = None;
                    if signal.description > 0 && self.wants_description(&signal) {
                        self.pending = Some(signal);
                    } else {
                        self.on_signal(signal, clean);
                    }
                    None
                }
                Found::Description { length } => {
                    self.timer.frame_came();
                    self.description = u16::try_from(length).unwrap_or(0);
                    if let Some(signal) = self.pending.take() {
                        self.on_signal(signal, true);
                    }
                    None
                }
                Found::Damaged => {
                    let known = self.is_acquainted();
                    self.end(if known { Failure::Damaged } else { Failure::NotTinyferry });
                    None
                }
            };
            if let Some(action) = chosen {
                self.action = action;
                return;
            }
        }
    }

    fn take_todo(&mut self) -> Option<Action> {
        if self.todo.is_empty() {
            None
        } else if let Some((reason, all)) = self.todo.abandon.take() {
            Some(Action::Abandon { reason, all })
        } else if let Some((entry, reason)) = self.todo.refused.take() {
            Some(Action::Refused { entry, reason })
        } else if let Some((number, reason)) = self.todo.refusals.pop_front() {
            let body = Body::Refuse { position: 0, reason, session: 0 };
            Some(self.transmit(Signal::new(number, body)))
        } else if let Some(signal) = self.todo.reply.take() {
            Some(self.transmit(signal))
        } else if let Some(signal) = self.todo.offer.take() {
            Some(Action::Offer(signal))
        } else {
            self.todo.open.take().map(|tree| Action::Open { tree })
        }
    }

    /// Looks for a frame in what is held. The description before it is done with by now.
    fn look(&mut self) -> Found {
        if self.description > 0 {
            self.reader.consume(HEADER_LEN.saturating_add(self.description.into()));
            self.description = 0;
        }
        let file = match &self.phase {
            Phase::Receiving(receiver) if P::RECEIVES => receiver.file(),
            _ => None,
        };
        let in_chunk = self.pending.is_some() || matches!(self.phase, Phase::Receiving(_));
        if self.in_chunk && !in_chunk {
            self.reader.clear();
        }
        self.in_chunk = in_chunk;
        let belief = Belief {
            seed: self.seeds.receiving,
            lossy: self.is_lossy(),
            description: self.pending.map(|signal| (signal.transfer, signal.description)),
            file: file.map(|(low, position)| (low, position, self.terms.reach())),
        };
        let buffer: &[u8] = if in_chunk { &self.chunk } else { &self.incoming };
        self.reader.look::<P::Checksums>(buffer, &belief)
    }

    /// Whether terms were agreed on.
    pub(super) fn is_acquainted(&self) -> bool {
        self.seeds != Seeds { sending: 0, receiving: 0 }
    }

    /// Whether the link may lose bytes: as agreed, or as this end knows by itself.
    pub(super) fn is_lossy(&self) -> bool {
        self.terms.lossy || self.config.lossy
    }

    /// Nothing is held that could be handled: what the phase intends. `None`: look again.
    fn act(&mut self, wanted: usize) -> Option<Action> {
        match &mut self.phase {
            Phase::ExpectGreeting | Phase::ExpectRequest => {
                self.timer.await_anything(self.config.idle);
                Some(Action::Listen { wanted })
            }
            Phase::Closing => {
                self.timer.await_anything(CLOSING);
                Some(Action::Listen { wanted })
            }
            // The chunk buffer is taken until the words of an ERR have come.
            Phase::Sending(_) if self.pending.is_some() => Some(self.await_answer(wanted)),
            Phase::Sending(sender) if P::SENDS => {
                let intent = sender.intent(&self.terms, &mut self.todo);
                self.carry_out(intent, wanted)
            }
            Phase::Receiving(receiver) if P::RECEIVES => {
                let is_empty = self.reader.is_empty();
                let intent = receiver.intent(is_empty, &mut self.ending, &mut self.todo);
                self.carry_out(intent, wanted)
            }
            _ => Some(self.await_answer(wanted)),
        }
    }

    /// Waits for an answer. On a reliable link it cannot be lost: nothing is asked again there, and
    /// a transfer may take its time, since the transport tells if the peer is gone.
    fn await_answer(&mut self, wanted: usize) -> Action {
        if self.is_lossy() {
            self.timer.await_answer();
        } else {
            self.timer.await_anything(self.patience());
        }
        Action::Listen { wanted }
    }

    /// How long a silent peer is waited for: on a reliable link it may be busy with a disk.
    fn patience(&self) -> Millis {
        let moves = matches!(self.phase, Phase::Sending(_) | Phase::Receiving(_));
        let patience = self.config.patience;
        if moves && !self.terms.lossy { patience.saturating_mul(BUSY) } else { patience }
    }

    fn carry_out(&mut self, intent: Intent, wanted: usize) -> Option<Action> {
        Some(match intent {
            Intent::Signal(signal) => self.transmit(signal),
            Intent::Describe(signal) => self.describe(signal),
            Intent::Chunk { position, length } => {
                Action::Load(Load { position, length, done: 0, sends: true })
            }
            Intent::Digest { position, length, glance } => {
                let load = Load { position, length, done: 0, sends: false };
                if glance { Action::Glance { wanted, load } } else { Action::Load(load) }
            }
            Intent::Next => Action::Next,
            Intent::Check => Action::Check,
            Intent::Commit => Action::Commit,
            Intent::AwaitAnswer => self.await_answer(wanted),
            // Something was left to do.
            Intent::AwaitAnything if !self.todo.is_empty() => return None,
            Intent::AwaitAnything => {
                self.timer.await_anything(self.patience());
                Action::Listen { wanted }
            }
            Intent::Over(result) => {
                self.finish(result);
                return None;
            }
        })
    }

    fn transmit(&mut self, signal: Signal) -> Action {
        if let Phase::Sending(sender) = &mut self.phase
            && sender.measures(&signal.body)
        {
            self.timer.question_asked();
        }
        self.timer.frame_went();
        signal.emit::<P::Checksums>(self.seeds.sending, &mut self.outgoing);
        Action::Transmit { done: 0, description: signal.description }
    }

    /// Sends `signal` with the description whose payload stands in the chunk buffer.
    fn describe(&mut self, signal: Signal) -> Action {
        let length = self.described;
        if length > 0 {
            let [transfer, _] = signal.transfer.to_le_bytes();
            let header = Header { transfer, description: true, length, position: 0 };
            let seed = seed_for(signal.transfer, self.seeds.sending);
            header.emit::<P::Checksums>(seed, &mut self.chunk);
        }
        self.transmit(Signal { description: length, ..signal })
    }

    /// A client greets; then it goes on with what is wanted.
    pub(super) fn greet(&mut self, wanted: Wanted) {
        let greeting = self.config.greeting(self.terms.session);
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
    fn request(&mut self) {
        let body = match self.phase {
            Phase::ExpectOffer { tree, names_only } => Body::Request { tree, names_only },
            Phase::ExpectClose => Body::Close,
            _ => return,
        };
        let signal = Signal::new(self.number, body);
        let signal = match body {
            Body::Close => signal,
            _ => {
                // The header goes before the path; the signal goes out before both.
                let _ = self.describe(signal);
                Signal { description: self.described, ..signal }
            }
        };
        self.todo.reply = Some(signal);
    }

    fn wants_description(&self, signal: &Signal) -> bool {
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
            (Body::Refuse { .. }, Phase::Sending(sender)) => !sender.holds_description(),
            (
                Body::Refuse { .. },
                Phase::ExpectOffer { .. } | Phase::ExpectClose | Phase::ExpectWelcome(_),
            ) => true,
            _ => false,
        }
    }

    fn on_signal(&mut self, signal: Signal, clean: bool) {
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
        let own = self.config.greeting(greeting.session);
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
            let awaits = matches!(&self.phase, Phase::Sending(sender) if sender.awaits_end());
            if awaits && self.terms.lossy {
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
        let own = self.config.greeting(chosen.session);
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

    fn refuse_request(&mut self, number: u16, reason: Reason) {
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

    fn on_chunk(&mut self, ahead: u32, length: u16) -> Option<Action> {
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

    /// What was asked is through.
    fn finish(&mut self, result: Result<(), Reason>) {
        let (number, (entries, refused)) = match &self.phase {
            Phase::Sending(sender) => (sender.number(), sender.counts()),
            Phase::Receiving(receiver) => (receiver.number(), receiver.counts()),
            _ => return,
        };
        let is_get = matches!(self.phase, Phase::Receiving(_));
        let outcome = Outcome { entries, refused, closed: false };
        let result = result.map(|()| outcome).map_err(Failure::Refused);
        self.timer.restart();
        if !self.is_client {
            self.phase = Phase::ExpectRequest;
            return;
        }
        self.number = number;
        if is_get && self.terms.lossy {
            // The server answers once it has got the last DON.
            self.greet(Wanted::Answer(result));
        } else {
            self.phase = Phase::Rest(result);
        }
    }

    /// The store is to close what is open.
    fn abandon(&mut self, reason: Reason) {
        self.todo = Todo::new();
        if matches!(self.phase, Phase::Sending(_) | Phase::Receiving(_) | Phase::Opening { .. }) {
            self.todo.abandon = Some((reason, true));
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
    pub(super) fn out_of_time(&mut self) {
        match &self.phase {
            Phase::ExpectGreeting | Phase::ExpectRequest => return self.fail(Failure::Idle),
            Phase::Closing => {
                let closed = Outcome { closed: true, ..Outcome::default() };
                self.phase = Phase::Rest(Ok(closed));
                return self.settle();
            }
            Phase::Receiving(_) => return self.silent(),
            _ if !self.is_lossy() => return self.silent(),
            _ if !self.timer.try_again(self.config.patience) => return self.silent(),
            _ => {}
        }
        // The words that were announced are lost.
        self.pending = None;
        match &mut self.phase {
            Phase::ExpectWelcome(wanted) => {
                let wanted = *wanted;
                self.greet(wanted);
            }
            Phase::Sending(sender) => sender.repeat_question(),
            _ => self.request(),
        }
        self.settle();
    }

    /// The other end is gone. A server on a line goes on waiting for the next one.
    fn silent(&mut self) {
        if self.is_client || !self.terms.lossy {
            return self.fail(Failure::Silent);
        }
        self.abandon(Reason::Cancelled);
        self.phase = Phase::ExpectRequest;
        self.timer.restart();
        self.settle();
    }
}

/// What the store answered.
impl<P: Profile> Session<P> {
    pub(super) fn loaded(&mut self, mut load: Load, count: usize) {
        let left = load.length.saturating_sub(load.done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        load.done = load.done.saturating_add(count);
        let ended = count == 0;
        if load.done < load.length && !ended {
            self.action = Action::Load(load);
            return;
        }
        let payload = self.chunk.get(HEADER_LEN..HEADER_LEN.saturating_add(load.done.into()));
        let payload = payload.unwrap_or_default();
        let digest = |digest| P::Checksums::crc64(digest, payload);
        match &mut self.phase {
            Phase::Sending(sender) if P::SENDS => {
                let end = load.position.saturating_add(load.done.into());
                if ended && !sender.ended(end) {
                    sender.checked(Err(Reason::SourceChanged), &mut self.todo);
                    return self.settle();
                }
                sender.loaded(load.position, load.done.into(), digest);
                let [transfer, _] = sender.number().to_le_bytes();
                if load.sends && load.done > 0 {
                    let position = low_half(load.position);
                    let length = load.done;
                    let header = Header { transfer, description: false, length, position };
                    header.emit::<P::Checksums>(self.seeds.sending, &mut self.chunk);
                    self.timer.frame_went();
                    let length = HEADER_LEN.saturating_add(length.into());
                    self.action = Action::TransmitChunk { done: 0, length };
                    return;
                }
            }
            Phase::Receiving(receiver) if P::RECEIVES => {
                if ended {
                    self.todo.abandon = Some((Reason::Storage, false));
                    receiver.failed(Reason::Storage, &mut self.ending, &mut self.todo);
                } else {
                    receiver.digested(load.done, &self.terms, &mut self.todo, digest);
                }
            }
            _ => {}
        }
        self.settle();
    }

    pub(super) fn stored(&mut self, place: Place, length: u16, done: u16, count: usize) {
        let left = length.saturating_sub(place.skip).saturating_sub(done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        let done = done.saturating_add(count);
        if count > 0 && count < left {
            self.action = Action::Store { place, length, done };
            return;
        }
        let payload = self.reader.payload(&self.chunk, length.into());
        let fresh = payload.get(usize::from(place.skip)..).unwrap_or_default();
        if let Phase::Receiving(receiver) = &mut self.phase {
            if count == 0 {
                self.todo.abandon = Some((Reason::Storage, false));
                receiver.failed(Reason::Storage, &mut self.ending, &mut self.todo);
            } else {
                let digest = |digest| P::Checksums::crc64(digest, fresh);
                receiver.stored(place.position, done, &self.terms, digest);
            }
        }
        self.reader.consume(HEADER_LEN.saturating_add(length.into()));
        self.settle();
    }

    /// The store failed on what is open, and has closed it.
    pub(super) fn failed(&mut self, reason: Reason) {
        match &mut self.phase {
            Phase::Sending(sender) if P::SENDS => sender.checked(Err(reason), &mut self.todo),
            Phase::Receiving(receiver) if P::RECEIVES => {
                receiver.failed(reason, &mut self.ending, &mut self.todo);
            }
            _ => {}
        }
        self.settle();
    }

    pub(super) fn offered(&mut self, signal: &Signal, answer: Result<Accepted, Reason>) {
        if let Phase::Receiving(receiver) = &mut self.phase {
            let (ending, todo) = (&mut self.ending, &mut self.todo);
            receiver.offered(signal, answer, &self.terms, ending, todo);
        }
        self.settle();
    }

    pub(super) fn opened(&mut self, answer: Result<(), Reason>) {
        if let Phase::Opening { number, names_only } = self.phase {
            match answer {
                Ok(()) => {
                    self.phase = Phase::Sending(Sender::new(number, names_only, &self.terms));
                }
                Err(reason) => self.refuse_request(number, reason),
            }
        }
        self.settle();
    }

    pub(super) fn next_entry(&mut self, entry: Option<Entry>) {
        if let Some(entry) = &entry {
            let path = self.chunk.get_mut(HEADER_LEN..).unwrap_or_default();
            let described = describe_entry(path, entry);
            let Some(described) = described else { return self.no_entry(Reason::BadPath) };
            self.described = described;
        }
        if let Phase::Sending(sender) = &mut self.phase {
            sender.entry(entry.as_ref());
        }
        self.settle();
    }

    /// The store cannot say what is next.
    pub(super) fn no_entry(&mut self, reason: Reason) {
        if let Phase::Sending(sender) = &mut self.phase
            && let Some(reply) = sender.give_up_all(reason)
        {
            self.ending = Ending { number: reply.transfer, result: Err(reason) };
            self.todo.reply = Some(reply);
        }
        self.settle();
    }

    pub(super) fn checked(&mut self, result: Result<(), Reason>) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.checked(result, &mut self.todo);
        }
        self.settle();
    }

    /// The store has heard of a refusal that is final.
    pub(super) fn refusal_counted(&mut self) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.count_refusal();
        }
        self.settle();
    }

    pub(super) fn committed(&mut self) {
        if let Phase::Receiving(receiver) = &mut self.phase {
            receiver.committed(&self.terms, &mut self.ending, &mut self.todo);
        }
        self.settle();
    }
}

/// Makes a description of the path that stands in `buffer`: its length, or `None` where the path
/// may not travel.
fn describe_entry(buffer: &mut [u8], entry: &Entry) -> Option<u16> {
    let path = core::str::from_utf8(buffer.get(..entry.path)?).ok()?;
    let nameless = path.is_empty() && entry.kind != Kind::Tree;
    if nameless || !is_sound(path) || path.ends_with('/') {
        return None;
    }
    let mut length = entry.path;
    if entry.kind == Kind::Directory {
        *buffer.get_mut(length)? = b'/';
        length = length.checked_add(1)?;
    }
    append_extras(buffer, length, entry.mode, None)
}
