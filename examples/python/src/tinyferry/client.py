"""The client: one link, one session, one request at a time."""
from __future__ import annotations

import errno
import os
import struct
from types import TracebackType
from typing import Dict, List, NamedTuple, Optional, Tuple, Type, Union

from .endpoint import open_link
from .entries import Policy
from .errors import IS_DIRECTORY, NOT_DIRECTORY, NOT_FOUND, UNSUPPORTED, Incomplete, Refused
from .link import Link
from .offers import Offers, offered
from .operations import REMOVE, RENAME, query
from .receiver import Receiver
from .remote_path import RemotePath, checked, not_root
from .session import FEATURES, Session
from .store import Store
from .tree import CONTENT, LINKS, MODE, SIZE, SPACE, TIME, Entry, Tree, digest_of, hashes
from .upload import Progress, Report
from .wire import NO_TIME, Signal

ANSWER_TIMEOUT = 30.0
Path = Union[str, "os.PathLike[str]"]


class Space(NamedTuple):
    """The space of the file system of a server, in bytes."""

    free: int
    total: int


class Client:
    """A client with an open link. `connect` makes one from a URL."""

    def __init__(self, link: Link, timeout: float = ANSWER_TIMEOUT, features: int = FEATURES) -> None:
        self._link, self._timeout = link, timeout
        self._session = Session(link, True, features)
        try:
            self._session.connect(timeout)
        except BaseException:
            link.close()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def close(self) -> None:
        """Closes the link. The server continues."""
        self._link.close()

    def ping(self) -> float:
        """Seconds until the server has answered."""
        return self._session.ping(self._timeout)

    def close_server(self) -> None:
        """Ends the server, if it allows that."""
        self._session.close_server(self._timeout)

    # Transfers.

    def put(self, source: Path, target: RemotePath = "", *, progress: Optional[Progress] = None,
            links: bool = False, update: bool = False) -> Report:
        """Sends a file, or a directory with all that is in it. Without a target it has the same name at the server.

        An interrupted put continues where it stopped, and a file that the server has already is not sent again.
        `progress` is called with a path, the bytes of the file that are done, and all bytes of it. With `links`,
        symbolic and hard links are sent as such. With `update`, files of a directory whose size, time and permission
        bits the server has are not offered: digests of directories find them.

        Raises `Refused` for a file, and `Incomplete` if entries of a directory were refused."""
        path = os.fspath(source)
        name = checked(target or os.path.basename(os.path.abspath(path)))
        if not os.path.lexists(path):
            raise FileNotFoundError(errno.ENOENT, "there is no file or directory of this name", path)
        offers = self._offers(progress, links)
        if os.path.isdir(path):
            offers.whole_tree(Tree(path), name, update)
        else:
            offers.lone(offered(path, not_root(name)))
        return offers.report

    def get(self, source: RemotePath, target: Path = "", *, progress: Optional[Progress] = None,
            links: bool = False, update: bool = False) -> Report:
        """Receives a file, or a directory with all that is in it. Without a target it gets the same name here.

        A file appears under its name when it is complete and verified. The rest is as for `put`."""
        name = checked(source)
        place = os.path.abspath(os.fspath(target) or os.path.basename(name) or ".")
        store, policy = Store(place, single=True), Policy(makes_links=links)
        options = bytes([0x81, 3, update, 0, 3 * links]) if links or update else b""
        receiver = Receiver(self._session, store, policy, progress=progress)
        try:
            self._request(receiver, name, options)
        except Refused as error:
            if error.reason == IS_DIRECTORY and os.path.isdir(place):
                message = "a file cannot replace this directory: name the new file in it"
                raise IsADirectoryError(errno.EISDIR, message, place) from error
            if error.reason != UNSUPPORTED or links or not update:
                raise
            # A server that compares no files offers all of them.
            self._request(receiver, name, b"")
        return receiver.report

    def mirror(self, source: Path, target: RemotePath = "", *, progress: Optional[Progress] = None) -> Report:
        """Makes a directory of the server equal to one of this end: sends the files that differ, and removes the entries that
        are not here. The server must allow it to remove.

        Raises `Incomplete` if not all entries were sent, as links; then entries that are not here stay."""
        root = os.fspath(source)
        name = checked(target or os.path.basename(os.path.abspath(root)))
        own = {entry.name: entry for entry in Tree(root).entries()}
        kinds = {inside: kind for entry in own.values() for inside, kind in _kinds_of(entry)}
        theirs = self._listed(name)
        if not any(entry.reason or entry.is_omitted for entry in own.values()):
            self._remove(name, [path for path, kind in theirs.items() if kinds.get(path, kind) != kind], theirs)
        report = self.put(root, name or ".", progress=progress, update=True)
        self._remove(name, [path for path in theirs if path not in kinds], theirs)
        return report

    def _listed(self, name: str) -> Dict[str, bool]:
        """The entries below a directory of the server, and whether each is a directory."""
        try:
            entries = self.ls(name, recursive=True)
        except Refused as error:
            if error.reason != NOT_FOUND:
                raise
            return {}
        return {inside: kind for entry in entries for inside, kind in _kinds_of(entry)}

    def _remove(self, name: str, paths: List[str], kinds: Dict[str, bool]) -> None:
        """Removes entries of a directory of the server, with all that is below them."""
        roots = set(paths)

        def is_below(path: str) -> bool:
            names = path.split("/")
            return any("/".join(names[:count]) in roots for count in range(1, len(names) + 1))
        for path in sorted(filter(is_below, list(kinds)), key=lambda path: -path.count("/")):
            self._operate("/".join(part for part in (name, path) if part) + "/" * kinds.pop(path), bytes([REMOVE]))

    def _request(self, receiver: Receiver, name: str, options: bytes, flags: int = 0) -> None:
        """Requests a file or a tree, whichever it is, and receives it."""
        first: Optional[Signal] = None
        try:
            first = self._ask(b"RAR", name, options, flags)
        except Refused as error:
            # A server without trees refuses the request of one.
            if error.reason not in (NOT_DIRECTORY, UNSUPPORTED):
                raise
            without = error
        if first is None:
            try:
                first = self._ask(b"RAF", name, b"", flags)
            except Refused as error:
                raise without if error.reason == IS_DIRECTORY else error from None
        receiver.run(first)
        self._session.confirm_end()
        if first.code == b"SAF" and receiver.refused:
            raise receiver.refused[0]
        if receiver.refused or receiver.omitted:
            raise Incomplete(receiver.refused, receiver.omitted)

    def _ask(self, code: bytes, name: str, options: bytes, flags: int) -> Signal:
        """Sends a request; the offer that answers."""
        text, offer = name.encode() + (b"\0" + options if options else b""), b"SAF" if code == b"RAF" else b"SAR"
        number = self._session.take_number()
        return self._session.request(code, number, (offer,), self._timeout, struct.pack("<Q8x", flags), text, name)

    # Listings and operations.

    def ls(self, path: RemotePath = "", *, recursive: bool = False) -> List[Entry]:
        """The entries of a directory, or the file of this name. With `recursive` all levels: then some servers list a
        directory that has entries only by their names."""
        name = checked(path)
        receiver = Receiver(self._session, Store("."), names_only=True)
        options = b"" if recursive else b"\x81\2\0\1"
        try:
            self._request(receiver, name, options, flags=1)
        except Refused as error:
            # A server without the options of requests sends all levels.
            if error.reason != UNSUPPORTED or recursive:
                raise
            receiver = Receiver(self._session, Store("."), names_only=True)
            self._request(receiver, name, b"", flags=1)
        except Incomplete as error:
            if error.refused:
                raise
        return receiver.entries if recursive else _first_level(receiver.entries)

    def stat(self, path: RemotePath) -> Entry:
        """The size and the time of a file, or a directory."""
        name = checked(path)
        try:
            if not name:
                raise Refused(IS_DIRECTORY)
            answer = self._operate(name, query(SIZE | TIME, 0, 0))
        except Refused as error:
            if error.reason != IS_DIRECTORY:
                raise
            self._operate(name + "/" * bool(name), query(0, 0, 0))
            return Entry(name, is_directory=True)
        modified, = struct.unpack_from("<q", answer.detail, 8)
        return Entry(name, "", False, answer.position, modified if answer.detail[2] & TIME else NO_TIME)

    def rm(self, path: RemotePath, *, recursive: bool = False) -> None:
        """Removes a file or an empty directory; with `recursive` a directory and all that is in it. It succeeds if
        nothing has the path."""
        name = not_root(checked(path))
        try:
            self._operate(name, bytes([REMOVE]))
            return
        except Refused as error:
            if error.reason != IS_DIRECTORY:
                raise
        if recursive:
            found = self._listed(name)
            self._remove(name, list(found), found)
        self._operate(name + "/", bytes([REMOVE]))

    def mv(self, old: RemotePath, new: RemotePath) -> None:
        """Renames a file, which replaces a file of the new name, or a directory."""
        source, target = not_root(checked(old)), not_root(checked(new))
        self._operate(target, bytes([RENAME]) + source.encode())

    def mkdir(self, path: RemotePath) -> None:
        """Makes a directory and those above it. It succeeds if the directory is there."""
        self._offers(None, False).lone(Entry(not_root(checked(path)), is_directory=True))

    def df(self, path: RemotePath = "") -> Space:
        """The space of the file system that a directory of the server is on."""
        name = checked(path)
        answer = self._operate(name + "/" * bool(name), query(SPACE, 0, 0))
        if answer.detail[2] != SPACE:
            raise Refused(UNSUPPORTED, name)
        return Space(answer.position, int.from_bytes(answer.detail[8:16], "little"))

    def is_same(self, source: Path, target: RemotePath, *, links: bool = False) -> bool:
        """Whether a directory has the same entries here and at the server: names and contents, and the times and permission
        bits that the server keeps. Both ends read all files. Raises `Refused` if the server compares no contents, or no links."""
        root, name = os.fspath(source), checked(target)
        facts, salt = SIZE | TIME | MODE | CONTENT | LINKS * links, int.from_bytes(os.urandom(4), "little")
        if not os.path.isdir(root):
            raise NotADirectoryError(errno.ENOTDIR, "is_same compares directories", root)
        try:
            # By itself: the offer of a tree would make the directory.
            answer = self._operate(name + "/" * bool(name), query(facts, 0, salt))
        except Refused as error:
            if error.reason not in (NOT_FOUND, NOT_DIRECTORY):
                raise
            return False
        kept, granularity = answer.detail[2] & facts, answer.detail[3]
        if not kept & CONTENT or links and not kept & LINKS:
            raise Refused(UNSUPPORTED, name)
        own = hashes(root, kept, granularity, salt)
        theirs = answer.position, int.from_bytes(answer.detail[8:16], "little")
        return (len(own), digest_of(own)) == theirs

    def _operate(self, name: str, value: bytes) -> Signal:
        """Performs an operation; its answer."""
        return self._offers(None, False).operation(name, value)

    def _offers(self, progress: Optional[Progress], links: bool) -> Offers:
        return Offers(self._session, progress, sends_links=(links, links))


def _kinds_of(entry: Entry) -> List[Tuple[str, bool]]:
    """The directories above an entry, in its tree, and the entry itself; whether each is a directory."""
    names = entry.name.split("/")
    above = [("/".join(names[:count]), True) for count in range(1, len(names))]
    return [*above, (entry.name, entry.is_directory)]


def _first_level(entries: List[Entry]) -> List[Entry]:
    """The entries of the root of a tree, from those of all levels."""
    found: Dict[str, Entry] = {}
    for entry in entries:
        front, slash, _ = entry.name.partition("/")
        found.setdefault(front, Entry(front, is_directory=True) if slash else entry)
    return list(found.values())


def connect(url: str, *, timeout: float = ANSWER_TIMEOUT) -> Client:
    """Connects to a server: `tcp://HOST:PORT`, `tcp://HOST:PORT?lossy=true`, `unix:///PATH`,
    `serial:///dev/NAME?baud=N` or `exec:COMMAND`. `timeout` is how long the server may take to answer, in seconds.

    Raises `ValueError` if the URL is wrong, `LinkError` if the server cannot be reached, `Timeout` if it does not answer,
    `Refused` if it refuses."""
    return Client(open_link(url, timeout), timeout)

