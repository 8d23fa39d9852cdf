//! The links that are sent as links.

/// The kinds of links that a sender sends as links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkKinds {
    /// Symbolic links; otherwise they are left out. None is ever followed.
    pub symbolic: bool,
    /// Hard links: of a file with several names the content is sent once, and the others become hard links
    /// of the first. Otherwise the content of each is sent. Up to 100,000 such files and names in one
    /// request.
    pub hard: bool,
}
