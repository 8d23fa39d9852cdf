//! Options about links.

use tinyferry::fs::{LinkKinds, Links};

// The links that are transferred as links. A doc comment would become the description of the command.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct LinkArgs {
    /// Transfer symbolic links as links; without it they are listed as not transferred. No link is followed
    #[arg(short, long)]
    pub(crate) links: bool,
    /// Transfer the content of a file with several names once; the others become hard links of the first. Up
    /// to 100000 such names; else the content of each is transferred
    #[arg(short = 'H', long)]
    hard_links: bool,
}

impl LinkArgs {
    pub(crate) fn kinds(self) -> LinkKinds {
        LinkKinds { symbolic: self.links, hard: self.hard_links }
    }
}

// The symbolic links that a receiver accepts.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct UnsafeLinksArg {
    /// Accept symbolic links with any target; with --links only those whose target is relative and inside
    /// the transferred tree
    #[arg(long)]
    pub(crate) unsafe_links: bool,
}

impl UnsafeLinksArg {
    /// The accepted links; `links`: the option --links is given.
    pub(crate) fn accepted(self, links: bool) -> Links {
        match (self.unsafe_links, links) {
            (true, _) => Links::Any,
            (false, true) => Links::Inside,
            (false, false) => Links::Refuse,
        }
    }
}
