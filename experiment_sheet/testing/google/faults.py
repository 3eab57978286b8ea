"""Faults on demand: what goes wrong with which request, and what people do between two requests."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from experiment_sheet.testing.google.quota import exceeded
from experiment_sheet.testing.google.refusal import Refused


@dataclass(slots=True)
class Fault:
    """What happens to a request.

    `status` answers with an error; `reset` cuts the connection; `seconds` delays the answer; `action` is called
    before the request is applied. `applied`: error or cut come after the request took effect.
    """

    status: int | None = None
    reset: bool = False
    seconds: float = 0.0
    action: Callable[[], object] | None = None
    applied: bool = False
    retry_after: int | None = None
    message: str | None = None

    def refusal(self) -> Refused:
        """The error to answer with."""
        status = self.status or 500
        return exceeded() if status == 429 and not self.message else Refused(status, self.message)


@dataclass(slots=True)
class _Planned:
    fault: Fault
    times: int
    after: int
    path: re.Pattern[str]
    method: str | None

    def meets(self, method: str, path: str) -> bool:
        """Whether it is this request's turn; counts it."""
        if self.times <= 0 or (self.method and self.method != method) or not self.path.search(path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


MIXED: Final = (
    Fault(status=429),
    Fault(status=429, retry_after=1),
    Fault(status=500),
    Fault(status=500, applied=True),
    Fault(status=502),
    Fault(status=503),
    Fault(status=503, applied=True),
    Fault(reset=True),
    Fault(reset=True, applied=True),
    Fault(seconds=0.2),
)
"""Every way in which a request fails that a client should get over."""


class Faults:
    """The plan of faults of one service.

    Each method plans something for the next request that matches: `path` is a regular expression searched for
    in path and query, `method` an HTTP method, `after` how many matching requests go well first, `times` how many
    are hit.
    """

    def __init__(self) -> None:
        self._planned: list[_Planned] = []
        self._share = 0.0
        self._kinds: tuple[Fault, ...] = MIXED
        self._chance = random.Random(0)  # noqa: S311 - which request fails is no secret
        self._lock = threading.Lock()

    def plan(self, fault: Fault, *, times: int = 1, after: int = 0, path: str = "", method: str | None = None) -> None:
        """Plan any fault."""
        with self._lock:
            self._planned.append(_Planned(fault, times, after, re.compile(path), method))

    def answer(
        self,
        status: int,
        *,
        applied: bool = False,
        retry_after: int | None = None,
        message: str | None = None,
        times: int = 1,
        after: int = 0,
        path: str = "",
        method: str | None = None,
    ) -> None:
        """Answer with an error, before or after applying. `retry_after`: seconds of a Retry-After header."""
        fault = Fault(status=status, applied=applied, retry_after=retry_after, message=message)
        self.plan(fault, times=times, after=after, path=path, method=method)

    def reset(
        self, *, applied: bool = False, times: int = 1, after: int = 0, path: str = "", method: str | None = None
    ) -> None:
        """Cut the connection, before or after applying."""
        self.plan(Fault(reset=True, applied=applied), times=times, after=after, path=path, method=method)

    def slow(
        self, seconds: float, *, times: int = 1, after: int = 0, path: str = "", method: str | None = None
    ) -> None:
        """Answer late."""
        self.plan(Fault(seconds=seconds), times=times, after=after, path=path, method=method)

    def between(
        self, action: Callable[[], object], *, times: int = 1, after: int = 0, path: str = "", method: str | None = None
    ) -> None:
        """Call something, a teammate's edit say, between a request and the one before it."""
        self.plan(Fault(action=action), times=times, after=after, path=path, method=method)

    def share(self, share: float, kinds: Iterable[Fault] = MIXED, *, seed: int = 0) -> None:
        """Hit a share (0 to 1) of all requests, each in a way drawn from `kinds`. 0 ends it."""
        with self._lock:
            self._share, self._kinds, self._chance = share, tuple(kinds), random.Random(seed)  # noqa: S311

    def clear(self) -> None:
        """Forget everything planned."""
        with self._lock:
            self._planned.clear()
            self._share = 0.0

    def take(self, method: str, path: str) -> list[Fault]:
        """Faults of a request that arrives now."""
        with self._lock:
            found = [planned.fault for planned in self._planned if planned.meets(method, path)]
            self._planned = [planned for planned in self._planned if planned.times > 0]
            if self._share and self._chance.random() < self._share:
                found.append(self._chance.choice(self._kinds))
        return found
