"""Requests per minute, on a clock that tests can drive.

Limits: https://developers.google.com/workspace/sheets/api/limits. Quotas are filled up again each minute.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from experiment_sheet.testing.google.refusal import Refused

PROJECT: Final = "experiment-sheet-emulator"
MINUTE: Final = 60.0


class Clock:
    """The service's time, in seconds since 1970. It runs with the machine's until a test stops it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._stands: float | None = None

    def now(self) -> float:
        """What time it is."""
        return time.time() + self._ahead if self._stands is None else self._stands

    def stop(self, at: float | None = None) -> None:
        """Stand still, now or at a moment."""
        self._stands = self.now() if at is None else at

    def advance(self, seconds: float) -> None:
        """Go forward, or back, by so many seconds; stand or run as before."""
        if self._stands is None:
            self._ahead += seconds
        else:
            self._stands += seconds

    def run(self) -> None:
        """Run again from where it stands."""
        self._ahead, self._stands = self.now() - time.time(), None


@dataclass(slots=True)
class Quota:
    """How many requests a minute the Sheets service answers. None: any number."""

    reads_per_user: int | None = 60
    writes_per_user: int | None = 60
    reads_per_project: int | None = 300
    writes_per_project: int | None = 300
    retry_after: int | None = None
    """Seconds to say in a Retry-After header; None: no such header, as mostly."""

    _minute: float = -1.0
    _used: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spend(self, user: str, *, write: bool, now: float) -> None:
        """Count a request; refuses it with 429 if there were too many this minute."""
        kind = "Write" if write else "Read"
        of_user = self.writes_per_user if write else self.reads_per_user
        of_project = self.writes_per_project if write else self.reads_per_project
        with self._lock:
            if now // MINUTE != self._minute:
                self._minute = now // MINUTE
                self._used.clear()
            for who, limit in ((f"{kind} {user}", of_user), (kind, of_project)):
                if limit is not None and self._used[who] >= limit:
                    raise exceeded(kind, user=who != kind, limit=limit)
            self._used.update((f"{kind} {user}", kind))


def exceeded(kind: str = "Write", *, user: bool = True, limit: int = 60) -> Refused:
    """The 429 of Sheets. `kind`: ``Read`` or ``Write``; `user`: the limit of one user, not of the project."""
    per = f"{kind} requests per minute{' per user' if user else ''}"
    consumer = "project_number:1"
    text = (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{per}' of service "
        f"'sheets.googleapis.com' for consumer '{consumer}'."
    )
    metadata = {
        "service": "sheets.googleapis.com",
        "quota_metric": f"sheets.googleapis.com/{kind.lower()}_requests",
        "quota_limit": f"{kind}RequestsPerMinutePer{'User' if user else 'Project'}",
        "quota_limit_value": str(limit),
        "quota_unit": f"1/min/{{project}}{'/{user}' if user else ''}",
        "consumer": "projects/1",
        "quota_location": "global",
    }
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": metadata,
    }
    link = {
        "description": "Request a higher quota limit.",
        "url": "https://cloud.google.com/docs/quotas/help/request_increase",
    }
    help_ = {"@type": "type.googleapis.com/google.rpc.Help", "links": [link]}
    return Refused(429, text, details=[info, help_], domain="usageLimits", reason="rateLimitExceeded")
