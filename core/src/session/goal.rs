//! The task of a client, under way.

use super::*;

/// A client's task, under way.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum Goal {
    Put,
    Get(Get),
    Close,
    /// Nothing but the hello reply.
    Ping,
    /// The hello reply, after a get on a lossy link: the server has the last answer. The get has
    /// this result.
    Confirm(Result<Outcome, Failure>),
}

/// A client's request for a file or a tree.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Get {
    pub(super) tree: bool,
    pub(super) names_only: bool,
    /// Length of the path in the chunk buffer, in bytes; `None` once an answer has overwritten it.
    pub(super) path: Option<u16>,
}
