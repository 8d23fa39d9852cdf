//! The file that tells the version and the state of the running image.

use super::State;

/// The name of the file.
pub(super) const NAME: &str = "version.txt";
/// The largest content in bytes.
const LENGTH: usize = 64;
/// The longest version in bytes.
const VERSION_MAX: usize = 48;

/// The content of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status {
    bytes: [u8; LENGTH],
    length: usize,
}

impl Status {
    /// A line with the version and the state.
    pub(super) fn new(version: &str, state: State) -> Self {
        let state = match state {
            State::Confirmed => " confirmed\n",
            State::Trial => " on trial\n",
            State::SwapRequested => " swap requested\n",
        };
        let mut status = Self { bytes: [0; LENGTH], length: 0 };
        let version = version.as_bytes();
        for byte in version.iter().take(VERSION_MAX).chain(state.as_bytes()) {
            if let Some(to) = status.bytes.get_mut(status.length) {
                *to = *byte;
                status.length = status.length.saturating_add(1);
            }
        }
        status
    }

    /// The bytes of the line.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
