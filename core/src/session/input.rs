//! Chunks in the driver's own buffer.

use super::*;
use crate::checksum::Checksums;

impl<P: Profile> Session<P> {
    /// Takes chunks from `input`: bytes that come next, and that the driver has buffered already. They
    /// are stored from where they are. Returns how many bytes were taken.
    ///
    /// A driver need not call it: the steps have the same result. It saves for each chunk a
    /// [`Step::Receive`], a [`Step::Storage`], a copy, and a separate digest. Returns 0 where
    /// steps are needed: no file is open, its next chunk is not complete, or the link is lossy.
    #[inline]
    pub fn take_input<S: Store + ?Sized>(
        &mut self,
        input: &[u8],
        store: &mut S,
        now: Option<Millis>,
    ) -> usize {
        // A driver without a buffer does not pay for it.
        let can = P::can_receive() && P::RELIABLE && !input.is_empty();
        if can { self.take_chunks(input, store, now) } else { 0 }
    }

    fn take_chunks<S: Store + ?Sized>(
        &mut self,
        input: &[u8],
        store: &mut S,
        now: Option<Millis>,
    ) -> usize {
        let reads = matches!(self.io, PendingIo::Receive { .. });
        if !reads || self.is_lossy() || !self.reader.is_empty() {
            return 0;
        }
        let (mut taken, mut first) = (0, None);
        let mut signal = Signal::new(Code::Err, 0, 0);
        // Where the digest lags behind, it continues over bytes that the store loads back.
        let sums = match &self.state {
            State::Receiving(receiver) => receiver.file().is_some_and(RecvFile::is_digested),
            _ => false,
        };
        while let State::Receiving(receiver) = &self.state
            && receiver.file().is_some_and(RecvFile::has_no_gaps)
            && let rest = input.get(taken..).unwrap_or_default()
            && let Parsed::Chunk { ahead: 0, length } =
                parse_frame::<P>(rest, &self.expected(), &mut signal)
            && (!P::has_pipes() || store.is_ready())
            && let Some(Placement { position, .. }) = self.on_chunk(0, length)
        {
            let (_, payload) = rest.split_at_checked(HEADER_LEN).unwrap_or_default();
            let payload = payload.get(..length.into()).unwrap_or_default();
            taken = taken.saturating_add(HEADER_LEN).saturating_add(length.into());
            first.get_or_insert(position);
            if let Err(reply) = store_all(store, position, payload) {
                self.io = PendingIo::Store { position, skip: 0, length, done: 0 };
                self.answered(reply, now);
                return taken;
            }
            // All of them are digested together, after the last one.
            self.chunk_stored(position, length.into(), |crc64, _| crc64);
        }
        let Some(first) = first else { return 0 };
        if let State::Receiving(receiver) = &mut self.state
            && let Some(file) = receiver.file_mut().filter(|_| sums)
        {
            let payloads = || payloads(input.get(..taken).unwrap_or_default());
            file.digest_stored(|start, end| {
                let digest = store.digest(start, first, end);
                digest.unwrap_or_else(|| payloads().fold(start, P::Checksums::crc64))
            });
            if P::has_sha256()
                && let Some(sha256) = &mut self.sha256
            {
                payloads().for_each(|payload| sha256.update(payload));
            }
        }
        self.timer.tick(now);
        self.timer.progress();
        self.drive();
        taken
    }
}

/// Stores all of a payload. Fails with the reply that ends it before.
fn store_all<S: Store + ?Sized>(
    store: &mut S,
    mut position: u64,
    mut payload: &[u8],
) -> Result<(), Reply> {
    while !payload.is_empty() {
        match store.store(position, payload) {
            Ok(0) => return Err(Reply::Moved(0)),
            Ok(count) => {
                position = position.saturating_add(count as u64);
                payload = payload.get(count..).unwrap_or_default();
            }
            Err(reason) => return Err(Reply::Refused(reason)),
        }
    }
    Ok(())
}
