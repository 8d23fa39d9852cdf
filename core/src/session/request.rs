//! Requests to the store: the present step as a call of [`crate::Store`].

use super::*;

impl<P: Profile> Session<P> {
    /// The step that calls the store.
    pub(super) fn storage_step(&mut self) -> Step<'_> {
        Step::Storage(match self.io {
            PendingIo::Load { position, length, done, sends } => {
                let holes = P::has_holes() && (!sends || self.has_holes());
                let is_new = P::has_pipes() && sends && self.is_new(position);
                let (waits, is_part) = (is_new && done == 0, is_new && self.may_end_after(done));
                let proves = self.may_prove_prefix();
                let into = self.buffer.payload_mut().get_mut(done.into()..length.into());
                let position = position.saturating_add(done.into());
                Request::Load {
                    position,
                    into: into.unwrap_or_default(),
                    holes,
                    waits,
                    is_part,
                    proves,
                }
            }
            PendingIo::Store { position, skip, length, done } if P::can_receive() => {
                let payload = self.reader.payload(self.buffer.frame(), length.into());
                let bytes = payload.get(usize::from(skip.saturating_add(done))..);
                let position = position.saturating_add(done.into());
                let waits = P::has_pipes() && done == 0;
                Request::Store { position, bytes: bytes.unwrap_or_default(), waits }
            }
            PendingIo::StoreZeros { done } if P::can_receive() && P::has_holes() => {
                let Some((position, length)) = self.placed_hole() else {
                    return Step::Over(Err(Failure::ApiMisuse));
                };
                let (position, waits) =
                    (position.saturating_add(done.into()), P::has_pipes() && done == 0);
                let length = length.saturating_sub(done).into();
                Request::StoreZeros { position, length, waits }
            }
            PendingIo::Offer(Ok(())) if P::can_receive() => match self.offer() {
                Some(offer) => Request::Offer(offer),
                None => return Step::Over(Err(Failure::ApiMisuse)),
            },
            PendingIo::Offer(Err(reason)) if P::can_receive() => {
                Request::Rejected { path: self.raw_text(), reason }
            }
            PendingIo::Operate if P::can_receive() && P::has_operations() => {
                match self.operation() {
                    Some(Ok((path, kind, operation))) => Request::Operate { path, kind, operation },
                    _ => return Step::Over(Err(Failure::ApiMisuse)),
                }
            }
            PendingIo::Index if P::can_receive() && P::has_operations() => {
                let metadata = self.buffer.metadata_mut();
                let longest = metadata.len().min(INDEX_MAX);
                let into = metadata.get_mut(..longest);
                Request::Index { into: into.unwrap_or_default() }
            }
            PendingIo::Answered if P::can_send() && P::has_operations() => {
                let (State::Sending(sender), Some(answer)) = (&self.state, self.outbox.answer())
                else {
                    return Step::Over(Err(Failure::ApiMisuse));
                };
                match sender.entry_of(answer.transfer) {
                    Some(entry) => {
                        Request::Answered { entry, stat: answer.as_stat(), index: self.index() }
                    }
                    None => return Step::Over(Err(Failure::ApiMisuse)),
                }
            }
            PendingIo::Open if P::can_send() => {
                let (tree, names_only) = match self.state {
                    State::Opening { tree, names_only, .. } => (tree, names_only),
                    _ => (false, false),
                };
                let options = match self.request_options() {
                    Ok(options) => options,
                    Err(_) => return Step::Over(Err(Failure::ApiMisuse)),
                };
                Request::Open { path: self.text(), tree, names_only, options }
            }
            PendingIo::NextEntry if P::can_send() => {
                let path = self.buffer.metadata_mut().get_mut(..P::Buffer::PATH);
                Request::Next { path: path.unwrap_or_default() }
            }
            PendingIo::Check if P::can_send() => Request::Check(self.digests()),
            PendingIo::Commit if P::can_receive() => Request::Commit(self.digests()),
            PendingIo::CommitAgain if P::may_defer() => Request::CommitAgain,
            PendingIo::FlushCommits if P::defers_commits() => Request::FlushCommits,
            PendingIo::RefusalMessage if P::has_messages() => {
                let metadata = self.buffer.metadata_mut();
                let longest = metadata.len().min(MESSAGE_MAX);
                let into = metadata.get_mut(..longest);
                Request::RefusalMessage { into: into.unwrap_or_default() }
            }
            PendingIo::Refused { entry, reason } if P::can_send() => {
                Request::Refused { entry, reason, message: self.text() }
            }
            PendingIo::TreeRefused(reason) if P::reports() => {
                Request::TreeRefused { reason, message: self.text() }
            }
            PendingIo::GivenUp(reason) if P::can_receive() && P::REPORTS => {
                Request::GivenUp { reason, message: self.text() }
            }
            PendingIo::Resumed { entry, position } if P::reports() => {
                Request::Resumed { entry, position }
            }
            PendingIo::Completed if P::reports() => Request::Completed,
            PendingIo::Abandon(Abandon { reason, all }) => Request::Abandon { reason, all },
            _ => return Step::Over(self.result()),
        })
    }

    /// Whether a chunk may end after the `done` bytes that the store has loaded: the size is not known, and the receiver
    /// expects further content behind such a chunk (R10, R99).
    fn may_end_after(&self, done: u16) -> bool {
        done > 0
            && matches!(self.progress(), Some((_, None)))
            && (!self.is_lossy()
                || matches!(&self.state, State::Sending(sender) if sender.is_followed()))
    }

    /// Whether no content from `position` on was sent before.
    fn is_new(&self, position: u64) -> bool {
        matches!(&self.state, State::Sending(sender) if sender.is_new(position))
    }

    /// Whether the digest of the prefix alone proves it, and nothing of it was loaded back.
    pub(super) fn may_prove_prefix(&self) -> bool {
        P::has_pipes()
            && self.running_sha256().is_none()
            && matches!(&self.state, State::Receiving(receiver)
                if receiver.file().is_some_and(RecvFile::has_unread_prefix::<P>))
    }

    fn digests(&self) -> Digests {
        let crc64 = match &self.state {
            State::Sending(sender) if P::can_send() => Some(sender.digest()),
            State::Receiving(receiver) if P::can_receive() => receiver.digest(),
            _ => None,
        };
        let sha256 = self.running_sha256().filter(|_| crc64.is_some()).map(Sha256::finish);
        Digests { crc64: crc64.unwrap_or(0), sha256 }
    }

    pub(super) fn running_sha256(&self) -> Option<&P::Sha256> {
        if P::has_sha256() { self.sha256.as_ref() } else { None }
    }

    /// The metadata that came in last.
    pub(super) fn metadata(&self) -> Result<Metadata<'_>, Malformed> {
        Metadata::parse_for::<P>(self.reader.metadata(self.buffer.frame()))
    }

    /// The text of the metadata that came in last.
    pub(super) fn text(&self) -> &str {
        self.metadata().map_or("", |metadata| metadata.text)
    }

    /// The same before it is parsed.
    fn raw_text(&self) -> &[u8] {
        let bytes = self.reader.metadata(self.buffer.frame());
        bytes.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The index in the metadata that came in last.
    fn index(&self) -> Index<'_> {
        let bytes = self.reader.metadata(self.buffer.frame());
        let text = bytes.iter().position(|byte| *byte == 0);
        let fields = text.and_then(|end| bytes.get(end.saturating_add(1)..));
        Index::new(fields.unwrap_or_default())
    }

    /// The operation that the offer in the outbox is, if it is one, with its path.
    pub(super) fn operation(&self) -> Option<Result<(&str, Kind, Operation<'_>), Reason>> {
        self.outbox.offer().filter(|signal| signal.code == Code::Saf)?;
        operation_in(&self.metadata().ok()?)
    }

    /// The options of the request whose metadata came in last.
    pub(super) fn request_options(&self) -> Result<Option<RequestOptions<'_>>, Reason> {
        if !P::has_options() {
            return Ok(None);
        }
        let Ok(metadata) = self.metadata() else { return Ok(None) };
        let patterns = metadata.patterns.unwrap_or_default();
        match metadata.options {
            Some(options) => {
                let options = RequestOptions::parse(options, patterns)?;
                let is_possible = P::has_pipes() || !options.follow;
                if is_possible { Ok(Some(options)) } else { Err(Reason::Unsupported) }
            }
            None if patterns.is_empty() => Ok(None),
            None => Err(Reason::Unsupported),
        }
    }

    /// The offer that the store is asked about.
    fn offer(&self) -> Option<Offer<'_>> {
        let signal = self.outbox.offer()?;
        let metadata = self.metadata().ok();
        let text = metadata.map_or("", |metadata| metadata.text);
        let names_only = matches!(&self.state, State::Receiving(receiver) if receiver.names_only());
        let (path, kind, size, modified) = match text.strip_suffix('/') {
            _ if P::has_trees() && signal.code == Code::Sar => {
                (text, Kind::Tree, signal.bytes(), metadata.and_then(|found| found.modified))
            }
            Some(path) => (path, Kind::Directory, signal.size(), Some(signal.modified())),
            None => (text, Kind::File, signal.size(), Some(signal.modified())),
        };
        Some(Offer {
            path,
            kind,
            size: Some(size).filter(|size| *size != UNKNOWN),
            modified: modified.filter(|modified| *modified != UNKNOWN_TIME),
            mode: metadata.and_then(|found| found.mode),
            content: metadata.and_then(|found| found.content).filter(|_| self.has_holes()),
            // The end of a partial might be past that of the file. A client that follows one knows that.
            resume: if !P::resumes() || (size == UNKNOWN && !(P::has_pipes() && self.is_client())) {
                0
            } else {
                signal.position
            },
            names_only,
            commit_id: self.may_defer_commits().then_some(signal.transfer),
        })
    }

    /// Checks that the received metadata names a path that is allowed for an offer or a request. Returns whether it is
    /// an operation.
    pub(super) fn path_of(&self, signal: &Signal) -> Result<bool, Reason> {
        match self.metadata() {
            _ if P::lacks_room(signal.metadata) => Err(Reason::NameTooLong),
            Err(Malformed::Required) => Err(Reason::Unsupported),
            Ok(_) if !P::has_trees() && matches!(signal.code, Code::Sar | Code::Rar) => {
                Err(Reason::Unsupported)
            }
            Ok(metadata) if is_sound(metadata.text) => {
                let is_directory = metadata.text.ends_with('/');
                let operation = match signal.code {
                    Code::Saf if P::has_operations() => operation_in(&metadata),
                    _ => None,
                };
                let is_allowed = match signal.code {
                    Code::Saf if is_directory => signal.size() == 0,
                    Code::Saf if metadata.text.is_empty() => {
                        // The root of a tree can be looked at, and nothing else.
                        matches!(operation, Some(Ok((.., Operation::Stat(_)))))
                    }
                    Code::Saf => true,
                    _ => !is_directory,
                };
                match signal.code {
                    _ if !is_allowed => Err(Reason::BadPath),
                    Code::Saf if P::has_operations() => {
                        operation.transpose().map(|operation| operation.is_some())
                    }
                    code => match self.request_options()? {
                        Some(options) if options.follow && code == Code::Rar => {
                            Err(Reason::Unsupported)
                        }
                        _ => Ok(false),
                    },
                }
            }
            _ => Err(Reason::BadPath),
        }
    }
}

/// The operation in the metadata of an offer, if it is one, with its path.
fn operation_in<'a>(
    metadata: &Metadata<'a>,
) -> Option<Result<(&'a str, Kind, Operation<'a>), Reason>> {
    let operation = Operation::parse(metadata.operation?);
    let (path, kind) = match metadata.text.strip_suffix('/') {
        Some(path) => (path, Kind::Directory),
        None if metadata.text.is_empty() => ("", Kind::Directory),
        None => (metadata.text, Kind::File),
    };
    Some(operation.map(|operation| (path, kind, operation)))
}

/// The maximum length of the message of a refusal, in bytes.
pub(super) const MESSAGE_MAX: usize = 240;
