use crate::Reason;

/// Where a [`Receiver`](crate::Receiver) stores a file. Each call may take seconds, as to erase a
/// flash: the client repeats its question meanwhile, and gives up after 60 s.
///
/// A store that resumes, or stores chunks out of order, says so in its constants; their code takes
/// flash only then.
pub trait Store {
    /// Whether a file that was cut goes on where it was: [`prefix`](Self::prefix),
    /// [`discard`](Self::discard) and [`load`](Self::load) are implemented.
    const RESUMES: bool = false;

    /// Whether [`store`](Self::store) takes chunks in any order, and [`load`](Self::load) reads them
    /// back: then only the blocks that were lost are sent again, not all bytes after them.
    const OUT_OF_ORDER: bool = false;

    /// A client offers a file; `size` is in bytes, less than 2^31. Another offer, or a new client, may come before the
    /// file is complete: the stored bytes are then a partial.
    ///
    /// `path` has 1 byte or more, does not end in `/`, and is otherwise as the client sent it: not
    /// always UTF-8, and with any names. A store that makes files of paths must check them by R15 and
    /// R16 of the protocol; one that knows the names that it accepts compares.
    ///
    /// # Errors
    /// The reason of the refusal, such as [`Reason::NotFound`] for a path that is not accepted or
    /// [`Reason::TooLarge`].
    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason>;

    /// Stores bytes of the file, each run of them at its position, in order unless
    /// [`OUT_OF_ORDER`](Self::OUT_OF_ORDER).
    ///
    /// # Errors
    /// The reason for which the transfer ends, such as [`Reason::Storage`].
    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason>;

    /// The file is complete, and its digest is right: puts it in place. Until then the old file stays
    /// (R31).
    ///
    /// # Errors
    /// The reason for which it is not in place.
    fn commit(&mut self) -> Result<(), Reason>;

    /// The number of bytes of the offered file that are there from before, at most `limit`: a multiple of
    /// 1024, or the whole size (R58); else it is rounded down. 0: none.
    ///
    /// A store with [`OUT_OF_ORDER`](Self::OUT_OF_ORDER) counts only bytes without a gap before them.
    fn prefix(&mut self, limit: u32) -> u32 {
        let _ = limit;
        0
    }

    /// Drops the partial of the offered file: no later offer may resume it (R64).
    fn discard(&mut self) {}

    /// Reads back bytes that were stored.
    ///
    /// # Errors
    /// The reason for which the transfer ends.
    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        let _ = (position, into);
        Err(Reason::Storage)
    }
}
