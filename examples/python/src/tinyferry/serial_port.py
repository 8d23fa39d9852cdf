"""Serial ports: terminals of the system, and ports of pySerial."""
from __future__ import annotations

import atexit
import os
import sys
import time
from typing import Callable, Optional, Protocol

from .errors import LinkError
from .link import LOSSY_READ_SIZE, WRITE_TIMEOUT, Link, Stream

# A port that sends nothing for this number of seconds, as without CTS, is closed without its last bytes.
DRAIN_TIMEOUT = 2.0


class SerialObject(Protocol):
    """The members of `serial.Serial` that a `Port` uses."""

    timeout: Optional[float]
    write_timeout: Optional[float]

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int = 1) -> bytes: ...

    def write(self, data: bytes) -> Optional[int]: ...

    def close(self) -> None: ...


class Port:
    """An open port of pySerial. A write that has no time limit gets one."""

    def __init__(self, port: SerialObject, is_lossy: bool = True, gap: float = 0.02) -> None:
        self.is_lossy, self.gap, self._port = is_lossy, gap, port
        if port.write_timeout is None:
            port.write_timeout = WRITE_TIMEOUT

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


def drain(pending: Callable[[], int]) -> bool:
    """Waits until a port has sent its bytes, which `pending` counts. `False`: it stopped sending."""
    left, end = pending(), time.monotonic() + DRAIN_TIMEOUT
    while left and time.monotonic() < end:
        # No event tells of it, and `tcdrain` has no time limit.
        time.sleep(0.005)
        before, left = left, pending()
        if left < before:
            end = time.monotonic() + DRAIN_TIMEOUT
    return not left


def open_port(path: str, baud: int, is_lossy: bool, gap: float, hardware_flow: bool) -> Link:
    """Opens a serial port by its path: without pySerial, and on Windows with it."""
    if sys.platform != "win32":
        return _open_terminal(path, baud, is_lossy, gap, hardware_flow)
    try:
        import serial
    except ImportError:
        raise LinkError("a serial port of Windows needs pySerial: pip install pyserial") from None
    try:
        return Port(serial.Serial(path, baud, rtscts=hardware_flow), is_lossy, gap)
    except OSError as error:
        raise LinkError(f"the serial port {path!r} cannot be opened: {error}") from error


def _open_terminal(path: str, baud: int, is_lossy: bool, gap: float, hardware_flow: bool) -> Link:
    import fcntl
    import termios
    import tty
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise LinkError(f"the rate {baud} is not known here: open the port with pySerial, and pass it to Client()")
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
    # DTR stays on: without it the next opening would reset many boards.
    before[2] &= ~termios.HUPCL

    def restore() -> None:
        """Closes the port with the settings that it had."""
        atexit.unregister(restore)
        try:
            if drain(lambda: int.from_bytes(fcntl.ioctl(number, termios.TIOCOUTQ, bytes(4)), sys.byteorder)):
                termios.tcdrain(number)
            else:
                termios.tcflush(number, termios.TCOFLUSH)
            termios.tcsetattr(number, termios.TCSANOW, before)
        except (termios.error, OSError):
            pass  # The port was unplugged.
        os.close(number)

    # Also where a program ends without closing its client.
    atexit.register(restore)
    try:
        tty.setraw(number, termios.TCSANOW)
        settings = termios.tcgetattr(number)
        settings[2] |= termios.CLOCAL | termios.CREAD
        settings[2] = settings[2] | termios.CRTSCTS if hardware_flow else settings[2] & ~termios.CRTSCTS
        settings[4] = settings[5] = speed
        termios.tcsetattr(number, termios.TCSANOW, settings)
    except termios.error as error:
        restore()
        raise LinkError(f"the serial port {path!r} does not take its settings: {error.args[-1]}") from error
    return Stream.of_files(number, number, is_lossy, gap, [restore])
