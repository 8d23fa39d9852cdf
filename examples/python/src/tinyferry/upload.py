"""The content of one offered file: chunks, retransmissions and its `DON` (R31, R53 to R57, R61, R96)."""
from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional

from .clock import KEEPALIVE
from .content import Content
from .sender import Sender
from .tree import Entry
from .wire import done

# Of a larger file the sender learns the position first (R96). Of one past the second size it has to (R62).
LEARN_FROM, MUST_LEARN_FROM = 262_144, 2**31
Progress = Callable[[str, int, int], None]


class Report(NamedTuple):
    """What a request has transferred."""

    # Files whose content is in place.
    files: int = 0
    # Bytes of content that crossed the link, and those that the receiver had from before.
    sent: int = 0
    resumed: int = 0


class Upload:
    """Sends the content of an open file until the receiver has all of it, or the file has ended otherwise."""

    def __init__(self, sender: Sender, number: int, content: Content, progress: Optional[Progress]) -> None:
        self._sender, self._session, self._number, self._content = sender, sender.session, number, content
        self._progress = progress
        self._sent, self._is_file = 0, True
        # Whether the position is asked for before much of a file is sent.
        self.learns = True

    def added_to(self, report: Report) -> Report:
        """The report with this file."""
        sent = report.sent + self._sent
        if self._number in self._sender.refused:
            return report._replace(sent=sent)
        return Report(report.files + self._is_file, sent, report.resumed + self._content.resumed_at)

    def run(self, entry: Entry, resume: int, learns: bool) -> None:
        """Raises `GivenUp` if the file cannot be sent."""
        self.learns, self._is_file = learns, not entry.is_directory
        sender, content, number = self._sender, self._content, self._number
        limit, asked = self._limit_before_answer(resume), time.monotonic()
        while sender.is_open(number):
            sender.drain()
            is_answered = number in sender.answered
            self.learns = content.prefix is not None if is_answered else self.learns
            if not content.skip_prefix():
                if time.monotonic() - asked >= KEEPALIVE and not self._session.is_half_duplex:
                    asked = time.monotonic()
                    sender.ask_again()
                continue
            self._report_progress(entry)
            if content.lost or content.sent < content.size and (is_answered or content.sent < limit):
                self._send_chunk()
            elif content.sent < content.size:
                sender.ask()
                sender.wait(lambda: number in sender.answered or not sender.is_open(number))
            else:
                content.check()
                if not self._finish():
                    break
        if number not in sender.refused:
            self._report_progress(entry)

    def _limit_before_answer(self, resume: int) -> int:
        """How much of a file may be sent before its offer was answered (R62, R96)."""
        size = self._content.size
        if self._session.is_lossy or not resume:
            return size
        if resume >= MUST_LEARN_FROM:
            return 0
        is_long = size > self._sender.credit * self._session.chunk
        if resume > LEARN_FROM and (self.learns or is_long):
            self._sender.ask()
            return LEARN_FROM
        return size

    def _send_chunk(self) -> None:
        """Sends the next lost or new chunk, or waits for the window."""
        sender, content = self._sender, self._content
        if not sender.reserve(self._number):
            return
        is_again = bool(content.lost)
        found = content.lost_chunk() if is_again else content.next_chunk()
        if found is None:
            sender.ask()
            self._wait_for_news()
            return
        position, payload = found
        sender.send(lambda: self._session.chunk_frame(self._number, position, payload), needs_credit=False)
        if is_again:
            content.retransmitted(sender.count)
        self._sent += len(payload)
        sender.ask_in_time()

    def _wait_for_news(self) -> None:
        """The window is full: waits until the position or the map changes."""
        content, position = self._content, self._content.position
        self._sender.wait(lambda: content.position != position or self._has_more() or not self._is_open())

    def _finish(self) -> bool:
        """Sends `DON`. Whether more is to be sent after it, or an answer was awaited."""
        sender = self._sender
        is_awaited = self._session.is_lossy or not sender.tree
        question = sender.send_done(self._file_done, is_awaited)
        if is_awaited:
            sender.wait(lambda: self._has_more() or not self._is_open(), question)
        else:
            sender.ask_in_time()
        return is_awaited

    def _file_done(self) -> bytes:
        content, count = self._content, self._sender.count
        return self._session.frame(b"DON", self._number, content.size, done(count, content.digest))

    def _is_open(self) -> bool:
        return self._sender.is_open(self._number)

    def _has_more(self) -> bool:
        """Whether blocks are lost, or the receiver has a prefix past the bytes that were sent."""
        content = self._content
        return bool(content.lost) or content.prefix is not None and content.prefix[0] > content.sent

    def _report_progress(self, entry: Entry) -> None:
        if self._progress and not entry.is_directory:
            self._progress(entry.name, min(self._content.sent, self._content.size), self._content.size)
