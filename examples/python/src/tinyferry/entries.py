"""The entries of a request at its receiver: they are stored, listed, performed or refused."""
from __future__ import annotations

import struct
from typing import List, NamedTuple, Optional, Tuple

from .answers import Answers
from .errors import CHANGED, EXCLUDED, NO_SPACE, TOO_LARGE, WANTS_FRESH_OFFER, Refused, reason_of
from .inbound import Inbound
from .operations import LINK, Answer, perform
from .session import Session
from .store import Store
from .tree import Entry
from .upload import Progress, Report
from .wire import Metadata, Signal, done

# Reasons that leave nothing to resume (R64).
WITHOUT_RESUME = (*WANTS_FRESH_OFFER, NO_SPACE, TOO_LARGE, CHANGED)


class Policy(NamedTuple):
    """What the other end may do."""

    may_remove: bool = False
    makes_links: bool = False


class Entries:
    """The open entry of a request, its tree, and the entries so far."""

    def __init__(self, session: Session, store: Store, policy: Policy = Policy(), names_only: bool = False,
                 progress: Optional[Progress] = None) -> None:
        self.session, self.report = session, Report()
        self.entries: List[Entry] = []
        self.refused: List[Refused] = []
        self.omitted = 0
        self._store, self._policy, self._names_only, self._progress = store, policy, names_only, progress
        self._file: Optional[Inbound] = None
        self._tree: Optional[int] = None
        self._root: Tuple[Optional[int], Optional[int]] = None, None
        # The number of offers so far, and of re-offers that are due (R65).
        self._offers = self._due = 0
        self._is_lone_due = self._is_over = False
        self._answers = Answers(session)

    def _list(self, frame: Signal, file: Inbound, metadata: Metadata) -> None:
        """Takes an entry of a listing (R46)."""
        size = 0 if file.size is None else file.size
        name = file.path[:-1] if file.is_directory else file.path
        self.entries.append(Entry(name, "", file.is_directory, size, file.modified, file.mode))
        if self.session.is_lossy:
            self.session.end(b"DON", frame.transfer, size, done(self._answers.count))
        self._is_over = self._tree is None

    def _operate(self, frame: Signal, metadata: Metadata) -> None:
        """Performs an operation and answers it (R81)."""
        number, path = frame.transfer, metadata.text
        operation = metadata.operation or b""
        self._is_over = self._tree is None
        try:
            if self._names_only:
                if operation[0] == LINK:
                    self.entries.append(Entry(path, target=operation[1:].decode(errors="replace")))
                answer: Answer = 0, bytes(16), b""
            else:
                in_tree, policy = self._tree is not None, self._policy
                answer = perform(self._store, path, operation, in_tree, policy.may_remove, policy.makes_links)
        except (Refused, OSError) as error:
            # None of them counts as refused.
            self.session.refuse(number, reason_of(error), getattr(error, "message", ""))
            return
        position, detail, text = answer
        self.session.end(b"DON", number, position, struct.pack("<H", self._answers.count) + detail[2:], text)

    def _report_progress(self, file: Inbound) -> None:
        if self._progress:
            self._progress(file.path, file.position, file.position if file.size is None else file.size)

    def _commit(self, file: Inbound, frame: Signal) -> None:
        try:
            if file.is_directory:
                self._store.make_directory(file.path, file.mode, file.modified)
            elif file.incoming:
                file.incoming.commit(file.mode, file.modified)
        except (Refused, OSError) as error:
            self._fail(error)
            return
        self._report_progress(file)
        self._file = None
        sent = self.report.sent + file.position - file.prefix
        self.report = self.report._replace(files=self.report.files + (not file.is_directory), sent=sent)
        if self.session.is_lossy or self._tree is None:
            # Its count comes back, and its digest (R27).
            self.session.end(b"DON", file.number, frame.position, frame.detail)
        self._is_over = self._tree is None

    def _fail(self, error: Exception) -> None:
        """This end refuses the open file."""
        file = self._file
        assert file
        reason = reason_of(error)
        message = error.message if isinstance(error, Refused) else ""
        self.session.refuse(file.number, reason, message)
        self._drop(Refused(reason, file.path, message))

    def _drop(self, error: Refused) -> None:
        """The open file has ended without its content."""
        file = self._file
        assert file
        self._close_file(keeps_partial=error.reason not in WITHOUT_RESUME)
        is_again = error.reason in WANTS_FRESH_OFFER and file.resume > 0
        if is_again:
            self._due += 1
            self._is_lone_due = self._tree is None
        elif error.reason != EXCLUDED:
            self.refused.append(error)
        self._is_over = self._tree is None and not is_again

    def _close_file(self, keeps_partial: bool) -> None:
        if self._file and self._file.incoming:
            self._file.incoming.close(keeps_partial)
        self._file = None

    def _refuse(self, number: int, path: str, error: Exception) -> None:
        """This end refuses the tree."""
        reason = reason_of(error)
        self.refused.append(Refused(reason, path))
        self.session.refuse(number, reason)
