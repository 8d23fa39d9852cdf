//! What the store answered.

use super::*;
use crate::checksum::Checksums;

impl<P: Profile> Session<P> {
    pub(super) fn loaded(
        &mut self,
        position: u64,
        length: u16,
        done: u16,
        sends: bool,
        count: usize,
    ) {
        let left = length.saturating_sub(done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        let done = done.saturating_add(count);
        let ended = count == 0;
        if done < length && !ended {
            self.action = Action::Load { position, length, done, sends };
            return;
        }
        let payload = self.chunk.get(HEADER_LEN..HEADER_LEN.saturating_add(done.into()));
        let payload = payload.unwrap_or_default();
        let sha256 = &mut self.sha256;
        let digest = |digest| both::<P>(digest, sha256, payload);
        match &mut self.phase {
            Phase::Sending(sender) if P::SENDS => {
                let end = position.saturating_add(done.into());
                if ended && !sender.ended(end) {
                    sender.checked(Err(Reason::SourceChanged), &mut self.shared.todo);
                    return self.settle();
                }
                sender.loaded(position, done.into(), digest);
                let [transfer, _] = sender.number().to_le_bytes();
                if sends && done > 0 {
                    let position = low_half(position);
                    let header = Header { transfer, description: false, length: done, position };
                    let seed = self.seeds().sending;
                    header.emit::<P::Checksums>(seed, &mut self.chunk);
                    self.timer.frame_went();
                    let length = HEADER_LEN.saturating_add(done.into());
                    self.action = Action::TransmitChunk { done: 0, length };
                    return;
                }
            }
            Phase::Receiving(receiver) if P::RECEIVES => {
                if ended {
                    self.shared.todo.abandon = Some((Reason::Storage, false));
                    receiver.failed(Reason::Storage, &mut self.shared);
                } else {
                    receiver.digested(done, &mut self.shared, digest);
                }
            }
            _ => {}
        }
        self.settle();
    }

    pub(super) fn stored(
        &mut self,
        position: u64,
        skip: u16,
        length: u16,
        done: u16,
        count: usize,
    ) {
        let left = length.saturating_sub(skip).saturating_sub(done);
        let count = u16::try_from(count).map_or(left, |count| count.min(left));
        let done = done.saturating_add(count);
        if count > 0 && count < left {
            self.action = Action::Store { position, skip, length, done };
            return;
        }
        let payload = self.reader.payload(&*self.chunk, length.into());
        let fresh = payload.get(usize::from(skip)..).unwrap_or_default();
        if let Phase::Receiving(receiver) = &mut self.phase {
            if count == 0 {
                self.shared.todo.abandon = Some((Reason::Storage, false));
                receiver.failed(Reason::Storage, &mut self.shared);
            } else {
                let sha256 = &mut self.sha256;
                let digest = |digest| both::<P>(digest, sha256, fresh);
                receiver.stored(position, done, &self.shared.terms, digest);
            }
        }
        self.reader.consume(HEADER_LEN.saturating_add(length.into()));
        self.settle();
    }

    /// The store failed on what is open, and has closed it.
    pub(super) fn failed(&mut self, reason: Reason) {
        match &mut self.phase {
            Phase::Sending(sender) if P::SENDS => {
                sender.checked(Err(reason), &mut self.shared.todo)
            }
            Phase::Receiving(receiver) if P::RECEIVES => {
                receiver.failed(reason, &mut self.shared);
            }
            _ => {}
        }
        self.settle();
    }

    pub(super) fn offered(&mut self, answer: Result<Accepted, Reason>) {
        self.shared.todo.offer = false;
        self.timer.work_begins();
        self.begin_sha256();
        if let Phase::Receiving(receiver) = &mut self.phase {
            receiver.offered(answer, &mut self.shared);
        }
        self.settle();
    }

    /// A file begins.
    fn begin_sha256(&mut self) {
        self.sha256 = self.shared.terms.sha256.then(P::Sha256::new);
    }

    pub(super) fn opened(&mut self, answer: Result<(), Reason>) {
        if let Phase::Opening { number, names_only } = self.phase {
            match answer {
                Ok(()) => {
                    self.phase =
                        Phase::Sending(Sender::new(number, names_only, &self.shared.terms));
                }
                Err(reason) => self.refuse_request(number, reason),
            }
        }
        self.settle();
    }

    pub(super) fn next_entry(&mut self, entry: &Entry) {
        let path = self.chunk.get_mut(HEADER_LEN..).unwrap_or_default();
        match describe_entry(path, entry) {
            _ if !P::TREES && entry.kind == Kind::Tree => {
                return self.no_entry(Reason::Unsupported);
            }
            Some(described) => self.described = described,
            None => return self.no_entry(Reason::BadPath),
        }
        self.begin_sha256();
        if let Phase::Sending(sender) = &mut self.phase {
            sender.entry(entry);
        }
        self.settle();
    }

    /// The store has no more to give.
    pub(super) fn no_more(&mut self, omitted: u32) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.end(omitted, &mut self.shared);
        }
        self.settle();
    }

    /// The store cannot say what is next.
    pub(super) fn no_entry(&mut self, reason: Reason) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.give_up_all(reason, &mut self.shared);
        }
        self.settle();
    }

    pub(super) fn checked(&mut self, result: Result<(), Reason>) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.checked(result, &mut self.shared.todo);
        }
        self.settle();
    }

    /// The store has heard of a refusal that is final.
    pub(super) fn refusal_counted(&mut self) {
        if let Phase::Sending(sender) = &mut self.phase {
            sender.count_refusal();
        }
        self.settle();
    }

    /// All that was committed is in place: what waited for that goes on.
    pub(super) fn settled(&mut self) {
        self.action = if core::mem::take(&mut self.shared.todo.reply) {
            self.transmit(self.shared.signal)
        } else {
            Action::Commit
        };
    }

    /// The store is not done with it: it is asked again later.
    pub(super) fn pending(&mut self) {
        let commits = matches!(self.action, Action::Commit | Action::CommitAgain);
        self.busy = Some(if commits { Busy::Commit } else { Busy::Before });
        self.settle();
    }

    /// A file that was committed is not in place. The other end hears of it, then the store is asked
    /// again.
    pub(super) fn late(&mut self, late: Late) {
        if let Phase::Receiving(receiver) = &mut self.phase {
            receiver.late(late, &mut self.shared);
        }
        self.settle();
    }

    pub(super) fn committed(&mut self) {
        if let Phase::Receiving(receiver) = &mut self.phase {
            receiver.committed(&mut self.shared);
        }
        self.settle();
    }
}

/// Both digests follow the position: they go on over the same bytes.
fn both<P: Profile>(crc64: u64, sha256: &mut Option<P::Sha256>, bytes: &[u8]) -> u64 {
    if <P::Sha256 as Sha256>::SUPPORTED
        && let Some(sha256) = sha256
    {
        sha256.update(bytes);
    }
    P::Checksums::crc64(crc64, bytes)
}

/// Makes a description of the path that stands in `buffer`: its length, or `None` where the path
/// may not travel.
fn describe_entry(buffer: &mut [u8], entry: &Entry) -> Option<u16> {
    let path = read_text(buffer.get(..entry.path)?)?;
    let nameless = path.is_empty() && entry.kind != Kind::Tree;
    if nameless || !is_sound(path) || path.ends_with('/') {
        return None;
    }
    let mut length = entry.path;
    if entry.kind == Kind::Directory {
        *buffer.get_mut(length)? = b'/';
        length = length.checked_add(1)?;
    }
    // A file's time has a field of its own.
    let modified = entry.modified.filter(|_| entry.kind == Kind::Tree);
    append_extras(buffer, length, entry.mode, modified, None)
}
