//! Chunks that the store has loaded or stored.

use super::*;
use crate::checksum::Checksums;

impl<P: Profile> Session<P> {
    /// `count` bytes were loaded. Whether the next step is chosen.
    pub(super) fn loaded(
        &mut self,
        position: u64,
        length: u16,
        done: u16,
        sends: bool,
        count: usize,
    ) -> bool {
        let left = length.saturating_sub(done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        let done = done.saturating_add(count);
        let ended = count == 0;
        if done < length && !ended {
            self.io = PendingIo::Load { position, length, done, sends };
            return true;
        }
        self.load_ends(position, done, sends, ended)
    }

    /// The chunk is loaded, or the source `ended` before. Whether the next step is chosen.
    pub(super) fn load_ends(&mut self, position: u64, done: u16, sends: bool, ended: bool) -> bool {
        let payload = self.buffer.frame().get(HEADER_LEN..HEADER_LEN.saturating_add(done.into()));
        let payload = payload.unwrap_or_default();
        let sha256 = &mut self.sha256;
        let digest = |crc64| both::<P>(crc64, sha256, payload);
        let outbox = &mut self.outbox;
        match (&mut self.state, &self.negotiated) {
            (State::Sending(sender), _) if P::can_send() => {
                let end = position.saturating_add(done.into());
                if ended && let Err(reason) = sender.ended(end) {
                    sender.checked(Err(reason), outbox);
                    return false;
                }
                sender.loaded(position, done.into(), digest);
                if (sends || !P::resumes()) && done > 0 {
                    let transfer = low_byte(sender.last_id());
                    let position = low_half(position);
                    let header = Header { transfer, metadata: false, length: done, position };
                    let seed = self.seeds().sending;
                    header.emit::<P::Checksums>(seed, self.buffer.frame_mut());
                    self.timer.frame_sent();
                    let length = HEADER_LEN.saturating_add(done.into());
                    self.io = PendingIo::SendChunk { done: 0, length };
                    return true;
                }
            }
            (State::Receiving(receiver), Some(link)) if P::can_receive() => {
                if ended {
                    receiver.drop_file(Reason::Storage, outbox);
                } else {
                    receiver.digested(done.into(), link, outbox, digest);
                }
            }
            _ => {}
        }
        false
    }

    /// `count` bytes of a chunk were stored. Whether the next step is chosen.
    pub(super) fn stored(
        &mut self,
        position: u64,
        skip: u16,
        length: u16,
        done: u16,
        count: usize,
    ) -> bool {
        let left = length.saturating_sub(skip).saturating_sub(done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        let done = done.saturating_add(count);
        if count > 0 && count < left {
            self.io = PendingIo::Store { position, skip, length, done };
            return true;
        }
        if let (State::Receiving(receiver), Some(link)) = (&mut self.state, &self.negotiated) {
            if count == 0 {
                receiver.drop_file(Reason::Storage, &mut self.outbox);
            } else if let Some(file) = receiver.file_mut() {
                let payload = self.reader.payload(self.buffer.frame(), length.into());
                let new = payload.get(skip.into()..).unwrap_or_default();
                let sha256 = &mut self.sha256;
                file.stored::<P>(position, done.into(), link, |crc64| {
                    both::<P>(crc64, sha256, new)
                });
            }
        }
        self.reader.consume_chunk(length);
        false
    }
}

/// Continues both digests over the same bytes.
fn both<P: Profile>(crc64: u64, sha256: &mut Option<P::Sha256>, bytes: &[u8]) -> u64 {
    if P::has_sha256()
        && let Some(sha256) = sha256
    {
        sha256.update(bytes);
    }
    P::Checksums::crc64(crc64, bytes)
}
