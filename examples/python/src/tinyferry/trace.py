"""The frames of both ends in the log: the logger `tinyferry` of `logging`, at the level DEBUG."""
from __future__ import annotations

import logging
import struct

from .wire import HEADER_LENGTH, MARKER, SIGNAL_LENGTH, Chunk, Frame, Hole, Signal

LOG = logging.getLogger("tinyferry")


def sent(frame: bytes) -> None:
    """A frame was sent, a signal with its metadata."""
    if not LOG.isEnabledFor(logging.DEBUG):
        return
    if frame[0] == MARKER:
        _, low, bits, position = struct.unpack_from("<BBHI", frame)
        LOG.debug("> chunk of transfer %d at %d, %d bytes", low, position, bits & 0x7FF)
        return
    code, _, transfer, length, position = struct.unpack_from("<3sBHHQ", frame)
    metadata = frame[SIGNAL_LENGTH + HEADER_LENGTH:] if length else b""
    LOG.debug("> %s %d at %d %s", code.decode(), transfer, position, _text(metadata))


def received(frame: Frame) -> None:
    """A frame was received."""
    if not LOG.isEnabledFor(logging.DEBUG):
        return
    if isinstance(frame, Signal):
        LOG.debug("< %s %d at %d %s", frame.code.decode(), frame.transfer, frame.position, _text(frame.metadata))
    elif isinstance(frame, Hole):
        LOG.debug("< hole of transfer %d at %d, %d bytes", frame.low, frame.position, frame.length)
    elif isinstance(frame, Chunk):
        LOG.debug("< chunk of transfer %d at %d, %d bytes", frame.low, frame.position, len(frame.payload))


def _text(metadata: bytes) -> str:
    """The path or the message at the beginning of metadata."""
    text = metadata.partition(b"\0")[0].decode(errors="replace")
    return repr(text) if text else ""
