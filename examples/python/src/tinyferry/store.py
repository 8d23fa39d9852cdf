"""Files that are received: partial files, their prefixes, and the commit under the final name."""
from __future__ import annotations

import errno
import os
import stat
import threading
from typing import BinaryIO, Callable, List, Optional, Set, Tuple

from .checks import crc64, crc64_zeros
from .errors import (BAD_PATH, IN_USE, IS_DIRECTORY, NAME_TOO_LONG, NOT_DIRECTORY, NOT_REGULAR, SYMBOLIC_LINK, Refused,
                     reason_of)
from .tree import PARTIAL_SUFFIX, is_partial
from .wire import NO_TIME

READ_SIZE = 1 << 18
# A prefix is a multiple of this, or the whole file (R58).
PREFIX_UNIT = 1024
# The errors of file systems that cannot synchronise a directory.
WITHOUT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


class Incoming:
    """A file that is received. `position` is the number of its bytes that are stored, `digest` that of these bytes."""

    def __init__(self, target: str, partial: str, release: Callable[[], None]) -> None:
        self.position = self.digest = 0
        self._target, self._partial, self._release = target, partial, release
        self._file: Optional[BinaryIO] = None

    def open(self, size: Optional[int], modified: int, resume: int) -> int:
        """Opens the file, and returns the length of the prefix (R58, R63). With resume 0 it begins anew (R64)."""
        if resume and self._is_in_place(size, modified):
            self._file = open(self._target, "rb")
            return size or 0
        # Not through a symbolic link that somebody has put there.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        flags |= 0 if resume else os.O_TRUNC
        self._file = os.fdopen(os.open(self._partial, flags, 0o600), "r+b")
        length = min(self._file.seek(0, os.SEEK_END), resume)
        prefix = length if length == size else length - length % PREFIX_UNIT
        # Nothing stays behind the prefix, and the content begins at the position.
        self._file.truncate(prefix)
        self._file.seek(0)
        return prefix

    def _is_in_place(self, size: Optional[int], modified: int) -> bool:
        if not size or modified == NO_TIME:
            return False
        try:
            status = os.lstat(self._target)
        except OSError:
            return False
        return stat.S_ISREG(status.st_mode) and (status.st_size, status.st_mtime_ns) == (size, modified)

    @property
    def is_in_place(self) -> bool:
        return self._file is not None and self._file.mode == "rb"

    def read_prefix(self, length: int, on_step: Callable[[], bool]) -> bool:
        """Reads the prefix for its digest. `on_step` is called now and then; `False` ends the work."""
        assert self._file
        self._file.seek(0)
        while self.position < length:
            data = self._file.read(min(READ_SIZE, length - self.position))
            if not data:
                raise OSError("the partial file has become shorter")
            self.digest = crc64(data, self.digest)
            self.position += len(data)
            if not on_step():
                return False
        return True

    def write(self, data: bytes) -> None:
        assert self._file
        self._file.write(data)
        self.digest = crc64(data, self.digest)
        self.position += len(data)

    def write_zeros(self, count: int) -> None:
        assert self._file
        self.position += count
        self._file.truncate(self.position)
        self._file.seek(self.position)
        self.digest = crc64_zeros(count, self.digest)

    def commit(self, mode: Optional[int], modified: int) -> None:
        """Puts the file in place: after a power cut, the old file or the new one is there."""
        assert self._file
        if not self.is_in_place:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        path = self._target if self.is_in_place else self._partial
        set_status(path, 0o644 if mode is None else mode, modified)
        if not self.is_in_place:
            os.replace(self._partial, self._target)
            sync_directory(os.path.dirname(self._target))
        elif os.path.exists(self._partial):
            os.unlink(self._partial)
        # After an error it is `close` that releases the partial.
        self._release()

    def close(self, keeps_partial: bool) -> None:
        """Ends an incomplete transfer, also after a `commit` that failed. The partial is kept for a resume, if it has
        content."""
        assert self._file
        is_in_place = self.is_in_place
        try:
            self._file.close()
            if not is_in_place and not (keeps_partial and self.position):
                os.unlink(self._partial)
        except OSError:
            pass
        finally:
            self._release()


def set_status(path: str, mode: Optional[int], modified: int) -> None:
    """Sets the permission bits and the time of a file or a directory."""
    if mode is not None:
        os.chmod(path, mode & 0o777)
    if modified != NO_TIME:
        os.utime(path, ns=(modified, modified))


def sync_directory(path: str) -> None:
    """Makes a rename durable, where the system can."""
    if os.name != "posix":
        return
    try:
        number = os.open(path or ".", os.O_RDONLY)
    except PermissionError:
        return  # Files can be stored in it, and it cannot be opened.
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in WITHOUT_SYNC:
            raise
    finally:
        os.close(number)


_released = threading.Condition()
_partials_in_use: Set[str] = set()
# How long a file waits for the transfer of a connection that was cut, and whose end this end has not seen, in seconds.
LAST_TRANSFER_ENDS = 3.0


class Store:
    """A directory that receives files. With `single` it is one file or tree of a client, whatever path the other end
    states (R17)."""

    def __init__(self, root: str, single: bool = False) -> None:
        self.root, self._single = root, single
        self._tree: Optional[str] = None
        # Directories by their paths in the tree: their time and permission bits are set when all entries are in place.
        self._directories: List[Tuple[str, Optional[int], int]] = []

    def resolve(self, path: str, allows_link: bool = False) -> str:
        """The place of a sound path, through no symbolic link (R16)."""
        found = self.root
        names = [name for name in path.split("/") if name]
        for at, name in enumerate(names):
            found = os.path.join(found, name)
            if os.name == "nt" and ("\\" in name or ":" in name) or is_partial(name):
                raise Refused(BAD_PATH, path)
            try:
                mode = os.lstat(found).st_mode
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                raise Refused(NOT_DIRECTORY, path) from None
            except OSError as error:
                raise Refused(reason_of(error), path) from error
            is_last = at == len(names) - 1
            if stat.S_ISLNK(mode) and not (is_last and allows_link):
                raise Refused(SYMBOLIC_LINK, path)
            if not is_last and not stat.S_ISDIR(mode):
                raise Refused(NOT_DIRECTORY, path)
        return found

    def place(self, path: str, allows_link: bool = False) -> str:
        """The place of an entry of the open tree, or of a lone file."""
        if self._tree is None:
            return self.root if self._single else self.resolve(path, allows_link)
        return self.resolve("/".join(part for part in (self._tree, path) if part), allows_link)

    def open_tree(self, path: str) -> None:
        """The following entries belong to this tree."""
        inside = "" if self._single else path
        base = self.resolve(inside)
        if os.path.lexists(base) and not os.path.isdir(base):
            raise Refused(NOT_DIRECTORY, path)
        self._tree = inside

    def close_tree(self, mode: Optional[int], modified: Optional[int]) -> None:
        """All entries are in place: the root of the tree gets its time and its permission bits."""
        path = self.place("")
        os.makedirs(path, exist_ok=True)
        for name, bits, time in sorted(self._directories, key=lambda found: -found[0].count("/")):
            self._finish_directory(name, bits, time)
        if self._single or self._tree:
            set_status(path, mode, NO_TIME if modified is None else modified)

    def _finish_directory(self, name: str, mode: Optional[int], modified: int) -> None:
        """Sets the permission bits and the time of a directory, unless another entry has its place by now."""
        try:
            path = self.place(name)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                set_status(path, mode, modified)
        except (Refused, FileNotFoundError, NotADirectoryError):
            pass

    def make_directory(self, path: str, mode: Optional[int], modified: int) -> None:
        target = self.place(path)
        if os.path.lexists(target) and not os.path.isdir(target):
            raise Refused(NOT_DIRECTORY, path)
        os.makedirs(target, exist_ok=True)
        if self._tree is None:
            set_status(target, mode, modified)
        else:
            self._directories.append((path.rstrip("/"), mode, modified))

    def offer(self, path: str, size: Optional[int], modified: int, resume: int) -> Tuple[Incoming, int]:
        """A file is offered. Its partial, and the length of the prefix in it."""
        target = self.place(path, allows_link=True)
        if os.path.islink(target) and not self._single:
            raise Refused(SYMBOLIC_LINK, path)
        if os.path.isdir(target):
            raise Refused(IS_DIRECTORY, path)
        if os.path.exists(target) and not os.path.isfile(target):
            raise Refused(NOT_REGULAR, path)
        directory, name = os.path.split(target)
        partial = os.path.abspath(os.path.join(directory, partial_name(name)))
        with _released:
            if not _released.wait_for(lambda: partial not in _partials_in_use, LAST_TRANSFER_ENDS):
                raise Refused(IN_USE, path)
            _partials_in_use.add(partial)

        def release() -> None:
            with _released:
                _partials_in_use.discard(partial)
                _released.notify_all()
        try:
            os.makedirs(directory or ".", exist_ok=True)
            incoming = Incoming(target, partial, release)
            return incoming, incoming.open(size, modified, resume)
        except BaseException:
            release()
            raise


def partial_name(name: str) -> str:
    """The name of the partial of a file. A long name is shortened."""
    if len(name.encode()) > 255:
        raise Refused(NAME_TOO_LONG, name)
    whole = f".{name}{PARTIAL_SUFFIX}"
    if len(whole.encode()) <= 255:
        return whole
    front = name.encode()[:200].decode(errors="ignore")
    return f".{front}~{crc64(name.encode()):016x}{PARTIAL_SUFFIX}"
