//! Output signals and their metadata: replies, refusals and requests.

use super::request::MESSAGE_MAX;
use super::*;

impl<P: Profile> Session<P> {
    /// Sends the reply in the outbox, or asks the store for its index first.
    pub(super) fn reply_next(&mut self) {
        if P::has_operations() && self.outbox.may_have_index() {
            // The metadata of the operation is no longer used.
            self.reader.consume_metadata();
            if self.reader.is_empty() {
                self.io = PendingIo::Index;
                return;
            }
        }
        self.transmit_reply();
    }

    /// Sends the reply in the outbox with the index in the chunk buffer, which has `length` bytes.
    pub(super) fn transmit_index(&mut self, length: usize) {
        self.attach_metadata(u16::try_from(length.min(INDEX_MAX)).unwrap_or(0));
        self.transmit_reply();
    }

    fn transmit_reply(&mut self) {
        let Some(&signal) = self.outbox.pending_reply() else { return };
        self.outbox.slot = Slot::Empty;
        self.transmit(&signal);
    }

    /// Drops all output.
    pub(super) fn drop_output(&mut self) {
        self.outbox.clear();
        self.has_message = false;
    }

    /// Whether the next output is an `ERR` for a refusal of the store, and the buffer has room for its
    /// message.
    pub(super) fn takes_message(&mut self) -> bool {
        if !P::has_messages() || !self.has_message || !self.outbox.refuses() {
            return false;
        }
        self.has_message = false;
        // The metadata of the refused offer or request is no longer used.
        if !self.input_in_chunk {
            return true;
        }
        self.reader.consume_metadata();
        self.reader.is_empty()
    }

    /// Sends the next `ERR` with the message in the chunk buffer.
    pub(super) fn transmit_refusal(&mut self, length: usize) {
        let Some(mut signal) = self.outbox.take_err() else { return self.drive() };
        signal.metadata = u16::try_from(length.min(MESSAGE_MAX)).unwrap_or(0);
        self.emit_metadata_header(signal.transfer, signal.metadata);
        self.transmit(&signal);
    }

    /// Sends a client's request, for the first time or again.
    pub(super) fn send_request(&mut self) {
        let id = self.last_id;
        match &self.state {
            State::AwaitOffer(Get { tree, names_only, path: Some(length) }) => {
                let length = *length;
                self.outbox.reply(Signal::request(id, *tree, *names_only));
                self.attach_metadata(length);
            }
            // An answer has begun to come: the server needs no path again.
            State::AwaitOffer(Get { path: None, .. }) => {
                self.outbox.reply(Signal::ask(id, 0, 0));
            }
            State::AwaitClosed => self.outbox.reply(Signal::close(id)),
            _ => {}
        }
    }

    /// Sends a signal: that is the next step.
    pub(super) fn transmit(&mut self, signal: &Signal) {
        if P::probes()
            && let State::Sending(sender) = &mut self.state
            && sender.probes(signal.code)
            && P::has_clock()
        {
            self.timer.probe_sent();
        }
        self.timer.frame_sent();
        let seed = self.seeds().sending;
        if let Some(outgoing) = self.outgoing().first_chunk_mut() {
            signal.emit::<P::Checksums>(seed, outgoing);
        }
        self.io = PendingIo::SendSignal { done: 0, metadata: signal.metadata };
    }

    /// Attaches the first `length` bytes of the payload in the chunk buffer, as metadata, to the
    /// signal in the outbox.
    pub(super) fn attach_metadata(&mut self, length: u16) {
        let (Slot::Reply(signal) | Slot::Indexed(signal)) = &mut self.outbox.slot else { return };
        signal.metadata = length;
        let transfer = signal.transfer;
        self.emit_metadata_header(transfer, length);
    }

    /// Makes metadata of the first `length` bytes of the payload in the chunk buffer.
    fn emit_metadata_header(&mut self, transfer: u16, length: u16) {
        if length > 0 {
            let seed = seed_for(transfer, self.seeds().sending);
            let header =
                Header { transfer: low_byte(transfer), metadata: true, length, position: 0 };
            header.emit::<P::Checksums>(seed, self.buffer.frame_mut());
        }
    }
}

/// Makes metadata of the path that the store has written into `buffer`. Returns its length, or
/// `None` where the path is not allowed. `has_holes`: chunks may be holes.
pub(super) fn entry_metadata<P: Profile>(
    buffer: &mut [u8],
    entry: &Entry,
    has_holes: bool,
) -> Option<u16> {
    let path = read_text(buffer.get(..entry.path)?)?;
    let is_stat = P::has_operations() && matches!(entry.operation, Some(OperationEntry::Stat(_)));
    let is_nameless = path.is_empty() && entry.kind != Kind::Tree && !is_stat;
    if is_nameless || !is_sound(path) || path.ends_with('/') {
        return None;
    }
    let mut length = entry.path;
    if entry.kind == Kind::Directory && length > 0 {
        *buffer.get_mut(length)? = b'/';
        length = length.checked_add(1)?;
    }
    if P::has_operations()
        && let Some(operation) = &entry.operation
    {
        return append_operation(buffer, length, operation, entry.path);
    }
    // The time of a file has a field in its offer.
    let modified = entry.modified.filter(|_| entry.kind == Kind::Tree);
    let length = append_fields(buffer, length, entry.mode, modified, None)?;
    // Without holes on the wire the receiver needs room for the whole size.
    match entry.content.filter(|_| P::has_holes() && has_holes && entry.kind == Kind::File) {
        Some(content) => append_content(buffer, length, entry.mode.is_some(), content),
        None => Some(length),
    }
}
