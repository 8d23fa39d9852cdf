"""The content of a file that is sent: the blocks that the receiver has, and those that are lost (R53 to R55)."""
from __future__ import annotations

import os
from typing import BinaryIO, List, Optional, Set, Tuple

from .checks import crc64
from .errors import CHANGED, PREFIX_DIFFERS, STORAGE
from .session import Session
from .wire import WINDOW, is_after

SMALL_CHUNKS_AFTER_LOSS = 128


class GivenUp(Exception):
    """The sender cannot send the file."""

    def __init__(self, reason: int) -> None:
        super().__init__()
        self.reason = reason


class Content:
    """One file, or the empty content of a directory."""

    def __init__(self, session: Session, source: Optional[BinaryIO], size: int) -> None:
        self.size, self._session, self._source = size, session, source
        self._before = os.fstat(source.fileno()) if source else None
        # Bytes that were sent at least once, or that the receiver has from before; their digest.
        self.sent, self.digest = 0, 0
        # The position that the receiver stated last, and the first byte that this request sent.
        self.position, self.resumed_at = 0, 0
        self.lost: List[int] = []
        self.prefix: Optional[Tuple[int, int]] = None
        self._retransmitted: Set[int] = set()
        self._retransmitted_at = 0
        self._small_chunks = 0

    def _read(self, position: int, length: int) -> bytes:
        assert self._source
        try:
            self._source.seek(position)
            data = self._source.read(length)
        except OSError:
            raise GivenUp(STORAGE) from None
        if len(data) != length:
            raise GivenUp(CHANGED)
        return data

    @property
    def block_count(self) -> int:
        return -(-self.sent // self._session.block)

    def skip_prefix(self) -> bool:
        """Reads a part of the prefix that the receiver has, without sending. Whether all of it was read (R61)."""
        if not self.prefix or self.prefix[0] <= self.sent:
            return True
        end, theirs = self.prefix
        if end > self.size:
            raise GivenUp(PREFIX_DIFFERS)
        part = self._read(self.sent, min(end - self.sent, 1 << 18))
        self.digest = crc64(part, self.digest)
        self.sent += len(part)
        if self.sent < end:
            return False
        if self.digest != theirs:
            raise GivenUp(PREFIX_DIFFERS)
        self.position, self.resumed_at = end, end
        return True

    def next_chunk(self) -> Optional[Tuple[int, bytes]]:
        """The next new chunk; `None`: the window is full, or all was sent once."""
        most = self._session.block if self._small_chunks else self._session.chunk
        length = min(most, self.size - self.sent)
        window = self.position + WINDOW * self._session.block
        if not length or self._session.is_lossy and self.sent + length > window:
            return None
        payload = self._read(self.sent, length)
        self.digest = crc64(payload, self.digest)
        self.sent += length
        self._small_chunks = max(self._small_chunks - 1, 0)
        return self.sent - length, payload

    def lost_chunk(self) -> Tuple[int, bytes]:
        """The first lost block, to be sent again."""
        block = self.lost.pop(0)
        start = max(block * self._session.block, self.position)
        end = min((block + 1) * self._session.block, self.size)
        self._retransmitted.add(block)
        return start, self._read(start, end - start)

    def retransmitted(self, count: int) -> None:
        """A lost block was sent; `count` frames were sent then."""
        self._retransmitted_at = count

    def timed_out(self) -> None:
        """A timer expired. If content is unacknowledged, chunks become small (R55)."""
        if self.position < self.sent:
            self._small_chunks = SMALL_CHUNKS_AFTER_LOSS

    def acknowledge(self, position: int, blocks: int, count: int, frames_sent: int) -> bool:
        """Takes a position with its SACK map (R53, R54). Whether the position is a later one."""
        if position < self.position or position > self.sent:
            return False
        is_later, self.position = position > self.position, position
        if not self._session.is_lossy:
            return is_later
        first = position // self._session.block if position < self.size else self.block_count
        self._retransmitted = {block for block in self._retransmitted if block >= first}
        all_counted = count == frames_sent
        again_counted = count == self._retransmitted_at or is_after(count, self._retransmitted_at)
        lost, later_received = [], False
        for block in range(min(first + WINDOW, self.block_count) - 1, first - 1, -1):
            received = block > first and bool(blocks >> block - first - 1 & 1)
            later_received |= received
            on_its_way = block in self._retransmitted and not again_counted
            if (later_received or all_counted) and not received and not on_its_way:
                lost.append(block)
        self.lost = lost[::-1]
        if lost:
            self._small_chunks = SMALL_CHUNKS_AFTER_LOSS
        return is_later

    def check(self) -> None:
        """All was read: it must be one version of the file (R36)."""
        if self._source and self._before:
            after = os.fstat(self._source.fileno())
            if (after.st_size, after.st_mtime_ns) != (self._before.st_size, self._before.st_mtime_ns):
                raise GivenUp(CHANGED)
