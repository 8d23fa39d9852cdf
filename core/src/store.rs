//! Storage as a session sees it: it takes or gives offers, bytes and commits.
//!
//! A directory on a desktop, a FAT card, a flash partition and a `Vec` in a test are equals. It knows
//! nothing of frames.

pub(crate) mod answer;
#[cfg(feature = "async")]
mod asynchronous;
mod deferral;
mod forward;
mod interface;
mod operation;
mod options;
mod request;
#[cfg(test)]
mod tests;
mod values;
mod zeros;

pub use self::answer::answer;
#[cfg(feature = "async")]
pub use self::asynchronous::AsyncStore;
pub use self::deferral::Deferral;
pub use self::interface::Store;
pub use self::operation::{Index, Operation, OperationEntry, Stat, StatQuery};
pub use self::options::{Patterns, RequestOptions, Skip};
pub use self::request::{Reply, Request};
pub use self::values::{Accepted, CommitFailed, Digests, Entry, Kind, Offer};
