"""Streams of bytes: sockets, file descriptors and ports of pySerial."""
from __future__ import annotations

import errno
import os
import select
import socket
import sys
import time
from typing import Callable, List, Optional, Protocol

from .errors import LinkError

READ_SIZE = 1 << 16
# Less, so that the search for frames after damage stays short.
LOSSY_READ_SIZE = 4096
# How often a thread that waits looks whether another one has interrupted it, in seconds.
INTERRUPT_CHECK = 0.2


class Link(Protocol):
    """A stream of bytes in both directions. Any object with these members can be passed to `Client`."""

    is_lossy: bool
    # The silence that ends an incomplete frame, in seconds.
    gap: float

    def read(self, timeout: float) -> Optional[bytes]:
        """The bytes that are there, at least one; `None` if none arrived in this number of seconds. Raises `LinkError`
        at the end of the stream."""

    def write(self, data: bytes) -> None:
        """Writes all of the data."""

    def close(self) -> None:
        """Closes the stream."""


class Stream:
    """A socket, or one or two file descriptors."""

    def __init__(self, source: int, target: int, is_lossy: bool, gap: float, at_close: List[Callable[[], object]],
                 whole: Optional[socket.socket] = None) -> None:
        self.is_lossy, self.gap = is_lossy, gap
        self._source, self._target, self._at_close, self._socket = source, target, at_close, whole
        self._received = bytearray()
        self._is_closed = self._is_interrupted = False
        self._size = LOSSY_READ_SIZE if is_lossy else READ_SIZE

    @classmethod
    def of_socket(cls, connection: socket.socket, is_lossy: bool = False, gap: float = 0.02,
                  at_close: Optional[List[Callable[[], object]]] = None) -> Stream:
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        number = connection.fileno()
        return cls(number, number, is_lossy, gap, [connection.close, *(at_close or [])], connection)

    @classmethod
    def of_files(cls, source: int, target: int, is_lossy: bool = False, gap: float = 0.02,
                 at_close: Optional[List[Callable[[], object]]] = None) -> Stream:
        for number in {source, target}:
            os.set_blocking(number, False)
        return cls(source, target, is_lossy, gap, at_close or [])

    def read(self, timeout: float) -> Optional[bytes]:
        if not self._received:
            end = time.monotonic() + timeout
            while not self._receive():
                left = max(end - time.monotonic(), 0)
                if not select.select([self._source], [], [], min(left, INTERRUPT_CHECK))[0] and left <= INTERRUPT_CHECK:
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
            # The other end of a pseudo-terminal was closed.
            text = "the connection was closed" if error.errno == errno.EIO else f"reading failed: {error.strerror}"
            raise LinkError(text) from error
        if not data:
            raise LinkError("the connection was closed")
        self._received += data
        return True

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                sent = self._socket.send(left) if self._socket else os.write(self._target, left)
                left = left[sent:]
                continue
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                raise LinkError(f"writing failed: {error.strerror or error}") from error
            # The other end may wait until this end reads.
            readable, _, _ = select.select([self._source], [self._target], [], INTERRUPT_CHECK)
            if self._is_interrupted:
                raise LinkError("the link was closed here")
            if readable and len(self._received) < 1 << 22:
                self._receive()
            elif readable:
                time.sleep(0.001)

    def interrupt(self) -> None:
        """Ends a `read` or a `write` of another thread."""
        self._is_interrupted = True

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for action in self._at_close:
                action()


class SerialObject(Protocol):
    """What is used of `serial.Serial`."""

    timeout: Optional[float]

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int = 1) -> bytes: ...

    def write(self, data: bytes) -> Optional[int]: ...

    def close(self) -> None: ...


class Port:
    """An open port of pySerial."""

    def __init__(self, port: SerialObject, is_lossy: bool = True, gap: float = 0.02) -> None:
        self.is_lossy, self.gap, self._port = is_lossy, gap, port

    def read(self, timeout: float) -> Optional[bytes]:
        try:
            self._port.timeout = timeout
            first = self._port.read(1)
            if not first:
                return None
            return first + self._port.read(min(self._port.in_waiting, LOSSY_READ_SIZE))
        except OSError as error:
            raise LinkError(f"reading of the serial port failed: {error}") from error

    def write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise LinkError(f"writing to the serial port failed: {error}") from error

    def close(self) -> None:
        self._port.close()


def open_terminal(path: str, baud: int, is_lossy: bool, gap: float, hardware_flow: bool) -> Link:
    """Opens a serial port without pySerial; on Windows with it."""
    if sys.platform == "win32":
        try:
            import serial
        except ImportError:
            raise LinkError("a serial port of Windows needs pySerial: pip install pyserial") from None
        return Port(serial.Serial(path, baud, rtscts=hardware_flow), is_lossy, gap)
    import fcntl
    import termios
    import tty
    try:
        number = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError as error:
        raise LinkError(f"the serial port {path!r} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        before = termios.tcgetattr(number)
    except BlockingIOError:
        os.close(number)
        raise LinkError(f"another program uses the serial port {path!r}") from None
    except termios.error:
        os.close(number)
        raise LinkError(f"{path!r} is not a serial port") from None
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        os.close(number)
        raise LinkError(f"the rate {baud} is not known here: open the port with pySerial, and pass it to connect()")
    tty.setraw(number, termios.TCSANOW)
    settings = termios.tcgetattr(number)
    settings[2] |= termios.CLOCAL | termios.CREAD
    settings[2] = settings[2] | termios.CRTSCTS if hardware_flow else settings[2] & ~termios.CRTSCTS
    settings[4] = settings[5] = speed
    termios.tcsetattr(number, termios.TCSANOW, settings)

    def restore() -> None:
        try:
            termios.tcdrain(number)
            # DTR stays on: without it the next opening would reset many boards.
            before[2] &= ~termios.HUPCL
            termios.tcsetattr(number, termios.TCSANOW, before)
        except termios.error:
            pass  # The port was unplugged.
        os.close(number)

    return Stream.of_files(number, number, is_lossy, gap, [restore])
