//! The buffer of a secure channel, whose memory can be freed while the channel rests.

use std::cell::OnceCell;

/// The size of a buffer, and so of the largest record, in bytes: small for an idle connection.
pub(super) const BUFFER: usize = 32 * 1024;

/// [`BUFFER`] bytes, which take memory from their first use until they are freed.
#[derive(Default)]
pub(super) struct ChannelBuffer(OnceCell<Box<[u8]>>);

fn zeros() -> Box<[u8]> {
    vec![0; BUFFER].into()
}

impl ChannelBuffer {
    /// Frees the memory. The next use finds zeros.
    pub(super) fn free(&mut self) {
        self.0.take();
    }
}

impl AsRef<[u8]> for ChannelBuffer {
    fn as_ref(&self) -> &[u8] {
        self.0.get_or_init(zeros)
    }
}

impl AsMut<[u8]> for ChannelBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self.as_ref();
        self.0.get_mut().map(|bytes| &mut **bytes).unwrap_or_default()
    }
}
