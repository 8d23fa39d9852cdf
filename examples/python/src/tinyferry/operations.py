"""Operations that a receiver performs (section 12): look, remove, rename, link."""
from __future__ import annotations

import os
import shutil
import stat
import struct
from typing import Callable, List, Optional, Tuple

from .checks import ALL_ONES
from .errors import (BAD_PATH, IS_DIRECTORY, NOT_ALLOWED, NOT_DIRECTORY, NOT_EMPTY, NOT_FOUND, NOT_REGULAR,
                     SYMBOLIC_LINK, UNSUPPORTED, Refused)
from .store import Store
from .tree import CONTENT, LINKS, MODE, SIZE, SPACE, TIME, content_of, hashes, is_target
from .wire import is_sound

STAT, REMOVE, RENAME, LINK, HARD_LINK = 1, 2, 3, 4, 5
INDEX_MAX, FIELD_MAX = 240, 252
# The position, the detail and the metadata of the `DON` that answers.
Answer = Tuple[int, bytes, bytes]
DONE: Answer = (0, bytes(16), b"")


def query(facts: int, granularity: int, salt: int, digest: Optional[int] = None) -> bytes:
    """A stat of all entries (R83)."""
    own = b"" if digest is None else struct.pack("<Q", digest)
    return struct.pack("<BBBBII", STAT, facts, granularity, 0, 0, salt) + own


def index_of(values: List[int]) -> bytes:
    """The metadata of an answer with an index (R85)."""
    data = b"".join(struct.pack("<I", value) for value in values)
    parts = [data[at:at + FIELD_MAX] for at in range(0, len(data), FIELD_MAX)]
    return b"\0" + b"".join(struct.pack("<BB", 5, len(part)) + part for part in parts) if data else b""


def kind_of(path: str) -> Optional[str]:
    """The kind of an entry: None, "file" or "directory"."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        raise Refused(SYMBOLIC_LINK)
    if not stat.S_ISREG(mode):
        raise Refused(NOT_REGULAR)
    return "file"


def look(path: str, is_directory: bool, arguments: bytes, in_tree: bool, makes_links: bool) -> Answer:
    """Answers a stat (R84)."""
    if len(arguments) not in (11, 19):
        raise Refused(UNSUPPORTED)
    facts, granularity, bits, prefix, salt = struct.unpack_from("<BBBII", arguments)
    if granularity > 10 or bits > 32:
        raise Refused(UNSUPPORTED)
    asks_space, facts = facts & SPACE, facts & (SIZE | TIME | MODE | CONTENT | LINKS * makes_links)
    found = kind_of(path)
    if found is None:
        raise Refused(NOT_FOUND)
    if (found == "directory") != is_directory:
        raise Refused(IS_DIRECTORY if found == "directory" else NOT_DIRECTORY)
    if is_directory and asks_space:  # R89
        usage = shutil.disk_usage(path)
        return usage.free, struct.pack("<HBB4xQ", 0, SPACE, granularity, usage.total), b""
    if not is_directory:
        status = os.stat(path)
        value = content_of(path) if facts & CONTENT else status.st_mtime_ns & ALL_ONES
        return status.st_size, struct.pack("<HBB4xQ", 0, facts, granularity, value), b""
    inside = sorted(value for value, _ in hashes(path, facts, granularity, salt) if value >> 64 - bits == prefix)
    digest = sum(inside) & ALL_ONES
    theirs = struct.unpack_from("<Q", arguments, 11)[0] if len(arguments) == 19 else digest
    has_index = in_tree and theirs != digest and len(inside) <= INDEX_MAX
    values = [(value << bits & ALL_ONES) >> 32 for value in inside] if has_index else []
    return len(inside), struct.pack("<HBB4xQ", 0, facts, granularity, digest), index_of(values)


def remove(path: str, is_directory: bool) -> None:
    """R87."""
    found = kind_of(path)
    if found is None:
        return
    if (found == "directory") != is_directory:
        raise Refused(IS_DIRECTORY if found == "directory" else NOT_DIRECTORY)
    if not is_directory:
        os.unlink(path)
    elif os.listdir(path):
        raise Refused(NOT_EMPTY)
    else:
        os.rmdir(path)


def rename(old: str, new: str, is_directory: bool) -> None:
    """R87."""
    before, there = kind_of(old), kind_of(new)
    if before is None:
        # It was renamed before, and the answer was lost.
        if there is None:
            raise Refused(NOT_FOUND)
        return
    if is_directory and before != "directory":
        raise Refused(NOT_DIRECTORY)
    if there == "directory" or there and before == "directory":
        raise Refused(IS_DIRECTORY if there == "directory" else NOT_DIRECTORY)
    os.rename(old, new)


def put_in_place(path: str, make: Callable[[str], None]) -> None:
    """Makes a link at once, in place of a file or a link, never of a directory."""
    if os.path.isdir(path) and not os.path.islink(path):
        raise Refused(IS_DIRECTORY)
    directory, name = os.path.split(path)
    os.makedirs(directory, exist_ok=True)
    temporary = os.path.join(directory, f".{name[:64]}-{os.getpid()}.tinyferry-part")
    make(temporary)
    os.replace(temporary, path)


def stays_inside(path: str, target: str) -> bool:
    """Whether a link at `path` of a tree leads to a place in the tree (R90)."""
    names = [name for name in target.split("/") if name not in ("", ".")]
    above = next((at for at, name in enumerate(names) if name != ".."), len(names))
    return not target.startswith("/") and ".." not in names[above:] and above <= path.count("/")


def link(path: str, name: str, target: str) -> None:
    """R90."""
    if not is_target(target):
        raise Refused(UNSUPPORTED)
    if not stays_inside(name, target):
        raise Refused(BAD_PATH)
    if not os.path.islink(path) or os.readlink(path) != target:
        put_in_place(path, lambda temporary: os.symlink(target, temporary))


def hard_link(path: str, source: str) -> None:
    """R91."""
    if kind_of(source) != "file":
        raise Refused(NOT_FOUND)
    if not os.path.lexists(path) or not os.path.samestat(os.lstat(path), os.lstat(source)):
        put_in_place(path, lambda temporary: os.link(source, temporary, follow_symlinks=False))


def perform(store: Store, path: str, operation: bytes, in_tree: bool, may_remove: bool, makes_links: bool) -> Answer:
    """Performs an operation (R81, R82)."""
    code, arguments = operation[0], operation[1:]
    if path and not is_sound(path):
        raise Refused(BAD_PATH)
    is_directory = path == "" or path.endswith("/")
    if code == STAT:
        return look(store.place(path), is_directory, arguments, in_tree, makes_links)
    if code not in (REMOVE, RENAME, LINK, HARD_LINK) or not path:
        raise Refused(UNSUPPORTED)
    if code == REMOVE:
        if not may_remove:
            raise Refused(NOT_ALLOWED)
        remove(store.place(path), is_directory)
        return DONE
    try:
        argument = arguments.decode()
    except UnicodeDecodeError:
        raise Refused(BAD_PATH) from None
    if code == LINK:
        if not makes_links or is_directory:
            raise Refused(UNSUPPORTED)
        link(store.place(path, allows_link=True), path, argument)
        return DONE
    if not argument or argument.endswith("/") or not is_sound(argument):
        raise Refused(BAD_PATH if argument else UNSUPPORTED)
    if code == HARD_LINK:
        if not makes_links or is_directory:
            raise Refused(UNSUPPORTED)
        hard_link(store.place(path, allows_link=True), store.place(argument))
        return DONE
    if not may_remove:
        raise Refused(NOT_ALLOWED)
    rename(store.place(argument), store.place(path), is_directory)
    return DONE
