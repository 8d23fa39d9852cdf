use core::num::NonZeroU16;

/// Why a file is refused (section 7 of the protocol). Any other code may come from a client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reason(NonZeroU16);

#[allow(non_upper_case_globals)] // As those of the core.
impl Reason {
    /// No version of the protocol that both ends speak.
    pub const Version: Self = Self::from_code(2);
    /// No file has that name.
    pub const NotFound: Self = Self::from_code(3);
    /// Permission is denied.
    pub const NoPermission: Self = Self::from_code(4);
    /// The path is not allowed, or the metadata cannot be read.
    pub const BadPath: Self = Self::from_code(8);
    /// The name is too long.
    pub const NameTooLong: Self = Self::from_code(9);
    /// No space is left.
    pub const NoSpace: Self = Self::from_code(10);
    /// The file is larger than is allowed.
    pub const TooLarge: Self = Self::from_code(11);
    /// The storage failed.
    pub const Storage: Self = Self::from_code(12);
    /// The file changed while it was read.
    pub const SourceChanged: Self = Self::from_code(13);
    /// The prefix belongs to other content (R61).
    pub const PrefixDiffers: Self = Self::from_code(14);
    /// The digest differs.
    pub const DigestDiffers: Self = Self::from_code(15);
    /// The file ended before it was complete.
    pub const Incomplete: Self = Self::from_code(16);
    /// This end receives no files.
    pub const ReadOnly: Self = Self::from_code(17);
    /// This end sends no files.
    pub const WriteOnly: Self = Self::from_code(18);
    /// That is not allowed.
    pub const NotAllowed: Self = Self::from_code(19);
    /// A feature or a tag is required that is not known.
    pub const Unsupported: Self = Self::from_code(20);

    /// The reason with this code; 0 counts as 65,535 (R80).
    pub const fn from_code(code: u16) -> Self {
        match NonZeroU16::new(code) {
            Some(code) => Self(code),
            None => Self(NonZeroU16::MAX),
        }
    }

    /// The code of the reason.
    pub const fn code(self) -> u16 {
        self.0.get()
    }
}
