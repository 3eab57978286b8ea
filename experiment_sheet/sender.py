"""The thread that sends what is logged to sheets that are far away: one per process, for all of them.

Who logs only writes the journal, says `Sender.ask`, and goes on. The thread then runs the checkpoint of that sheet, and
only tries the sheet's lock: whoever holds it sends our events too.

When: what makes or ends a row is sent a moment later, so that a run that begins and ends at once, or the rows of a
loop, go together. While more and more comes the moment doubles, up to `PACE`: a thousand calls in a loop cost a handful
of requests, an hour of them one every half minute. Runs that go on are refreshed at most every `PACE`, and every
`SHARE` times what the last sending cost. After an error the thread tries again after a pause that doubles from
`FIRST_PAUSE` to `LONGEST_PAUSE`, with jitter, so that many machines don't come back together; new rows don't shorten
it.

Whoever ends waits (`arrived`), for so long as the environment variable says. Once somebody has waited in vain nobody
waits again until something has arrived: an outage costs a program one wait, not one per run.

After a crash, or an exit in the middle of a request: the events are in the journal, and whoever runs the next
checkpoint sends them; twice equals once. A forked child has neither thread nor turns; its parent sends what its parent
logged. Nothing here is called by signal handlers, and sheets of this machine never ask, so that no thread is started.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Literal

from experiment_sheet import notices

WAIT: Final = "EXPERIMENT_SHEET_WAIT"
"""Environment variable: seconds that `finish`, and the end of the program, wait for sheets that are far away."""

PATIENCE: Final = 30.0
"""Those seconds where it says nothing: as long as `finish` waits for the lock of a sheet of this machine. A healthy
service takes one or two; a job that pays for its GPUs should not stand still for more than one such wait."""

MOMENT: Final = 0.5
"""Seconds after which news are sent, so that what comes together goes together."""

PACE: Final = 30.0
"""Least seconds between two refreshs of runs that go on."""

SHARE: Final = 50
"""How often longer than the last sending took the thread waits before it refreshes again."""

FIRST_PAUSE: Final = 5.0
LONGEST_PAUSE: Final = 300.0

_GLANCE: Final = 0.2  # seconds until the lock of a sheet is tried again
_LONGEST_GLANCE: Final = 2.0

Answer = Literal["sent", "busy", "waits"]
"""What became of a sending: everything is in the sheet; another process holds its lock; something stood in the way."""


def patience() -> float:
    """Seconds to wait for sheets that are far away."""
    text = os.environ.get(WAIT, "").strip()
    try:
        seconds = float(text) if text else PATIENCE
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        notices.say("wait", text, f"{WAIT}={text!r} is no number of seconds; {PATIENCE:g} are waited")
        return PATIENCE
    return seconds


@dataclass(slots=True, eq=False)
class Turn:
    """When one sheet is sent to next, and how it went. Its counts are read and changed under the sender's lock."""

    send: Callable[[], Answer]
    due: float = math.inf
    asked: int = 0  # how often; and up to which of these times everything was sent
    sent: int = 0
    failures: int = 0  # since something was sent
    in_vain: bool = False  # somebody waited for it since then
    _not_before: float = -math.inf
    _began: float = -math.inf
    _ended: float = -math.inf
    _cost: float = 0.0  # seconds of the last sending that went well
    _moment: float = MOMENT
    _glance: float = _GLANCE

    def ask(self, now: float, *, soon: bool) -> None:
        """Note that there is news: to be sent soon, or with the next refresh."""
        self.asked += 1
        if math.isinf(self.due) and now - self._ended > 2 * self._moment:
            self._moment = MOMENT
        at = now + self._moment if soon else self._began + max(PACE, SHARE * self._cost)
        self.due = min(self.due, max(now, at, self._not_before))

    def hurry(self, now: float) -> None:
        """Send at once what was asked for, errors or not, unless that was tried in vain."""
        if not self.in_vain:
            self.due = min(self.due, now)

    def began(self, now: float) -> int:
        """Note that it is being sent; answer up to which time of asking."""
        self._moment = min(2 * self._moment, PACE)
        self._began, self.due = now, math.inf
        return self.asked

    def ended(self, now: float, upto: int, answer: Answer) -> None:
        """Note how it went."""
        self._ended = now
        if answer == "sent":
            self.sent, self.failures, self.in_vain, self._glance = max(self.sent, upto), 0, False, _GLANCE
            self._not_before, self._cost = now, now - self._began
        elif answer == "busy":
            self._not_before = now + self._glance
            self._glance = min(_LONGEST_GLANCE, 2 * self._glance)
            self.due = self._not_before
        else:
            self.failures += 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.failures - 1, 9))
            self._not_before = now + pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
            self.due = self._not_before


@dataclass(slots=True)
class Sender:
    """The thread, and whose turn it is."""

    _turns: list[Turn] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _thread: threading.Thread | None = None

    def ask(self, turn: Turn, *, soon: bool) -> None:
        """Have a sheet sent to: soon, or with the next refresh. Returns at once, and never raises."""
        with self._news:
            if turn not in self._turns:
                self._turns.append(turn)
            turn.ask(time.monotonic(), soon=soon)
            self._begin()
            self._news.notify_all()

    def arrived(self, turns: Collection[Turn], *, within: float) -> bool:
        """Have everything sent at once, and wait until it has arrived, an error, or the end of `within` seconds.

        Nobody waits who would wait in vain a second time.
        """
        deadline = time.monotonic() + within
        with self._news:
            waiting = {turn: (turn.asked, turn.failures) for turn in turns if turn.asked > turn.sent}
            if not waiting:
                return True
            for turn in waiting:
                turn.hurry(time.monotonic())
            self._begin()
            self._news.notify_all()
            hopeful = {turn: before for turn, before in waiting.items() if not turn.in_vain}
            try:
                while self._thread is not None and (left := deadline - time.monotonic()) > 0:
                    if all(turn.sent >= asked or turn.failures > failed for turn, (asked, failed) in hopeful.items()):
                        break
                    self._news.wait(left)
            finally:  # Ctrl-C ends the waiting, too
                for turn, (asked, _) in waiting.items():
                    turn.in_vain |= turn.sent < asked
            return not any(turn.in_vain for turn in waiting)

    def after_fork(self) -> None:
        """Start anew in a forked child: its parent's thread, and whoever held the lock, aren't here."""
        self._turns, self._thread, self._news = [], None, threading.Condition()

    def _begin(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._work, name="experiment_sheet: sender", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending: the rows wait in the journal
            self._thread = None

    def _work(self) -> None:
        while True:
            turn, upto = self._next()
            try:
                answer = turn.send()
            except Exception:  # noqa: BLE001 - promise 3: not even a mistake of ours may end the thread
                notices.logger.exception("rows could not be sent; they wait in the journal, and are tried again")
                answer = "waits"
            with self._news:
                turn.ended(time.monotonic(), upto, answer)
                self._news.notify_all()

    def _next(self) -> tuple[Turn, int]:
        """Wait for whose turn it is."""
        with self._news:
            while True:
                turn, now = min(self._turns, key=lambda turn: turn.due), time.monotonic()
                if turn.due <= now:
                    return turn, turn.began(now)
                self._news.wait(None if math.isinf(turn.due) else turn.due - now)


SENDER: Final = Sender()
"""The sender of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=SENDER.after_fork)
