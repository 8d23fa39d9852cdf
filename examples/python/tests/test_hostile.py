"""Frames of a hostile client, made by seed: valid checks, any codes, numbers, positions and metadata."""
import os
import random
import stat
import tempfile
import unittest
from pathlib import Path
from typing import List, Optional, Tuple

import tinyferry
from tinyferry.server import Connection, Options
from tinyferry.wire import CODES, UNKNOWN, chunk, done, hello, hole, metadata_of, metadata_with, offer, signal

SESSION = 0x12345678
PATHS = ["a", "d/b", "d", "d/", "", "../x", "/x", "a/../b", "x" * 300, "link/x", "link", ".a.tinyferry-part", "\x00",
         "new/c"]
ARGUMENTS = [b"", b"a", b"../x", b"/etc", bytes(11), bytes(19), b"\xff"]
NUMBERS = [0, 1, 2, 3, 255, 1024, 5000, 2**31, 2**63 - 1, 2**63, UNKNOWN]


class Script:
    """A link that gives these bytes in pieces, and then is closed."""

    gap = 0.02

    def __init__(self, pieces: List[bytes], is_lossy: bool) -> None:
        self.is_lossy, self._pieces, self.written = is_lossy, pieces, b""

    def read(self, timeout: float) -> Optional[bytes]:
        if not self._pieces:
            raise tinyferry.LinkError("the end")
        return self._pieces.pop(0)

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        pass


def frame(chance: random.Random) -> bytes:
    """A frame with valid checks."""
    transfer, number = chance.randrange(1, 5), chance.choice(NUMBERS)
    kind = chance.randrange(6)
    if kind == 0:
        return chunk(SESSION, transfer, number, chance.randbytes(chance.choice([1, 5, 256, 1024])))
    if kind == 1:
        return hole(SESSION, transfer, number, chance.choice(NUMBERS))
    text = chance.choice(PATHS)
    if kind == 2:
        value = bytes([chance.randrange(7)]) + chance.choice(ARGUMENTS)
        metadata = metadata_with(chance.choice([0x80, 0x80, 0x81, 0x82, 5, 1]), value, text)
    elif kind == 3:
        metadata = chance.randbytes(chance.randrange(1, 40))
    else:
        metadata = text.encode()
    detail = b"".join(chance.choice(NUMBERS).to_bytes(8, "little") for _ in range(2))
    code = chance.choice(CODES[:7]) if kind < 5 else chance.choice(CODES)
    made = signal(SESSION, code, transfer, chance.choice([0, 0, number]), detail, len(metadata))
    return made + (chunk(SESSION, transfer, 0, metadata, True) if metadata else b"")


class Request:
    """The frames of a session with one tree, whose path is empty."""

    def __init__(self) -> None:
        self.pieces = [signal(0, b"PIN", 0, 0, hello(SESSION))]
        self.count = self._offers = 0
        self._send(b"SAR", 1, 0, offer(UNKNOWN, -1))

    def _send(self, code: bytes, transfer: int, position: int, detail: bytes, metadata: bytes = b"") -> None:
        made = signal(SESSION, code, transfer, position, detail, len(metadata))
        self.pieces.append(made + (chunk(SESSION, transfer, 0, metadata, True) if metadata else b""))
        self.count += 1

    def _offer(self, detail: bytes, metadata: bytes) -> int:
        self._offers += 1
        self._send(b"SAF", self._offers + 1, 0, detail, metadata)
        return self._offers + 1

    def directory(self, path: str, mode: int, modified: int) -> None:
        number = self._offer(offer(0, modified), metadata_of(path, mode))
        self._send(b"DON", number, 0, done(self.count + 1))

    def operation(self, path: str, value: bytes) -> None:
        self._offer(offer(0, 0), metadata_with(0x80, value, path))

    def end(self) -> List[bytes]:
        self._send(b"DON", 1, self._offers, done(self.count + 1))
        return self.pieces


class HostileTest(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(directory.cleanup)
        self.root, self.outside = Path(directory.name, "served"), Path(directory.name, "outside")

    def prepare(self) -> None:
        for path in (self.root / "d", self.outside):
            path.mkdir(parents=True, exist_ok=True)
        (self.root / "a").write_bytes(b"old content")
        (self.outside / "x").write_bytes(b"precious")
        if not os.path.lexists(self.root / "link"):
            os.symlink(self.outside, self.root / "link")

    def test_no_frames_make_the_server_fail_or_leave_its_directory(self) -> None:
        self.prepare()
        for seed in range(400):
            chance = random.Random(seed)
            is_lossy = bool(seed & 1)
            pieces = [signal(0, b"PIN", 0, 0, hello(SESSION, link=is_lossy, features=2))]
            for _ in range(40):
                made = frame(chance)
                if is_lossy and chance.random() < 0.1:
                    made = made[:chance.randrange(len(made))]
                pieces.append(made)
            options = Options(str(self.root), allow_remove=bool(seed & 2), links=bool(seed & 4))
            with self.subTest(seed=seed), self.assertRaises(tinyferry.Error):
                Connection(Script(pieces, is_lossy), options).run()
            self.assertEqual([(path.name, path.read_bytes()) for path in self.outside.iterdir()], [("x", b"precious")])
            self.assertEqual(sorted(os.listdir(self.root.parent)), ["outside", "served"])
            if not seed & 2 and (self.root / "a").is_file():
                # No file is replaced by content that was not complete and verified.
                self.assertIn((self.root / "a").read_bytes(), (b"old content", b""))

    def status_of(self, path: Path) -> Tuple[int, int]:
        """The permission bits and the time."""
        status = os.stat(path)
        return stat.S_IMODE(status.st_mode), status.st_mtime_ns

    def run_request(self, request: Request) -> bytes:
        """Serves a client that may do all that a client may. The bytes that it receives."""
        link = Script(request.end(), False)
        with self.assertRaises(tinyferry.LinkError):
            Connection(link, Options(str(self.root), allow_remove=True, links=True)).run()
        return link.written

    def test_the_end_of_a_tree_changes_no_directory_through_a_link(self) -> None:
        self.root.mkdir()
        parent = self.root.parent
        before = self.status_of(parent)
        request = Request()
        request.directory("b/l/", 0o777, 10**18)
        request.operation("b/l/", b"\2")
        request.operation("b/", b"\2")
        request.operation("a/b/l", b"\4../..")
        request.operation("b/", b"\3a/b")
        written = self.run_request(request)
        self.assertEqual(os.readlink(self.root / "b/l"), "../..")
        self.assertEqual(self.status_of(parent), before)
        self.assertEqual(written.count(b"ERR"), 0)

    def test_a_directory_that_was_removed_or_replaced_before_the_end_of_its_tree_is_left_out(self) -> None:
        self.root.mkdir()
        request = Request()
        for path in ("gone/", "other/", "kept/", "kept/deep/"):
            request.directory(path, 0o711, 10**18)
        request.operation("gone/", b"\2")
        request.operation("other/", b"\2")
        request.operation("other", b"\4kept")
        self.assertEqual(self.run_request(request).count(b"ERR"), 0)
        self.assertEqual(sorted(os.listdir(self.root)), ["kept", "other"])
        for path in ("kept", "kept/deep"):
            self.assertEqual(self.status_of(self.root / path), (0o711, 10**18), path)
