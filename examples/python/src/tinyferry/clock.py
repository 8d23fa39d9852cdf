"""Round trips, retries and timeouts (section 6.6)."""
from __future__ import annotations

import time
from typing import Optional

from .errors import Timeout

# Timeouts of a transfer, in seconds, and that of an end which sends frames without progress.
RELIABLE_TIMEOUT, LOSSY_TIMEOUT, NO_PROGRESS_TIMEOUT = 300.0, 60.0, 60.0
KEEPALIVE = 2.0
LONGEST_RETRY = 5.0


class Clock:
    """The round trip of a session (R74)."""

    def __init__(self) -> None:
        self._round_trip: Optional[float] = None

    def first_retry(self) -> float:
        return 1.0 if self._round_trip is None else max(2 * self._round_trip, 0.02)

    def measure(self, seconds: float) -> None:
        before = self._round_trip
        self._round_trip = seconds if before is None else before * 7 / 8 + seconds / 8


class Wait:
    """The clock of one question (6.6): when to repeat it, and when to give up."""

    def __init__(self, clock: Clock, is_lossy: bool, timeout: float, least: float = 0.0) -> None:
        self._is_lossy, self._timeout = is_lossy, timeout
        self._first = max(clock.first_retry(), least)
        self._retry, self._retries, self._useless = self._first, 0, 0
        self._since = self._asked = time.monotonic()

    def left(self) -> float:
        """Seconds until the question is repeated. Raises `Timeout` if it is time to give up."""
        now = time.monotonic()
        timeout = min(self._timeout, NO_PROGRESS_TIMEOUT) if self._useless >= 8 else self._timeout
        had_retries = not self._is_lossy or self._retries >= 8 or self._useless >= 8
        if had_retries and now - self._since >= timeout:
            raise Timeout(f"the other end made no progress for {timeout:.0f} s")
        return max(self._asked + self._retry - now, 0.0)

    def repeated(self) -> None:
        """The question was repeated."""
        self._asked = time.monotonic()
        self._retries += 1
        self._retry = min(self._retry * 2, LONGEST_RETRY, self._timeout / 8)

    def slow_down(self, least: float) -> None:
        """Does not repeat the question before this number of seconds (R49)."""
        self._retry = max(self._retry, least)

    def frame_received(self, is_progress: bool) -> None:
        """A valid frame arrived."""
        self._retry = self._first
        if is_progress:
            self._since, self._retries, self._useless = time.monotonic(), 0, 0
        else:
            self._useless += 1
