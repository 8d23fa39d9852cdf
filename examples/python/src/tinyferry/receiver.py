"""The receiving half of one request (6.2 to 6.4): what each frame changes."""
from __future__ import annotations

import time
from typing import Optional, Union

from .clock import NO_PROGRESS_TIMEOUT
from .entries import Entries, Policy
from .errors import BAD_PATH, DIGEST_DIFFERS, INCOMPLETE, ProtocolError, Refused, Timeout
from .inbound import Inbound
from .reader import expects_nothing
from .session import Session
from .store import Store
from .upload import Progress
from .wire import Chunk, Frame, Hole, Signal, done, is_after, is_sound, read_metadata, refusal


class Receiver(Entries):
    """Receives from the first offer of a request to its end."""

    def __init__(self, session: Session, store: Store, policy: Policy = Policy(), names_only: bool = False,
                 progress: Optional[Progress] = None) -> None:
        super().__init__(session, store, policy, names_only, progress)
        # A refused tree on a reliable link: all is dropped up to its end (R44).
        self._drained: Optional[int] = None
        # The number of the last offer, and the count of the `DON` of the tree that was answered with a `PON` (R66).
        self._last, self._answered_count = 0, -1
        # The position of the last `PIN`, which tells whether the next one is progress.
        self._asked_at = -1

    # The request.

    def run(self, first: Signal) -> None:
        """Takes all frames of the request. Refused entries are in `refused` then."""
        self.session.answer_hello = self.session.repeat_terms
        self.session.reader.expects = self._expects
        try:
            self._take(first)
            since, useless = time.monotonic(), 0
            while not self._is_over:
                frame = self.session.receive(1)
                now = time.monotonic()
                limit = NO_PROGRESS_TIMEOUT if useless >= 8 else self.session.transfer_timeout
                if now - since >= limit:
                    raise Timeout(f"the sender made no progress for {limit:.0f} s")
                if frame is None:
                    continue
                if self._take(frame):
                    since, useless = time.monotonic(), 0
                else:
                    useless += 1
                    # Time in the own storage does not count against the other end (R76).
                    since += time.monotonic() - now
        finally:
            self.session.reader.expects = expects_nothing
            self._close_file(keeps_partial=True)
            self.session.used(self._last or first.transfer, self._tree or 0)

    def _expects(self, low: int, position: int, length: int) -> bool:
        return self._file is not None and self._file.expects(low, position)

    def _take(self, frame: Frame) -> bool:
        """Takes a frame. Whether it is progress (R76)."""
        if isinstance(frame, (Chunk, Hole)):
            return self._store_part(frame)
        number, code = frame.transfer, frame.code
        if self._drained is not None:
            if code == b"PIN":
                self._answers.count = frame.frame_count
                self._answers.position(number, 0)
            self._is_over = number == self._drained and code in (b"ERR", b"DON")
            return self._is_over
        if code in (b"PIN", b"DON"):
            self._answers.count = frame.frame_count
        if code == b"SAF":
            return self._take_offer(frame)
        if code == b"SAR":
            return self._take_tree(frame)
        if code == b"PIN":
            return self._take_question(frame)
        if code == b"DON":
            return self._take_done(frame)
        if code == b"ERR":
            return self._take_error(frame)
        if code in (b"RAF", b"RAR", b"CLS") and self._is_lone_due:
            # No re-offer follows (R67).
            self.session.unread(frame)
            self._is_over = True
        return False

    # Offers.

    def _is_new(self, number: int) -> bool:
        return self._last == 0 or is_after(number, self._last)

    def _take_tree(self, frame: Signal) -> bool:
        number = frame.transfer
        if self._tree is not None:
            if number == self._tree:
                # On a lossy link it is a repeated question.
                if self.session.is_lossy and not self._offers:
                    self._answers.position(number, 0)
                return False
            raise ProtocolError("a tree was offered inside a tree")
        if self._file or self._last:
            if self._is_lone_due:
                self.session.unread(frame)
                self._is_over = True
            return False
        metadata = read_metadata(frame.metadata)
        self._last = number
        try:
            if metadata.reason or not is_sound(metadata.text) or metadata.text.endswith("/"):
                raise Refused(metadata.reason or BAD_PATH, metadata.text)
            if not self._names_only:
                self._store.open_tree(metadata.text)
        except (Refused, OSError) as error:
            self._refuse(number, metadata.text, error)
            self._drained = None if self.session.is_lossy else number
            self._is_over = self.session.is_lossy
            return True
        self._tree, self._root = number, (metadata.mode, metadata.modified)
        if self.session.is_lossy:
            self._answers.position(number, 0)
        return True

    def _take_offer(self, frame: Signal) -> bool:
        file, number = self._file, frame.transfer
        if file and number == file.number:
            if self.session.is_lossy or file.prefix:
                self._answers.offer(file)
            return False
        if not self._is_new(number) or file and self._tree is None:
            return False
        if file:
            self._fail(Refused(INCOMPLETE, file.path))
        metadata = read_metadata(frame.metadata)
        self._last, self._is_lone_due = number, False
        self._offers += 1
        if metadata.operation is not None and not metadata.reason:
            self._operate(frame, metadata)
            return True
        file = Inbound(self.session, frame, metadata)
        if file.resume == 0 and file.size and self._due:
            self._due -= 1
        try:
            if metadata.reason:
                raise Refused(metadata.reason, file.path)
            if not file.path or not is_sound(file.path) or file.is_directory and file.size:
                raise Refused(BAD_PATH, file.path)
            if self._names_only:
                self._list(frame, file, metadata)
                return True
            if not file.is_directory:
                file.incoming, file.prefix = self._store.offer(file.path, file.size, file.modified, file.resume)
        except (Refused, OSError) as error:
            self._file = file
            self._fail(error)
            return True
        self._file = file
        if file.prefix:
            self._prove(file)
        elif self.session.is_lossy or file.resume and (file.size is None or file.size >= 2**31):
            self._answers.offer(file)
        return True

    def _prove(self, file: Inbound) -> None:
        try:
            if self._answers.prove(file, self._tree):
                self.report = self.report._replace(resumed=self.report.resumed + file.prefix)
        except OSError as error:
            self._fail(error)

    # Questions and content.

    def _take_question(self, frame: Signal) -> bool:
        file = self._file
        if file and frame.transfer == file.number:
            self._answers.state(file)
        elif frame.transfer == self._tree or self._tree is not None and not self.session.is_lossy:
            self._answers.position(frame.transfer, self._offers if frame.transfer == self._tree else 0)
        is_waiting = bool(frame.detail[2] & 1)
        is_progress, self._asked_at = is_waiting or frame.position != self._asked_at, frame.position
        return is_progress

    def _store_part(self, part: Union[Chunk, Hole]) -> bool:
        file = self._file
        if file is None:
            return False
        try:
            is_stored = file.store(part)
        except OSError as error:
            self._fail(error)
            return True
        if is_stored:
            self._report_progress(file)
            self._answers.say_alive(file)
        return is_stored

    # Endings.

    def _take_done(self, frame: Signal) -> bool:
        if frame.transfer == self._tree:
            return self._take_tree_done(frame)
        file = self._file
        if file is None or frame.transfer != file.number:
            return False
        size, digest = frame.position, int.from_bytes(frame.detail[8:16], "little")
        if file.size is not None and size != file.size or size < file.highest:
            self._fail(Refused(INCOMPLETE, file.path))
        elif file.position < size:
            if self.session.is_lossy:
                self._answers.state(file)
                return False
            self._fail(Refused(INCOMPLETE, file.path))
        elif digest != file.digest:
            self._fail(Refused(DIGEST_DIFFERS, file.path))
        else:
            self._commit(file, frame)
        return True

    def _take_tree_done(self, frame: Signal) -> bool:
        assert self._tree is not None
        if self._file:
            self._fail(Refused(INCOMPLETE, self._file.path))
        if frame.position != self._offers:
            self._refuse(self._tree, "", Refused(INCOMPLETE))
            self._is_over = True
            return True
        if self._due and self._answered_count in (-1, frame.frame_count):
            self._answered_count = frame.frame_count
            self._answers.position(self._tree, self._offers)
            return True
        self.omitted = int.from_bytes(frame.detail[8:16], "little")
        self.refused += [Refused(INCOMPLETE, "an entry that was to be offered again")] * self._due
        self._is_over = True
        try:
            if not self._names_only:
                self._store.close_tree(*self._root)
        except (Refused, OSError) as error:
            self._refuse(self._tree, "", error)
            return True
        self.session.end(b"DON", self._tree, frame.position, done(frame.frame_count))
        return True

    def _take_error(self, frame: Signal) -> bool:
        """The sender gives up a file or the tree."""
        number, error = frame.transfer, Refused(frame.reason, "", frame.message)
        if number == self._tree:
            self._close_file(keeps_partial=True)
            self._is_over = True
            self.refused.append(error)
        elif self._file and number == self._file.number:
            self._drop(Refused(frame.reason, self._file.path, frame.message))
        elif self._is_lone_due and self._is_new(number):
            self.refused.append(error)
            self._is_over = True
        else:
            return False
        if self.session.is_lossy:
            self.session.end(b"ERR", number, 0, refusal(frame.reason))
        return True
