"""URLs of the other end, the same as those of the program."""
from __future__ import annotations

import errno
import ipaddress
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Callable, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from .errors import LinkError
from .link import Link, Stream
from .serial_port import open_port
from .trace import LOG

SCHEMES = "tcp://HOST:PORT, tcp://HOST:PORT?lossy=true, unix:///PATH, serial:///dev/NAME?baud=N or exec:COMMAND"
DEFAULT_PORT = 8080
# Errors of `accept` that pass: the client has gone, or the system has no descriptor or memory for it at the moment.
PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED)
PAUSE = 0.1


class Endpoint(NamedTuple):
    """The parts of a URL."""

    scheme: str
    host: str
    port: int
    path: str
    is_lossy: bool
    gap: float
    baud: int
    hardware_flow: bool


def parse(url: str) -> Endpoint:
    """Raises `ValueError` with the reason."""
    scheme, _, rest = url.partition(":")
    if scheme == "exec":
        if not rest:
            raise ValueError("exec: has no command")
        return Endpoint(scheme, "", 0, rest, False, 0.02, 0, False)
    if scheme not in ("tcp", "unix", "serial") or not rest.startswith("//"):
        raise ValueError(f"{url!r} is not a URL that is supported: use {SCHEMES}")
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = {"tcp": {"lossy", "gap"}, "unix": set(), "serial": {"baud", "flow", "lossy", "gap"}}[scheme]
    for name in given.keys() - known:
        raise ValueError(f"{url!r}: {scheme}:// has no setting {name!r}")
    lossy = given.get("lossy", "true" if scheme == "serial" else "false")
    flow, gap = given.get("flow", "none"), given.get("gap", "20ms")
    if lossy not in ("true", "false"):
        raise ValueError(f"{url!r}: lossy is true or false")
    if flow not in ("none", "hardware"):
        raise ValueError(f"{url!r}: flow is none or hardware")
    if not gap.endswith("ms") or not gap[:-2].isdigit() or not 20 <= int(gap[:-2]) <= 500:
        raise ValueError(f"{url!r}: gap is 20ms to 500ms")
    if not given.get("baud", "115200").isdigit():
        raise ValueError(f"{url!r}: baud is a number")
    # A port of Windows, serial://COM3, is in the place of the host.
    path = unquote(parts.path) or (parts.netloc if scheme == "serial" else "")
    if scheme != "tcp" and not path:
        raise ValueError(f"{url!r} has no path")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{url!r}: a port is a number from 0 to 65535") from None
    return Endpoint(scheme, parts.hostname or "127.0.0.1", DEFAULT_PORT if port is None else port, path,
                    lossy == "true", int(gap[:-2]) / 1000, int(given.get("baud", "115200")), flow == "hardware")


def _end(process: subprocess.Popen[bytes]) -> Callable[[], object]:
    def end() -> None:
        # The end of its input ends the command; one that does not end is killed with all that it started.
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            if sys.platform != "win32":
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
    return end


def _start(command: str) -> Link:
    if not hasattr(socket, "AF_UNIX"):
        raise LinkError("exec: is not supported on this system: use tcp://")
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(command, shell=True, stdin=theirs.fileno(), stdout=theirs.fileno(),
                                   start_new_session=True)
    except (OSError, ValueError) as error:
        ours.close()
        raise LinkError(f"the command {command!r} cannot be started: {error}") from error
    finally:
        theirs.close()
    at_end = f"the command {command!r} has closed its output: it must run a server, as tinyferry serve --stdio DIR"
    return Stream.of_socket(ours, at_close=[_end(process)], at_end=at_end)


def open_link(url: str, timeout: float) -> Link:
    """Connects to the other end. Raises `ValueError` if the URL is wrong, and `LinkError` if it cannot be reached."""
    endpoint = parse(url)
    LOG.debug("connecting to %s", url)
    if endpoint.scheme == "exec":
        return _start(endpoint.path)
    if endpoint.scheme == "serial":
        return open_port(endpoint.path, endpoint.baud, endpoint.is_lossy, endpoint.gap, endpoint.hardware_flow)
    try:
        if endpoint.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(timeout)
                connection.connect(endpoint.path)
            except OSError:
                connection.close()
                raise
        else:
            connection = socket.create_connection((endpoint.host, endpoint.port), timeout)
    except OSError as error:
        raise LinkError(f"{url} cannot be reached: {error.strerror or error}") from error
    return Stream.of_socket(connection, endpoint.is_lossy, endpoint.gap)


def _bind_path(path: str) -> socket.socket:
    """Listens at a path, also if a server that has ended left its socket there."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            bound.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not stat.S_ISSOCK(os.lstat(path).st_mode):
                raise
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
                if trial.connect_ex(path) != errno.ECONNREFUSED:
                    raise
            os.unlink(path)
            bound.bind(path)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


class Listener:
    """Waits for clients at a URL. A serial port has one link, which is open as long as the listener. `insecure` allows
    addresses that other machines can reach."""

    def __init__(self, url: str, insecure: bool = False) -> None:
        self.endpoint = endpoint = parse(url)
        self.url, self._is_closed = url, False
        # Whether several clients can be connected at a time.
        self.is_shared = endpoint.scheme in ("tcp", "unix")
        if not self.is_shared:
            return
        try:
            if endpoint.scheme == "unix":
                self._socket = _bind_path(endpoint.path)
            else:
                self._bind(endpoint, insecure)
        except OSError as error:
            raise LinkError(f"{url} cannot be served: {error.strerror or error}") from error

    def _bind(self, endpoint: Endpoint, insecure: bool) -> None:
        """Listens at the first address of the host."""
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        host = str(address[0])
        if not (insecure or ipaddress.ip_address(host.partition("%")[0]).is_loopback):
            raise ValueError(f"{self.url}: other machines can reach this address, and this package has no encryption and "
                             "no keys: serve at 127.0.0.1, or allow each of them to read and write by insecure=True")
        self._socket = socket.create_server(address[:2], family=family)
        name = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        self.url = f"tcp://{name}:{self._socket.getsockname()[1]}" + "?lossy=true" * endpoint.is_lossy

    def accept(self) -> Link:
        """Waits for the next client."""
        if not self.is_shared:
            return open_link(self.url, 10)
        while True:
            try:
                connection, address = self._socket.accept()
                LOG.debug("a client has connected from %s", address)
                return Stream.of_socket(connection, self.endpoint.is_lossy, self.endpoint.gap)
            except OSError as error:
                if self._is_closed:
                    raise LinkError("the server was closed") from None
                if error.errno not in PASSING:
                    raise LinkError(f"{self.url} takes no more clients: {error.strerror or error}") from error
                time.sleep(PAUSE)

    def close(self) -> None:
        if not self.is_shared or self._is_closed:
            return
        self._is_closed = True
        try:
            # Ends `accept` in another thread.
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        if self.endpoint.scheme == "unix":
            try:
                os.unlink(self.endpoint.path)
            except FileNotFoundError:
                pass
