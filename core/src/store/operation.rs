//! Operations: questions and changes of a sender about the receiver's files, without content (`PROTOCOL.md`, section 6.7).

use crate::error::Reason;
#[cfg(doc)]
use crate::store::{Entry, Store};
use crate::wire::metadata::{LONGEST, TAG_OPTIONS, TAG_PATTERN, append, fields, read_text};
use crate::wire::path::is_sound;

const STAT: u8 = 1;
const REMOVE: u8 = 2;
const RENAME: u8 = 3;

/// An operation on a path of the receiver. It moves no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Operation<'a> {
    /// Describe the entry at the path.
    Stat(StatQuery),
    /// The path is to be gone.
    Remove,
    /// The file or directory `from` is to have this path.
    Rename {
        /// Its path now, relative as the other one. Sound.
        from: &'a str,
    },
}

/// The arguments of [`Operation::Stat`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StatQuery {
    /// The facts of an entry that count, as bits: 1 size, 2 time, 4 permission bits, 8 CRC-64 of the
    /// content. Its name and kind always count.
    pub facts: u8,
    /// The unit of times: 10^n ns for 0 to 9; 10: 2 s.
    pub granularity: u8,
    /// How many upmost bits of an entry's hash must be those of `prefix`; 0 to 32.
    pub bits: u8,
    /// The range of hashes, in its lowest `bits` bits.
    pub prefix: u32,
    /// Makes the hashes of this request unlike those of others.
    pub salt: u32,
    /// The sender's own digest, if it has computed it: where the receiver's is the same, it returns
    /// no index.
    pub digest: Option<u64>,
}

/// The answer to an operation; to all but [`Operation::Stat`] it is all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stat {
    /// Of a file, its size in bytes; of a directory, the number of its entries in the range.
    pub size: u64,
    /// Of a directory, the digest of its entries in the range; of a file, its CRC-64 if that fact counts,
    /// else its time of last modification in nanoseconds since 1970, signed.
    pub value: u64,
    /// The facts that count for the receiver: those of the query that its store keeps.
    pub facts: u8,
    /// The unit of the receiver's times, as in [`StatQuery`]: not finer than that of the query.
    pub granularity: u8,
}

/// The operation of an [`Entry`] to send: its bytes are in the metadata that [`Store::next`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OperationEntry {
    /// [`Operation::Stat`].
    Stat(StatQuery),
    /// [`Operation::Remove`].
    Remove,
    /// [`Operation::Rename`]: `the length of `from` in bytes; it stands right behind the entry's path.
    Rename {
        /// Length of the old path, in bytes.
        from: usize,
    },
}

impl<'a> Operation<'a> {
    /// Parses the value of the tag.
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Reason> {
        match value {
            [STAT, arguments @ ..] => {
                StatQuery::parse(arguments).map(Self::Stat).ok_or(Reason::Unsupported)
            }
            [REMOVE] => Ok(Self::Remove),
            [RENAME, from @ ..] => match read_text(from) {
                Some(from) if !from.is_empty() && is_sound(from) && !from.ends_with('/') => {
                    Ok(Self::Rename { from })
                }
                _ => Err(Reason::BadPath),
            },
            _ => Err(Reason::Unsupported),
        }
    }
}

/// Which files a requested tree leaves out because the receiver has them: the sender asks it by
/// [`Operation::Stat`].
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
    /// Those that exist, whatever is in them.
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
    /// The files that are left out.
    pub skip: Skip,
    /// How many levels of directories are sent: with 1 the entries of the requested one only. `None`: all.
    pub depth: Option<core::num::NonZeroU8>,
    /// Whether the entries are left out that the `.gitignore` files in the tree exclude.
    pub ignore_files: bool,
    /// The entries that are left out by their paths.
    pub patterns: Patterns<'a>,
}

/// Patterns of a `.gitignore` file in the root of the requested tree: of several that match, the last one
/// decides, and `!` before one keeps an entry. From the other end they are hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Patterns<'a>(Source<'a>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Source<'a> {
    List(&'a [&'a str]),
    /// The fields of metadata.
    Fields(&'a [u8]),
}

impl Default for Patterns<'_> {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl<'a> Patterns<'a> {
    /// These patterns; each has 1 to 255 bytes, and no NUL.
    #[must_use]
    pub const fn new(patterns: &'a [&'a str]) -> Self {
        Self(Source::List(patterns))
    }

    /// The patterns in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        let (list, bytes) = match self.0 {
            Source::List(list) => (list, [].as_slice()),
            Source::Fields(bytes) => ([].as_slice(), bytes),
        };
        let from_fields = fields(bytes)
            .filter(|(tag, _)| *tag == TAG_PATTERN)
            .filter_map(|(_, value)| read_text(value));
        list.iter().copied().chain(from_fields)
    }
}

impl<'a> RequestOptions<'a> {
    /// Leaves out the files that `skip` says.
    #[must_use]
    pub const fn skipping(skip: Skip) -> Self {
        Self { skip, depth: None, ignore_files: false, patterns: Patterns::new(&[]) }
    }

    /// Whether a request for `path` has room for these options.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let patterns = self.patterns.iter().try_fold(0_usize, |length, pattern| {
            u8::try_from(pattern.len()).ok()?;
            length.checked_add(2)?.checked_add(pattern.len())
        });
        let rest = path.len().saturating_add(1 + 2 + 3);
        patterns.is_some_and(|length| length.saturating_add(rest) <= LONGEST)
    }

    const IGNORE_FILES: u8 = 1 << 2;

    /// Appends the fields to the path in the first `text` bytes of `into`. Returns the length of all, or
    /// `None` where it does not fit.
    pub(crate) fn emit(&self, into: &mut [u8], text: usize) -> Option<u16> {
        let depth = self.depth.map_or(0, core::num::NonZeroU8::get);
        let mut length = match self.ignore_files {
            false => append(into, text, &[0, TAG_OPTIONS, 2, self.skip as u8, depth])?,
            true => {
                let flags = Self::IGNORE_FILES;
                append(into, text, &[0, TAG_OPTIONS, 3, self.skip as u8, depth, flags])?
            }
        };
        for pattern in self.patterns.iter() {
            length = append(into, length, &[TAG_PATTERN, u8::try_from(pattern.len()).ok()?])?;
            length = append(into, length, pattern.as_bytes())?;
        }
        (length <= LONGEST).then_some(u16::try_from(length).ok()?)
    }

    /// Parses the value of the tag; `patterns` are the fields of the metadata.
    pub(crate) fn parse(value: &[u8], patterns: &'a [u8]) -> Result<Self, Reason> {
        let (&[skip, depth] | &[skip, depth, _]) = value else { return Err(Reason::Unsupported) };
        let flags = value.get(2).copied().unwrap_or(0);
        if flags & !Self::IGNORE_FILES != 0 {
            return Err(Reason::Unsupported);
        }
        let skip = match skip {
            0 => Skip::Nothing,
            1 => Skip::SameTime,
            2 => Skip::SameContent,
            3 => Skip::Existing,
            4 => Skip::NotOlder,
            5 => Skip::Missing,
            _ => return Err(Reason::Unsupported),
        };
        Ok(Self {
            skip,
            depth: core::num::NonZeroU8::new(depth),
            ignore_files: flags & Self::IGNORE_FILES != 0,
            patterns: Patterns(Source::Fields(patterns)),
        })
    }
}

/// The longest arguments of a stat, in bytes.
const STAT_MAX: usize = 19;

impl StatQuery {
    fn parse(arguments: &[u8]) -> Option<Self> {
        let (&[facts, granularity, bits, ref rest @ ..], digest) =
            arguments.split_at_checked(11)?
        else {
            return None;
        };
        let (prefix, salt) = rest.split_first_chunk::<4>()?;
        let digest = match digest {
            [] => None,
            digest => Some(u64::from_le_bytes(digest.try_into().ok()?)),
        };
        (granularity <= 10 && bits <= 32).then_some(Self {
            facts,
            granularity,
            bits,
            prefix: u32::from_le_bytes(*prefix),
            salt: u32::from_le_bytes(salt.try_into().ok()?),
            digest,
        })
    }

    /// The arguments, and their length in bytes.
    fn emit(&self) -> ([u8; STAT_MAX], usize) {
        let mut bytes = [0; STAT_MAX];
        let digest = self.digest.map(u64::to_le_bytes).unwrap_or_default();
        let fields = [self.facts, self.granularity, self.bits];
        let all = fields
            .into_iter()
            .chain(self.prefix.to_le_bytes())
            .chain(self.salt.to_le_bytes())
            .chain(digest);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        (bytes, if self.digest.is_some() { STAT_MAX } else { STAT_MAX - 8 })
    }
}

impl OperationEntry {
    /// Writes the value of the tag at `at` of `buffer`. Returns its end; `None` where it does not fit.
    /// `from` is where the old path of a rename begins, before `at`.
    pub(crate) fn emit(&self, buffer: &mut [u8], at: usize, from: usize) -> Option<usize> {
        let start = at.checked_add(1)?;
        let (code, length) = match self {
            Self::Stat(query) => {
                let (arguments, length) = query.emit();
                let to = buffer.get_mut(start..)?.get_mut(..length)?;
                to.iter_mut().zip(arguments).for_each(|(to, from)| *to = from);
                (STAT, length)
            }
            Self::Remove => (REMOVE, 0),
            Self::Rename { from: length } => {
                // The last byte first: both places overlap.
                for index in (0..*length).rev() {
                    let byte = *buffer.get(from.checked_add(index)?)?;
                    *buffer.get_mut(start.checked_add(index)?)? = byte;
                }
                (RENAME, *length)
            }
        };
        *buffer.get_mut(at)? = code;
        start.checked_add(length)
    }
}

/// The index in the answer to a stat: of each entry in the range the 32 bits of its hash that follow
/// those of the range, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Index<'a>(&'a [u8]);

/// Bytes of an index in one tagged field.
pub(crate) const INDEX_FIELD: usize = 252;

impl<'a> Index<'a> {
    /// The fields behind the text of metadata.
    pub(crate) const fn new(fields: &'a [u8]) -> Self {
        Self(fields)
    }

    /// The values, as they came. Hostile: they may be unsorted, and more or fewer than the answer says.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        crate::wire::metadata::fields(self.0)
            .filter(|(tag, _)| *tag == crate::wire::metadata::TAG_INDEX)
            .flat_map(|(_, value)| {
                value.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes))
            })
    }
}
