"""The sending half of one request (6.2 to 6.4): frames, credit, questions and answers."""
from __future__ import annotations

import time
from typing import Callable, Dict, Optional, Tuple

from .clock import Wait
from .content import Content
from .errors import Refused
from .session import Session
from .wire import Frame, Signal, ask, is_after

# Frames past the acknowledged count on a half-duplex link (R52), and between two questions on a lossy one (R50).
HALF_DUPLEX_FRAMES, LOSSY_QUESTION_EVERY = 8, 8
BUSY_RETRY = 0.25


class Sender:
    """Counts frames, keeps to the credit, and repeats the present question. `tree` and `lone` of `offers.py` use it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.count = self.acked = self.asked = 0
        self.credit = session.credit
        self.number = self.tree = 0
        self.content: Optional[Content] = None
        # Transfers that were answered with `DON`, with the answer, and those that were refused.
        self.done: Dict[int, Signal] = {}
        self.refused: Dict[int, Refused] = {}
        # The names of all offers of the request.
        self.names: Dict[int, str] = {}
        # The count of the last `PON` with credit on each transfer.
        self.answered: Dict[int, int] = {}
        self._question: Optional[bytes] = None
        self._timed: Optional[Tuple[int, float]] = None
        session.answer_hello = self._repeat_question

    # Questions.

    def _pin(self) -> bytes:
        position = self.content.sent if self.content else 0
        return self.session.frame(b"PIN", self.number or self.tree, position, ask(self.count))

    def ask(self) -> None:
        """Asks for the position, unless that was done at this count."""
        if self.asked != self.count:
            self.asked = self.count
            self._time()
            self.session.write(self._pin())

    def ask_again(self) -> None:
        """Asks for the position, also at the same count."""
        self.asked = self.count - 1 & 0xFFFF
        self.ask()

    def _time(self) -> None:
        if self._timed is None:
            self._timed = self.count, time.monotonic()

    def _repeat_question(self) -> None:
        if self.session.is_lossy:
            self._timed = None
            self.session.write(self._question or self._pin())

    def wait(self, is_over: Callable[[], bool], question: Optional[bytes] = None) -> None:
        """Takes frames until a condition holds. On a lossy link it repeats the question, by default `PIN`."""
        self._question = question
        session, least = self.session, 0 if self.credit else BUSY_RETRY
        wait = Wait(session.clock, session.is_lossy, session.transfer_timeout, least)
        while not is_over():
            frame = self.session.receive(wait.left())
            if frame is None:
                self._timed = None
                if self.content:
                    self.content.timed_out()
                if not self.credit:
                    self.session.write(self._pin())
                elif self.session.is_lossy:
                    self.session.write(self._question or self._pin())
                wait.repeated()
            else:
                wait.frame_received(self.take(frame))
                if not self.credit:
                    wait.slow_down(BUSY_RETRY)
        self._question = None

    # Frames.

    @property
    def _limit(self) -> int:
        return min(self.credit, HALF_DUPLEX_FRAMES) if self.session.is_half_duplex else self.credit

    def _may_send(self) -> bool:
        return (self.count - self.acked & 0xFFFF) < self._limit

    def is_open(self, number: int) -> bool:
        """Whether neither the transfer nor its tree has ended."""
        return not any(number in ended or self.tree in ended for ended in (self.done, self.refused))

    def drain(self) -> None:
        """Takes the frames that are there, up to the end of the transfer: behind that the next request may be."""
        while self.is_open(self.number or self.tree) and (frame := self.session.receive(0)) is not None:
            self.take(frame)

    def reserve(self, number: Optional[int] = None) -> bool:
        """Waits for credit. `False`: the transfer `number` has ended meanwhile, whose content is not wanted."""
        self.drain()
        if not self._may_send():
            self.ask()
            self.wait(lambda: self._may_send() or number is not None and not self.is_open(number))
        return number is None or self.is_open(number)

    def send(self, make: Callable[[], bytes], needs_credit: bool = True) -> bytes:
        """Sends a frame that counts. `make` is called once the count has its value."""
        if needs_credit:
            self.reserve()
        self.count = self.count + 1 & 0xFFFF
        frame = make()
        self.session.write(frame)
        return frame

    def send_done(self, make: Callable[[], bytes], is_answered: bool) -> bytes:
        """Sends a `DON`. If it is answered it asks for the position too."""
        frame = self.send(make)
        if is_answered:
            self.asked = self.count
            self._time()
        return frame

    def ask_in_time(self) -> None:
        """Asks for the position early enough that the credit rarely ends (R50)."""
        every = LOSSY_QUESTION_EVERY if self.session.is_lossy else max(self.credit // 4, 1)
        if not self.session.is_half_duplex and (self.count - self.asked & 0xFFFF) >= every:
            self.ask()

    # Answers.

    def take(self, frame: Frame) -> bool:
        """Takes a frame. Whether it is progress (R76)."""
        if not isinstance(frame, Signal):
            return False
        number, code = frame.transfer, frame.code
        if code in (b"PIN", b"RAF", b"RAR"):
            self._repeat_question()
            return False
        if number not in self.names and number not in (self.number, self.tree) or number == 0:
            return False
        if code == b"PON":
            return self._take_position(frame)
        if code not in (b"DON", b"ERR") or self.session.is_lossy and number not in (self.number, self.tree):
            return False
        is_new = number not in self.done and number not in self.refused
        if code == b"DON":
            self._acknowledge(frame.frame_count, None)
            self.done.setdefault(number, frame)
        elif is_new:
            self.refused[number] = Refused(frame.reason, self.names.get(number, ""), frame.message)
        if not self.credit:
            # The receiver is no longer busy with it.
            self.ask_again()
        return is_new

    def _acknowledge(self, count: int, credit: Optional[int]) -> bool:
        """Whether frames were newly acknowledged."""
        if (count - self.acked & 0xFFFF) > (self.count - self.acked & 0xFFFF):
            return False
        if self._timed and (count == self._timed[0] or is_after(count, self._timed[0])):
            self.session.clock.measure(time.monotonic() - self._timed[1])
            self._timed = None
        is_new, self.acked = count != self.acked, count
        self.credit = self.credit if credit is None else credit
        return is_new

    def _take_position(self, frame: Signal) -> bool:
        number = frame.transfer
        bits, count = int.from_bytes(frame.detail[:2], "little"), int.from_bytes(frame.detail[2:4], "little")
        credit = bits & 0x7FFF
        is_progress = self._acknowledge(count, credit) and not self.session.is_lossy
        if not credit:
            return True
        is_progress |= number not in self.answered
        self.answered[number] = count
        content = self.content
        if content is None or number != self.number:
            return is_progress
        if bits & 0x8000:
            prefix = frame.position, int.from_bytes(frame.detail[4:12], "little")
            is_progress |= content.prefix != prefix
            content.prefix = prefix
            return is_progress
        blocks = int.from_bytes(frame.detail[4:16], "little")
        return content.acknowledge(frame.position, blocks, count, self.count) or is_progress
