"""The server: a directory for clients at a URL, in threads of its own."""
from __future__ import annotations

import errno
import os
import threading
from types import TracebackType
from typing import Callable, Dict, Optional, Tuple, Type, Union

from .endpoint import Listener
from .entries import Policy
from .errors import (BAD_PATH, IS_DIRECTORY, NO_FILES_RECEIVED, NO_FILES_SENT, NOT_ALLOWED, NOT_DIRECTORY, NOT_FOUND,
                     UNSUPPORTED, Error, Incomplete, LinkError, ProtocolError, Refused, Timeout, reason_of)
from .link import Link, Stream
from .offers import Offers
from .receiver import Receiver
from .session import FEATURES, NewSession, Session
from .store import Store
from .tree import Entry, Tree
from .upload import Progress
from .wire import Signal, is_sound, read_metadata

# Seconds without a frame after which a session looks whether the server was closed.
LOOK_AROUND = 0.5


class Options:
    """What a server allows. Raises `FileNotFoundError` or `NotADirectoryError` if `root` is no directory."""

    def __init__(self, root: str, *, read_only: bool = False, write_only: bool = False, allow_remove: bool = False,
                 allow_close: bool = False, links: bool = False, names: bool = True, features: int = FEATURES,
                 progress: Optional[Progress] = None, log: Optional[Callable[[str], None]] = None) -> None:
        if not os.path.isdir(root):
            number, kind = (errno.ENOTDIR, NotADirectoryError) if os.path.lexists(root) else (errno.ENOENT, FileNotFoundError)
            raise kind(number, "a server serves a directory, and this is none", root)
        self.root = os.path.abspath(root)
        self.read_only, self.write_only = read_only, write_only
        self.allow_remove, self.allow_close = allow_remove, allow_close
        self.links, self.names, self.features = links, names, features
        self.progress, self.log = progress, log or (lambda line: None)


class Connection:
    """Serves the clients of one link, one after another."""

    def __init__(self, link: Link, options: Options, is_over: Callable[[], bool] = lambda: False) -> None:
        self._session = Session(link, is_client=False, features=options.features)
        self._options, self._is_over = options, is_over

    def run(self) -> bool:
        """Serves until the link is closed. Whether a client has closed the server."""
        session, hello = self._session, None
        while not self._is_over():
            try:
                frame: object = hello
                if hello is None:
                    session.answer_hello = session.repeat_terms
                    frame = session.receive(LOOK_AROUND)
                hello = None
                if not isinstance(frame, Signal):
                    if frame is not None and not session.number and not session.is_lossy:
                        raise ProtocolError("the other end does not speak Tinyferry")
                elif frame.transfer == 0:
                    if frame.code == b"PIN" and frame.session:
                        session.accept(frame)
                    elif not session.number and not session.is_lossy:
                        raise ProtocolError("the other end does not speak Tinyferry")
                elif session.number and self._take(frame):
                    return True
            except NewSession as begun:
                hello = begun.signal
            except LinkError:
                raise
            except Incomplete as error:
                self._options.log(str(error))
            except Timeout as error:
                self._options.log(str(error))
                if not session.is_lossy:
                    raise
                # An entry that still comes must not be taken for a file of its own (R75).
                session.number = 0
            except Error as error:
                self._options.log(str(error))
                if not session.is_lossy:
                    raise
        return False

    def _take(self, frame: Signal) -> bool:
        """Takes a request. Whether the server was closed."""
        session, options, number = self._session, self._options, frame.transfer
        try:
            if frame.code in (b"SAF", b"SAR"):
                if options.read_only:
                    raise Refused(NO_FILES_RECEIVED)
                receiver = Receiver(session, Store(options.root), Policy(options.allow_remove, options.links),
                                    progress=options.progress)
                receiver.run(frame)
                for error in receiver.refused:
                    options.log(str(error))
            elif frame.code in (b"RAF", b"RAR"):
                self._send(frame)
            elif frame.code == b"CLS":
                if not options.allow_close:
                    raise Refused(NOT_ALLOWED)
                session.finish_close(number)
                return True
        except Refused as error:
            options.log(str(error))
            session.refuse(number, error.reason, error.message)
        except OSError as error:
            # Of the entry itself; those of a tree are reported one by one.
            options.log(f"{error.filename!r}: {error.strerror}")
            session.refuse(number, reason_of(error))
        return False

    def _send(self, frame: Signal) -> None:
        """Answers a request for a file or a tree."""
        session, options = self._session, self._options
        metadata = read_metadata(frame.metadata)
        is_tree, names_only = frame.code == b"RAR", bool(frame.detail[0] & 1)
        skip, depth, links = self._options_of(metadata.options or bytes(2))
        if options.write_only:
            raise Refused(NO_FILES_SENT)
        is_known = skip in (0, 1) and not (names_only and (skip or not options.names))
        if metadata.reason or metadata.patterns or links is None or not is_known:
            raise Refused(metadata.reason or UNSUPPORTED, metadata.text)
        if not is_sound(metadata.text) or metadata.text.endswith("/"):
            raise Refused(BAD_PATH, metadata.text)
        path = Store(options.root).resolve(metadata.text)
        if not os.path.lexists(path):
            raise Refused(NOT_FOUND, metadata.text)
        if os.path.isdir(path) != is_tree:
            raise Refused(NOT_DIRECTORY if is_tree else IS_DIRECTORY, metadata.text)
        session.forget_ending()
        session.next_transfer = frame.transfer
        offers = Offers(session, options.progress, names_only, links)
        try:
            if is_tree:
                offers.whole_tree(Tree(path, depth), metadata.text, update=skip == 1)
            else:
                offers.lone(Entry.at(path, metadata.text))
        except Refused as error:
            # The client knows.
            options.log(str(error))

    def _options_of(self, value: bytes) -> Tuple[int, int, Optional[Tuple[bool, bool]]]:
        """The options of a request: the files that are not offered, the number of levels, and the links that are sent;
        `None`: a flag is not known here (R88)."""
        skip, depth, flags = (*value, 0)[:3]
        is_known = flags == 0 or self._options.links and flags < 4
        return skip, depth, (bool(flags & 1), bool(flags & 2)) if is_known else None


class Server:
    """A server that runs in threads of its own. `serve` makes one."""

    def __init__(self, url: str, options: Options, insecure: bool = False) -> None:
        self._listener, self._options = Listener(url, insecure), options
        self._is_over, self._lock = threading.Event(), threading.Lock()
        # The links of clients, with their threads; the error that has ended the server.
        self._clients: Dict[Link, threading.Thread] = {}
        self._error: Optional[Exception] = None
        # Where clients reach it; with port 0 the port that the system chose.
        self.url = self._listener.url
        self._first = None if self._listener.is_shared else self._listener.accept()
        self._thread = threading.Thread(target=self._run, name="tinyferry server", daemon=True)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def wait(self) -> None:
        """Waits until a client has closed the server, or `close` was called. Raises the error that has ended the server:
        that of the link, if only one client can be connected."""
        self._is_over.wait()
        _join(self._thread)
        if self._error:
            raise self._error

    def close(self) -> None:
        """Ends the server, and waits for its threads. Transfers under way end, and can be resumed."""
        self._is_over.set()
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
        for link in clients:
            if isinstance(link, Stream):
                link.interrupt()
        _join(self._thread)
        # Clients that came meanwhile are not served.
        with self._lock:
            clients.update(self._clients)
        for thread in clients.values():
            _join(thread)

    def _run(self) -> None:
        try:
            if self._first:
                self._clients[self._first] = self._thread
                self._serve(self._first)
                return
            while not self._is_over.is_set():
                link = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=[link], name="tinyferry client", daemon=True)
                with self._lock:
                    self._clients[link] = thread
                thread.start()
        except LinkError as error:
            self._fail(error)
        except Exception as error:
            self._error = error
            raise
        finally:
            self._is_over.set()

    def _fail(self, error: Error) -> None:
        """Ends the server, unless it has ended."""
        if not self._is_over.is_set():
            self._options.log(str(error))
            self._error = error

    def _serve(self, link: Link) -> None:
        try:
            if Connection(link, self._options, self._is_over.is_set).run():
                self._is_over.set()
                self._listener.close()
        except Error as error:
            if self._first:
                self._fail(error)
            elif not isinstance(error, LinkError):
                self._options.log(str(error))
        finally:
            link.close()
            with self._lock:
                self._clients.pop(link, None)


def _join(thread: threading.Thread) -> None:
    """Waits for the end of a thread. A function of the caller may run in this very thread."""
    if thread is not threading.current_thread():
        thread.join()


def serve(url: str, root: Union[str, "os.PathLike[str]"], *, read_only: bool = False, write_only: bool = False,
          allow_remove: bool = False, allow_close: bool = False, links: bool = False, insecure: bool = False,
          progress: Optional[Progress] = None, log: Optional[Callable[[str], None]] = None) -> Server:
    """Serves a directory at a URL, `tcp://127.0.0.1:0` for a port that the system chooses, until the server is closed.

    Clients may put and get files, unless it is `read_only` or `write_only`. `allow_remove` lets them remove and rename,
    `allow_close` lets them end the server, `links` lets them make links. `progress` and `log` are called in threads of
    the server.

    An address that other machines can reach needs `insecure`, because each of them may do all that then: raises
    `ValueError` without it, or if the URL is wrong. Raises `NotADirectoryError` if `root` is no directory, and `LinkError`
    if the URL cannot be served."""
    options = Options(os.fspath(root), read_only=read_only, write_only=write_only, allow_remove=allow_remove,
                      allow_close=allow_close, links=links, progress=progress, log=log)
    return Server(url, options, insecure)
