//! The options of a request: the entries of the tree that its sender does not offer. The layout is in
//! `wire`.

use core::hash::{Hash, Hasher};
use core::num::NonZeroU8;

#[cfg(doc)]
use crate::store::Operation;
use crate::wire::options::pattern_values;

/// The files of a requested tree that the sender does not offer, after a comparison with those of the
/// receiver by [`Operation::Stat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Skip {
    /// None: each file is offered.
    #[default]
    Nothing,
    /// Those with the same size, time and permission bits.
    SameTime,
    /// Those with the same content, time and permission bits.
    SameContent,
    /// Those that exist, with any content.
    Existing,
    /// Those that are not older at the receiver.
    NotOlder,
    /// Those that do not exist, and those with the same size, time and permission bits.
    Missing,
}

/// The options of a client's request for a file or a tree (`PROTOCOL.md`, R88).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestOptions<'a> {
    /// The files that are not offered.
    pub skip: Skip,
    /// How many levels of directories are sent: with 1 the entries of the requested one only. `None`: all.
    pub depth: Option<NonZeroU8>,
    /// Whether the sender excludes the entries that the `.gitignore` files in the tree exclude.
    pub ignore_files: bool,
    /// Whether the sender sends symbolic links: [`Operation::Link`].
    pub links: bool,
    /// Whether the sender sends further names of a file as such: [`Operation::HardLink`].
    pub hard_links: bool,
    /// Whether the sender waits for further content at the end of the file (R99). Only for a request of a file, with
    /// [`Profile::PIPES`](crate::Profile::PIPES).
    pub follow: bool,
    /// Patterns of excluded entries.
    pub patterns: Patterns<'a>,
}

/// Patterns of a `.gitignore` file in the root of the requested tree: of several that match, the last one
/// decides, and `!` before one keeps an entry. From the other end they are hostile.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Patterns<'a>(Source<'a>);

#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Source<'a> {
    List(&'a [&'a str]),
    /// The fields of metadata.
    Fields(&'a [u8]),
}

/// The same patterns in the same order, from a list or from metadata.
impl PartialEq for Patterns<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Patterns<'_> {}

impl Hash for Patterns<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.iter().for_each(|pattern| pattern.hash(state));
        self.iter().count().hash(state);
    }
}

impl Default for Patterns<'_> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a> Patterns<'a> {
    /// These patterns; each has 1 to 255 bytes.
    #[must_use]
    pub const fn new(patterns: &'a [&'a str]) -> Self {
        Self(Source::List(patterns))
    }

    /// The patterns in the fields of metadata.
    pub(crate) const fn from_fields(fields: &'a [u8]) -> Self {
        Self(Source::Fields(fields))
    }

    /// The patterns in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (list, bytes) = match self.0 {
            Source::List(list) => (list, [].as_slice()),
            Source::Fields(bytes) => ([].as_slice(), bytes),
        };
        list.iter().copied().chain(pattern_values(bytes))
    }
}

impl<'a> RequestOptions<'a> {
    /// Options with this `skip` only.
    #[must_use]
    pub const fn skipping(skip: Skip) -> Self {
        Self {
            skip,
            depth: None,
            ignore_files: false,
            links: false,
            hard_links: false,
            follow: false,
            patterns: Patterns::new(&[]),
        }
    }

    /// Whether a request for `path` can have these options: each pattern has 1 to 255 bytes, and all fit
    /// into the metadata.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        self.metadata_len(path.len()).is_some()
    }
}
