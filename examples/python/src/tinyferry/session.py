"""One session over a link: its handshake, its frames in both directions, its clocks and its last answer."""
from __future__ import annotations

import os
import time
from collections import deque
from typing import Callable, Deque, Optional, Tuple

from . import trace
from .clock import LOSSY_TIMEOUT, RELIABLE_TIMEOUT, Clock, Wait
from .errors import UNSUPPORTED, VERSION_DIFFERS, LinkError, ProtocolError, Refused, Timeout
from .link import Link
from .reader import Reader, expects_nothing
from .wire import (HALF_DUPLEX, HOLES, LOSSY, PAYLOAD, VERSION, Frame, Hello, Signal, chunk, done, hello, read_hello,
                   refusal, signal)

RELIABLE_CREDIT, LOSSY_CREDIT = 8192, 128
LONGEST_GAP = 0.5
FEATURES = HOLES


class NewSession(Exception):
    """A client has begun another session. The request under way has ended."""

    def __init__(self, signal: Signal) -> None:
        super().__init__()
        self.signal = signal


class Session:
    """The state that both halves of an exchange share."""

    def __init__(self, link: Link, is_client: bool, features: int = FEATURES) -> None:
        self.link, self.is_client, self.own_features = link, is_client, features
        self.is_lossy = link.is_lossy
        self.reader = Reader(link.is_lossy)
        self.number, self.next_transfer = 0, 1
        self.chunk, self.block, self.credit, self.is_half_duplex, self.has_holes = PAYLOAD, 256, 0, False, False
        self._terms = b""
        self._seed = 0
        self._unread: Deque[Frame] = deque()
        self._ending: Optional[Tuple[int, bytes]] = None
        self._gap, self._quiet, self._frame_gap = link.gap, 0.0, 0.0
        self.clock = Clock()
        # What a server does with a hello of the present session.
        self.answer_hello: Callable[[], None] = self.repeat_terms

    @property
    def own_credit(self) -> int:
        return LOSSY_CREDIT if self.is_lossy else RELIABLE_CREDIT

    @property
    def transfer_timeout(self) -> float:
        return LOSSY_TIMEOUT if self.is_lossy else RELIABLE_TIMEOUT

    # Frames out.

    def frame(self, code: bytes, transfer: int, position: int = 0, detail: bytes = b"", metadata: bytes = b"") -> bytes:
        made = signal(self._seed, code, transfer, position, detail, len(metadata))
        if metadata:
            made += chunk(self._seed if transfer else 0, transfer, 0, metadata, True)
        return made

    def write(self, frame: bytes) -> None:
        trace.sent(frame)
        self.link.write(frame)

    def send(self, code: bytes, transfer: int, position: int = 0, detail: bytes = b"", metadata: bytes = b"") -> None:
        self.write(self.frame(code, transfer, position, detail, metadata))

    def chunk_frame(self, transfer: int, position: int, payload: bytes) -> bytes:
        return chunk(self._seed, transfer, position, payload)

    def end(self, code: bytes, transfer: int, position: int = 0, detail: bytes = b"", metadata: bytes = b"") -> None:
        """Sends an ending of this end. On a lossy link it is repeated for each question about it (R26)."""
        frame = self.frame(code, transfer, position, detail, metadata)
        self._ending = (transfer, frame) if self.is_lossy else None
        self.write(frame)

    def refuse(self, transfer: int, reason: int, message: str = "") -> None:
        text = message.encode()[:PAYLOAD].decode(errors="ignore").replace("\0", "")
        self.end(b"ERR", transfer, 0, refusal(reason), text.encode())

    def forget_ending(self) -> None:
        self._ending = None

    # Frames in.

    def unread(self, frame: Frame) -> None:
        """Returns a frame that the next `receive` yields."""
        self._unread.appendleft(frame)

    def receive(self, timeout: float) -> Optional[Frame]:
        """The next frame of the exchange; `None`: none came within `timeout` seconds. Repeats the last ending, and
        answers the hellos of the session."""
        end = time.monotonic() + timeout
        while True:
            if self._unread:
                return self._unread.popleft()
            frame = self._next(max(end - time.monotonic(), 0.0))
            if frame is None:
                return None
            if isinstance(frame, Signal) and (frame.transfer == 0 and self.number or self._is_repeated(frame)):
                self._answer(frame)
                continue
            return frame

    def _is_repeated(self, frame: Signal) -> bool:
        return self._ending is not None and frame.transfer == self._ending[0] and frame.code != b"PON"

    def _answer(self, frame: Signal) -> None:
        if frame.transfer and self._ending:
            self.write(self._ending[1])
        elif self.is_client:
            if frame.code == b"PON" and frame.session == self.number and self.reader.awaits_reply:
                self._unread.append(frame)
            elif frame.code == b"ERR" and int.from_bytes(frame.detail[4:8], "little") == self.number:
                raise Refused(frame.reason, "", frame.message)
        elif frame.code == b"PIN" and frame.session:
            if frame.session != self.number:
                raise NewSession(frame)
            self.answer_hello()

    def _next(self, timeout: float) -> Optional[Frame]:
        """The next frame of the reader, or `None` after a time."""
        end = time.monotonic() + timeout
        while True:
            frame = self.reader.next()
            if frame is not None:
                self._learn_gap()
                trace.received(frame)
                return frame
            left = max(end - time.monotonic(), 0.0)
            if timeout and self.is_lossy and self.reader.awaits_metadata:
                # The signal of an answer is there: its question is not repeated before a silence (R73).
                left = max(left, self._gap)
            waits_for_silence = self.is_lossy and self.reader.is_incomplete
            wait = min(left, max(self._gap - self._quiet, 0.001)) if waits_for_silence else left
            begun = time.monotonic()
            data = self.link.read(wait)
            waited = time.monotonic() - begun
            if data is not None:
                if self.reader.has_part:
                    self._frame_gap = max(self._frame_gap, self._quiet + waited)
                self._quiet = 0.0
                self.reader.feed(data)
                continue
            self._quiet += waited
            if waits_for_silence and self._quiet >= self._gap:
                had_part, self._quiet = self.reader.has_part, 0.0
                frame = self.reader.next(is_silent=True)
                if frame is not None:
                    trace.received(frame)
                    return frame
                if had_part:
                    # The rest may come later than the silence allows: the silence grows (R71).
                    self._gap = min(self._gap * 1.5, LONGEST_GAP)
            if time.monotonic() >= end and not (timeout and self.is_lossy and self.reader.awaits_metadata):
                return None

    def _learn_gap(self) -> None:
        longer, least = min(2 * self._frame_gap, LONGEST_GAP), self.link.gap
        self._gap = longer if longer > self._gap else self._gap - (self._gap - least) / 64
        self._frame_gap = 0.0

    # The handshake.

    def connect(self, timeout: float) -> None:
        """Begins a session as its client (R18 to R21)."""
        self.number = 0
        number = int.from_bytes(os.urandom(8), "little") % (2**32 - 1) + 1
        link = LOSSY if self.is_lossy else 0
        own = Hello(number, VERSION, link, self.own_features, PAYLOAD, 0, self.own_credit)
        self._terms = hello(number, PAYLOAD, own.credit, VERSION, link, own.features)
        terms = read_hello(self._greet(self._terms, number, timeout).detail)
        if not (terms.version == VERSION and terms.link & link == link and terms.features & ~own.features == 0
                and terms.k <= 2 and 256 << terms.k <= terms.chunk <= PAYLOAD and terms.credit > 0):
            raise ProtocolError("the server chose terms that do not follow from those of the client")
        self._agree(terms, min(terms.credit, 0x7FFF))

    def _greet(self, detail: bytes, number: int, timeout: float) -> Signal:
        """Sends a hello; the reply of the server."""
        def reply(frame: Frame) -> Optional[Signal]:
            if isinstance(frame, Signal) and frame.transfer == 0:
                if frame.code == b"PON" and frame.session == number:
                    return frame
                if frame.code == b"ERR" and int.from_bytes(frame.detail[4:8], "little") == number:
                    raise Refused(frame.reason, "", frame.message)
            elif not self.is_lossy:
                raise ProtocolError("the other end does not speak Tinyferry")
            return None
        self.reader.awaits_reply = True
        begun = time.monotonic()
        found, was_repeated = self.ask(signal(0, b"PIN", 0, 0, detail), reply, timeout)
        if not was_repeated:
            self.clock.measure(time.monotonic() - begun)
        self.reader.awaits_reply = False
        return found

    def ask(self, question: bytes, answer: Callable[[Frame], Optional[Signal]], timeout: float) -> Tuple[Signal, bool]:
        """Sends a question, repeatedly on a lossy link, until `answer` returns the signal that answers it; whether the
        question was repeated."""
        self.write(question)
        wait, was_repeated = Wait(self.clock, self.is_lossy, timeout), False
        while True:
            frame = self.receive(wait.left())
            if frame is None:
                if self.is_lossy:
                    self.write(question)
                    was_repeated = True
                wait.repeated()
                continue
            found = answer(frame)
            if found is not None:
                return found, was_repeated
            wait.frame_received(False)

    def ping(self, timeout: float) -> float:
        """Sends the hello of the session once more; the seconds until the answer."""
        begun = time.monotonic()
        self._greet(self._terms, self.number, timeout)
        return time.monotonic() - begun

    def accept(self, frame: Signal) -> bool:
        """Answers the hello of a client (R20). Whether a session has begun."""
        theirs = read_hello(frame.detail)
        is_lossy = self.link.is_lossy or bool(theirs.link & LOSSY)
        block, chunk_size = 256 << min(theirs.k, 2), min(theirs.chunk, PAYLOAD)
        reason = 0
        if theirs.version == 0:
            reason = VERSION_DIFFERS
        elif theirs.k > 2 or theirs.credit == 0 or chunk_size < block:
            reason = UNSUPPORTED
        if reason:
            self.write(signal(0, b"ERR", 0, 0, refusal(reason, theirs.session)))
            return False
        self.is_lossy = is_lossy
        terms = Hello(theirs.session, VERSION, theirs.link & HALF_DUPLEX | is_lossy * LOSSY,
                      theirs.features & self.own_features, chunk_size & -block, theirs.k, self.own_credit)
        self._terms = hello(terms.session, terms.chunk, terms.credit, VERSION, terms.link, terms.features, terms.k)
        self._unread.clear()
        self._agree(terms, min(theirs.credit, 0x7FFF))
        self.repeat_terms()
        return True

    def repeat_terms(self) -> None:
        self.write(signal(0, b"PON", 0, 0, self._terms))

    def _agree(self, terms: Hello, credit: int) -> None:
        inverse = ~terms.session & 0xFFFFFFFF
        self.number, self.next_transfer, self._ending = terms.session, 1, None
        self.is_lossy = self.reader.is_lossy = bool(terms.link & LOSSY)
        self._seed, self.reader.seed = (terms.session, inverse) if self.is_client else (inverse, terms.session)
        self.chunk, self.block, self.credit = terms.chunk & -(256 << terms.k), 256 << terms.k, credit
        self.is_half_duplex = bool(terms.link & HALF_DUPLEX)
        self.has_holes = self.reader.has_holes = bool(terms.features & HOLES)
        self.reader.expects = expects_nothing
        trace.LOG.debug("session %d, %s, chunks of %d bytes, credit of %d frames", terms.session,
                        "lossy" if self.is_lossy else "reliable", self.chunk, credit)

    # The end of requests.

    def take_number(self, tree: int = 0) -> int:
        """A number for the next offer or request (R24)."""
        number = self.next_transfer
        self.used(number, tree)
        return number

    def used(self, number: int, tree: int = 0) -> None:
        """The next number is the one after this."""
        self.next_transfer = number % 0xFFFF + 1
        if self.next_transfer == tree:
            self.next_transfer = tree % 0xFFFF + 1

    def confirm_end(self) -> None:
        """Makes sure that the server has the last answer of a get (R28)."""
        if not self.is_lossy:
            return
        try:
            self.ping(LOSSY_TIMEOUT)
        except (Timeout, LinkError):
            pass

    def request(self, code: bytes, number: int, answers: Tuple[bytes, ...], timeout: float, detail: bytes = b"",
                text: bytes = b"", path: str = "") -> Signal:
        """Sends a request of a client; the signal of its transfer that answers it. Raises `Refused`."""
        def answer(frame: Frame) -> Optional[Signal]:
            if not isinstance(frame, Signal) or frame.transfer != number or frame.code == b"PON":
                return None
            if frame.code == b"ERR":
                raise Refused(frame.reason, path, frame.message)
            if frame.code not in answers:
                raise ProtocolError("the server answered a request with another signal than an offer or its end")
            return frame
        return self.ask(self.frame(code, number, 0, detail, text), answer, timeout)[0]

    def close_server(self, timeout: float) -> None:
        """Asks the server to end."""
        self.request(b"CLS", self.take_number(), (b"DON",), timeout)

    def finish_close(self, transfer: int) -> None:
        """Answers `CLS`, and repeats that on a lossy link (R29)."""
        self.end(b"DON", transfer, 0, done(0))
        end = time.monotonic() + 3
        while self.is_lossy and time.monotonic() < end:
            try:
                self.receive(max(end - time.monotonic(), 0))
            except NewSession:
                pass
            except LinkError:
                return

