"""Paths of a server, as a caller gives them."""
from __future__ import annotations

from pathlib import PurePath
from typing import Union

from .wire import is_sound

# With / between its names on each system.
RemotePath = Union[str, PurePath]


def checked(given: RemotePath) -> str:
    """A path of the server. Raises `ValueError` if no path can be like that (R15)."""
    path = given.as_posix() if isinstance(given, PurePath) else given
    plain = path.strip("/") if path.strip("/.") else ""
    if path.startswith("/") or not is_sound(plain):
        raise ValueError(f"{path!r} is not a path of a server: use names with one / between them, without . and ..")
    return plain


def not_root(name: str) -> str:
    """The path, if it is not that of the served directory. Raises `ValueError`."""
    if not name:
        raise ValueError("'.' is the directory of the server itself: give the name of an entry in it")
    return name
