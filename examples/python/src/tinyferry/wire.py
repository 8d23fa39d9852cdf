"""Frames, checks and metadata, written from core/PROTOCOL.md alone, sections 2 to 5."""
import select
import socket
import struct
import unicodedata
import zlib
from collections import namedtuple

VERSION, PAYLOAD, MARKER, CREDIT = 1, 1024, 0xFA, 8192
HOLES, HOLE_BITS = 2, 0x0810
UNKNOWN, NO_TIME = 2**64 - 1, -(2**63)
BAD_PATH, UNSUPPORTED = 8, 20

Signal = namedtuple("Signal", "code transfer position detail text mode modified operation index reason")
Chunk = namedtuple("Chunk", "low position payload")
Hole = namedtuple("Hole", "low position length")


class Failed(Exception):
    """The work cannot go on; the text is for a person."""

def _table64():
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
        yield value


TABLE64 = tuple(_table64())


def crc64(data, start=0):
    """CRC-64/NVME of `data`, continued from the digest `start`."""
    crc = ~start & UNKNOWN
    for byte in data:
        crc = crc >> 8 ^ TABLE64[(crc ^ byte) & 0xFF]
    return ~crc & UNKNOWN


def _times(a, b):
    """The product of two reflected polynomials, modulo that of the CRC-64."""
    product = 0
    for bit in range(63, -1, -1):
        product ^= b if a >> bit & 1 else 0
        b = b >> 1 ^ (0x9A6C9329AC4BC9B5 if b & 1 else 0)
    return product


def crc64_zeros(count, start=0):
    """CRC-64/NVME of `count` zeros, continued from the digest `start`: each multiplies the state by x^8."""
    crc, factor = ~start & UNKNOWN, 1 << 55
    while count:
        crc = _times(crc, factor) if count & 1 else crc
        factor, count = _times(factor, factor), count >> 1
    return ~crc & UNKNOWN


def signal(seed, code, transfer, position=0, detail=b"", metadata_length=0):
    covered = struct.pack("<3sBHHQ16s", code, VERSION, transfer, metadata_length, position, detail)
    return covered + struct.pack("<I", zlib.crc32(covered, seed if transfer else 0))


def chunk(seed, transfer, position, payload, is_metadata=False):
    bits = len(payload) | is_metadata << 15
    covered = struct.pack("<BBHI", MARKER, transfer & 0xFF, bits, position & 0xFFFFFFFF)
    return covered + struct.pack("<I", zlib.crc32(payload, zlib.crc32(covered, seed))) + payload


def hole(seed, transfer, position, length):
    payload = struct.pack("<QQ", position, length)
    covered = struct.pack("<BBHI", MARKER, transfer & 0xFF, HOLE_BITS, position & 0xFFFFFFFF)
    return covered + struct.pack("<I", zlib.crc32(payload, zlib.crc32(covered, seed))) + payload


def hello(session, chunk_size=PAYLOAD, credit=CREDIT, version=VERSION, link=0, features=0, k=0):
    return struct.pack("<IBBHHBxH2x", session, version, link, features, chunk_size, k, credit)


def ack(credit, count, blocks=0):
    return struct.pack("<HH", credit, count) + blocks.to_bytes(12, "little")


def prefix(credit, count, digest):
    return struct.pack("<HHQ4x", credit | 0x8000, count, digest)


def done(count, digest=0):
    return struct.pack("<H6xQ", count, digest)


def refusal(reason, session=0):
    return struct.pack("<H2xI8x", reason, session)


def metadata_of(text, mode=None, modified=None):
    tags = b"" if mode is None else struct.pack("<BBI", 1, 4, mode)
    tags += b"" if modified is None else struct.pack("<BBq", 3, 8, modified)
    return text.encode() + (b"\0" + tags if tags else b"")


def metadata_with(tag, value, text=""):
    """A text and one tag."""
    return text.encode() + b"\0" + struct.pack("<BB", tag, len(value)) + value


def parse_metadata(payload):
    """Text, mode, time of a tree, operation, index, and the reason to refuse it all."""
    text, _, rest = payload.partition(b"\0")
    mode, modified, operation, index, reason = None, None, None, b"", None
    while rest:
        if len(rest) < 2 or len(rest) < 2 + rest[1]:
            return "", None, None, None, b"", BAD_PATH
        tag, value, rest = rest[0], rest[2:2 + rest[1]], rest[2 + rest[1]:]
        if tag == 1 and len(value) == 4:
            mode = int.from_bytes(value, "little")
        if tag == 3 and len(value) == 8:
            modified = int.from_bytes(value, "little", signed=True)
        if tag == 5:
            index += value
        if tag == 0x80 and value:
            operation = value
        elif tag >= 0x80:
            reason = UNSUPPORTED
    try:
        return text.decode(), mode, modified, operation, index, reason
    except UnicodeDecodeError:
        return "", None, None, None, b"", BAD_PATH


def is_sound(path):
    # A name of a file system that is not UTF-8 has surrogates in it.
    if any("\ud800" <= c <= "\udfff" for c in path):
        return False
    return path == "" or (
        len(path.encode()) <= 960
        and not any(unicodedata.category(c) == "Cc" for c in path)
        and all(name not in ("", ".", "..") and len(name.encode()) <= 255
                for name in path.removesuffix("/").split("/")))


class Wire:
    """Frames over one connection."""

    def __init__(self, connection):
        self.connection, self.out, self.into, self.has_holes = connection, 0, 0, False
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def agree(self, session, is_client, chunk_size, credit, features=0):
        self.has_holes = bool(features & HOLES)
        inverse = ~session & 0xFFFFFFFF
        self.out, self.into = (session, inverse) if is_client else (inverse, session)
        self.chunk, self.credit = min(chunk_size, PAYLOAD) & ~0xFF, min(credit, 0x7FFF)

    def send(self, code, transfer, position=0, detail=b"", metadata=b""):
        frame = signal(self.out, code, transfer, position, detail, len(metadata))
        if metadata:
            frame += chunk(self.out if transfer else 0, transfer, 0, metadata, True)
        self.connection.sendall(frame)

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.connection.recv(size - len(data))
            if not more:
                raise Failed("the connection was closed in the middle") if data else EOFError
            data += more
        return data

    def _chunk(self, head, seed):
        _, low, bits, position, crc = struct.unpack("<BBHII", head)
        is_hole = self.has_holes and bits == HOLE_BITS
        if not is_hole and (bits & 0x7800 or not 1 <= bits & 0x7FF <= PAYLOAD):
            raise Failed("a chunk of an impossible length arrived")
        payload = self._read(bits & 0x7FF)
        if zlib.crc32(payload, zlib.crc32(head[:8], seed)) != crc:
            raise Failed("a damaged chunk arrived")
        if is_hole:
            start, length = struct.unpack("<QQ", payload)
            if start & 0xFFFFFFFF != position:
                raise Failed("a hole with two positions arrived")
            return Hole(low, start, length)
        return Chunk(low, position, payload)

    def receive(self):
        """The next signal with its metadata, or the next chunk of a file."""
        head = self._read(12)
        if head[0] == MARKER:
            return self._chunk(head, self.into)
        frame = head + self._read(24)
        code, version, transfer, metadata_length, position, detail, crc = struct.unpack("<3sBHHQ16sI", frame)
        seed = self.into if transfer else 0
        if zlib.crc32(frame[:32], seed) != crc or (transfer and version != VERSION):
            raise Failed("a damaged signal arrived, or the other end does not speak Tinyferry")
        text, mode, modified, operation, index, reason = "", None, None, None, b"", None
        if metadata_length:
            payload = self._chunk(self._read(12), seed).payload
            text, mode, modified, operation, index, reason = parse_metadata(payload)
        text = ".." if reason else text
        return Signal(code, transfer, position, detail, text, mode, modified, operation, index, reason)

    def is_waiting(self):
        return bool(select.select([self.connection], [], [], 0)[0])
