//! The events of the transitions.

/// The event of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A client sends its hello.
    SendHello,
    /// A client begins a put.
    BeginPut,
    /// A client begins a get.
    BeginGet,
    /// A client begins a close.
    BeginClose,
    /// A client's goal was the hello reply.
    HelloAnswered,
    /// The session of a client fails when its get on a lossy link is completed but for the confirmation.
    Unconfirmed,
    /// A server receives a valid hello with a new session number.
    ClientHello,
    /// A server receives `RAF` or `RAR`.
    GetRequested,
    /// `SAF` or `SAR` begins a request.
    FirstOffer,
    /// The store of a server has opened the requested file or tree.
    Opened,
    /// A server refuses a request.
    RequestRefused,
    /// A request comes in place of a second offer, or after a tree that was refused while an entry was open.
    NoReoffer,
    /// A request has ended, in place, refused or given up.
    Ended,
    /// A server accepts `CLS`.
    CloseAccepted,
    /// A client's request or close is answered by `ERR` or `DON`.
    Answered,
    /// A closed server has repeated its answer for long enough.
    ClosingOver,
    /// The stream has ended while the server was idle.
    EndOfStream,
    /// A server on a lossy link gives the client up.
    ClientGone,
    /// The session fails.
    Fail,
}
