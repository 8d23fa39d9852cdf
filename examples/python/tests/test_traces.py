"""The worked traces of core/PROTOCOL.md (section 10) and the sessions of core/vectors.txt, byte by byte."""
import re
import tempfile
import unittest
from pathlib import Path
from typing import List, Optional, Tuple
from unittest.mock import patch

from tinyferry.errors import LinkError
from tinyferry.server import Connection, Options
from tinyferry.store import Store

PAGE = (Path(__file__).parents[3] / "core/PROTOCOL.md").read_text()


class Replay:
    """A link that gives the frames of a client, and compares the answers with those of the trace."""

    gap = 0.02

    def __init__(self, frames: List[Tuple[str, bytes]], is_lossy: bool) -> None:
        self.is_lossy, self._frames, self.written = is_lossy, frames, b""

    def read(self, timeout: float) -> Optional[bytes]:
        expected = b""
        while self._frames and self._frames[0][0] == "S":
            if not timeout and not self.written:
                # A look at the input in the middle of the work, before the answer.
                return None
            expected += self._frames.pop(0)[1]
        if self.written != expected:
            raise AssertionError(f"the answer is {self.written.hex()} instead of {expected.hex()}")
        self.written = b""
        if not self._frames:
            raise LinkError("the end of the trace")
        return self._frames.pop(0)[1]

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        pass


def frames_of(section: str) -> List[Tuple[str, bytes]]:
    """The frames of a trace: its end, and its bytes."""
    text = PAGE.split(f"### {section}")[1].split("```text")[1].split("```")[0]
    found = []
    for line in text.strip().splitlines():
        words = line[2:].split(";")[0].split()
        parts = [re.fullmatch(r"([0-9a-f]+)(?:\*(\d+))?", word) for word in words]
        found.append((line[0], b"".join(bytes.fromhex(part[1]) * int(part[2] or 1) for part in parts if part)))
    return found


class TraceTest(unittest.TestCase):
    def replay(self, section: str, is_lossy: bool, **partials: bytes) -> Path:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for name, content in partials.items():
            Path(directory.name, f".{name}.tinyferry-part").write_bytes(content)
        link = Replay(frames_of(section), is_lossy)
        with self.assertRaises(LinkError):
            Connection(link, Options(directory.name)).run()
        return Path(directory.name)

    def test_the_trace_of_a_resume_is_answered(self) -> None:
        place = self.replay("10.1", True, f=b"A" * 1024)
        self.assertEqual((place / "f").read_bytes(), b"A" * 1024 + b"tail")

    def test_the_trace_of_a_re_offer_is_answered(self) -> None:
        place = self.replay("10.2", True, f=b"B" * 1024)
        self.assertEqual((place / "f").read_bytes(), b"A" * 1024 + b"tail")

    def test_the_trace_of_a_put_after_a_refused_tree_is_answered(self) -> None:
        # The server of the trace refuses a tree with reason 4.
        with patch.object(Store, "open_tree", side_effect=PermissionError):
            place = self.replay("10.3", False)
        self.assertEqual((place / "hi.txt").read_bytes(), b"hello")
