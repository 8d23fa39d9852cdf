"""Streams of bytes: sockets and file descriptors."""
from __future__ import annotations

import errno
import os
import select
import socket
import sys
import time
from typing import Callable, List, Optional, Protocol, Tuple

from .errors import LinkError, Timeout

READ_SIZE = 1 << 16
# Less, so that the search for frames after damage stays short.
LOSSY_READ_SIZE = 4096
# How often a thread that waits looks whether another one has interrupted it, in seconds.
INTERRUPT_CHECK = 0.2
# A `write` gives up when for this number of seconds no byte was written and none has come.
WRITE_TIMEOUT = 60.0
# The most bytes that a `write` reads and keeps for `read`.
MOST_RECEIVED = 1 << 22
# Errors that say that the other end has closed the stream; EIO is that of a pseudo-terminal.
CLOSED = (errno.EIO, errno.EPIPE, errno.ECONNRESET)
AT_END = "the connection was closed"


class Link(Protocol):
    """A stream of bytes in both directions. Any object with these members can be passed to `Client`."""

    is_lossy: bool
    # The silence that ends an incomplete frame, in seconds.
    gap: float

    def read(self, timeout: float) -> Optional[bytes]:
        """The bytes that are there, at least one; `None` if none arrived in this number of seconds. Raises `LinkError`
        at the end of the stream."""

    def write(self, data: bytes) -> None:
        """Writes all of the data. Raises `Timeout` if the other end takes none of it for long."""

    def close(self) -> None:
        """Closes the stream."""


def wait_for(source: Optional[int], target: Optional[int], timeout: float) -> Tuple[bool, bool]:
    """Waits until `source` can be read or `target` written, or `timeout` seconds are over. Whether each of them can."""
    if sys.platform == "win32":
        readable, writable, _ = select.select([source] if source else [], [target] if target else [], [], timeout)
        return bool(readable), bool(writable)
    # Unlike `select`, it takes descriptors of any number.
    poll = select.poll()
    for descriptor in {source, target} - {None}:
        assert descriptor is not None
        poll.register(descriptor, select.POLLIN * (descriptor == source) | select.POLLOUT * (descriptor == target))
    ready = dict(poll.poll(timeout * 1000))
    # An error of the stream is reported by the call that follows.
    return (source is not None and bool(ready.get(source, 0) & ~select.POLLOUT),
            target is not None and bool(ready.get(target, 0) & ~select.POLLIN))


class Stream:
    """A socket, or one or two file descriptors."""

    def __init__(self, source: int, target: int, is_lossy: bool, gap: float, at_close: List[Callable[[], object]],
                 whole: Optional[socket.socket] = None, at_end: str = AT_END) -> None:
        self.is_lossy, self.gap = is_lossy, gap
        self._source, self._target, self._at_close, self._socket = source, target, at_close, whole
        self._at_end = at_end
        self._received = bytearray()
        self._is_closed = self._is_interrupted = False
        self._size = LOSSY_READ_SIZE if is_lossy else READ_SIZE

    @classmethod
    def of_socket(cls, connection: socket.socket, is_lossy: bool = False, gap: float = 0.02,
                  at_close: Optional[List[Callable[[], object]]] = None,
                  at_end: str = AT_END) -> Stream:
        """`at_end` is the message when the other end has closed it."""
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        number = connection.fileno()
        return cls(number, number, is_lossy, gap, [connection.close, *(at_close or [])], connection, at_end)

    @classmethod
    def of_files(cls, source: int, target: int, is_lossy: bool = False, gap: float = 0.02,
                 at_close: Optional[List[Callable[[], object]]] = None) -> Stream:
        blocking = [number for number in {source, target} if os.get_blocking(number)]
        for number in blocking:
            os.set_blocking(number, False)

        def restore() -> None:
            # The setting is that of the open file, which other processes may use too.
            for number in blocking:
                os.set_blocking(number, True)
        return cls(source, target, is_lossy, gap, [restore, *(at_close or [])])

    def read(self, timeout: float) -> Optional[bytes]:
        if not self._received:
            end = time.monotonic() + timeout
            while not self._receive():
                left = max(end - time.monotonic(), 0)
                if not wait_for(self._source, None, min(left, INTERRUPT_CHECK))[0] and left <= INTERRUPT_CHECK:
                    return None
        data = bytes(self._received)
        self._received.clear()
        return data

    def _receive(self) -> bool:
        """Reads the bytes that have come. Whether there were any."""
        if self._is_interrupted:
            raise LinkError("the link was closed here")
        try:
            data = self._socket.recv(self._size) if self._socket else os.read(self._source, self._size)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise self._failure("reading", error) from error
        if not data:
            raise LinkError(self._at_end)
        self._received += data
        return True

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        end = time.monotonic() + WRITE_TIMEOUT
        while left:
            try:
                sent = self._socket.send(left) if self._socket else os.write(self._target, left)
                left, end = left[sent:], time.monotonic() + WRITE_TIMEOUT
                continue
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                raise self._failure("writing", error) from error
            # The other end may wait until this end reads.
            source = self._source if len(self._received) < MOST_RECEIVED else None
            readable, _ = wait_for(source, self._target, INTERRUPT_CHECK)
            if self._is_interrupted:
                raise LinkError("the link was closed here")
            if readable and self._receive():
                end = time.monotonic() + WRITE_TIMEOUT
            elif time.monotonic() >= end:
                raise Timeout(f"the other end took no bytes and sent none for {WRITE_TIMEOUT:.0f} s")

    def _failure(self, action: str, error: OSError) -> LinkError:
        return LinkError(self._at_end if error.errno in CLOSED else f"{action} failed: {error.strerror or error}")

    def interrupt(self) -> None:
        """Ends a `read` or a `write` of another thread."""
        self._is_interrupted = True

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for action in self._at_close:
                action()
