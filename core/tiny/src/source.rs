use crate::Reason;

/// The files that a [`Sender`](crate::Sender) sends.
pub trait Source {
    /// A client requests the file at `path`, which is as the client sent it: 1 byte or more. Returns its
    /// size in bytes, less than 2^31, or `None` where it is not known until its end.
    ///
    /// # Errors
    /// The reason of the refusal, such as [`Reason::NotFound`].
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason>;

    /// The path of the open file, for the offer: at most as many bytes as a chunk of the smallest buffer
    /// less 24, which is 232.
    fn path(&self) -> &[u8];

    /// Reads the open file from `position` on, also from one before the last. Returns the number of
    /// bytes, 0 only at its end.
    ///
    /// # Errors
    /// The reason for which the transfer ends.
    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason>;
}
