"""How many requests a minute are sent.

Google answers 60 reads and 60 writes per minute and account, and 429 beyond that
(developers.google.com/workspace/sheets/api/limits). Many machines may share a service account, and none knows of the
others; so each begins near the limit, halves its pace at every 429, and goes faster again while all goes well: additive
increase, multiplicative decrease, which shares a line fairly among strangers (Chiu and Jain 1989).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

MINUTE: Final = 60.0
FASTEST: Final = 50.0
"""Requests a minute of one kind; a project may be given more: $EXPERIMENT_SHEET_GOOGLE_RATE."""

SLOWEST: Final = 2.0
_STEP: Final = 1.0  # requests a minute more after each that went well


@dataclass(slots=True)
class Pace:
    """The pace of one kind of request. `clock` and `sleep` are the machine's."""

    fastest: float = FASTEST  # requests per minute
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    rate: float = 0.0  # what it is just now; 0: to begin with, the fastest
    _sent: deque[float] = field(default_factory=deque)
    _not_before: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.rate = self.rate or self.fastest

    def wait(self, deadline: float) -> bool:
        """Wait for this request's turn, and count it; False if that would be after the deadline."""
        while True:
            with self._lock:
                now = self.clock()
                while self._sent and self._sent[0] <= now - MINUTE:
                    self._sent.popleft()
                full = len(self._sent) >= max(1, int(self.rate))
                at = max(self._not_before, self._sent[0] + MINUTE if full else 0.0)
                if at <= now:
                    self._sent.append(now)
                    return True
            if at > deadline:
                return False
            self.sleep(at - now)

    def went_well(self) -> None:
        """A request was answered."""
        with self._lock:
            self.rate = min(self.fastest, self.rate + _STEP)

    def slow_down(self, seconds: float | None) -> None:
        """Google said 429, and perhaps after how many seconds to come again."""
        with self._lock:
            self.rate = max(SLOWEST, self.rate / 2)
            if seconds is not None:
                self._not_before = max(self._not_before, self.clock() + seconds)


def jitter(attempt: int, *, base: float = 0.5, longest: float = 16.0) -> float:
    """Seconds before an attempt is repeated, drawn from 0 up to a bound that doubles ("full jitter")."""
    return random.uniform(0.0, min(longest, base * 2**attempt))  # noqa: S311 - no secret
