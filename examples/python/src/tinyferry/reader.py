"""The frame reader (section 6.5). It does no I/O: bytes go in by `feed`, frames come out of `next`."""
from __future__ import annotations

import struct
import zlib
from typing import Callable, Optional, Tuple

from .errors import ProtocolError
from .wire import CODES, HEADER_LENGTH, HOLE_BITS, MARKER, PAYLOAD, SIGNAL_LENGTH, VERSION, Chunk, Frame, Hole, Signal

FIRST_LETTERS = b"CSRDEP"
# The number of bytes to wait for, the frame, and its length.
Parsed = Tuple[int, Optional[Frame], int]
NO_FRAME: Parsed = (0, None, 0)


def expects_nothing(low: int, position: int, length: int) -> bool:
    return False


def expects_everything(low: int, position: int, length: int) -> bool:
    return True


class Reader:
    """Finds frames in a stream of bytes.

    `seed` is that of the received frames, once the handshake is complete. `expects` says whether a chunk with this low
    byte, these 32 bits of position and this length is plausible (R70)."""

    def __init__(self, is_lossy: bool) -> None:
        self.is_lossy = is_lossy
        self.seed: Optional[int] = None
        self.has_holes = False
        self.awaits_reply = False
        self.expects: Callable[[int, int, int], bool] = expects_nothing
        self._buffer = bytearray()
        # A signal whose metadata has not arrived, and the length of that.
        self._announced: Optional[Tuple[Signal, int]] = None
        # The length of the metadata that the last parsed signal announces.
        self._announced_length = 0
        self._is_resyncing = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def is_incomplete(self) -> bool:
        """Whether a silence would change something: a part of a frame is in the buffer, or bytes were dropped."""
        return bool(self._buffer) or self._announced is not None or self._is_resyncing

    @property
    def has_part(self) -> bool:
        """Whether a part of a frame is in the buffer."""
        return bool(self._buffer) or self._announced is not None

    @property
    def awaits_metadata(self) -> bool:
        """Whether a signal is there whose metadata has not arrived."""
        return self._announced is not None

    def next(self, is_silent: bool = False) -> Optional[Frame]:
        """The next frame; `None`: more bytes are needed. After a silence an incomplete frame is damaged (R71)."""
        while True:
            if self._announced:
                announced, is_waiting = self._metadata(is_silent)
                if announced or is_waiting:
                    return announced
            if not self._buffer:
                self._is_resyncing = self._is_resyncing and not is_silent
                return None
            need, frame, length = self._parse()
            if frame or length:
                del self._buffer[:length]
                if frame and self._is_valid(frame):
                    if self._announced_length and isinstance(frame, Signal):
                        self._announced = frame, self._announced_length
                        continue
                    return frame
                continue
            if need and not is_silent:
                return None
            if not self.is_lossy:
                raise ProtocolError("a damaged frame arrived, or the other end does not speak Tinyferry")
            del self._buffer[:1]
            self._is_resyncing = bool(self._buffer) or not is_silent

    def _is_valid(self, frame: Frame) -> bool:
        """Clears or applies the mark of dropped bytes (R72)."""
        on_session = isinstance(frame, Signal) and frame.transfer == 0
        was_resyncing = self._is_resyncing
        self._is_resyncing = was_resyncing and on_session
        if not (self.is_lossy and on_session and was_resyncing and self.seed is not None):
            return True
        return self.awaits_reply and isinstance(frame, Signal) and frame.code == b"PON"

    def _parse(self) -> Parsed:
        buffer = self._buffer
        if buffer[0] == MARKER:
            return self._parse_chunk()
        if buffer[0] not in FIRST_LETTERS:
            return NO_FRAME
        if len(buffer) < 3:
            return 3, None, 0
        if bytes(buffer[:3]) not in CODES:
            return NO_FRAME
        if len(buffer) < SIGNAL_LENGTH:
            return SIGNAL_LENGTH, None, 0
        frame = bytes(buffer[:SIGNAL_LENGTH])
        code, version, transfer, length, position, detail, crc = struct.unpack("<3sBHHQ16sI", frame)
        seed = self.seed if transfer else 0
        is_allowed = length <= PAYLOAD and (version == VERSION if transfer else code in (b"PIN", b"PON", b"ERR"))
        if seed is None or not is_allowed or zlib.crc32(frame[:32], seed) != crc:
            return NO_FRAME
        self._announced_length = length
        return 0, Signal(code, transfer, position, detail), SIGNAL_LENGTH

    def _parse_chunk(self) -> Parsed:
        buffer, seed = self._buffer, self.seed
        if seed is None:
            return NO_FRAME
        if len(buffer) < HEADER_LENGTH:
            return HEADER_LENGTH, None, 0
        _, low, bits, position, crc = struct.unpack_from("<BBHII", buffer)
        is_hole = self.has_holes and bits == HOLE_BITS
        length = bits & 0x7FF
        if not is_hole and (bits & 0x7800 or not 1 <= length <= PAYLOAD):
            return NO_FRAME
        is_expected = not bits & 0x8000 and self.expects(low, position, length)
        if self.is_lossy and not is_expected:
            return NO_FRAME
        whole = HEADER_LENGTH + length
        if len(buffer) < whole:
            return whole, None, 0
        if not is_expected:
            # It is on its way since before a refusal (R11).
            return 0, None, whole
        payload = bytes(buffer[HEADER_LENGTH:whole])
        if zlib.crc32(payload, zlib.crc32(buffer[:8], seed)) != crc:
            return NO_FRAME
        self._announced_length = 0
        if not is_hole:
            return 0, Chunk(low, position, payload), whole
        start, zeros = struct.unpack("<QQ", payload)
        return (0, Hole(low, start, zeros), whole) if start & 0xFFFFFFFF == position else NO_FRAME

    def _metadata(self, is_silent: bool) -> Tuple[Optional[Signal], bool]:
        """The announced signal with its metadata, and whether to wait for bytes."""
        assert self._announced
        (announced, length), buffer = self._announced, self._buffer
        expected = struct.pack("<BBHI", MARKER, announced.transfer & 0xFF, length | 0x8000, 0)
        front, whole = bytes(buffer[:8]), HEADER_LENGTH + length
        if expected.startswith(front) and len(buffer) < whole and not is_silent:
            return None, True
        self._announced = None
        payload = bytes(buffer[HEADER_LENGTH:whole])
        seed = self.seed if announced.transfer else 0
        if front == expected and len(buffer) >= whole and seed is not None:
            if zlib.crc32(payload, zlib.crc32(front, seed)) == int.from_bytes(buffer[8:12], "little"):
                del buffer[:whole]
                return announced._replace(metadata=payload), False
        if not self.is_lossy:
            raise ProtocolError("a damaged frame arrived: the metadata of a signal is missing")
        # Without its message an `ERR` is valid; any other signal is dropped (R13).
        return (announced if announced.code == b"ERR" else None), False
