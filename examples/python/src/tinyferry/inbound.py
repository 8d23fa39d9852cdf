"""The entry that is open at a receiver: its prefix, the parts that it stores, and its position (R8 to R10, R94)."""
from __future__ import annotations

import struct
from typing import Dict, Optional, Tuple, Union

from .session import Session
from .store import Incoming
from .wire import UNKNOWN, WINDOW, Chunk, Hole, Metadata, Signal

LARGEST_HOLE = 1 << 24
# A chunk that begins further before the position is not plausible (R70).
FURTHEST_BACK = 131_072


class Inbound:
    """A file or a directory between its offer and its ending."""

    def __init__(self, session: Session, offer: Signal, metadata: Metadata) -> None:
        self._session = session
        self.number, self.resume = offer.transfer, offer.position
        size, self.modified = struct.unpack("<Qq", offer.detail)
        self.size: Optional[int] = None if size == UNKNOWN else size
        self.path, self.mode = metadata.text, metadata.mode
        self.incoming: Optional[Incoming] = None
        # The length of the prefix, and its digest once that is known.
        self.prefix = 0
        self.digest_of_prefix: Optional[int] = None
        # Blocks received ahead of the position, by their numbers.
        self._ahead: Dict[int, bytes] = {}

    @property
    def is_directory(self) -> bool:
        return self.path.endswith("/")

    @property
    def position(self) -> int:
        return self.incoming.position if self.incoming else 0

    @property
    def digest(self) -> int:
        return self.incoming.digest if self.incoming else 0

    @property
    def blocks(self) -> int:
        """The SACK map."""
        first = self.position // self._session.block
        return sum(1 << block - first - 1 for block in self._ahead if 0 < block - first < WINDOW)

    @property
    def highest(self) -> int:
        """The end of all that was received."""
        ends = (block * self._session.block + len(part) for block, part in self._ahead.items())
        return max(ends, default=self.position)

    def _nearest(self, position: int) -> int:
        """The position with these lowest 32 bits that is nearest to the own one (R8)."""
        return self.position + (position - self.position + 0x80000000 & 0xFFFFFFFF) - 0x80000000

    def expects(self, low: int, position: int) -> bool:
        """Whether a chunk is plausible (R70)."""
        if low != self.number & 0xFF:
            return False
        distance = self._nearest(position) - self.position
        return not self._session.is_lossy or -FURTHEST_BACK <= distance < WINDOW * self._session.block

    def store(self, part: Union[Chunk, Hole]) -> bool:
        """Stores a chunk or a hole, if it has bytes that are wanted. Whether it did. Raises `OSError`."""
        incoming, position = self.incoming, self.position
        if incoming is None or incoming.is_in_place or part.low != self.number & 0xFF:
            return False
        start, length = self._extent(part)
        if not self._may_store(start, start + length, isinstance(part, Hole)):
            return False
        if start > position:
            self._keep(start, bytes(length) if isinstance(part, Hole) else part.payload)
            return True
        if isinstance(part, Hole):
            incoming.write_zeros(start + length - position)
        else:
            incoming.write(part.payload[position - start:])
        block = self._session.block
        while incoming.position % block == 0 and (ahead := self._ahead.pop(incoming.position // block, None)):
            incoming.write(ahead)
        self._ahead = {at: ahead for at, ahead in self._ahead.items() if at * block >= incoming.position}
        return True

    def _extent(self, part: Union[Chunk, Hole]) -> Tuple[int, int]:
        if isinstance(part, Hole):
            return part.position, part.length
        return self._nearest(part.position), len(part.payload)

    def _keep(self, start: int, content: bytes) -> None:
        """Keeps blocks that begin past the position in memory."""
        block = self._session.block
        for at in range(0, len(content), block):
            self._ahead.setdefault((start + at) // block, content[at:at + block])

    def _may_store(self, start: int, end: int, is_hole: bool) -> bool:
        """Whether R9 or R94 lets this end store these bytes."""
        block, position = self._session.block, self.position
        limit = position // block * block + WINDOW * block
        longest = LARGEST_HOLE if is_hole else self._session.chunk
        if start < 0 or not 1 <= end - start <= longest or end <= position or is_hole and start % block:
            return False
        if end > limit and (self._session.is_lossy or is_hole and start > position):
            return False
        if start > position:
            is_known = all(at in self._ahead for at in range(start // block, -(-end // block)))
            if start % block or start >= limit or is_known:
                return False
        if self.size is not None:
            return end <= self.size and (end % block == 0 or end == self.size)
        return end % block == 0 or end >= self.highest
