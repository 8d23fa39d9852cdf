"""A line in memory between two threads, with faults by seed, for the tests."""
from __future__ import annotations

import random
import threading
from typing import List, Optional, Tuple

from tinyferry import LinkError


class Faults:
    """The probability of each fault for one byte."""

    def __init__(self, flip: float = 0, drop: float = 0, insert: float = 0, cut_after: Optional[int] = None) -> None:
        self.flip, self.drop, self.insert, self.cut_after = flip, drop, insert, cut_after


class End:
    """One end of the line. Each read returns at most `piece` bytes."""

    gap = 0.02

    def __init__(self, is_lossy: bool, piece: int, faults: Faults, seed: int) -> None:
        self.is_lossy, self.piece, self._faults, self._random = is_lossy, piece, faults, random.Random(seed)
        self.other: Optional[End] = None
        self.sent = 0
        self._incoming, self._changed = bytearray(), threading.Condition()
        self._is_cut = False

    def read(self, timeout: float) -> Optional[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._incoming or self._is_cut, timeout)
            data = bytes(self._incoming[:self.piece])
            del self._incoming[:self.piece]
            if not data and self._is_cut:
                raise LinkError("the line was cut")
        return data or None

    def write(self, data: bytes) -> None:
        if self._is_cut or self.other is None:
            raise LinkError("the line was cut")
        self.sent += len(data)
        limit = self._faults.cut_after
        if limit is not None and self.sent > limit:
            self._deliver(data[:len(data) - (self.sent - limit)])
            self.close()
            raise LinkError("the line was cut")
        self._deliver(self._damage(data))

    def _deliver(self, data: bytes) -> None:
        assert self.other
        with self.other._changed:
            self.other._incoming += data
            self.other._changed.notify()

    def _damage(self, data: bytes) -> bytes:
        faults, chance = self._faults, self._random.random
        if not (faults.flip or faults.drop or faults.insert):
            return data
        damaged = bytearray()
        for byte in data:
            if chance() < faults.drop:
                continue
            damaged.append(byte ^ 1 << self._random.randrange(8) if chance() < faults.flip else byte)
            if chance() < faults.insert:
                damaged.append(self._random.randrange(256))
        return bytes(damaged)

    def close(self) -> None:
        for end in (self, self.other):
            if end:
                with end._changed:
                    end._is_cut = True
                    end._changed.notify()


def lay(is_lossy: bool, seed: int = 1, piece: int = 4096, there: Faults = Faults(),
        back: Faults = Faults()) -> Tuple[End, End]:
    """The two ends of a line."""
    ends: List[End] = [End(is_lossy, piece, faults, seed * 2 + at) for at, faults in enumerate((there, back))]
    ends[0].other, ends[1].other = ends[1], ends[0]
    return ends[0], ends[1]
