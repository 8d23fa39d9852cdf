"""The answers of a receiver to offers and questions (R47, R51, R59, R60, R78)."""
from __future__ import annotations

import time
from typing import List, Optional

from .clock import KEEPALIVE
from .inbound import Inbound
from .reader import expects_everything
from .session import Session
from .wire import Frame, Signal, ack, prefix


class Answers:
    """States positions, with the count of the last question and the credit."""

    def __init__(self, session: Session) -> None:
        self._session, self.count = session, 0
        self._told = time.monotonic()

    def position(self, number: int, position: int, blocks: int = 0, is_busy: bool = False) -> None:
        """Sends a `PON`; a busy end gives no credit (R49)."""
        self._told = time.monotonic()
        credit = 0 if is_busy else self._session.own_credit
        self._session.send(b"PON", number, position, ack(credit, self.count, blocks))

    def state(self, file: Inbound) -> None:
        """States the position in a file, and the blocks ahead of it."""
        self.position(file.number, file.position, file.blocks)

    def offer(self, file: Inbound) -> None:
        """Answers an offer, with the prefix if there is one (R60)."""
        if file.digest_of_prefix is None:
            self.state(file)
            return
        detail = prefix(self._session.own_credit, self.count, file.digest_of_prefix)
        self._session.send(b"PON", file.number, file.prefix, detail)

    def say_alive(self, file: Inbound) -> None:
        """Tells the sender of a reliable link now and then how far content came, also without a question (R78)."""
        if not self._session.is_lossy and time.monotonic() - self._told >= KEEPALIVE:
            self.state(file)

    def prove(self, file: Inbound, tree: Optional[int]) -> bool:
        """Reads the prefix, and sends its digest. Answers questions meanwhile (R59). `False`: the sender has given up.
        Raises `OSError`."""
        assert file.incoming
        waiting: List[Frame] = []
        self._told = time.monotonic()
        expects = self._session.reader.expects
        if not self._session.is_lossy:
            # Chunks of entries whose offers are waiting too.
            self._session.reader.expects = expects_everything

        def step() -> bool:
            if time.monotonic() - self._told >= KEEPALIVE:
                self.position(file.number, 0, is_busy=True)
            while len(waiting) < self._session.own_credit and (frame := self._session.receive(0)) is not None:
                if isinstance(frame, Signal) and frame.transfer == file.number and frame.code in (b"SAF", b"PIN"):
                    self.count = frame.frame_count if frame.code == b"PIN" else self.count
                    self.position(file.number, 0, is_busy=True)
                    continue
                waiting.append(frame)
                if isinstance(frame, Signal) and frame.code == b"ERR" and frame.transfer in (file.number, tree):
                    return False
            return True
        try:
            is_proven = file.incoming.read_prefix(file.prefix, step)
        finally:
            self._session.reader.expects = expects
            for frame in reversed(waiting):
                self._session.unread(frame)
        if is_proven:
            file.digest_of_prefix = file.incoming.digest
            self.offer(file)
        return is_proven
