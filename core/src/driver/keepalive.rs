//! A keepalive that is sent while a store works, also across a driver that is dropped and called again.

use embedded_io_async::Write;

use crate::profile::Profile;
use crate::wire::{SIGNAL_LEN, Signal};

/// The rest of a frame that is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Keepalive {
    frame: [u8; SIGNAL_LEN],
    sent: usize,
}

impl Keepalive {
    pub(crate) const NONE: Self = Self { frame: [0; SIGNAL_LEN], sent: SIGNAL_LEN };

    /// The next frame.
    pub(super) fn set<P: Profile>(&mut self, signal: &Signal, seed: u32) {
        signal.emit::<P::Checksums>(seed, &mut self.frame);
        self.sent = 0;
    }

    /// Sends the rest of the frame, if there is any.
    pub(super) async fn send<W: Write>(&mut self, writer: &mut W) -> Result<(), W::Error> {
        if self.sent >= SIGNAL_LEN {
            return Ok(());
        }
        while let Some(rest) = self.frame.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let count = writer.write(rest).await?;
            self.sent = self.sent.saturating_add(count);
        }
        writer.flush().await
    }
}
