//! The state of a session, and its transitions: [`Session::enter`] is the only place that assigns it.
//!
//! ```text
//! server                                         client
//!
//! AwaitClientHello                               Idle
//!    │ PIN 0                                      │ begin: first task    │ begin
//!    ▼                                            ▼                      ▼
//! AwaitRequest ◄─────────────┐                  AwaitServerHello ──► Sending, AwaitOffer, AwaitClosed
//!    │ RAF, RAR              │ completed          ▲            PON 0     │        │           │
//!    ▼                       │ or refused         │ get,                 │        │ SAF, SAR  │
//! Opening ──► Sending ───────┤                    │ lossy                │        ▼           │
//!    │ SAF, SAR              │                    └──────────────── Receiving     │           │
//!    └──────► Receiving ─────┘                                  completed │       │           │
//!    │ CLS, lossy                                                         ▼       ▼           ▼
//!    └──────► Closing ──► Idle                                           Idle ◄───────────────┘
//!
//! any state ──► Closed: a failure, after which nothing can be begun
//! ```
//!
//! | state | event | next state | output |
//! |---|---|---|---|
//! | Idle, AwaitServerHello, Receiving | SendHello: A client sends its hello | AwaitServerHello | `PIN` 0 |
//! | AwaitServerHello, Idle | BeginPut: A client begins a put | Sending | `Store::next` |
//! | AwaitServerHello, Idle | BeginGet: A client begins a get | AwaitOffer | `RAF`, `RAR` |
//! | AwaitServerHello, Idle | BeginClose: A client begins a close | AwaitClosed | `CLS` |
//! | AwaitServerHello | HelloAnswered: A client's goal was the hello reply | Idle |  |
//! | AwaitServerHello | Unconfirmed: The session of a client fails when its get on a lossy link is completed but for the confirmation | Idle |  |
//! | AwaitClientHello, AwaitRequest, Sending, Receiving | ClientHello: A server receives a valid hello with a new session number | AwaitRequest | `PON` 0; `Store::abandon` |
//! | AwaitRequest | GetRequested: A server receives `RAF` or `RAR` | Opening | `Store::open` |
//! | Opening | Opened: The store of a server has opened the requested file or tree | Sending | `Store::next` |
//! | AwaitRequest, Opening | RequestRefused: A server refuses a request | AwaitRequest | `ERR` |
//! | AwaitRequest, AwaitOffer | FirstOffer: `SAF` or `SAR` begins a request | Receiving | `Store::offer` |
//! | Receiving | NoReoffer: A request comes in place of a second offer, or after a tree that was refused while an entry was open | AwaitRequest |  |
//! | Sending, Receiving | Ended: A request has ended, in place, refused or given up | AwaitRequest |  |
//! | Sending, Receiving | Ended: A request has ended, in place, refused or given up | Idle |  |
//! | AwaitRequest | CloseAccepted: A server accepts `CLS` | Closing | `DON` |
//! | AwaitRequest | CloseAccepted: A server accepts `CLS` | Idle | `DON` |
//! | AwaitOffer, AwaitClosed | Answered: A client's request or close is answered by `ERR` or `DON` | Idle |  |
//! | Closing | ClosingOver: A closed server has repeated its answer for long enough | Idle |  |
//! | AwaitClientHello, AwaitRequest, Closing | EndOfStream: The stream has ended while the server was idle | Idle |  |
//! | Sending, Receiving | ClientGone: A server on a lossy link gives the client up | AwaitRequest | `Store::abandon` |
//! | Receiving | ClientGone: A server on a lossy link gives the client up | AwaitClientHello | `Store::abandon` |
//! | any | Fail: The session fails | Closed | `Store::abandon` |

use super::*;

pub(super) use self::event::Event;

mod event;
#[cfg(any(test, debug_assertions))]
mod table;
#[cfg(test)]
mod tests;

/// The state of a session.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "model", derive(Hash))]
// An explicit tag: where the compiler hides the tag in a niche, each match costs more flash.
#[repr(u8)]
pub(super) enum State<P> {
    /// A server waits for a client.
    AwaitClientHello,
    /// A client has sent its hello.
    AwaitServerHello(Goal),
    /// A server waits for a request.
    AwaitRequest,
    /// A server's store opens the requested file or tree.
    Opening {
        number: u16,
        tree: bool,
        names_only: bool,
    },
    /// A client has requested a file or a tree.
    AwaitOffer(Get),
    /// A client has asked the server to close.
    AwaitClosed,
    Sending(Sender<P>),
    Receiving(Receiver<P>),
    /// A server on a lossy link was closed: it repeats its answer for a while.
    Closing,
    /// The task is completed. A client may begin another one.
    Idle(Result<Outcome, Failure>),
    /// The session has failed.
    Closed(Failure),
}

impl<P: Profile> Session<P> {
    /// Enters a state. In a build with debug assertions the table must have the transition.
    #[inline(always)]
    pub(super) fn enter(&mut self, event: Event, state: State<P>) {
        #[cfg(any(test, debug_assertions))]
        crate::transition::check(table::TRANSITIONS, self.state.name(), event, state.name());
        let _ = event;
        self.state = state;
    }

    /// A client begins its goal, in an established session.
    pub(super) fn start(&mut self, goal: Goal) {
        let id = next_id(self.last_id, None).get();
        match goal {
            Goal::Put => {
                let Some(link) = &self.negotiated else { return };
                let sender = Sender::new(id, false, link);
                self.enter(Event::BeginPut, State::Sending(sender));
            }
            Goal::Get(get) => {
                self.last_id = id;
                self.enter(Event::BeginGet, State::AwaitOffer(get));
            }
            Goal::Close => {
                self.last_id = id;
                self.enter(Event::BeginClose, State::AwaitClosed);
            }
            Goal::Ping => {
                self.enter(Event::HelloAnswered, State::Idle(Ok(Outcome::default())));
            }
            Goal::Confirm(result) => self.enter(Event::HelloAnswered, State::Idle(result)),
        }
        self.send_request();
    }

    /// A server's store is to open the file or the tree that the received metadata names.
    pub(super) fn open(&mut self, number: u16, tree: bool, names_only: bool) {
        // The client requests something else: it knows the result of the transfer before.
        self.outbox.completed = None;
        self.enter(Event::GetRequested, State::Opening { number, tree, names_only });
    }

    /// The store has opened the requested file or tree, or has refused it.
    pub(super) fn opened(&mut self, answer: Result<(), Reason>) {
        if let State::Opening { number, names_only, .. } = self.state
            && let Some(link) = &self.negotiated
        {
            match answer {
                Ok(()) => {
                    let mut sender = Sender::new(number, names_only, link);
                    if P::has_pipes()
                        && matches!(self.request_options(), Ok(Some(options)) if options.follow)
                    {
                        sender.follow();
                    }
                    self.enter(Event::Opened, State::Sending(sender));
                }
                Err(reason) => self.refuse_request(number, reason),
            }
        }
    }

    /// A server refuses a request.
    pub(super) fn refuse_request(&mut self, number: u16, reason: Reason) {
        let Some(id) = TransferId::new(number) else { return };
        self.outbox.complete(Completed::refused(id, reason));
        self.enter(Event::RequestRefused, State::AwaitRequest);
    }

    /// The first offer of a request came.
    pub(super) fn receive(&mut self, names_only: bool) {
        self.enter(Event::FirstOffer, State::Receiving(Receiver::new(names_only)));
    }

    /// The sender has nothing to offer again, and goes on with another request.
    pub(super) fn expect_no_reoffer(&mut self) {
        self.enter(Event::NoReoffer, State::AwaitRequest);
    }

    /// A server accepts to be closed.
    pub(super) fn close(&mut self, number: u16) {
        let Some(id) = TransferId::new(number) else { return };
        self.outbox.complete(Completed::done(id, 0, 0));
        let state = if self.is_lossy() { State::Closing } else { State::Idle(CLOSED) };
        self.enter(Event::CloseAccepted, state);
    }

    /// A closed server has repeated its answer for long enough.
    pub(super) fn closing_over(&mut self) {
        self.enter(Event::ClosingOver, State::Idle(CLOSED));
    }

    /// A client's request or close is answered.
    pub(super) fn answered_with(&mut self, result: Result<Outcome, Failure>) {
        self.enter(Event::Answered, State::Idle(result));
    }

    /// A request is completed.
    pub(super) fn finish(&mut self, result: Result<(), Reason>) {
        let is_get = matches!(self.state, State::Receiving(_));
        let (last, outcome) = match &self.state {
            State::Sending(sender) if P::can_send() => {
                // A tree of 65,534 entries has used all numbers but its own, for which the server
                // still repeats its answer.
                let used = sender.tree().filter(|tree| next_id(sender.last_id(), None) == *tree);
                (used.map_or(sender.last_id(), TransferId::get), sender.outcome())
            }
            State::Receiving(receiver) if P::can_receive() => {
                (receiver.last_id(), receiver.outcome())
            }
            _ => return,
        };
        let result = result.map(|()| outcome).map_err(Failure::Refused);
        // A repeated signal may still await its metadata, which need not come.
        if self.outbox.is_awaiting_metadata() {
            self.outbox.slot = Slot::Empty;
        }
        self.timer.restart();
        if !self.is_client() {
            self.enter(Event::Ended, State::AwaitRequest);
            return;
        }
        self.last_id = last;
        if is_get && self.is_lossy() {
            // The server answers once it has received the last `DON`.
            self.send_hello(Goal::Confirm(result));
        } else {
            self.enter(Event::Ended, State::Idle(result));
        }
    }

    /// The store is to close the open file, and the request around it.
    pub(super) fn abandon(&mut self, reason: Reason) {
        self.drop_output();
        let is_open =
            matches!(self.state, State::Sending(_) | State::Receiving(_) | State::Opening { .. });
        if is_open {
            self.outbox.abandon(reason, true);
        }
    }

    /// The session fails. A get of which only the confirmation is missing keeps its result.
    pub(super) fn end(&mut self, failure: Failure) {
        if P::can_be_client()
            && P::can_receive()
            && let State::AwaitServerHello(Goal::Confirm(result)) = self.state
        {
            self.drop_output();
            // The next task needs a new session: the server may have restarted, or has refused this one.
            self.negotiated = None;
            return self.enter(Event::Unconfirmed, State::Idle(result));
        }
        self.abandon(match failure {
            Failure::Refused(reason) => reason,
            _ => Reason::Cancelled,
        });
        self.enter(Event::Fail, State::Closed(failure));
    }

    /// A server that shuts down, and has no request under way, refuses any other one: the session, which
    /// is run once more for that, sends `ERR`. Called before the session runs or after it is over.
    pub fn shut_down(&mut self) {
        let is_idle = matches!(self.state, State::AwaitRequest | State::Idle(_));
        if P::can_be_server() && !self.is_client() && is_idle && self.negotiated.is_some() {
            let reason = Reason::ShuttingDown;
            self.end(Failure::Refused(reason));
            self.outbox.reply(Signal::refuse(0, 0, reason, self.number_on_wire()));
            self.drive();
        }
    }

    /// A closed server that repeats its answer.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing)
    }

    /// The stream has ended.
    pub(super) fn end_of_stream(&mut self) {
        if self.is_idle() {
            let outcome = Outcome { closed: self.is_closing(), ..Outcome::default() };
            self.enter(Event::EndOfStream, State::Idle(Ok(outcome)));
            self.drive();
        } else {
            self.fail(Failure::UnexpectedEof);
        }
    }
}

/// The result of a session whose server was closed by the client.
pub(super) const CLOSED: Result<Outcome, Failure> =
    Ok(Outcome { entries: 0, refused: 0, omitted: 0, closed: true });
