//! A fuzzer's bytes: those of a peer from the front, decisions from the back.

/// The bytes that are left of them.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The first `N` bytes; zeros where there are none.
    pub(crate) fn front<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let count = self.read(&mut taken);
        debug_assert!(count <= N);
        taken
    }

    /// The next decision; 0, which is always the honest one, when there are no more.
    pub(crate) fn decide(&mut self) -> u8 {
        let Some((last, rest)) = self.0.split_last() else { return 0 };
        self.0 = rest;
        *last
    }

    /// Eight decisions in one number.
    pub(crate) fn number(&mut self) -> u64 {
        let bytes = [(); 8].map(|()| self.decide());
        let number = u64::from_le_bytes(bytes);
        // Numbers of every size.
        number >> (8 * (bytes[7] & 7))
    }

    /// Bytes of the peer; returns how many.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> usize {
        let (taken, rest) = self.0.split_at(into.len().min(self.0.len()));
        into[..taken.len()].copy_from_slice(taken);
        self.0 = rest;
        taken.len()
    }

    /// The next bytes, at most this number; they are not consumed.
    pub(crate) fn ahead(&self, most: usize) -> &'a [u8] {
        &self.0[..most.min(self.0.len())]
    }

    /// Consumes this number of bytes.
    pub(crate) fn pass(&mut self, count: usize) {
        self.0 = &self.0[count..];
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
