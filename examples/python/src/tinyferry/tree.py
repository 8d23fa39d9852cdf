"""Entries of a directory of this end: the order in which they are sent, and their digests (R86)."""
from __future__ import annotations

import os
import stat
import struct
from typing import Iterator, List, NamedTuple, Optional, Tuple

from .checks import ALL_ONES, crc64, hash_of
from .errors import NOT_REGULAR, reason_of
from .wire import NO_TIME, is_sound

SIZE, TIME, MODE, CONTENT, LINKS, SPACE = 1, 2, 4, 8, 16, 0x80
# Times that all file systems keep (R86).
USUAL_TIMES = range(315_583_200 * 10**9, 2_147_483_647 * 10**9)
PARTIAL_SUFFIX = ".tinyferry-part"


class Entry(NamedTuple):
    """A file or a directory of this end, or one of the other end in a listing."""

    # Its path in the tree.
    name: str
    path: str = ""
    is_directory: bool = False
    size: int = 0
    # Nanoseconds since 1970, or `NO_TIME`.
    modified: int = NO_TIME
    mode: Optional[int] = None
    # The target of a symbolic link.
    target: Optional[str] = None
    # Why it cannot be sent; 0: it can.
    reason: int = 0
    # It has a name that no path can have.
    is_omitted: bool = False
    # Device and inode of a file with several names.
    file: Optional[Tuple[int, int]] = None

    @classmethod
    def named(cls, name: str) -> Entry:
        return cls(name)

    @classmethod
    def at(cls, path: str, name: str, is_link_followed: bool = False) -> Entry:
        try:
            status = os.stat(path, follow_symlinks=is_link_followed)
        except OSError as error:
            return cls(name, path, reason=reason_of(error))
        mode, time = status.st_mode & 0o7777, status.st_mtime_ns
        if stat.S_ISDIR(status.st_mode):
            return cls(name, path, True, 0, time, mode)
        if stat.S_ISLNK(status.st_mode):
            return cls(name, path, False, 0, time, None, os.readlink(path), NOT_REGULAR)
        if not stat.S_ISREG(status.st_mode):
            return cls(name, path, reason=NOT_REGULAR)
        file = (status.st_dev, status.st_ino) if status.st_nlink > 1 else None
        return cls(name, path, False, status.st_size, time, mode, file=file)


def is_partial(name: str) -> bool:
    return name.startswith(".") and name.endswith(PARTIAL_SUFFIX)


def is_target(target: str) -> bool:
    """Whether a link with this target can be sent (R90)."""
    return 1 <= len(target.encode(errors="replace")) <= 254 and is_sound(target.replace("/", "").replace(".", ""))


class Tree:
    """A directory of this end."""

    def __init__(self, root: str, depth: int = 0) -> None:
        self.root, self._depth = root, depth
        status = os.stat(root)
        self.mode, self.modified = status.st_mode & 0o7777, status.st_mtime_ns

    def entries(self) -> Iterator[Entry]:
        """Its files, and each directory behind its files: only then its time and its permission bits stay."""
        return self._below("", self.root, 1)

    def _below(self, name: str, path: str, level: int) -> Iterator[Entry]:
        try:
            found = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError as error:
            yield Entry(name, path, True, reason=reason_of(error))
            return
        found = [entry for entry in found if not is_partial(entry.name)]
        for child in found:
            inside = f"{name}/{child.name}" if name else child.name
            if not is_sound(inside):
                yield Entry(inside, is_omitted=True)
            elif not child.is_dir(follow_symlinks=False):
                yield Entry.at(child.path, inside)
            elif self._depth and level >= self._depth:
                yield Entry.at(child.path, inside)
            else:
                yield from self._below(inside, child.path, level + 1)
        if name:
            yield Entry.at(path, name)


def unit(granularity: int) -> int:
    return 2 * 10**9 if granularity == 10 else 10**granularity


def content_of(path: str) -> int:
    """The digest of a file. Raises `OSError`."""
    digest = 0
    with open(path, "rb") as file:
        while data := file.read(1 << 16):
            digest = crc64(data, digest)
    return digest


def hashes(root: str, facts: int, granularity: int, salt: int) -> List[Tuple[int, str]]:
    """The hashes and the names of the entries of a directory (R86). One that cannot be read has a random hash without a
    name."""
    found = []
    try:
        entries = list(os.scandir(root))
    except OSError:
        return [(int.from_bytes(os.urandom(8), "little"), "")]
    for entry in entries:
        if not is_sound(entry.name) or is_partial(entry.name):
            continue
        try:
            record = record_of(entry, facts, granularity, salt)
        except FileNotFoundError:
            continue  # It was removed meanwhile.
        if record is not None:
            found.append((hash_of(record + entry.name.encode(), salt), entry.name))
    return found


def record_of(entry: os.DirEntry[str], facts: int, granularity: int, salt: int) -> Optional[bytes]:
    """The record of an entry but for its name; `None`: it does not count. Raises `OSError` if it was removed."""
    status = entry.stat(follow_symlinks=False)
    mode = struct.pack("<H", status.st_mode & 0o777)
    if stat.S_ISREG(status.st_mode):
        time = status.st_mtime_ns
        fields = [(SIZE, struct.pack("<Q", status.st_size)), (MODE, mode)]
        if time in USUAL_TIMES:
            fields.insert(1, (TIME, struct.pack("<q", time // unit(granularity))))
        if facts & CONTENT:
            fields.append((CONTENT, _content_field(entry.path)))
        fields = [(bit, value) for bit, value in fields if facts & bit]
        return bytes([1 | sum(bit for bit, _ in fields) << 4]) + b"".join(value for _, value in fields)
    if stat.S_ISDIR(status.st_mode):
        below = hashes(entry.path, facts, granularity, salt)
        front = bytes([2 | (facts & MODE) << 4]) + (mode if facts & MODE else b"")
        return front + struct.pack("<QQ", digest_of(below), len(below))
    if stat.S_ISLNK(status.st_mode) and facts & LINKS and is_target(os.readlink(entry.path)):
        target = os.readlink(entry.path).encode()
        return bytes([3, len(target)]) + target
    return None


def _content_field(path: str) -> bytes:
    """The digest of a file; a random one if the file cannot be read."""
    try:
        return struct.pack("<Q", content_of(path))
    except PermissionError:
        return os.urandom(8)


def digest_of(found: List[Tuple[int, str]]) -> int:
    """The digest of the entries of a directory."""
    return sum(value for value, _ in found) & ALL_ONES
