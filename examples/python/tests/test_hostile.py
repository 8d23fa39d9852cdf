"""Frames of a hostile client, made by seed: valid checks, any codes, numbers, positions and metadata."""
import os
import random
import tempfile
import unittest
from pathlib import Path
from typing import List, Optional

import tinyferry
from tinyferry.server import Connection, Options
from tinyferry.wire import CODES, UNKNOWN, chunk, hello, hole, metadata_with, signal

SESSION = 0x12345678
PATHS = ["a", "d/b", "d", "d/", "", "../x", "/x", "a/../b", "x" * 300, "link/x", "link", ".a.tinyferry-part", "\x00",
         "new/c"]
ARGUMENTS = [b"", b"a", b"../x", b"/etc", bytes(11), bytes(19), b"\xff"]
NUMBERS = [0, 1, 2, 3, 255, 1024, 5000, 2**31, 2**63 - 1, 2**63, UNKNOWN]


class Script:
    """A link that gives these bytes in pieces, and then is closed."""

    gap = 0.02

    def __init__(self, pieces: List[bytes], is_lossy: bool) -> None:
        self.is_lossy, self._pieces = is_lossy, pieces

    def read(self, timeout: float) -> Optional[bytes]:
        if not self._pieces:
            raise tinyferry.LinkError("the end")
        return self._pieces.pop(0)

    def write(self, data: bytes) -> None:
        pass

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
