//! Chunks that the driver holds already, taken from where they stand.

use super::*;
use crate::checksum::Checksums;
use crate::receiver::Place;
use crate::store::Store;

impl<P: Profile> Session<P> {
    /// Takes chunks from the front of `held`: the bytes that come next, as far as the driver has
    /// read them already. Returns how many of them are done with, in bytes.
    ///
    /// This leads where the steps lead, and spares each chunk its [`Step::Receive`] and its
    /// [`Step::Storage`], their copies, and a digest of its own. A driver need not call it. Returns
    /// 0 where steps are needed: no file is open, its next chunk is not all there, or the link may
    /// lose bytes.
    #[inline]
    pub fn take_chunks<S: Store + ?Sized>(
        &mut self,
        held: &[u8],
        store: &mut S,
        now: Option<Millis>,
    ) -> usize {
        // Before a driver without a buffer pays for it.
        let can = P::RECEIVES && P::RELIABLE && !held.is_empty();
        if can { self.take_all(held, store, now) } else { 0 }
    }

    fn take_all<S: Store + ?Sized>(
        &mut self,
        held: &[u8],
        store: &mut S,
        now: Option<Millis>,
    ) -> usize {
        let listens = matches!(self.action, Action::Listen { .. });
        if !listens || self.is_lossy() || !self.reader.is_empty() || self.shared.todo.pending {
            return 0;
        }
        let seed = self.seeds().receiving;
        let (mut taken, mut from) = (0, None);
        // Where the digests lag behind, they go on over what the store gives back.
        let sums = matches!(&self.phase, Phase::Receiving(receiver) if receiver.is_summed_up());
        while let Phase::Receiving(receiver) = &mut self.phase
            && let Some((low, position)) = receiver.file_without_gaps()
            && let file = (low, position, self.shared.terms.reach())
            && let rest = held.get(taken..).unwrap_or_default()
            && let Some(payload) = next_chunk::<P::Checksums>(rest, seed, file)
            && let Ok(length) = u16::try_from(payload.len())
            && let Some(Place { position, .. }) = receiver.place(0, length, &self.shared.terms)
        {
            taken = taken.saturating_add(HEADER_LEN).saturating_add(length.into());
            from.get_or_insert(position);
            if let Err(reply) = store_all(store, position, payload) {
                self.action = Action::Store { position, skip: 0, length, done: 0 };
                self.answered(reply, now);
                return taken;
            }
            // They are summed up together, when the last one is stored.
            receiver.stored(position, length, &self.shared.terms, |digest| digest);
        }
        if let Some(from) = from
            && let Phase::Receiving(receiver) = &mut self.phase
        {
            let payloads = || payloads(held.get(..taken).unwrap_or_default());
            if sums {
                receiver.sum_up(|start, end| {
                    let digest = store.digest(start, from, end);
                    digest.unwrap_or_else(|| payloads().fold(start, P::Checksums::crc64))
                });
            }
            if <P::Sha256 as Sha256>::SUPPORTED
                && let Some(sha256) = self.sha256.as_mut().filter(|_| sums)
            {
                payloads().for_each(|payload| sha256.update(payload));
            }
            self.timer.tick(now);
            self.frame_came();
            self.timer.progress();
            self.settle();
        }
        taken
    }
}

/// Stores all of a payload; or else what the store said instead.
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

/// The payloads of chunks that follow one another.
fn payloads(mut chunks: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let whole = Header::parse(chunks.first_chunk()?)?.whole();
        let (chunk, rest) = chunks.split_at_checked(whole)?;
        chunks = rest;
        chunk.get(HEADER_LEN..)
    })
}
