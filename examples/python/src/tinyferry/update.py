"""Finds the entries of a tree that the receiver has already, by digests of directories (R83 to R86)."""
from __future__ import annotations

import os
import struct
from typing import Callable, List, Optional, Set, Tuple

from .operations import query
from .tree import LINKS, MODE, SIZE, TIME, Entry, digest_of, hashes
from .wire import Signal, read_metadata


class Comparison:
    """Compares directories at both ends. `ask` sends a stat of the open tree; its answer, or `None`."""

    def __init__(self, root: str, ask: Callable[[str, bytes], Optional[Signal]], links: bool) -> None:
        self._root, self._ask = root, ask
        self._facts, self._granularity = SIZE | TIME | MODE | LINKS * links, 0
        self._salt = int.from_bytes(os.urandom(4), "little")
        # Entries that are the same at both ends, with all that is below them.
        self._same: Set[str] = set()
        self._compare("")

    def is_wanted(self, entry: Entry) -> bool:
        """Whether an entry has to be offered. Those that cannot be sent always are, so that both ends report them."""
        is_counted = entry.target is not None and self._facts & LINKS
        if entry.reason and not is_counted:
            return True
        names = entry.name.split("/")
        return not any("/".join(names[:count]) in self._same for count in range(len(names) + 1))

    def _compare(self, name: str) -> None:
        answer, found = self._look(name)
        if answer is None:
            return
        kept, granularity = answer.detail[2] & self._facts, max(answer.detail[3], self._granularity)
        if (kept, granularity) != (self._facts, self._granularity) and granularity <= 10:
            # The receiver keeps less about its entries, or coarser times.
            self._facts, self._granularity = kept, granularity
            answer, found = self._look(name)
        if answer is None or self._facts & (SIZE | TIME) != SIZE | TIME:
            return
        if (answer.position, int.from_bytes(answer.detail[8:16], "little")) == (len(found), digest_of(found)):
            self._same.add(name)
            return
        index = read_metadata(answer.metadata).hashes
        theirs = {value for value, in struct.iter_unpack("<I", index[:len(index) & ~3])}
        for value, child in found:
            if not child:
                continue  # This directory cannot be read, and the tree reports that.
            path = f"{name}/{child}" if name else child
            if value >> 32 in theirs:
                self._same.add(path)
            elif os.path.isdir(os.path.join(self._root, path)) and not os.path.islink(os.path.join(self._root, path)):
                self._compare(path)

    def _look(self, name: str) -> Tuple[Optional[Signal], List[Tuple[int, str]]]:
        found = hashes(os.path.join(self._root, name), self._facts, self._granularity, self._salt)
        question = query(self._facts, self._granularity, self._salt, digest_of(found))
        return self._ask(name + "/" * bool(name), question), found
