//! The transition table, as data: debug builds check each transition by it, and a test compares it
//! with the documentation.

use super::*;
use crate::transition::{Transition, from_any, row};

/// A state without its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    AwaitClientHello,
    AwaitServerHello,
    AwaitRequest,
    Opening,
    AwaitOffer,
    AwaitClosed,
    Sending,
    Receiving,
    Closing,
    Idle,
    Closed,
}

use Name::*;

impl<P> State<P> {
    pub(super) fn name(&self) -> Name {
        match self {
            Self::AwaitClientHello => AwaitClientHello,
            Self::AwaitServerHello(_) => AwaitServerHello,
            Self::AwaitRequest => AwaitRequest,
            Self::Opening { .. } => Opening,
            Self::AwaitOffer(_) => AwaitOffer,
            Self::AwaitClosed => AwaitClosed,
            Self::Sending(_) => Sending,
            Self::Receiving(_) => Receiving,
            Self::Closing => Closing,
            Self::Idle(_) => Idle,
            Self::Closed(_) => Closed,
        }
    }
}

pub(crate) const TRANSITIONS: &[Transition<Name, Event>] = &[
    row(&[Idle, AwaitServerHello, Receiving], Event::SendHello, AwaitServerHello, "`PIN` 0"),
    row(&[AwaitServerHello, Idle], Event::BeginPut, Sending, "`Store::next`"),
    row(&[AwaitServerHello, Idle], Event::BeginGet, AwaitOffer, "`RAF`, `RAR`"),
    row(&[AwaitServerHello, Idle], Event::BeginClose, AwaitClosed, "`CLS`"),
    row(&[AwaitServerHello], Event::HelloAnswered, Idle, ""),
    row(&[AwaitServerHello], Event::Unconfirmed, Idle, ""),
    row(
        &[AwaitClientHello, AwaitRequest, Sending, Receiving],
        Event::ClientHello,
        AwaitRequest,
        "`PON` 0; `Store::abandon`",
    ),
    row(&[AwaitRequest], Event::GetRequested, Opening, "`Store::open`"),
    row(&[Opening], Event::Opened, Sending, "`Store::next`"),
    row(&[AwaitRequest, Opening], Event::RequestRefused, AwaitRequest, "`ERR`"),
    row(&[AwaitRequest, AwaitOffer], Event::FirstOffer, Receiving, "`Store::offer`"),
    row(&[Receiving], Event::NoReoffer, AwaitRequest, ""),
    row(&[Sending, Receiving], Event::Ended, AwaitRequest, ""),
    row(&[Sending, Receiving], Event::Ended, Idle, ""),
    row(&[AwaitRequest], Event::CloseAccepted, Closing, "`DON`"),
    row(&[AwaitRequest], Event::CloseAccepted, Idle, "`DON`"),
    row(&[AwaitOffer, AwaitClosed], Event::Answered, Idle, ""),
    row(&[Closing], Event::ClosingOver, Idle, ""),
    row(&[AwaitClientHello, AwaitRequest, Closing], Event::EndOfStream, Idle, ""),
    row(&[Sending, Receiving], Event::ClientGone, AwaitRequest, "`Store::abandon`"),
    row(&[Receiving], Event::ClientGone, AwaitClientHello, "`Store::abandon`"),
    from_any(Event::Fail, Closed, "`Store::abandon`"),
];
