//! The state of a session, for its driver and for a device.

use super::*;

impl<P: Profile> Session<P> {
    /// The position in the open file, and its size if it is known, in bytes: everything before was received,
    /// or was sent once. `None` if no file is open.
    pub fn progress(&self) -> Option<(u64, Option<u64>)> {
        let (position, size) = match &self.state {
            State::Sending(sender) if P::can_send() => sender.progress(),
            State::Receiving(receiver) if P::can_receive() => receiver.file()?.progress(),
            _ => return None,
        };
        Some((position, Some(size).filter(|size| *size != UNKNOWN)))
    }

    /// The signal that tells the other end that the store is busy with the next step, and the seed of its CRC. `None`
    /// if no call of the store is next, or no transfer is under way.
    #[cfg(feature = "async")]
    pub(crate) fn busy_signal(&self) -> Option<(Signal, u32)> {
        let is_call = !matches!(
            self.io,
            PendingIo::Receive { .. }
                | PendingIo::SendSignal { .. }
                | PendingIo::SendChunk { .. }
                | PendingIo::Pause { .. }
                | PendingIo::Over
        );
        let link = self.negotiated.as_ref().filter(|_| is_call)?;
        let signal = match &self.state {
            State::Sending(sender) if P::can_send() && !link.is_half_duplex::<P>() => {
                sender.busy()?
            }
            State::Receiving(receiver) if P::can_receive() => {
                let offered = self.outbox.offer().map(|signal| signal.transfer);
                receiver.keepalive(TransferId::new(offered.unwrap_or(receiver.last_id()))?.get())
            }
            _ => return None,
        };
        Some((signal, self.seeds().sending))
    }

    /// Whether a file or a directory is received now.
    pub(crate) fn is_receiving_entry(&self) -> bool {
        matches!(&self.state, State::Receiving(receiver) if P::can_receive() && receiver.file().is_some())
    }

    /// Whether the entries of the store are sent now.
    pub(crate) fn is_sending(&self) -> bool {
        matches!(self.state, State::Sending(_))
    }

    /// Whether the entry that was offered last is refused or given up.
    pub(crate) fn has_given_up(&self) -> bool {
        matches!(&self.state, State::Sending(sender) if P::can_send() && sender.refusal().is_some())
    }

    /// The path of the entry that is to be offered.
    pub(crate) fn offered_path(&self) -> Option<&str> {
        let State::Sending(sender) = &self.state else { return None };
        let length = sender.buffered_metadata().filter(|_| P::can_send())?;
        let metadata =
            self.buffer.frame().get(HEADER_LEN..HEADER_LEN.saturating_add(length.into()))?;
        let path = read_text(metadata.split(|byte| *byte == 0).next()?)?;
        Some(path.strip_suffix('/').unwrap_or(path))
    }

    /// Why the entry that is sent is refused, or the transfer that was completed last.
    pub(crate) fn last_refusal(&self) -> Option<Reason> {
        match &self.state {
            State::Sending(sender) if P::can_send() => sender.refusal(),
            _ => self.outbox.completed.as_ref()?.result().err(),
        }
    }
}
