"""Frames, checks and metadata: sections 2 to 5."""
from __future__ import annotations

import struct
import unicodedata
import zlib
from typing import List, NamedTuple, Optional, Union

from .errors import BAD_PATH, UNSUPPORTED

VERSION, PAYLOAD, MARKER, SIGNAL_LENGTH, HEADER_LENGTH = 1, 1024, 0xFA, 36, 12
CODES = (b"SAF", b"SAR", b"RAF", b"RAR", b"CLS", b"DON", b"ERR", b"PIN", b"PON")
WINDOW = 97
HOLES, HOLE_BITS = 2, 0x0810
UNKNOWN, NO_TIME = 2**64 - 1, -(2**63)
LOSSY, HALF_DUPLEX = 1, 2


class Metadata(NamedTuple):
    """The text and the tags of a signal (section 5). With a `reason` all of it is refused."""

    text: str = ""
    mode: Optional[int] = None
    modified: Optional[int] = None
    operation: Optional[bytes] = None
    options: Optional[bytes] = None
    patterns: int = 0
    hashes: bytes = b""
    reason: Optional[int] = None


class Signal(NamedTuple):
    """A signal (section 3) with the bytes of its metadata."""

    code: bytes
    transfer: int
    position: int
    detail: bytes
    metadata: bytes = b""

    @property
    def frame_count(self) -> int:
        """The count of a `PIN` or a `DON`."""
        return int.from_bytes(self.detail[:2], "little")

    @property
    def reason(self) -> int:
        """The reason of an `ERR`."""
        return int.from_bytes(self.detail[:2], "little")

    @property
    def session(self) -> int:
        """The session number of a hello or its reply."""
        return int.from_bytes(self.detail[:4], "little")

    @property
    def message(self) -> str:
        """The message of an `ERR`."""
        return self.metadata.partition(b"\0")[0].decode(errors="replace")


class Chunk(NamedTuple):
    """A part of a file; `position` has 32 bits."""

    low: int
    position: int
    payload: bytes


class Hole(NamedTuple):
    """A part of a file that has zeros only (section 13)."""

    low: int
    position: int
    length: int


class Hello(NamedTuple):
    """The detail of a hello or of its reply."""

    session: int
    version: int
    link: int
    features: int
    chunk: int
    k: int
    credit: int


Frame = Union[Signal, Chunk, Hole]


def signal(seed: int, code: bytes, transfer: int, position: int = 0, detail: bytes = b"",
           metadata_length: int = 0) -> bytes:
    covered = struct.pack("<3sBHHQ16s", code, VERSION, transfer, metadata_length, position, detail)
    return covered + struct.pack("<I", zlib.crc32(covered, seed if transfer else 0))


def chunk(seed: int, transfer: int, position: int, payload: bytes, is_metadata: bool = False) -> bytes:
    bits = len(payload) | is_metadata << 15
    covered = struct.pack("<BBHI", MARKER, transfer & 0xFF, bits, position & 0xFFFFFFFF)
    return covered + struct.pack("<I", zlib.crc32(payload, zlib.crc32(covered, seed))) + payload


def hole(seed: int, transfer: int, position: int, length: int) -> bytes:
    payload = struct.pack("<QQ", position, length)
    covered = struct.pack("<BBHI", MARKER, transfer & 0xFF, HOLE_BITS, position & 0xFFFFFFFF)
    return covered + struct.pack("<I", zlib.crc32(payload, zlib.crc32(covered, seed))) + payload


def hello(session: int, chunk_size: int = PAYLOAD, credit: int = 8192, version: int = VERSION, link: int = 0,
          features: int = 0, k: int = 0) -> bytes:
    return struct.pack("<IBBHHBxH2x", session, version, link, features, chunk_size, k, credit)


def read_hello(detail: bytes) -> Hello:
    return Hello(*struct.unpack("<IBBHHBxH2x", detail))


def ack(credit: int, count: int, blocks: int = 0) -> bytes:
    return struct.pack("<HH", credit, count) + blocks.to_bytes(12, "little")


def prefix(credit: int, count: int, digest: int) -> bytes:
    return struct.pack("<HHQ4x", credit | 0x8000, count, digest)


def done(count: int, digest: int = 0) -> bytes:
    return struct.pack("<H6xQ", count, digest)


def refusal(reason: int, session: int = 0) -> bytes:
    return struct.pack("<H2xI8x", reason, session)


def ask(count: int) -> bytes:
    return struct.pack("<H14x", count)


def offer(size: int, modified: int) -> bytes:
    return struct.pack("<Qq", size, modified)


def metadata_of(text: str, mode: Optional[int] = None, modified: Optional[int] = None) -> bytes:
    tags = b"" if mode is None else struct.pack("<BBI", 1, 4, mode)
    tags += b"" if modified is None else struct.pack("<BBq", 3, 8, modified)
    return text.encode() + (b"\0" + tags if tags else b"")


def metadata_with(tag: int, value: bytes, text: str = "") -> bytes:
    """A text and one tag."""
    return text.encode() + b"\0" + struct.pack("<BB", tag, len(value)) + value


def read_metadata(payload: bytes) -> Metadata:
    encoded, _, rest = payload.partition(b"\0")
    found = Metadata()
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            return Metadata(reason=BAD_PATH)
        tag, value, rest = rest[0], rest[2:2 + rest[1]], rest[2 + rest[1]:]
        if tag == 1 and len(value) == 4:
            found = found._replace(mode=int.from_bytes(value, "little"))
        elif tag == 3 and len(value) == 8:
            found = found._replace(modified=int.from_bytes(value, "little", signed=True))
        elif tag == 5:
            found = found._replace(hashes=found.hashes + value)
        elif tag == 0x80 and value:
            found = found._replace(operation=value)
        elif tag == 0x81 and len(value) in (2, 3):
            found = found._replace(options=value)
        elif tag == 0x82 and value:
            found = found._replace(patterns=found.patterns + 1)
        elif tag >= 0x80:
            found = found._replace(reason=UNSUPPORTED)
    try:
        return found._replace(text=encoded.decode())
    except UnicodeDecodeError:
        return Metadata(reason=BAD_PATH)


def is_sound(path: str) -> bool:
    """Whether R15 allows the path; it may be empty, or end in `/`."""
    # A name of a file system that is not UTF-8 has surrogates.
    if any("\ud800" <= c <= "\udfff" or unicodedata.category(c) == "Cc" for c in path):
        return False
    if path == "":
        return True
    names: List[str] = (path[:-1] if path.endswith("/") else path).split("/")
    fits = len(path.encode()) <= 960
    return fits and all(name not in ("", ".", "..") and len(name.encode()) <= 255 for name in names)


def is_after(n: int, m: int) -> bool:
    """Serial comparison of numbers of 16 bits (R25)."""
    return 1 <= (n - m & 0xFFFF) <= 0x7FFF
